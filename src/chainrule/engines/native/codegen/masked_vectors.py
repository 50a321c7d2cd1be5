"""Loads and stores of vectors, including partial vectors at the end of a row.

Memory beyond the end of a row is neither read nor written.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.vector import scalar_type
from chainrule.records import frozen

I32 = ir.IntType(32)
SIZE = {"float32": 4, "float64": 8}


@frozen
class Tail:
    """The first lanes of a vector: as a mask, and their number (at least the number of lanes: all)."""

    mask: Value
    count: Value


class Vectors:
    """Vectors of one dtype.

    Args:
        lanes: numbers of a vector.
    """

    def __init__(self, dtype: str, lanes: int) -> None:
        self.number, self.size, self.lanes = scalar_type(dtype), SIZE[dtype], lanes
        self.type = ir.VectorType(self.number, lanes)
        self.bytes = lanes * self.size
        self.suffix = f"v{lanes}f{8 * self.size}"
        self.zero = ir.Constant(self.type, None)

    def broadcast(self, code: FunctionBuilder, value: Value) -> Value:
        """Return a vector with one number, of any dtype, in every lane."""
        empty = ir.Constant(ir.VectorType(value.type, self.lanes), ir.Undefined)
        one = code.builder.insert_element(empty, value, I32(0))
        return code.builder.shuffle_vector(one, one, order([0] * self.lanes))

    def multiply_add(self, code: FunctionBuilder, x: Value, y: Value, total: Value) -> Value:
        """Return x y + total, rounded once if the processor supports it."""
        return code.intrinsic(f"llvm.fmuladd.{self.suffix}", self.type, x, y, total)

    def tail(self, code: FunctionBuilder, count: Value) -> Tail:
        """Return the first ``count`` lanes."""
        # Integers as wide as the numbers, so that the processor's comparison is the mask.
        integer = ir.IntType(8 * self.size)
        limit = code.minimum(count, self.lanes)
        limit = code.builder.trunc(limit, integer) if integer != I64 else limit
        lanes = ir.Constant(ir.VectorType(integer, self.lanes), list(range(self.lanes)))
        return Tail(code.builder.icmp_signed("<", lanes, self.broadcast(code, limit)), count)

    def tails(self, code: FunctionBuilder, count: Value, vectors: int) -> list[Tail | None]:
        """Return the tails of the vectors of a row of ``count`` numbers: ``None`` for all but the last."""
        count = code.builder.sub(count, I64((vectors - 1) * self.lanes))
        return [*[None] * (vectors - 1), self.tail(code, count)]

    def load(
        self, code: FunctionBuilder, address: Value, tail: Tail | None = None, beyond: Value | None = None
    ) -> Value:
        """Load a vector from an address; lanes outside the tail are 0, or those of ``beyond``."""
        if tail is None:
            return code.load(address, self.type, self.size)
        pointer = code.builder.inttoptr(address, self.type.as_pointer())
        fill = self.zero if beyond is None else beyond
        name = f"llvm.masked.load.{self.suffix}.p0"
        return code.intrinsic(name, self.type, pointer, I32(self.size), tail.mask, fill)

    def store(self, code: FunctionBuilder, value: Value, address: Value, tail: Tail | None = None) -> None:
        """Store a vector, or only the lanes of the tail."""
        if tail is None:
            code.store(value, address, self.size)
            return
        # Stores half, quarter, ... of a vector as needed: masked stores are slow on many processors.
        builder = code.builder
        full, partial, after = code.blocks("whole", "pieces", "after")
        builder.cbranch(builder.icmp_signed(">=", tail.count, I64(self.lanes)), full, partial)
        builder.position_at_end(full)
        code.store(value, address, self.size)
        builder.branch(after)
        builder.position_at_end(partial)
        width = self.lanes // 2
        while width:
            value, address = self._piece(code, value, address, tail.count, width)
            width //= 2
        builder.branch(after)
        builder.position_at_end(after)

    def _piece(
        self, code: FunctionBuilder, value: Value, address: Value, count: Value, width: int
    ) -> tuple[Value, Value]:
        """Store ``width`` lanes if that bit of ``count`` is set; return the lanes left and their address."""
        builder = code.builder
        first = builder.shuffle_vector(value, value, order(range(width)))
        lanes = [min(j + width, self.lanes - 1) for j in range(self.lanes)]
        shifted = builder.shuffle_vector(value, value, order(lanes))
        next_address = code.plus(address, width * self.size)
        is_set = builder.icmp_signed("!=", builder.and_(count, I64(width)), I64(0))
        with code.conditional_values(is_set, (shifted, next_address), (value, address)) as remaining:
            code.store(first, address, self.size)
        return remaining[0], remaining[1]

    def concatenated(self, code: FunctionBuilder, tails: list[Value]) -> Value:
        """Return the concatenation of vectors; their number is a power of 2."""
        while len(tails) > 1:
            lanes = order(range(2 * tails[0].type.count))
            pairs = zip(tails[::2], tails[1::2], strict=True)
            tails = [code.builder.shuffle_vector(low, high, lanes) for low, high in pairs]
        return tails[0]

    def reduce_lanes(
        self, code: FunctionBuilder, value: Value, combine: Callable[[Value, Value], Value]
    ) -> Value:
        """Reduce all lanes to one number, halves first, always in the same order."""
        width = self.lanes
        while width > 1:
            width //= 2
            halves = (order(range(width)), order(range(width, 2 * width)))
            value = combine(*(code.builder.shuffle_vector(value, value, half) for half in halves))
        return code.builder.extract_element(value, I32(0))

    def transposed(self, code: FunctionBuilder, rows: list[Value]) -> list[Value]:
        """Return the transpose of a square of as many vectors as a vector has lanes.

        Halves, then quarters, ... are exchanged (Eklundh 1972).
        """
        n, step = len(rows), len(rows) // 2
        while step:
            for i in range(n):
                if i & step:
                    continue
                low, high = rows[i], rows[i + step]
                first = [j if not j & step else n + j - step for j in range(n)]
                second = [j + step if not j & step else n + j for j in range(n)]
                rows[i] = code.builder.shuffle_vector(low, high, order(first))
                rows[i + step] = code.builder.shuffle_vector(low, high, order(second))
            step //= 2
        return rows


def order(lanes: range | list[int]) -> ir.Constant:
    """Return a shuffle mask: the lanes that a shuffled vector takes."""
    return ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes))
