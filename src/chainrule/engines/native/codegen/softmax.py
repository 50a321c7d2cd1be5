"""Code of softmax, along contiguous rows and along columns."""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from chainrule.engines.native.codegen import vector
from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import I32, Tail, Vectors
from chainrule.engines.native.codegen.vector import LANES, Lanes

# Softmax, log_softmax and logsumexp over contiguous rows, a vector of scores at a time.
#
# Each row takes three passes: the maximum score, the sum of e^(score - maximum), the results. The last vector
# of a row is read and written under a mask if it is partial; lanes beyond the row do not affect the maximum
# and add 0 to the sum (not e^-infinity, because processors are slow with denormal numbers). A row of few
# scores is one vector, and most of a pass then waits for its result; therefore four rows are computed side by
# side, each with the bits that it has alone. Rows of many scores are computed one at a time, so that a row is
# still cached in the next pass. Other layouts are computed by ``softmax_columns``.
#
# The block: [rows, scores in a row, X, row stride, Y]; Y is dense.

ROWS_AT_ONCE = (4, 1)  # then the rest
LONG_ROW = 1024  # scores from which on a row is computed alone


class SoftmaxRowsWriter:
    """Writer of the kernel of one dtype.

    Args:
        function: ``"softmax"``, ``"log_softmax"`` or ``"logsumexp"``.
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
        return self.code.plus(start, self.code.times(i, self.size))

    def _load(self, start: Value, i: Value, tail: Tail | None) -> Value:
        return self.vectors.load(self.code, self._at(start, i), tail, self.minus_infinity)

    def _store(self, values: list[Value], starts: list[Value], i: Value, tail: Tail | None) -> None:
        for value, start in zip(values, starts, strict=True):
            self.vectors.store(self.code, value, self._at(start, i), tail)


class SoftmaxColumnsWriter:
    """Writer of the kernel of one dtype.

    Args:
        function: ``"softmax"``, ``"log_softmax"`` or ``"logsumexp"``.
    """

    def __init__(self, dtype: str, function: str, name: str) -> None:
        self.dtype, self.function, self.vectors = dtype, function, Vectors(dtype, LANES)
        self.size = self.vectors.size
        self.module = ir.Module(name)
        self.code = FunctionBuilder(self.module, name)
        self.many, self.one = Lanes(self.code.builder, LANES), Lanes(self.code.builder, 1)

    def write(self) -> ir.Module:
        """Return the module with the finished function."""
        code, b = self.code, self.code.builder
        n, k, c, x, outer, middle, inner, y = (code.word(i) for i in range(8))
        rows = I64(1) if self.function == "logsumexp" else k
        outer, middle, inner, row_bytes = (code.times(step, self.size) for step in (outer, middle, inner, c))
        is_contiguous = b.icmp_signed("==", inner, I64(self.size))
        full = b.select(is_contiguous, b.and_(c, I64(-LANES)), I64(0))
        rest = b.sub(c, full)
        with code.for_range(I64(0), n, 1, [(x, outer), (y, code.times(row_bytes, rows))]) as (
            _,
            source,
            target,
        ):
            with code.for_range(I64(0), full, LANES) as j:
                shift = code.times(j, self.size)
                self._columns(
                    self.many, k, (code.plus(source, shift), middle), (code.plus(target, shift), row_bytes)
                )
            has_rest = b.and_(is_contiguous, b.icmp_signed(">", rest, I64(0)))
            with code.if_then(has_rest):
                tail, shift = self.vectors.tail(code, rest), code.times(full, self.size)
                addresses = (code.plus(source, shift), middle), (code.plus(target, shift), row_bytes)
                self._columns(self.many, k, *addresses, tail)
            with code.for_range(b.select(is_contiguous, c, I64(0)), c) as j:
                addresses = (
                    (code.plus(source, code.times(j, inner)), middle),
                    (code.plus(target, code.times(j, self.size)), row_bytes),
                )
                self._columns(self.one, k, *addresses)
        b.ret_void()
        return self.module

    def _columns(
        self,
        lanes: Lanes,
        k: Value,
        source: tuple[Value, Value],
        target: tuple[Value, Value],
        tail: Tail | None = None,
    ) -> None:
        """Compute adjacent columns; ``source``, ``target``: an address, the bytes from score to score."""
        code, b = self.code, self.code.builder
        top = self._largest(lanes, k, source, tail)
        totals = [lanes.constant(self.dtype, 0.0)]
        with code.fold_range(I64(0), k, 1, totals) as i:
            exponentials = vector.exp(lanes, self.dtype, b.fsub(self._load(lanes, source, i, tail), top))
            totals[:] = [b.fadd(totals[0], exponentials)]
            if self.function == "softmax":
                self._store(lanes, exponentials, target, i, tail)
        (total,) = totals
        if self.function == "logsumexp":
            self._store(lanes, b.fadd(top, vector.log(lanes, self.dtype, total)), target, I64(0), tail)
            return
        shift = total if self.function == "softmax" else vector.log(lanes, self.dtype, total)
        with code.for_range(I64(0), k) as i:
            if self.function == "softmax":
                value = b.fdiv(self._load(lanes, target, i, tail), shift)
            else:  # the largest score is subtracted first, because the logarithm is small
                value = b.fsub(b.fsub(self._load(lanes, source, i, tail), top), shift)
            self._store(lanes, value, target, i, tail)

    def _largest(self, lanes: Lanes, k: Value, source: tuple[Value, Value], tail: Tail | None) -> Value:
        """Return the maximum score of each column, or 0 if it is not finite, so that no e^x overflows."""
        code, b = self.code, self.code.builder
        tops = [lanes.constant(self.dtype, float("-inf"))]
        with code.fold_range(I64(0), k, 1, tops) as i:
            score = self._load(lanes, source, i, tail)
            tops[:] = [b.select(b.fcmp_ordered(">", score, tops[0]), score, tops[0])]
        infinity = lanes.constant(self.dtype, float("inf"))
        is_finite = b.fcmp_ordered("<", lanes.intrinsic("fabs", self.dtype, tops[0]), infinity)
        return b.select(is_finite, tops[0], lanes.constant(self.dtype, 0.0))

    def _load(self, lanes: Lanes, place: tuple[Value, Value], i: Value, tail: Tail | None) -> Value:
        address = self.code.plus(place[0], self.code.times(i, place[1]))
        if lanes.width == 1:
            return self.code.load(address, self.vectors.number, self.size)
        return self.vectors.load(self.code, address, tail)

    def _store(
        self, lanes: Lanes, value: Value, place: tuple[Value, Value], i: Value, tail: Tail | None
    ) -> None:
        address = self.code.plus(place[0], self.code.times(i, place[1]))
        if lanes.width == 1:
            self.code.store(value, address, self.size)
        else:
            self.vectors.store(self.code, value, address, tail)
