"""Softmax, log_softmax and logsumexp over contiguous rows, a vector of scores at a time.

Each row takes three passes: the maximum score, the sum of e^(score - maximum), the results. The last vector
of a row is read and written under a mask if it is partial; lanes beyond the row do not affect the maximum and
add 0 to the sum (not e^-infinity, because processors are slow with denormal numbers). A row of few scores is
one vector, and most of a pass then waits for its result; therefore four rows are computed side by side, each
with the bits that it has alone. Rows of many scores are computed one at a time, so that a row is still cached
in the next pass. Other layouts are computed by ``softmax_columns``.

The block: [rows, scores in a row, X, row stride, Y]; Y is dense.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from chainrule.engines.native.codegen import vector
from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import I32, Tail, Vectors
from chainrule.engines.native.codegen.vector import LANES, Lanes

ROWS_AT_ONCE = (4, 1)  # then the rest
LONG_ROW = 1024  # scores from which on a row is computed alone


class SoftmaxRowsWriter:
    """Writes the kernel of one dtype.

    Args:
        dtype: the dtype.
        function: ``"softmax"``, ``"log_softmax"`` or ``"logsumexp"``.
        name: name of the function.
    """

    def __init__(self, dtype: str, function: str, name: str) -> None:
        self.dtype, self.function, self.vectors = dtype, function, Vectors(dtype, LANES)
        self.size, self.type = self.vectors.size, self.vectors.type
        self.module = ir.Module(name)
        self.code = FunctionBuilder(self.module, name)
        self.builder = self.code.builder
        self.many, self.one = Lanes(self.builder, LANES), Lanes(self.builder, 1)
        self.minus_infinity = self.many.constant(dtype, float("-inf"))

    def write(self) -> ir.Module:
        """Return the module with the finished function."""
        code = self.code
        rows, k, x, step, y = (code.word(i) for i in range(5))
        wide = I64(1) if self.function == "logsumexp" else k
        steps = [code.times(step, self.size), code.times(wide, self.size)]
        first = I64(0)
        is_wide = self.builder.icmp_signed(">", k, I64(LONG_ROW))
        for rows_at_once in ROWS_AT_ONCE:
            full = self.builder.and_(self.builder.sub(rows, first), I64(-rows_at_once))
            last = code.plus(first, self.builder.select(is_wide, I64(0), full) if rows_at_once > 1 else full)
            carried = [
                (code.plus(start, code.times(first, step)), code.times(step, rows_at_once))
                for start, step in zip((x, y), steps, strict=True)
            ]
            with code.for_range(first, last, rows_at_once, carried) as (_, *starts):
                addresses = [
                    [code.plus(start, code.times(step, i)) for i in range(rows_at_once)]
                    for start, step in zip(starts, steps, strict=True)
                ]
                self._rows(k, *addresses)
            first = last
        self.builder.ret_void()
        return self.module

    def _rows(self, k: Value, sources: list[Value], targets: list[Value]) -> None:
        """Compute rows side by side, from the scores at ``sources``."""
        b, largest = self.builder, self._largest(k, sources)
        tops = [self.many.broadcast(value) for value in largest]
        totals: list[Value] = [self.vectors.zero for _ in sources]

        def add(i: Value, tail: Tail | None) -> None:
            exponentials = [self._exponentials(x, i, tail, top) for x, top in zip(sources, tops, strict=True)]
            totals[:] = [b.fadd(total, value) for total, value in zip(totals, exponentials, strict=True)]
            if self.function == "softmax":
                self._store(exponentials, targets, i, tail)

        self._for_vectors(k, totals, add)
        sums = [self.vectors.reduce_lanes(self.code, total, b.fadd) for total in totals]
        logs = [] if self.function == "softmax" else self._logs(sums)
        if self.function == "logsumexp":
            for top, log, target in zip(largest, logs, targets, strict=True):
                self.code.store(b.fadd(top, log), target, self.size)
            return
        divisors = [self.many.broadcast(value) for value in (logs or sums)]

        def finish(i: Value, tail: Tail | None) -> None:
            if self.function == "softmax":
                parts = [self._load(target, i, tail) for target in targets]
                results = [b.fdiv(x, divisor) for x, divisor in zip(parts, divisors, strict=True)]
            else:  # the maximum is subtracted first, because the logarithm is small
                shifted = [b.fsub(self._load(x, i, tail), top) for x, top in zip(sources, tops, strict=True)]
                results = [b.fsub(x, divisor) for x, divisor in zip(shifted, divisors, strict=True)]
            self._store(results, targets, i, tail)

        self._for_vectors(k, [], finish)

    def _for_vectors(
        self, k: Value, values: list[Value], write: Callable[[Value, Tail | None], None]
    ) -> None:
        """Process all vectors of a row and its tail, updating ``values``."""
        b, code = self.builder, self.code
        full = b.and_(k, I64(-LANES))
        with code.fold_range(I64(0), full, LANES, values) as i:
            write(i, None)
        rest, old = b.sub(k, full), list(values)
        with code.conditional_values(b.icmp_signed("!=", rest, I64(0)), values, old) as merged:
            write(full, self.vectors.tail(code, rest))
        values[:] = merged

    def _exponentials(self, source: Value, i: Value, tail: Tail | None, top: Value) -> Value:
        """Return e^(score - top) of the vector at ``i``, and 0 beyond the row."""
        b, address = self.builder, self._at(source, i)
        score = self.vectors.load(self.code, address, tail, top)
        exponentials = vector.exp(self.many, self.dtype, b.fsub(score, top))
        return exponentials if tail is None else b.select(tail.mask, exponentials, self.vectors.zero)

    def _largest(self, k: Value, sources: list[Value]) -> list[Value]:
        """Return the maximum score of each row, or 0 if it is not finite."""
        b = self.builder
        tops: list[Value] = [self.minus_infinity for _ in sources]

        def larger(x: Value, y: Value) -> Value:
            return b.select(b.fcmp_ordered(">", x, y), x, y)

        def update(i: Value, tail: Tail | None) -> None:
            scores = [self._load(source, i, tail) for source in sources]
            tops[:] = [larger(x, top) for x, top in zip(scores, tops, strict=True)]

        self._for_vectors(k, tops, update)
        infinity, maxima = self.one.constant(self.dtype, float("inf")), []
        for top in tops:
            value = self.vectors.reduce_lanes(self.code, top, larger)
            finite = b.fcmp_ordered("<", self.one.intrinsic("fabs", self.dtype, value), infinity)
            maxima.append(b.select(finite, value, self.one.constant(self.dtype, 0.0)))
        return maxima

    def _logs(self, values: list[Value]) -> list[Value]:
        """Return the logarithms of some numbers, computed as one vector."""
        lanes = Lanes(self.builder, len(values))
        if lanes.width == 1:
            return [vector.log(lanes, self.dtype, values[0])]
        vector_of_values = ir.Constant(lanes.type(self.dtype), ir.Undefined)
        for lane, value in enumerate(values):
            vector_of_values = self.builder.insert_element(vector_of_values, value, I32(lane))
        logs = vector.log(lanes, self.dtype, vector_of_values)
        return [self.builder.extract_element(logs, I32(lane)) for lane in range(len(values))]

    def _at(self, start: Value, i: Value) -> Value:
        """Return the address of the vector at ``i``."""
        return self.code.plus(start, self.code.times(i, self.size))

    def _load(self, start: Value, i: Value, tail: Tail | None) -> Value:
        return self.vectors.load(self.code, self._at(start, i), tail, self.minus_infinity)

    def _store(self, values: list[Value], starts: list[Value], i: Value, tail: Tail | None) -> None:
        for value, start in zip(values, starts, strict=True):
            self.vectors.store(self.code, value, self._at(start, i), tail)
