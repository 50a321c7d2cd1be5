"""Vectors in memory, also those of which only the first lanes are there: the end of a row.

What lies behind the end of a row belongs to somebody else; it is neither read nor written.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, Assembly, Value
from chainrule.engines.native.codegen.vector import scalar_type
from chainrule.records import frozen

I32 = ir.IntType(32)
SIZE = {"float32": 4, "float64": 8}


@frozen
class Part:
    """The first lanes of a vector: as a mask, and how many (as many as there are lanes, or more: all)."""

    mask: Value
    left: Value


class Vectors:
    """Vectors of one number kind.

    Args:
        kind: of the numbers.
        lanes: how many a vector has.
    """

    def __init__(self, kind: str, lanes: int) -> None:
        self.number, self.size, self.lanes = scalar_type(kind), SIZE[kind], lanes
        self.type = ir.VectorType(self.number, lanes)
        self.bytes = lanes * self.size
        self.suffix = f"v{lanes}f{8 * self.size}"
        self.zero = ir.Constant(self.type, None)

    def repeat(self, code: Assembly, value: Value) -> Value:
        """One number, of any kind, in every lane."""
        empty = ir.Constant(ir.VectorType(value.type, self.lanes), ir.Undefined)
        one = code.builder.insert_element(empty, value, I32(0))
        return code.builder.shuffle_vector(one, one, order([0] * self.lanes))

    def multiply_add(self, code: Assembly, x: Value, y: Value, total: Value) -> Value:
        """x y + total, rounded once where the processor can."""
        return code.intrinsic(f"llvm.fmuladd.{self.suffix}", self.type, x, y, total)

    def part(self, code: Assembly, left: Value) -> Part:
        """The first ``left`` lanes."""
        # As wide as the numbers, so that the processor's comparison is the mask.
        whole = ir.IntType(8 * self.size)
        few = code.smaller(left, self.lanes)
        few = code.builder.trunc(few, whole) if whole != I64 else few
        lanes = ir.Constant(ir.VectorType(whole, self.lanes), list(range(self.lanes)))
        return Part(code.builder.icmp_signed("<", lanes, self.repeat(code, few)), left)

    def parts(self, code: Assembly, left: Value, vectors: int) -> list[Part | None]:
        """What of each vector of a row is there, of ``left`` numbers: all of those that are not the last."""
        left = code.builder.sub(left, I64((vectors - 1) * self.lanes))
        return [*[None] * (vectors - 1), self.part(code, left)]

    def load(
        self, code: Assembly, address: Value, part: Part | None = None, beyond: Value | None = None
    ) -> Value:
        """A vector at an address; lanes that are not there are 0, or those of ``beyond``."""
        if part is None:
            return code.load(address, self.type, self.size)
        pointer = code.builder.inttoptr(address, self.type.as_pointer())
        others = self.zero if beyond is None else beyond
        name = f"llvm.masked.load.{self.suffix}.p0"
        return code.intrinsic(name, self.type, pointer, I32(self.size), part.mask, others)

    def store(self, code: Assembly, value: Value, address: Value, part: Part | None = None) -> None:
        """Write a vector, or as many of its lanes as are there."""
        if part is None:
            code.store(value, address, self.size)
            return
        # Half, quarter, ... of a vector, as many as are left: masked stores are slow on many processors.
        builder = code.builder
        whole, pieces, after = code.blocks("whole", "pieces", "after")
        builder.cbranch(builder.icmp_signed(">=", part.left, I64(self.lanes)), whole, pieces)
        builder.position_at_end(whole)
        code.store(value, address, self.size)
        builder.branch(after)
        builder.position_at_end(pieces)
        width = self.lanes // 2
        while width:
            value, address = self._piece(code, value, address, part.left, width)
            width //= 2
        builder.branch(after)
        builder.position_at_end(after)

    def _piece(
        self, code: Assembly, value: Value, address: Value, left: Value, width: int
    ) -> tuple[Value, Value]:
        """Write ``width`` lanes if that bit of ``left`` is set; the lanes and the address that follow."""
        builder = code.builder
        first = builder.shuffle_vector(value, value, order(range(width)))
        rest = [min(j + width, self.lanes - 1) for j in range(self.lanes)]
        moved = builder.shuffle_vector(value, value, order(rest))
        farther = code.plus(address, width * self.size)
        is_set = builder.icmp_signed("!=", builder.and_(left, I64(width)), I64(0))
        with code.either(is_set, (moved, farther), (value, address)) as found:
            code.store(first, address, self.size)
        return found[0], found[1]

    def joined(self, code: Assembly, parts: list[Value]) -> Value:
        """Vectors as one that is as many times as long; their number is a power of 2."""
        while len(parts) > 1:
            lanes = order(range(2 * parts[0].type.count))
            pairs = zip(parts[::2], parts[1::2], strict=True)
            parts = [code.builder.shuffle_vector(low, high, lanes) for low, high in pairs]
        return parts[0]

    def across(self, code: Assembly, value: Value, join: Callable[[Value, Value], Value]) -> Value:
        """One number of all lanes, halves first: always in the same order."""
        width = self.lanes
        while width > 1:
            width //= 2
            halves = (order(range(width)), order(range(width, 2 * width)))
            value = join(*(code.builder.shuffle_vector(value, value, half) for half in halves))
        return code.builder.extract_element(value, I32(0))

    def turned(self, code: Assembly, rows: list[Value]) -> list[Value]:
        """The transpose of a square of as many vectors as one has lanes.

        Halves, then quarters, ... change places (Eklundh 1972).
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
    """Which lanes a shuffled vector takes."""
    return ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes))
