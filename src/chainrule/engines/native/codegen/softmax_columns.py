"""Softmax, log_softmax and logsumexp along an axis that is not the innermost: (n, k, c) along k.

The scores of neighboring columns are usually contiguous (inner stride 1: images whose samples are innermost),
so a vector holds the same score of many columns; the last vector of a row of columns is masked. Strided
columns are computed one at a time. The bits of a column do not depend on its neighbors.

The block: [n, k, c, X, outer stride, middle stride, inner stride, Y]; strides count elements; Y is dense.
"""

from __future__ import annotations

from llvmlite import ir

from chainrule.engines.native.codegen import vector
from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import Tail, Vectors
from chainrule.engines.native.codegen.vector import LANES, Lanes


class SoftmaxColumnsWriter:
    """Writes the kernel of one dtype.

    Args:
        dtype: the dtype.
        function: ``"softmax"``, ``"log_softmax"`` or ``"logsumexp"``.
        name: name of the function.
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
        """Compute some adjacent columns.

        Args:
            source, target: an address and the bytes from one score to the next.
        """
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
