"""Rows of the left side of a product, copied together where they lie badly for the caches.

A block of A, so many rows and so many columns of it, is read again for every panel of B, and should come from
the second-level cache each time. Two ways to lie stand against that. A cache finds a line by some middle bits
of its address: rows a multiple of 2 KiB apart fall into the same few places and drive each other out, however
small the block is. And where A lies turned, each number of a row is in a line of its own, of which a tile
needs only a few numbers. Then the block is copied once, row after row, each an odd number of cache lines
behind the one before. For a product of many columns the copy costs next to nothing.

Reference: Goto and van de Geijn (2008), section 4.2; Lam, Rothberg and Wolf (1991), The cache performance and
optimizations of blocked algorithms (ASPLOS IV), on lines that drive each other out.
"""

from __future__ import annotations

from chainrule.engines.native.codegen.ir_builder import I64, Assembly, Value
from chainrule.engines.native.codegen.masked_vectors import Vectors

BLOCK = (
    256 * 1024
)  # bytes of A that pass by a panel before the next one comes: half of the second-level cache,
HIGHEST = 512  # and rows at most
LINE = 64  # bytes of a cache line
FAR, FAR_FROM = 2048, 128  # bytes between lines of A, and columns of B, from which on copying pays
ROOM = BLOCK + 2 * LINE * HIGHEST  # bytes that a copied block takes at most


def high(code: Assembly, deep: Value, size: int) -> Value:
    """How many rows of A pass by a panel of this depth before the next one comes.

    Args:
        size: bytes of a number.
    """
    rows = code.builder.sdiv(I64(BLOCK // size), code.larger(deep, 1))
    return code.smaller(rows, HIGHEST)


class Block:
    """The place of a block of A.

    Args:
        start: the address of its first number.
        row, column: bytes from one row to the next, and from one column to the next.
    """

    def __init__(self, start: Value, row: Value, column: Value) -> None:
        self.start, self.row, self.column = start, row, column

    def drawn_near(
        self, code: Assembly, vectors: Vectors, extent: tuple[Value, Value, Value], room: Value
    ) -> Block:
        """The block, copied to ``room`` where it lies badly.

        Args:
            code: the writer.
            vectors: of the numbers.
            extent: its rows and columns, and the columns of B.
            room: the address of ``ROOM`` bytes.
        """
        builder, size, (rows, columns, wide) = code.builder, vectors.size, extent
        pays = builder.icmp_signed(">=", wide, I64(FAR_FROM))
        new = (room, _odd(code, code.times(columns, size)), I64(size))
        found = (self.start, self.row, self.column)
        for is_bad, copy in ((self._is_even, self._copied), (self._is_turned, self._turned)):
            condition = builder.and_(pays, is_bad(code, vectors, rows, columns))
            with code.either(condition, new, found) as found:
                copy(code, vectors, (rows, columns), new)
        return Block(*found)

    def _is_even(self, code: Assembly, vectors: Vectors, rows: Value, columns: Value) -> Value:
        """Whether rows drive each other out of the cache."""
        builder = code.builder
        meets = builder.icmp_signed("==", builder.and_(self.row, I64(FAR - 1)), I64(0))
        is_side = builder.icmp_signed("==", self.column, I64(vectors.size))
        return builder.and_(is_side, builder.and_(meets, builder.icmp_signed(">=", self.row, I64(FAR))))

    def _is_turned(self, code: Assembly, vectors: Vectors, rows: Value, columns: Value) -> Value:
        """Whether columns lie side by side, rows apart, and there are enough of both to turn squares."""
        builder = code.builder
        is_high = builder.icmp_signed(">=", code.smaller(rows, columns), I64(vectors.lanes))
        is_side = builder.icmp_signed("==", self.row, I64(vectors.size))
        return builder.and_(is_high, builder.and_(is_side, builder.icmp_signed(">=", self.column, I64(FAR))))

    def _copied(self, code: Assembly, vectors: Vectors, extent: tuple[Value, Value], new: tuple) -> None:
        """Copy row by row."""
        (rows, columns), (room, apart, _) = extent, new
        with code.counting(I64(0), rows, 1, [(self.start, self.row), (room, apart)]) as (_, source, target):
            code.copy(target, source, code.times(columns, vectors.size))

    def _turned(self, code: Assembly, vectors: Vectors, extent: tuple[Value, Value], new: tuple) -> None:
        """Turn square by square; the last ones overlap those before."""
        builder, n, size = code.builder, vectors.lanes, vectors.size
        (rows, columns), (room, apart, _) = extent, new
        with code.counting(I64(0), columns, n) as first_column:
            j = code.smaller(first_column, builder.sub(columns, I64(n)))
            source = code.plus(self.start, code.times(j, self.column))
            target = code.plus(room, code.times(j, size))
            with code.counting(I64(0), rows, n) as first_row:
                i = code.smaller(first_row, builder.sub(rows, I64(n)))
                at = code.plus(source, code.times(i, size))
                lines = [vectors.load(code, code.plus(at, code.times(self.column, t))) for t in range(n)]
                to = code.plus(target, code.times(i, apart))
                for t, line in enumerate(vectors.turned(code, lines)):
                    vectors.store(code, line, code.plus(to, code.times(apart, t)))


def _odd(code: Assembly, length: Value) -> Value:
    """At least so many bytes, an odd number of cache lines."""
    whole = code.builder.and_(code.plus(length, LINE - 1), I64(-LINE))
    return code.builder.or_(whole, I64(LINE))
