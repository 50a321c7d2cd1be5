"""A panel of a matrix: the columns that a tile of a product reads, copied into rows that follow each other.

A row of a panel is two vectors wide; where the matrix has fewer columns, no tile looks at the others.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, Assembly, Value
from chainrule.engines.native.codegen.masked_vectors import Vectors


class Packer:
    """Writes the function that copies a panel.

    Args:
        module: where the function goes.
        vectors: of the numbers.
    """

    def __init__(self, module: ir.Module, vectors: Vectors) -> None:
        self.module, self.vectors = module, vectors
        self.size, self.lanes = vectors.size, vectors.lanes

    def write(self) -> ir.Function:
        """The function: (b, row, column, deep, left, to)."""
        code = Assembly(self.module, "pack", 6, is_inner=True)
        b, row, column, deep, left, to = code.function.args
        side, apart, many, each = code.blocks("side", "apart", "many", "each")
        builder, wide = code.builder, 2 * self.lanes * self.size
        builder.cbranch(builder.icmp_signed("==", column, I64(self.size)), side, apart)
        builder.position_at_end(side)
        with code.counting(I64(0), deep, 1, [(b, row), (to, I64(wide))]) as (_, source, target):
            code.prefetch(code.plus(source, wide))  # the panel that comes next
            for v in range(2):
                (*_, part) = self.vectors.parts(code, left, v + 1)
                value = self.vectors.load(code, code.plus(source, v * self.vectors.bytes), part)
                code.store(value, code.plus(target, v * self.vectors.bytes), self.size)
        builder.ret_void()
        builder.position_at_end(apart)
        builder.cbranch(builder.icmp_signed("==", row, I64(self.size)), many, each)
        builder.position_at_end(many)
        done = self._turn(code, b, column, deep, left, to)
        builder.branch(each)
        builder.position_at_end(each)
        first = builder.phi(I64)
        first.add_incoming(I64(0), apart)
        first.add_incoming(done[0], done[1])
        with code.counting(first, deep) as p:
            self._one(
                code, code.plus(b, code.times(p, row)), column, left, code.plus(to, code.times(p, wide))
            )
        builder.ret_void()
        return code.function

    def write_by_table(self) -> ir.Function:
        """The same for rows at the places a table tells: (b, table, column, deep, left, to)."""
        code = Assembly(self.module, "pack_places", 6, is_inner=True)
        b, table, column, deep, left, to = code.function.args
        n, builder, wide = self.lanes, code.builder, 2 * self.lanes * self.size
        last = builder.sub(code.smaller(left, 2 * n), I64(1))

        def start(p: Value) -> Value:
            return code.plus(b, code.times(code.load(code.plus(table, code.times(p, 8)), I64), self.size))

        whole = builder.and_(deep, I64(-n))
        with code.counting(I64(0), whole, n) as p:
            square, each, after = code.blocks("square", "each", "after")
            length = builder.sub(start(code.plus(p, n - 1)), start(p))
            builder.cbranch(builder.icmp_signed("==", length, I64((n - 1) * self.size)), square, each)
            builder.position_at_end(square)
            self._square(code, start(p), column, last, code.plus(to, code.times(p, wide)))
            builder.branch(after)
            builder.position_at_end(each)
            with code.counting(p, code.plus(p, n)) as q:
                self._one(code, start(q), column, left, code.plus(to, code.times(q, wide)))
            builder.branch(after)
            builder.position_at_end(after)
        with code.counting(whole, deep) as p:
            self._one(code, start(p), column, left, code.plus(to, code.times(p, wide)))
        builder.ret_void()
        return code.function

    def _one(self, code: Assembly, source: Value, column: Value, left: Value, target: Value) -> None:
        """One row, number by number."""
        columns = code.smaller(left, 2 * self.lanes)
        with code.counting(I64(0), columns, 1, [(source, column), (target, I64(self.size))]) as (_, x, y):
            code.store(code.load(x, self.vectors.number, self.size), y, self.size)

    def _turn(self, code: Assembly, b: Value, column: Value, deep: Value, left: Value, to: Value) -> Any:
        """Pack columns whose numbers lie side by side, by turning small squares; where it ends.

        A panel of fewer rows than a square has is left to the loop that follows.
        """
        n, builder = self.lanes, code.builder
        final = builder.sub(deep, I64(n))
        stop = builder.select(builder.icmp_signed("<", final, I64(0)), I64(0), deep)
        last = builder.sub(code.smaller(left, 2 * n), I64(1))
        with code.counting(I64(0), stop, n) as first:
            p = code.smaller(first, final)  # the last square overlaps the one before
            target = code.plus(to, code.times(p, 2 * n * self.size))
            self._square(code, code.plus(b, code.times(p, self.size)), column, last, target)
        return stop, builder.block

    def _square(self, code: Assembly, start: Value, column: Value, last: Value, to: Value) -> None:
        """As many rows as a vector has lanes, turned, of up to two vectors' columns."""
        n = self.lanes
        for half in range(2):
            columns = []
            for j in range(n):
                which = code.smaller(I64(half * n + j), last)  # beyond the last one: that once more
                at = code.plus(start, code.times(which, column))
                columns.append(code.load(at, self.vectors.type, self.size))
            for i, value in enumerate(self.vectors.turned(code, columns)):
                code.store(value, code.plus(to, (2 * n * i + half * n) * self.size), self.size)
