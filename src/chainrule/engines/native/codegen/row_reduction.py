"""Many rows made one, number by number, and many numbers of a row made one: sums, the largest, the smallest.

*Rows*: several rows at a time are joined to what is there, so that it is read and written seldom; each number
in the order of the rows. *Lines*: several rows side by side, because at the end of each its lanes are joined
step by step, and most of a step is waiting.

The largest of two is an instruction that forgets NaN. So it is asked apart whether there is one, of two
vectors with one question.

The block: [n, r, c, X, outer stride, row stride, column stride, Y, whether to add]; of each of n places r
numbers become one, c of these side by side. Rows: the column stride is 1. Lines: the row stride is.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I1, I64, Assembly, Value
from chainrule.engines.native.codegen.masked_vectors import SIZE, Part, Vectors
from chainrule.engines.native.codegen.vector import EMIT, Lanes

BYTES = 64  # of a vector
AT_ONCE = (8, 1)  # rows that are joined at a time: many, and then what is left
SIDE_BY_SIDE = (4, 1)  # lines
SIGNS = {"max": ">", "min": "<"}
NAMES = {"sum": "add", "max": "maximum", "min": "minimum"}


class Joining:
    """Joins vectors of one number kind.

    Args:
        kind: of the numbers.
        way: ``"sum"``, ``"max"`` or ``"min"``.
        name: what the function is called.
    """

    def __init__(self, kind: str, way: str, name: str) -> None:
        self.kind, self.way, self.vectors = kind, way, Vectors(kind, BYTES // SIZE[kind])
        self.size, self.lanes = self.vectors.size, self.vectors.lanes
        self.module = ir.Module(name)
        self.code = Assembly(self.module, name)
        self.builder = self.code.builder
        self.many = Lanes(self.builder, self.lanes)
        neutral = {"sum": 0.0, "max": float("-inf"), "min": float("inf")}[way]
        self.neutral = self.many.constant(kind, neutral)
        self.nan = self.many.constant(kind, float("nan"))

    def joined(self, values: Sequence[Value]) -> Value:
        """Some vectors made one, in order."""
        if self.way == "sum":
            total = values[0]
            for value in values[1:]:
                total = self.builder.fadd(total, value)
            return total
        top, b = values[0], self.builder
        for value in values[1:]:
            top = b.select(b.fcmp_ordered(SIGNS[self.way], top, value), top, value)
        return b.select(self.is_nan(values), self.nan, top)

    def is_nan(self, values: Sequence[Value]) -> Value:
        """In which lanes one of the values is NaN."""
        b, pairs = self.builder, zip(values[::2], [*values[1::2], values[-1]], strict=False)
        first, *others = [b.fcmp_unordered("uno", x, y) for x, y in pairs]
        for other in others:
            first = b.or_(first, other)
        return first

    def across(self, value: Value) -> Value:
        """The lanes made one; NaN if one is."""
        name = NAMES[self.way]
        return self.vectors.across(
            self.code,
            value,
            lambda x, y: EMIT[name](Lanes(self.builder, x.type.count), self.kind, [x, y]),
        )

    def _is_new(self, adds: Value) -> Value:
        """Whether nothing is there to add to; only sums are added."""
        return self.builder.icmp_signed("==", adds, I64(0)) if self.way == "sum" else I1(1)

    def loads(self, starts: Sequence[Value], shift: Value, part: Part | None) -> list[Value]:
        """The vectors so many bytes behind each of these places; what is not there is neutral."""
        places = (self.code.plus(start, shift) for start in starts)
        return [self.vectors.load(self.code, place, part, self.neutral) for place in places]


class RowsWriter(Joining):
    """Writes the kernel of rows that are joined number by number."""

    def write(self) -> ir.Module:
        """The module with the finished function."""
        code, b = self.code, self.builder
        n, r, c, x, outer, row, _, y, adds = (code.word(i) for i in range(9))
        is_new = self._is_new(adds)
        outer, row = code.times(outer, self.size), code.times(row, self.size)
        with code.counting(I64(0), n, 1, [(x, outer), (y, code.times(c, self.size))]) as (_, source, target):
            with code.when(b.icmp_signed("==", r, I64(0))):
                self._join([], c, target, is_new)
            first = I64(0)
            for many in AT_ONCE:
                last = code.plus(first, b.and_(b.sub(r, first), I64(-many)))
                start = code.plus(source, code.times(first, row))
                with code.counting(first, last, many, [(start, code.times(row, many))]) as (i, at):
                    begins = b.and_(is_new, b.icmp_signed("==", i, I64(0)))
                    self._join([code.plus(at, code.times(row, k)) for k in range(many)], c, target, begins)
                first = last
        b.ret_void()
        return self.module

    def _join(self, rows: list[Value], c: Value, target: Value, begins: Value) -> None:
        """Join some rows to what is at a place, or to nothing where they are the first."""
        code, whole = self.code, self.builder.and_(c, I64(-self.lanes))
        with code.counting(I64(0), code.times(whole, self.size), BYTES) as shift:
            self._vector(rows, shift, target, begins, None)
        left = self.builder.sub(c, whole)
        with code.when(self.builder.icmp_signed("!=", left, I64(0))):
            part = self.vectors.part(code, left)
            self._vector(rows, code.times(whole, self.size), target, begins, part)

    def _vector(
        self, rows: list[Value], shift: Value, target: Value, begins: Value, part: Part | None
    ) -> None:
        (there,) = self.loads([target], shift, part)
        there = self.builder.select(begins, self.neutral, there)
        made = self.joined([there, *self.loads(rows, shift, part)])
        self.vectors.store(self.code, made, self.code.plus(target, shift), part)


class LinesWriter(Joining):
    """Writes the kernel of numbers that lie side by side and become one."""

    is_new: Value

    def write(self) -> ir.Module:
        """The module with the finished function."""
        code = self.code
        n, r, c, x, outer, _, column, y, adds = (code.word(i) for i in range(9))
        self.is_new = self._is_new(adds)
        outer, column, wide = (code.times(step, self.size) for step in (outer, column, c))
        with code.counting(I64(0), n, 1, [(x, outer), (y, wide)]) as (_, source, target):
            first = I64(0)
            for many in SIDE_BY_SIDE:
                last = code.plus(first, self.builder.and_(self.builder.sub(c, first), I64(-many)))
                with code.counting(first, last, many) as j:
                    start = code.plus(source, code.times(j, column))
                    lines = [code.plus(start, code.times(column, k)) for k in range(many)]
                    self._lines(lines, r, code.plus(target, code.times(j, self.size)))
                first = last
        self.builder.ret_void()
        return self.module

    def _lines(self, lines: list[Value], r: Value, target: Value) -> None:
        """Some lines of r numbers, each made one."""
        code, b, lanes = self.code, self.builder, self.lanes
        tops: list[Value] = [self.neutral for _ in lines]
        whole, pairs = b.and_(r, I64(-lanes)), b.and_(r, I64(-2 * lanes))
        for start, stop, many in ((I64(0), pairs, 2), (pairs, whole, 1)):
            with code.folding(start, stop, many * lanes, tops) as i:
                shifts = [code.times(code.plus(i, lanes * k), self.size) for k in range(many)]
                found = [self.loads(lines, shift, None) for shift in shifts]
                tops[:] = [self.joined([top, *new]) for top, *new in zip(tops, *found, strict=True)]
        left = b.sub(r, whole)
        shift, part = code.times(whole, self.size), self.vectors.part(code, left)
        new = list(tops)
        with code.either(b.icmp_signed("!=", left, I64(0)), new, tops) as found:
            new[:] = [self.joined([x, y]) for x, y in zip(tops, self.loads(lines, shift, part), strict=True)]
        for k, top in enumerate(found):
            self._store(self.across(top), code.plus(target, k * self.size))

    def _store(self, made: Value, place: Value) -> None:
        """Write a number, or add it to what is there."""
        if self.way == "sum":
            b, zero = self.builder, self.vectors.number(0.0)
            there = b.select(self.is_new, zero, self.code.load(place, self.vectors.number, self.size))
            made = b.fadd(there, made)
        self.code.store(made, place, self.size)
