"""Row packing: a block of the left operand of a product is copied if its memory layout is bad for the caches.

A block of A, some rows and columns of it, is read for every panel of B and should come from the second-level
cache each time. Two layouts prevent that. A cache selects the position of a line by some middle bits of its
address: rows that are a multiple of 2 KiB apart share a few positions and evict each other, however small the
block is. And if A is transposed, each number of a row is in a cache line of its own, of which a tile needs
only a few numbers. In both cases the block is copied once, row after row, with an odd number of cache lines
from one row to the next. For a product with many columns the cost of the copy is negligible.

Reference: Goto and van de Geijn (2008), section 4.2; Lam, Rothberg and Wolf (1991), The cache performance and
optimizations of blocked algorithms (ASPLOS IV), on cache conflicts.
"""

from __future__ import annotations

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import Vectors

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
        deep: depth of the panel.
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
            code: the function that is generated.
            vectors: vectors of the numbers.
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
        """Return whether columns are contiguous, rows strided, and there are enough of both to transpose
        squares.
        """
        builder = code.builder
        is_large = builder.icmp_signed(">=", code.minimum(rows, columns), I64(vectors.lanes))
        is_contiguous = builder.icmp_signed("==", self.row, I64(vectors.size))
        return builder.and_(
            is_large, builder.and_(is_contiguous, builder.icmp_signed(">=", self.column, I64(MIN_STRIDE)))
        )

    def _copy_rows(
        self, code: FunctionBuilder, vectors: Vectors, extent: tuple[Value, Value], new: tuple
    ) -> None:
        """Copy row by row."""
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
