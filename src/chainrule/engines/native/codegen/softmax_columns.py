"""Softmax, its logarithm and logsumexp along an axis that is not the innermost one: (n, k, c) along k.

The scores of neighboring columns lie side by side (inner stride 1, the usual case: images whose samples lie
innermost), so a vector holds the same score of many columns; the last vector of a row of columns is masked.
Columns that lie apart are computed one at a time. Each column is computed in the order of its scores,
whatever its neighbors.

The block: [n, k, c, X, outer stride, middle stride, inner stride, Y]; strides count elements; Y is dense.
"""

from __future__ import annotations

from llvmlite import ir

from chainrule.engines.native.codegen import vector
from chainrule.engines.native.codegen.ir_builder import I64, Assembly, Value
from chainrule.engines.native.codegen.masked_vectors import Part, Vectors
from chainrule.engines.native.codegen.vector import LANES, Lanes


class ScoreColumnsWriter:
    """Writes the kernel of one dtype.

    Args:
        kind: the dtype.
        way: ``"softmax"``, ``"log_softmax"`` or ``"logsumexp"``.
        name: the function's name.
    """

    def __init__(self, kind: str, way: str, name: str) -> None:
        self.kind, self.way, self.vectors = kind, way, Vectors(kind, LANES)
        self.size = self.vectors.size
        self.module = ir.Module(name)
        self.code = Assembly(self.module, name)
        self.many, self.one = Lanes(self.code.builder, LANES), Lanes(self.code.builder, 1)

    def write(self) -> ir.Module:
        """The module with the finished function."""
        code, b = self.code, self.code.builder
        n, k, c, x, outer, middle, inner, y = (code.word(i) for i in range(8))
        rows = I64(1) if self.way == "logsumexp" else k
        outer, middle, inner, wide = (code.times(step, self.size) for step in (outer, middle, inner, c))
        is_near = b.icmp_signed("==", inner, I64(self.size))
        whole = b.select(is_near, b.and_(c, I64(-LANES)), I64(0))
        left = b.sub(c, whole)
        with code.counting(I64(0), n, 1, [(x, outer), (y, code.times(wide, rows))]) as (_, source, target):
            with code.counting(I64(0), whole, LANES) as j:
                shift = code.times(j, self.size)
                self._columns(
                    self.many, k, (code.plus(source, shift), middle), (code.plus(target, shift), wide)
                )
            has_rest = b.and_(is_near, b.icmp_signed(">", left, I64(0)))
            with code.when(has_rest):
                part, shift = self.vectors.part(code, left), code.times(whole, self.size)
                places = (code.plus(source, shift), middle), (code.plus(target, shift), wide)
                self._columns(self.many, k, *places, part)
            with code.counting(b.select(is_near, c, I64(0)), c) as j:
                places = (
                    (code.plus(source, code.times(j, inner)), middle),
                    (code.plus(target, code.times(j, self.size)), wide),
                )
                self._columns(self.one, k, *places)
        b.ret_void()
        return self.module

    def _columns(
        self,
        lanes: Lanes,
        k: Value,
        source: tuple[Value, Value],
        target: tuple[Value, Value],
        part: Part | None = None,
    ) -> None:
        """Some columns side by side; source and target are an address and the bytes from one score to the
        next."""
        code, b = self.code, self.code.builder
        top = self._largest(lanes, k, source, part)
        totals = [lanes.constant(self.kind, 0.0)]
        with code.folding(I64(0), k, 1, totals) as i:
            raised = vector.exp(lanes, self.kind, b.fsub(self._load(lanes, source, i, part), top))
            totals[:] = [b.fadd(totals[0], raised)]
            if self.way == "softmax":
                self._store(lanes, raised, target, i, part)
        (total,) = totals
        if self.way == "logsumexp":
            self._store(lanes, b.fadd(top, vector.log(lanes, self.kind, total)), target, I64(0), part)
            return
        shift = total if self.way == "softmax" else vector.log(lanes, self.kind, total)
        with code.counting(I64(0), k) as i:
            if self.way == "softmax":
                value = b.fdiv(self._load(lanes, target, i, part), shift)
            else:  # the largest score is subtracted first, because the logarithm is small
                value = b.fsub(b.fsub(self._load(lanes, source, i, part), top), shift)
            self._store(lanes, value, target, i, part)

    def _largest(self, lanes: Lanes, k: Value, source: tuple[Value, Value], part: Part | None) -> Value:
        """Each column's largest score, or 0 where that is not finite, so that no e^x overflows."""
        code, b = self.code, self.code.builder
        tops = [lanes.constant(self.kind, float("-inf"))]
        with code.folding(I64(0), k, 1, tops) as i:
            score = self._load(lanes, source, i, part)
            tops[:] = [b.select(b.fcmp_ordered(">", score, tops[0]), score, tops[0])]
        endless = lanes.constant(self.kind, float("inf"))
        is_finite = b.fcmp_ordered("<", lanes.intrinsic("fabs", self.kind, tops[0]), endless)
        return b.select(is_finite, tops[0], lanes.constant(self.kind, 0.0))

    def _load(self, lanes: Lanes, place: tuple[Value, Value], i: Value, part: Part | None) -> Value:
        address = self.code.plus(place[0], self.code.times(i, place[1]))
        if lanes.width == 1:
            return self.code.load(address, self.vectors.number, self.size)
        return self.vectors.load(self.code, address, part)

    def _store(
        self, lanes: Lanes, value: Value, place: tuple[Value, Value], i: Value, part: Part | None
    ) -> None:
        address = self.code.plus(place[0], self.code.times(i, place[1]))
        if lanes.width == 1:
            self.code.store(value, address, self.size)
        else:
            self.vectors.store(self.code, value, address, part)
