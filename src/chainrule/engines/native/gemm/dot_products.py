"""Many dot products at once: C[i, j] = the sum over positions s and k of A[i; s; k] B[j; s; k].

Numbers k lie side by side, in A and in B. So both are read as vectors, a tile of C keeps one vector of sums
for each of its numbers, and the lanes are added up at the end. A vector of sums is a register; or it has 64
bytes on every processor (``settings.portable_bits``), so that the order of additions does not depend on the
processor: where registers are narrower, it then lies in two or four of them, and tiles are smaller.
Positions are taken some at a time, so that the rows of a tile stay in the first-level cache while all
columns pass by, and columns some at a time, so that those stay in the second-level cache while all rows do.
It is the gradient by the weights of a convolution whose samples lie innermost: k are the samples, s the
places of the image. And it is the product of a few samples with weights that are stored (outputs, inputs):
there is one position, and k are the inputs.

The block::

    [positions, m, n, k,
     A, rows (table), positions (table),
     B, columns (table), positions (table),
     C, row stride, column stride, whether to add]

Tables hold int64, and all places and strides count elements.
"""

from __future__ import annotations

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, Assembly, Value
from chainrule.engines.native.codegen.masked_vectors import SIZE, Vectors

BYTES = 64  # of a vector of sums, where the order of additions must not depend on the processor
NEAR = 1024  # numbers of a row that all tiles pass by before the next ones come
BESIDE = 48  # columns that all rows pass by before the next ones come
TILES = {
    1: {3: (4, 2, 1), 2: (4, 2, 1), 1: (8, 4, 2, 1)},
    2: {2: (2, 1), 1: (4, 2, 1)},
    4: {2: (2, 1), 1: (2, 1)},
}
"""For so many registers to a vector of sums, and so many rows of a tile, so many columns: all sums and all
numbers of the rows fit 16 registers, and where a register has 16 bytes, 32."""


