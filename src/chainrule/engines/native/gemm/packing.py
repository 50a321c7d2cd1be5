"""Packing of the operands of a matrix product: panels of the right one, rows of the left one."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import Vectors

# Panel packing: the columns that a tile of a product reads are copied into consecutive rows.
#
# A row of a panel is two vectors wide; if the matrix has fewer columns, no tile reads the others.


class PanelPacker:
    """Writer of the function that copies a panel."""

    def __init__(self, module: ir.Module, vectors: Vectors) -> None:
        self.module, self.vectors = module, vectors
        self.size, self.lanes = vectors.size, vectors.lanes

    def write(self) -> ir.Function:
        """Return the function: (b, row, column, deep, left, panel)."""
        code = FunctionBuilder(self.module, "pack", 6, is_inner=True)
        b, row, column, deep, left, panel = code.function.args
        contiguous, strided, squares, single_rows = code.blocks(
            "contiguous", "strided", "squares", "single_rows"
        )
        builder, row_bytes = code.builder, 2 * self.lanes * self.size
        builder.cbranch(builder.icmp_signed("==", column, I64(self.size)), contiguous, strided)
        builder.position_at_end(contiguous)
        with code.for_range(I64(0), deep, 1, [(b, row), (panel, I64(row_bytes))]) as (_, source, target):
            code.prefetch(code.plus(source, row_bytes))  # the next panel
            for v in range(2):
                (*_, tail) = self.vectors.tails(code, left, v + 1)
                value = self.vectors.load(code, code.plus(source, v * self.vectors.bytes), tail)
                code.store(value, code.plus(target, v * self.vectors.bytes), self.size)
        builder.ret_void()
        builder.position_at_end(strided)
        builder.cbranch(builder.icmp_signed("==", row, I64(self.size)), squares, single_rows)
        builder.position_at_end(squares)
        done = self._transpose(code, b, column, deep, left, panel)
        builder.branch(single_rows)
        builder.position_at_end(single_rows)
        first = builder.phi(I64)
        first.add_incoming(I64(0), strided)
        first.add_incoming(done[0], done[1])
        with code.for_range(first, deep) as p:
            self._copy_row(
                code,
                code.plus(b, code.times(p, row)),
                column,
                left,
                code.plus(panel, code.times(p, row_bytes)),
            )
        builder.ret_void()
        return code.function

    def write_by_table(self) -> ir.Function:
        """Return the function for rows at the positions of a table: (b, table, column, deep, left, to)."""
        code = FunctionBuilder(self.module, "pack_places", 6, is_inner=True)
        b, table, column, deep, left, target = code.function.args
        n, builder, row_bytes = self.lanes, code.builder, 2 * self.lanes * self.size
        last = builder.sub(code.minimum(left, 2 * n), I64(1))

        def start(p: Value) -> Value:
            return code.plus(b, code.times(code.load(code.plus(table, code.times(p, 8)), I64), self.size))

        full = builder.and_(deep, I64(-n))
        with code.for_range(I64(0), full, n) as p:
            square, single_rows, after = code.blocks("square", "each", "after")
            length = builder.sub(start(code.plus(p, n - 1)), start(p))
            builder.cbranch(builder.icmp_signed("==", length, I64((n - 1) * self.size)), square, single_rows)
            builder.position_at_end(square)
            self._square(code, start(p), column, last, code.plus(target, code.times(p, row_bytes)))
            builder.branch(after)
            builder.position_at_end(single_rows)
            with code.for_range(p, code.plus(p, n)) as q:
                self._copy_row(code, start(q), column, left, code.plus(target, code.times(q, row_bytes)))
            builder.branch(after)
            builder.position_at_end(after)
        with code.for_range(full, deep) as p:
            self._copy_row(code, start(p), column, left, code.plus(target, code.times(p, row_bytes)))
        builder.ret_void()
        return code.function

    def _copy_row(
        self, code: FunctionBuilder, source: Value, column: Value, left: Value, target: Value
    ) -> None:
        """Copy one row, number by number."""
        columns = code.minimum(left, 2 * self.lanes)
        with code.for_range(I64(0), columns, 1, [(source, column), (target, I64(self.size))]) as (_, x, y):
            code.store(code.load(x, self.vectors.number, self.size), y, self.size)

    def _transpose(
        self, code: FunctionBuilder, b: Value, column: Value, deep: Value, left: Value, panel: Value
    ) -> Any:
        """Pack columns whose numbers are contiguous by transposing small squares; return where it ends.

        A panel of fewer rows than a square is left to the loop that follows.
        """
        n, builder = self.lanes, code.builder
        final = builder.sub(deep, I64(n))
        stop = builder.select(builder.icmp_signed("<", final, I64(0)), I64(0), deep)
        last = builder.sub(code.minimum(left, 2 * n), I64(1))
        with code.for_range(I64(0), stop, n) as first:
            p = code.minimum(first, final)  # the last square overlaps the one before
            target = code.plus(panel, code.times(p, 2 * n * self.size))
            self._square(code, code.plus(b, code.times(p, self.size)), column, last, target)
        return stop, builder.block

    def _square(self, code: FunctionBuilder, start: Value, column: Value, last: Value, target: Value) -> None:
        """Transpose a square: as many rows as a vector has lanes, of the columns of up to two vectors."""
        n = self.lanes
        for half in range(2):
            columns = []
            for j in range(n):
                index = code.minimum(I64(half * n + j), last)  # beyond the last column: the last one again
                at = code.plus(start, code.times(index, column))
                columns.append(code.load(at, self.vectors.type, self.size))
            for i, value in enumerate(self.vectors.transposed(code, columns)):
                code.store(value, code.plus(target, (2 * n * i + half * n) * self.size), self.size)


BLOCK_BYTES = (
    256 * 1024
)  # of A that are processed with a panel before the next one: half the second-level cache
MAX_ROWS = 512  # of a block
LINE = 64  # bytes of a cache line
MIN_STRIDE, MIN_COLUMNS = 2048, 128  # bytes between rows of A, and columns of B, from which on copying pays
PACKED_BYTES = BLOCK_BYTES + 2 * LINE * MAX_ROWS  # of a copied block, at most


def rows_per_block(code: FunctionBuilder, deep: Value, size: int) -> Value:
    """Return the number of rows of A that are processed with a panel of this depth before the next panel.

    Args:
        size: bytes of a number.
    """
    rows = code.builder.sdiv(I64(BLOCK_BYTES // size), code.maximum(deep, 1))
    return code.minimum(rows, MAX_ROWS)


class RowBlock:
    """A block of A in memory.

    Args:
        start: address of its first number.
        row, column: bytes from one row to the next, and from one column to the next.
    """

    def __init__(self, start: Value, row: Value, column: Value) -> None:
        self.start, self.row, self.column = start, row, column

    def packed(
        self, code: FunctionBuilder, vectors: Vectors, extent: tuple[Value, Value, Value], buffer: Value
    ) -> RowBlock:
        """Return the block, copied to ``buffer`` if its layout is bad for the caches.

        Args:
            extent: its rows and columns, and the columns of B.
            buffer: address of ``PACKED_BYTES`` bytes.
        """
        builder, size, (rows, columns, b_columns) = code.builder, vectors.size, extent
        pays = builder.icmp_signed(">=", b_columns, I64(MIN_COLUMNS))
        new = (buffer, _odd_lines(code, code.times(columns, size)), I64(size))
        layout = (self.start, self.row, self.column)
        for is_bad, copy in (
            (self._has_conflicts, self._copy_rows),
            (self._is_transposed, self._copy_transposed),
        ):
            condition = builder.and_(pays, is_bad(code, vectors, rows, columns))
            with code.conditional_values(condition, new, layout) as layout:
                copy(code, vectors, (rows, columns), new)
        return RowBlock(*layout)

    def _has_conflicts(self, code: FunctionBuilder, vectors: Vectors, rows: Value, columns: Value) -> Value:
        """Return whether rows evict each other from the cache."""
        builder = code.builder
        is_multiple = builder.icmp_signed("==", builder.and_(self.row, I64(MIN_STRIDE - 1)), I64(0))
        is_contiguous = builder.icmp_signed("==", self.column, I64(vectors.size))
        return builder.and_(
            is_contiguous, builder.and_(is_multiple, builder.icmp_signed(">=", self.row, I64(MIN_STRIDE)))
        )

    def _is_transposed(self, code: FunctionBuilder, vectors: Vectors, rows: Value, columns: Value) -> Value:
        """Return whether columns are contiguous, rows strided, and both enough to transpose squares."""
        builder = code.builder
        is_large = builder.icmp_signed(">=", code.minimum(rows, columns), I64(vectors.lanes))
        is_contiguous = builder.icmp_signed("==", self.row, I64(vectors.size))
        return builder.and_(
            is_large, builder.and_(is_contiguous, builder.icmp_signed(">=", self.column, I64(MIN_STRIDE)))
        )

    def _copy_rows(
        self, code: FunctionBuilder, vectors: Vectors, extent: tuple[Value, Value], new: tuple
    ) -> None:
        (rows, columns), (buffer, row_bytes, _) = extent, new
        with code.for_range(I64(0), rows, 1, [(self.start, self.row), (buffer, row_bytes)]) as (
            _,
            source,
            target,
        ):
            code.copy(target, source, code.times(columns, vectors.size))

    def _copy_transposed(
        self, code: FunctionBuilder, vectors: Vectors, extent: tuple[Value, Value], new: tuple
    ) -> None:
        """Transpose square by square; the last ones overlap those before."""
        builder, n, size = code.builder, vectors.lanes, vectors.size
        (rows, columns), (buffer, row_bytes, _) = extent, new
        with code.for_range(I64(0), columns, n) as first_column:
            j = code.minimum(first_column, builder.sub(columns, I64(n)))
            source = code.plus(self.start, code.times(j, self.column))
            target = code.plus(buffer, code.times(j, size))
            with code.for_range(I64(0), rows, n) as first_row:
                i = code.minimum(first_row, builder.sub(rows, I64(n)))
                at = code.plus(source, code.times(i, size))
                lines = [vectors.load(code, code.plus(at, code.times(self.column, t))) for t in range(n)]
                to = code.plus(target, code.times(i, row_bytes))
                for t, line in enumerate(vectors.transposed(code, lines)):
                    vectors.store(code, line, code.plus(to, code.times(row_bytes, t)))


def _odd_lines(code: FunctionBuilder, length: Value) -> Value:
    """Return a number of bytes of at least ``length`` that is an odd number of cache lines."""
    rounded = code.builder.and_(code.plus(length, LINE - 1), I64(-LINE))
    return code.builder.or_(rounded, I64(LINE))
