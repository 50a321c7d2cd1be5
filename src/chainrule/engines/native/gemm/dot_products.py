"""Batched dot products: C[i, j] = the sum over positions s and k of A[i; s; k] B[j; s; k].

Numbers k are contiguous in A and in B. Both are read as vectors, a tile of C keeps one vector of sums for
each of its numbers, and the lanes are added at the end. A vector of sums is one register; or it has 64 bytes
on every processor (``settings.portable_bits``), so that the order of additions does not depend on the
processor: on narrower registers it takes two or four of them, and tiles are smaller. Positions are processed
in groups, so that the rows of a tile stay in the first-level cache for all columns, and columns in groups, so
that they stay in the second-level cache for all rows.

It computes the weight gradient of a convolution whose samples are innermost (k are the samples, s the
positions of the image) and the product of a few samples with weights that are stored as (outputs, inputs):
one position, and k are the inputs.

The block::

    [positions, m, n, k,
     A, rows (table), positions (table),
     B, columns (table), positions (table),
     C, row stride, column stride, accumulate]

Tables hold int64, and all offsets and strides count elements.
"""

from __future__ import annotations

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import SIZE, Tail, Vectors
from chainrule.engines.native.codegen.vector import Lanes, round_to_bfloat16

BYTES = 64  # of a vector of sums, if the order of additions must not depend on the processor
ROW_NUMBERS = 1024  # numbers of a row that all tiles process before the next ones
COLUMNS_AT_ONCE = 48  # columns that all rows process before the next ones
TILES = {
    1: {3: (4, 2, 1), 2: (4, 2, 1), 1: (8, 4, 2, 1)},
    2: {2: (2, 1), 1: (4, 2, 1)},
    4: {2: (2, 1), 1: (2, 1)},
}
"""Columns of a tile, by registers of a vector of sums and rows of the tile: all sums and all numbers of the
rows fit 16 registers, or 32 if a register has 16 bytes."""


class RoundedVectors(Vectors):
    """Vectors of float32 numbers that are rounded to bfloat16 when they are loaded."""

    def load(
        self, code: FunctionBuilder, address: Value, tail: Tail | None = None, beyond: Value | None = None
    ) -> Value:
        """Load a vector and round it; see ``Vectors.load``."""
        return round_to_bfloat16(Lanes(code.builder, self.lanes), super().load(code, address, tail, beyond))