class DotsWriter:
    """Writes the dot products of one number kind.

    Args:
        kind: of the numbers.
        name: what the function is called.
        width: bytes of this machine's vectors.
        is_portable: whether a vector of sums has ``BYTES`` on every processor.
    """

    def __init__(self, kind: str, name: str, width: int = 32, is_portable: bool = False) -> None:
        wide = BYTES if is_portable else width
        self.sums, self.vectors = Vectors(kind, wide // SIZE[kind]), Vectors(kind, width // SIZE[kind])
        self.size, self.name = self.vectors.size, name
        self.tiles = TILES[self.sums.lanes // self.vectors.lanes]
        self.module = ir.Module(name)
        self._tiles: dict[tuple[int, int], ir.Function] = {}

    def write(self) -> ir.Module:
        """The module with the finished function."""
        code = Assembly(self.module, self.name)
        words = [code.word(i) for i in range(14)]
        positions, m, n, k, a, a_row, a_place, b, b_column, b_place, c, c_row, c_column, adds = words
        builder, adds = code.builder, code.builder.icmp_signed("!=", adds, I64(0))
        near = code.larger(builder.sdiv(I64(NEAR), code.larger(k, 1)), 1)
        # C is written where there is nothing to add, too.
        with code.counting(I64(0), code.larger(positions, 1), near) as at:
            here = code.smaller(builder.sub(positions, at), near)
            keeps = builder.zext(builder.or_(adds, builder.icmp_signed(">", at, I64(0))), I64)
            behind = [code.plus(table, code.times(at, 8)) for table in (a_place, b_place)]
            facts = [here, k, a, a_row, behind[0], b, b_column, behind[1], c, c_row, c_column, keeps]
            with code.counting(I64(0), n, BESIDE) as left:
                self._rows(code, facts, m, (left, code.smaller(code.plus(left, BESIDE), n)))
        builder.ret_void()
        return self.module

    def _rows(self, code: Assembly, facts: list[Value], m: Value, run: tuple[Value, Value]) -> None:
        """A run of columns for all rows: in the highest tiles first."""
        first = I64(0)
        for rows in self.tiles:
            last = _last(code, first, m, rows)
            with code.counting(first, last, rows) as i:
                self._columns(code, facts, run, i, rows)
            first = last

    def _columns(
        self, code: Assembly, facts: list[Value], run: tuple[Value, Value], i: Value, rows: int
    ) -> None:
        """A run of columns for the rows from i on: in the widest tiles first."""
        positions, k, a, a_row, a_place, b, b_column, b_place, c, c_row, c_column, adds = facts
        start, end = run
        for columns in self.tiles[rows]:
            stop = _last(code, start, end, columns)
            with code.counting(start, stop, columns) as j:
                target = code.plus(code.times(i, c_row), code.times(j, c_column))
                code.builder.call(self._tile(rows, columns), [
                    positions, k, a, code.plus(a_row, code.times(i, 8)), a_place,
                    b, code.plus(b_column, code.times(j, 8)), b_place,
                    code.plus(c, code.times(target, self.size)), c_row, c_column, adds,
                ])  # fmt: skip
            start = stop

    def _tile(self, rows: int, columns: int) -> ir.Function:
        """A tile's function."""
        if (rows, columns) in self._tiles:
            return self._tiles[rows, columns]
        code = Assembly(self.module, f"dots_{rows}_{columns}", 12, is_inner=True)
        positions, k, a, a_row, a_place, b, b_column, b_place, c, c_row, c_column, adds = code.function.args
        lines = [self._start(code, a, a_row, i) for i in range(rows)]
        lines += [self._start(code, b, b_column, j) for j in range(columns)]
        places = [a_place] * rows + [b_place] * columns
        slices = self._slices(code, (positions, k, rows), lines, places)
        sums = [self.vectors.joined(code, list(parts)) for parts in zip(*slices, strict=True)]
        self._finish(code, sums, (columns, c, c_row, c_column, adds))
        self._tiles[rows, columns] = code.function
        return code.function

    def _slices(
        self, code: Assembly, extent: tuple[Value, Value, int], lines: list[Value], places: list[Value]
    ) -> list[list[Value]]:
        """A tile's sums in slices as wide as a register: in each, one register for each number of C."""
        positions, k, rows = extent
        firsts = range(0, self.sums.lanes, self.vectors.lanes)
        whole = code.builder.and_(k, I64(-self.sums.lanes))
        rest, many = code.builder.sub(k, whole), rows * (len(lines) - rows)
        has_rest = code.builder.icmp_signed("!=", rest, I64(0))
        sums = [self.vectors.zero] * (many * len(firsts))

        def multiplied(starts: list[Value], shift: Value, rest: Value | None) -> list[Value]:
            found = []
            for i, first in enumerate(firsts):
                at = [code.plus(start, shift, first * self.size) for start in starts]
                few = None if rest is None else code.builder.sub(rest, I64(first))
                found += self._multiplied(code, at, rows, sums[many * i : many * (i + 1)], few)
            return found

        with code.folding(I64(0), positions, 1, sums) as s:
            here = {place: self._behind(code, place, s) for place in dict.fromkeys(places)}
            starts = [code.plus(line, here[place]) for line, place in zip(lines, places, strict=True)]
            with code.folding(I64(0), whole, self.sums.lanes, sums) as p:
                sums[:] = multiplied(starts, code.times(p, self.size), None)
            old, new = list(sums), list(sums)
            with code.either(has_rest, new, old) as found:
                new[:] = multiplied(starts, code.times(whole, self.size), rest)
            sums[:] = found
        return [sums[many * i : many * (i + 1)] for i in range(len(firsts))]

    def _start(self, code: Assembly, start: Value, table: Value, i: int) -> Value:
        return code.plus(start, code.times(code.load(code.plus(table, 8 * i), I64), self.size))

    def _behind(self, code: Assembly, table: Value, s: Value) -> Value:
        return code.times(code.load(code.plus(table, code.times(s, 8)), I64), self.size)

    def _multiplied(
        self, code: Assembly, starts: list[Value], rows: int, sums: list[Value], few: Value | None
    ) -> list[Value]:
        """The sums with each row's vector times each column's added; of the vectors at ``few`` numbers."""
        part = None if few is None else self.vectors.part(code, few)
        left, found = [self.vectors.load(code, at, part) for at in starts[:rows]], list(sums)
        columns = len(starts) - rows
        for j, start in enumerate(starts[rows:]):  # one column at a time, so that all fits the registers
            y = self.vectors.load(code, start, part)
            for i, x in enumerate(left):
                at = i * columns + j
                found[at] = self.vectors.multiply_add(code, x, y, sums[at])
        return found

    def _finish(self, code: Assembly, sums: list[Value], target: tuple) -> None:
        """Add the lanes up, always in the same order, and write the numbers or add them."""
        columns, c, c_row, c_column, adds = target
        b = code.builder
        is_sum = b.icmp_signed("!=", adds, I64(0))
        for at, value in enumerate(sums):
            number = self.sums.across(code, value, b.fadd)
            i, j = divmod(at, columns)
            place = code.plus(code.times(c_row, i), code.times(c_column, j))
            address = code.plus(c, code.times(place, self.size))
            before = b.select(
                is_sum, code.load(address, self.vectors.number, self.size), self.vectors.number(0.0)
            )
            code.store(b.fadd(before, number), address, self.size)
        b.ret_void()


def _last(code: Assembly, first: Value, count: Value, step: int) -> Value:
    """Where the last whole step from ``first`` on ends."""
    steps = code.builder.sdiv(code.builder.sub(count, first), I64(step))
    return code.plus(first, code.times(steps, step))
