"""Softmax and its kin over rows whose scores lie side by side, a vector of scores at a time.

Every row takes three passes: the largest score, the sum of e^(score - largest), the results. The last vector
of a row, where it is not whole, is read and written under a mask; what lies beyond the row is no larger than
anything, and adds 0 to the sum (not as e^-infinity: processors are slow with numbers that small). Few scores
are one vector, and most of a pass is then waiting for its result: so four rows go side by side, each computed
as if it were alone. Rows of many scores go one at a time: a row is still near when it is passed again.
Rows that lie otherwise are left to ``score_columns``.

The block: [rows, scores in a row, X, step from row to row, Y]; Y is dense.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from chainrule.engines.native.codegen import vector
from chainrule.engines.native.codegen.ir_builder import I64, Assembly, Value
from chainrule.engines.native.codegen.masked_vectors import I32, Part, Vectors
from chainrule.engines.native.codegen.vector import LANES, Lanes

SIDE_BY_SIDE = (4, 1)  # rows at a time: many, and then what is left
WIDE = 1024  # scores from which on a row goes alone


class ScoreWriter:
    """Writes the kernel of one number kind.

    Args:
        kind: of the numbers.
        way: ``"softmax"``, ``"log_softmax"`` or ``"logsumexp"``.
        name: what the function is called.
    """

    def __init__(self, kind: str, way: str, name: str) -> None:
        self.kind, self.way, self.vectors = kind, way, Vectors(kind, LANES)
        self.size, self.type = self.vectors.size, self.vectors.type
        self.module = ir.Module(name)
        self.code = Assembly(self.module, name)
        self.builder = self.code.builder
        self.many, self.one = Lanes(self.builder, LANES), Lanes(self.builder, 1)
        self.least = self.many.constant(kind, float("-inf"))

    def write(self) -> ir.Module:
        """The module with the finished function."""
        code = self.code
        rows, k, x, step, y = (code.word(i) for i in range(5))
        wide = I64(1) if self.way == "logsumexp" else k
        steps = [code.times(step, self.size), code.times(wide, self.size)]
        first = I64(0)
        is_wide = self.builder.icmp_signed(">", k, I64(WIDE))
        for many in SIDE_BY_SIDE:
            whole = self.builder.and_(self.builder.sub(rows, first), I64(-many))
            last = code.plus(first, self.builder.select(is_wide, I64(0), whole) if many > 1 else whole)
            carried = [
                (code.plus(start, code.times(first, step)), code.times(step, many))
                for start, step in zip((x, y), steps, strict=True)
            ]
            with code.counting(first, last, many, carried) as (_, *starts):
                places = [
                    [code.plus(start, code.times(step, i)) for i in range(many)]
                    for start, step in zip(starts, steps, strict=True)
                ]
                self._rows(k, *places)
            first = last
        self.builder.ret_void()
        return self.module

    def _rows(self, k: Value, sources: list[Value], targets: list[Value]) -> None:
        """Rows side by side, with their scores at ``sources``."""
        b, largest = self.builder, self._largest(k, sources)
        tops = [self.many.repeat(value) for value in largest]
        totals: list[Value] = [self.vectors.zero for _ in sources]

        def add(i: Value, part: Part | None) -> None:
            raised = [self._raised(x, i, part, top) for x, top in zip(sources, tops, strict=True)]
            totals[:] = [b.fadd(total, value) for total, value in zip(totals, raised, strict=True)]
            if self.way == "softmax":
                self._store(raised, targets, i, part)

        self._along(k, totals, add)
        wholes = [self.vectors.across(self.code, total, b.fadd) for total in totals]
        logs = [] if self.way == "softmax" else self._logs(wholes)
        if self.way == "logsumexp":
            for top, log, target in zip(largest, logs, targets, strict=True):
                self.code.store(b.fadd(top, log), target, self.size)
            return
        shares = [self.many.repeat(value) for value in (logs or wholes)]

        def finish(i: Value, part: Part | None) -> None:
            if self.way == "softmax":
                parts = [self._load(target, i, part) for target in targets]
                found = [b.fdiv(x, share) for x, share in zip(parts, shares, strict=True)]
            else:  # the largest goes first, because the logarithm is small
                shifted = [b.fsub(self._load(x, i, part), top) for x, top in zip(sources, tops, strict=True)]
                found = [b.fsub(x, share) for x, share in zip(shifted, shares, strict=True)]
            self._store(found, targets, i, part)

        self._along(k, [], finish)

    def _along(self, k: Value, values: list[Value], write: Callable[[Value, Part | None], None]) -> None:
        """All vectors of a row, and what is left, which make new values of old ones."""
        b, code = self.builder, self.code
        whole = b.and_(k, I64(-LANES))
        with code.folding(I64(0), whole, LANES, values) as i:
            write(i, None)
        left, old = b.sub(k, whole), list(values)
        with code.either(b.icmp_signed("!=", left, I64(0)), values, old) as found:
            write(whole, self.vectors.part(code, left))
        values[:] = found

    def _raised(self, source: Value, i: Value, part: Part | None, top: Value) -> Value:
        """e^(score - top) of the vector at ``i``, and 0 beyond the row."""
        b, place = self.builder, self._at(source, i)
        score = self.vectors.load(self.code, place, part, top)
        raised = vector.exp(self.many, self.kind, b.fsub(score, top))
        return raised if part is None else b.select(part.mask, raised, self.vectors.zero)

    def _largest(self, k: Value, sources: list[Value]) -> list[Value]:
        """Each row's largest score, or 0 where that is not finite."""
        b = self.builder
        tops: list[Value] = [self.least for _ in sources]

        def larger(x: Value, y: Value) -> Value:
            return b.select(b.fcmp_ordered(">", x, y), x, y)

        def look(i: Value, part: Part | None) -> None:
            scores = [self._load(source, i, part) for source in sources]
            tops[:] = [larger(x, top) for x, top in zip(scores, tops, strict=True)]

        self._along(k, tops, look)
        endless, found = self.one.constant(self.kind, float("inf")), []
        for top in tops:
            value = self.vectors.across(self.code, top, larger)
            finite = b.fcmp_ordered("<", self.one.intrinsic("fabs", self.kind, value), endless)
            found.append(b.select(finite, value, self.one.constant(self.kind, 0.0)))
        return found

    def _logs(self, values: list[Value]) -> list[Value]:
        """The logarithms of some numbers, taken together."""
        lanes = Lanes(self.builder, len(values))
        if lanes.width == 1:
            return [vector.log(lanes, self.kind, values[0])]
        together = ir.Constant(lanes.type(self.kind), ir.Undefined)
        for lane, value in enumerate(values):
            together = self.builder.insert_element(together, value, I32(lane))
        logs = vector.log(lanes, self.kind, together)
        return [self.builder.extract_element(logs, I32(lane)) for lane in range(len(values))]

    def _at(self, start: Value, i: Value) -> Value:
        """The address of the vector at ``i``."""
        return self.code.plus(start, self.code.times(i, self.size))

    def _load(self, start: Value, i: Value, part: Part | None) -> Value:
        return self.vectors.load(self.code, self._at(start, i), part, self.least)

    def _store(self, values: list[Value], starts: list[Value], i: Value, part: Part | None) -> None:
        for value, start in zip(values, starts, strict=True):
            self.vectors.store(self.code, value, self._at(start, i), part)