class DotProductWriter:
    """Writer of the dot products of one dtype.

    Args:
        width: bytes of a vector of the target.
        is_portable: whether a vector of sums has ``BYTES`` bytes on every processor.
        is_rounded: whether the numbers of both factors are rounded to bfloat16.
    """

    def __init__(
        self, dtype: str, name: str, width: int = 32, is_portable: bool = False, is_rounded: bool = False
    ) -> None:
        wide, factor = BYTES if is_portable else width, RoundedVectors if is_rounded else Vectors
        self.sums, self.vectors = Vectors(dtype, wide // SIZE[dtype]), factor(dtype, width // SIZE[dtype])
        self.size, self.name = self.vectors.size, name
        self.tiles = TILES[self.sums.lanes // self.vectors.lanes]
        self.module = ir.Module(name)
        self._tiles: dict[tuple[int, int], ir.Function] = {}

    def write(self) -> ir.Module:
        """Return the module with the finished function."""
        code = FunctionBuilder(self.module, self.name)
        words = [code.word(i) for i in range(14)]
        positions, m, n, k, a, a_row, a_place, b, b_column, b_place, c, c_row, c_column, adds = words
        builder, adds = code.builder, code.builder.icmp_signed("!=", adds, I64(0))
        group = code.maximum(builder.sdiv(I64(ROW_NUMBERS), code.maximum(k, 1)), 1)
        # C is written even if there is nothing to add.
        with code.for_range(I64(0), code.maximum(positions, 1), group) as at:
            count = code.minimum(builder.sub(positions, at), group)
            accumulates = builder.zext(builder.or_(adds, builder.icmp_signed(">", at, I64(0))), I64)
            position_tables = [code.plus(table, code.times(at, 8)) for table in (a_place, b_place)]
            facts = [
                count,
                k,
                a,
                a_row,
                position_tables[0],
                b,
                b_column,
                position_tables[1],
                c,
                c_row,
                c_column,
                accumulates,
            ]
            with code.for_range(I64(0), n, COLUMNS_AT_ONCE) as column:
                self._rows(code, facts, m, (column, code.minimum(code.plus(column, COLUMNS_AT_ONCE), n)))
        builder.ret_void()
        return self.module

    def _rows(self, code: FunctionBuilder, facts: list[Value], m: Value, run: tuple[Value, Value]) -> None:
        """Process a run of columns for all rows, in the highest tiles first."""
        first = I64(0)
        for rows in self.tiles:
            last = _last(code, first, m, rows)
            with code.for_range(first, last, rows) as i:
                self._columns(code, facts, run, i, rows)
            first = last

    def _columns(
        self, code: FunctionBuilder, facts: list[Value], run: tuple[Value, Value], i: Value, rows: int
    ) -> None:
        """Process a run of columns for the rows from i on, in the widest tiles first."""
        positions, k, a, a_row, a_place, b, b_column, b_place, c, c_row, c_column, adds = facts
        start, end = run
        for columns in self.tiles[rows]:
            stop = _last(code, start, end, columns)
            with code.for_range(start, stop, columns) as j:
                target = code.plus(code.times(i, c_row), code.times(j, c_column))
                code.builder.call(
                    self._tile(rows, columns),
                    [
                        positions,
                        k,
                        a,
                        code.plus(a_row, code.times(i, 8)),
                        a_place,
                        b,
                        code.plus(b_column, code.times(j, 8)),
                        b_place,
                        code.plus(c, code.times(target, self.size)),
                        c_row,
                        c_column,
                        adds,
                    ],
                )
            start = stop

    def _tile(self, rows: int, columns: int) -> ir.Function:
        if (rows, columns) in self._tiles:
            return self._tiles[rows, columns]
        code = FunctionBuilder(self.module, f"dots_{rows}_{columns}", 12, is_inner=True)
        positions, k, a, a_row, a_place, b, b_column, b_place, c, c_row, c_column, adds = code.function.args
        lines = [self._start(code, a, a_row, i) for i in range(rows)]
        lines += [self._start(code, b, b_column, j) for j in range(columns)]
        places = [a_place] * rows + [b_place] * columns
        slices = self._slices(code, (positions, k, rows), lines, places)
        sums = [self.vectors.concatenated(code, list(parts)) for parts in zip(*slices, strict=True)]
        self._finish(code, sums, (columns, c, c_row, c_column, adds))
        self._tiles[rows, columns] = code.function
        return code.function

    def _slices(
        self, code: FunctionBuilder, extent: tuple[Value, Value, int], lines: list[Value], places: list[Value]
    ) -> list[list[Value]]:
        """Return the sums of a tile: for each slice as wide as a register, one register per number of C."""
        positions, k, rows = extent
        firsts = range(0, self.sums.lanes, self.vectors.lanes)
        full = code.builder.and_(k, I64(-self.sums.lanes))
        rest, numbers = code.builder.sub(k, full), rows * (len(lines) - rows)
        has_rest = code.builder.icmp_signed("!=", rest, I64(0))
        sums = [self.vectors.zero] * (numbers * len(firsts))

        def multiplied(starts: list[Value], shift: Value, rest: Value | None) -> list[Value]:
            updated = []
            for i, first in enumerate(firsts):
                at = [code.plus(start, shift, first * self.size) for start in starts]
                count = None if rest is None else code.builder.sub(rest, I64(first))
                updated += self._multiply(code, at, rows, sums[numbers * i : numbers * (i + 1)], count)
            return updated

        with code.fold_range(I64(0), positions, 1, sums) as s:
            offsets = {place: self._behind(code, place, s) for place in dict.fromkeys(places)}
            starts = [code.plus(line, offsets[place]) for line, place in zip(lines, places, strict=True)]
            with code.fold_range(I64(0), full, self.sums.lanes, sums) as p:
                sums[:] = multiplied(starts, code.times(p, self.size), None)
            old, new = list(sums), list(sums)
            with code.conditional_values(has_rest, new, old) as merged:
                new[:] = multiplied(starts, code.times(full, self.size), rest)
            sums[:] = merged
        return [sums[numbers * i : numbers * (i + 1)] for i in range(len(firsts))]

    def _start(self, code: FunctionBuilder, start: Value, table: Value, i: int) -> Value:
        return code.plus(start, code.times(code.load(code.plus(table, 8 * i), I64), self.size))

    def _behind(self, code: FunctionBuilder, table: Value, s: Value) -> Value:
        return code.times(code.load(code.plus(table, code.times(s, 8)), I64), self.size)

    def _multiply(
        self, code: FunctionBuilder, starts: list[Value], rows: int, sums: list[Value], count: Value | None
    ) -> list[Value]:
        """Return the sums plus the products of each row with each column, of ``count`` numbers if given."""
        tail = None if count is None else self.vectors.tail(code, count)
        row_vectors, updated = [self.vectors.load(code, at, tail) for at in starts[:rows]], list(sums)
        columns = len(starts) - rows
        for j, start in enumerate(
            starts[rows:]
        ):  # one column at a time, so that everything fits the registers
            y = self.vectors.load(code, start, tail)
            for i, x in enumerate(row_vectors):
                at = i * columns + j
                updated[at] = self.vectors.multiply_add(code, x, y, sums[at])
        return updated

    def _finish(self, code: FunctionBuilder, sums: list[Value], target: tuple) -> None:
        """Add the lanes, always in the same order, and store the numbers or add them to memory."""
        columns, c, c_row, c_column, adds = target
        b = code.builder
        is_sum = b.icmp_signed("!=", adds, I64(0))
        for at, value in enumerate(sums):
            number = self.sums.reduce_lanes(code, value, b.fadd)
            i, j = divmod(at, columns)
            place = code.plus(code.times(c_row, i), code.times(c_column, j))
            address = code.plus(c, code.times(place, self.size))
            before = b.select(
                is_sum, code.load(address, self.vectors.number, self.size), self.vectors.number(0.0)
            )
            code.store(b.fadd(before, number), address, self.size)
        b.ret_void()


def _last(code: FunctionBuilder, first: Value, count: Value, step: int) -> Value:
    """Return the end of the last full step from ``first`` on."""
    steps = code.builder.sdiv(code.builder.sub(count, first), I64(step))
    return code.plus(first, code.times(steps, step))
