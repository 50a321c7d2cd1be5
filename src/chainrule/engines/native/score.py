"""Softmax and its kin over rows whose scores lie side by side, a vector of scores at a time.

Every row takes three passes: the largest score, the sum of e^(score - largest), the results. The last vector
of a row is read and written under a mask; what lies beyond the row counts as minus infinity, whose power is
0. Rows that lie otherwise are left to ``kernels.score``.

The block: [rows, scores in a row, X, step from row to row, Y]; Y is dense.
"""

from __future__ import annotations

from llvmlite import ir

from chainrule.engines.native import vector
from chainrule.engines.native.assembly import I64, Assembly, Value
from chainrule.engines.native.short import Part, Vectors
from chainrule.engines.native.vector import LANES, Lanes


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
        carried = [(x, code.times(step, self.size)), (y, code.times(wide, self.size))]
        with code.counting(I64(0), rows, 1, carried) as (_, source, target):
            self._row(k, source, target)
        self.builder.ret_void()
        return self.module

    def _row(self, k: Value, source: Value, target: Value) -> None:
        b, top = self.builder, [self.least]
        with self.code.folding(I64(0), k, LANES, top) as i:
            value = self._load(source, i, k)
            top[0] = b.select(b.fcmp_ordered(">", value, top[0]), value, top[0])
        largest = self.vectors.across(
            self.code, top[0], lambda p, q: b.select(b.fcmp_ordered(">", p, q), p, q)
        )
        endless = self.one.constant(self.kind, float("inf"))
        finite = b.fcmp_ordered("<", self.one.intrinsic("fabs", self.kind, largest), endless)
        largest = b.select(finite, largest, self.one.constant(self.kind, 0.0))
        tops = self.many.repeat(largest)
        total: list[Value] = [self.vectors.zero]
        with self.code.folding(I64(0), k, LANES, total) as i:
            raised = vector.exp(self.many, self.kind, b.fsub(self._load(source, i, k), tops))
            total[0] = b.fadd(total[0], raised)
            if self.way == "softmax":
                self._store(raised, target, i, k)
        whole = self.vectors.across(self.code, total[0], b.fadd)
        if self.way == "softmax":
            share = self.many.repeat(whole)
            with self.code.counting(I64(0), k, LANES) as i:
                self._store(b.fdiv(self._load(target, i, k), share), target, i, k)
            return
        log = vector.log(self.one, self.kind, whole)
        if self.way == "logsumexp":
            self.code.store(b.fadd(largest, log), target, self.size)
            return
        logs = self.many.repeat(log)
        with self.code.counting(I64(0), k, LANES) as i:
            # The largest goes first, because the logarithm is small.
            shifted = b.fsub(b.fsub(self._load(source, i, k), tops), logs)
            self._store(shifted, target, i, k)

    def _at(self, start: Value, i: Value, k: Value) -> tuple[Value, Part]:
        """The address of the vector at ``i``, and which lanes of it belong to the row."""
        left = self.builder.sub(k, i)
        return self.code.plus(start, self.code.times(i, self.size)), self.vectors.part(self.code, left)

    def _load(self, start: Value, i: Value, k: Value) -> Value:
        return self.vectors.load(self.code, *self._at(start, i, k), self.least)

    def _store(self, value: Value, start: Value, i: Value, k: Value) -> None:
        self.vectors.store(self.code, value, *self._at(start, i, k))
