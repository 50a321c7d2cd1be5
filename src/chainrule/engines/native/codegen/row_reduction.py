"""Sum, maximum and minimum: over rows, number by number, and over the contiguous numbers of a row.

*Rows*: several rows at a time are combined with the result, so that it is rarely read and written; each
number is reduced in the order of the rows. *Lines*: several contiguous lines are reduced side by side,
because combining the lanes at the end of a line is a chain of dependent instructions.

The maximum instruction ignores NaN. NaN is therefore detected separately, for two vectors with one
comparison.

The block: [n, r, c, X, outer stride, row stride, column stride, Y, accumulate]; for each of n outer indices,
r numbers are reduced to one, for c columns. Rows: the column stride is 1. Lines: the row stride is 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I1, I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import SIZE, Tail, Vectors
from chainrule.engines.native.codegen.vector import EMIT, Lanes

BYTES = 64  # of a vector
ROWS_AT_ONCE = (8, 1)  # rows that are combined at a time, then the rest
LINES_AT_ONCE = (4, 1)
SIGNS = {"max": ">", "min": "<"}
NAMES = {"sum": "add", "max": "maximum", "min": "minimum"}


class ReductionWriter:
    """Writer of reductions of one dtype.

    Args:
        reduction: ``"sum"``, ``"max"`` or ``"min"``.
    """

    def __init__(self, dtype: str, reduction: str, name: str) -> None:
        self.dtype, self.reduction, self.vectors = dtype, reduction, Vectors(dtype, BYTES // SIZE[dtype])
        self.size, self.lanes = self.vectors.size, self.vectors.lanes
        self.module = ir.Module(name)
        self.code = FunctionBuilder(self.module, name)
        self.builder = self.code.builder
        self.many = Lanes(self.builder, self.lanes)
        neutral = {"sum": 0.0, "max": float("-inf"), "min": float("inf")}[reduction]
        self.neutral = self.many.constant(dtype, neutral)
        self.nan = self.many.constant(dtype, float("nan"))

    def combined(self, values: Sequence[Value]) -> Value:
        """Return the reduction of some vectors, in order."""
        if self.reduction == "sum":
            total = values[0]
            for value in values[1:]:
                total = self.builder.fadd(total, value)
            return total
        top, b = values[0], self.builder
        for value in values[1:]:
            top = b.select(b.fcmp_ordered(SIGNS[self.reduction], top, value), top, value)
        return b.select(self.is_nan(values), self.nan, top)

    def is_nan(self, values: Sequence[Value]) -> Value:
        """Return in which lanes one of the values is NaN."""
        b, pairs = self.builder, zip(values[::2], [*values[1::2], values[-1]], strict=False)
        first, *others = [b.fcmp_unordered("uno", x, y) for x, y in pairs]
        for other in others:
            first = b.or_(first, other)
        return first

    def reduce_lanes(self, value: Value) -> Value:
        """Reduce the lanes to one number; NaN if any lane is NaN."""
        name = NAMES[self.reduction]
        return self.vectors.reduce_lanes(
            self.code, value, lambda x, y: EMIT[name](Lanes(self.builder, x.type.count), self.dtype, [x, y])
        )

    def _is_new(self, adds: Value) -> Value:
        """Return whether the result is overwritten; only sums are accumulated."""
        return self.builder.icmp_signed("==", adds, I64(0)) if self.reduction == "sum" else I1(1)

    def loads(self, starts: Sequence[Value], shift: Value, tail: Tail | None) -> list[Value]:
        """Load the vectors ``shift`` bytes behind these addresses; lanes outside the tail are neutral."""
        addresses = (self.code.plus(start, shift) for start in starts)
        return [self.vectors.load(self.code, address, tail, self.neutral) for address in addresses]


class RowReductionWriter(ReductionWriter):
    """Writer of the kernel that reduces rows, number by number."""

    def write(self) -> ir.Module:
        """Return the module with the finished function."""
        code, b = self.code, self.builder
        n, r, c, x, outer, row, _, y, adds = (code.word(i) for i in range(9))
        is_new = self._is_new(adds)
        outer, row = code.times(outer, self.size), code.times(row, self.size)
        with code.for_range(I64(0), n, 1, [(x, outer), (y, code.times(c, self.size))]) as (_, source, target):
            with code.if_then(b.icmp_signed("==", r, I64(0))):
                self._combine_rows([], c, target, is_new)
            first = I64(0)
            for rows_at_once in ROWS_AT_ONCE:
                last = code.plus(first, b.and_(b.sub(r, first), I64(-rows_at_once)))
                start = code.plus(source, code.times(first, row))
                with code.for_range(first, last, rows_at_once, [(start, code.times(row, rows_at_once))]) as (
                    i,
                    at,
                ):
                    is_first = b.and_(is_new, b.icmp_signed("==", i, I64(0)))
                    self._combine_rows(
                        [code.plus(at, code.times(row, k)) for k in range(rows_at_once)], c, target, is_first
                    )
                first = last
        b.ret_void()
        return self.module

    def _combine_rows(self, rows: list[Value], c: Value, target: Value, is_first: Value) -> None:
        """Combine some rows with the result, or replace it if they are the first."""
        code, full = self.code, self.builder.and_(c, I64(-self.lanes))
        with code.for_range(I64(0), code.times(full, self.size), BYTES) as shift:
            self._combine_vector(rows, shift, target, is_first, None)
        rest = self.builder.sub(c, full)
        with code.if_then(self.builder.icmp_signed("!=", rest, I64(0))):
            tail = self.vectors.tail(code, rest)
            self._combine_vector(rows, code.times(full, self.size), target, is_first, tail)

    def _combine_vector(
        self, rows: list[Value], shift: Value, target: Value, is_first: Value, tail: Tail | None
    ) -> None:
        (previous,) = self.loads([target], shift, tail)
        previous = self.builder.select(is_first, self.neutral, previous)
        combined = self.combined([previous, *self.loads(rows, shift, tail)])
        self.vectors.store(self.code, combined, self.code.plus(target, shift), tail)


class ContiguousReductionWriter(ReductionWriter):
    """Writer of the kernel that reduces contiguous numbers."""

    is_new: Value

    def write(self) -> ir.Module:
        """Return the module with the finished function."""
        code = self.code
        n, r, c, x, outer, _, column, y, adds = (code.word(i) for i in range(9))
        self.is_new = self._is_new(adds)
        outer, column, row_bytes = (code.times(step, self.size) for step in (outer, column, c))
        with code.for_range(I64(0), n, 1, [(x, outer), (y, row_bytes)]) as (_, source, target):
            first = I64(0)
            for lines_at_once in LINES_AT_ONCE:
                last = code.plus(first, self.builder.and_(self.builder.sub(c, first), I64(-lines_at_once)))
                with code.for_range(first, last, lines_at_once) as j:
                    start = code.plus(source, code.times(j, column))
                    lines = [code.plus(start, code.times(column, k)) for k in range(lines_at_once)]
                    self._lines(lines, r, code.plus(target, code.times(j, self.size)))
                first = last
        self.builder.ret_void()
        return self.module

    def _lines(self, lines: list[Value], r: Value, target: Value) -> None:
        """Reduce some lines of r numbers each."""
        code, b, lanes = self.code, self.builder, self.lanes
        tops: list[Value] = [self.neutral for _ in lines]
        full, paired = b.and_(r, I64(-lanes)), b.and_(r, I64(-2 * lanes))
        for start, stop, vectors in ((I64(0), paired, 2), (paired, full, 1)):
            with code.fold_range(start, stop, vectors * lanes, tops) as i:
                shifts = [code.times(code.plus(i, lanes * k), self.size) for k in range(vectors)]
                loaded = [self.loads(lines, shift, None) for shift in shifts]
                tops[:] = [self.combined([top, *new]) for top, *new in zip(tops, *loaded, strict=True)]
        rest = b.sub(r, full)
        shift, tail = code.times(full, self.size), self.vectors.tail(code, rest)
        new = list(tops)
        with code.conditional_values(b.icmp_signed("!=", rest, I64(0)), new, tops) as loaded:
            new[:] = [
                self.combined([x, y]) for x, y in zip(tops, self.loads(lines, shift, tail), strict=True)
            ]
        for k, top in enumerate(loaded):
            self._store(self.reduce_lanes(top), code.plus(target, k * self.size))

    def _store(self, number: Value, address: Value) -> None:
        """Store a number, or add it to memory."""
        if self.reduction == "sum":
            b, zero = self.builder, self.vectors.number(0.0)
            previous = b.select(self.is_new, zero, self.code.load(address, self.vectors.number, self.size))
            number = b.fadd(previous, number)
        self.code.store(number, address, self.size)
