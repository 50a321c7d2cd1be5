"""Kernel of ``resample``: weighted sums of rows.

A few vectors of a new row stay in registers while all its taps are added in order, so every number is read
once per tap and written once.

The block; tables hold int64, all strides count elements::

    [n, new cells, row length, X, outer stride, cell stride, Y, outer stride, cell stride,
     first tap of each new cell, cells of the taps, weights of the taps]
"""

from __future__ import annotations

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import SIZE, Tail, Vectors
from chainrule.engines.native.jit.kernel_source import KernelSource
from chainrule.engines.native.runtime.call_builder import Call, CallBuilder
from chainrule.engines.native.runtime.partition import COLUMNS, Partition
from chainrule.plan.tasks import Task

BYTES = 64  # of a vector
VECTORS_AT_ONCE = (4, 1)  # vectors of a row, then the rest


class ResampleWriter:
    """Writer of the kernel."""

    def __init__(self, dtype: str, name: str) -> None:
        self.vectors = Vectors(dtype, BYTES // SIZE[dtype])
        self.itemsize, self.lanes = self.vectors.size, self.vectors.lanes
        self.module = ir.Module(name)
        self.code = FunctionBuilder(self.module, name)
        self.builder = self.code.builder

    def write(self) -> ir.Module:
        """Return the module with the finished function."""
        code, b, itemsize = self.code, self.builder, self.itemsize
        n, count, width, x, x_step, x_cell, y, y_step, y_cell, starts, cells, weights = map(
            code.word, range(12)
        )
        steps = [(x, code.times(x_step, itemsize)), (y, code.times(y_step, itemsize))]
        x_cell, y_cell, eight = code.times(x_cell, itemsize), code.times(y_cell, itemsize), I64(8)
        with (
            code.for_range(I64(0), n, 1, steps) as (_, source, target),
            code.for_range(I64(0), count, 1, [(starts, eight), (target, y_cell)]) as (_, address, row),
        ):
            taps = (code.load(address, I64), code.load(code.plus(address, 8), I64), cells, weights, x_cell)
            first = I64(0)
            for vectors in VECTORS_AT_ONCE:
                last = code.plus(first, b.and_(b.sub(width, first), I64(-vectors * self.lanes)))
                with code.for_range(first, last, vectors * self.lanes) as i:
                    self._sums(source, row, code.times(i, itemsize), taps, vectors)
                first = last
            left = b.sub(width, first)
            with code.if_then(b.icmp_signed("!=", left, I64(0))):
                tail = self.vectors.tail(code, left)
                self._sums(source, row, code.times(first, itemsize), taps, 1, tail)
        b.ret_void()
        return self.module

    def _sums(
        self,
        source: Value,
        row: Value,
        shift: Value,
        taps: tuple[Value, ...],
        vectors: int,
        tail: Tail | None = None,
    ) -> None:
        """Compute some vectors of a new row, ``shift`` bytes from its beginning."""
        code, (start, stop, cells, weights, cell_stride) = self.code, taps
        sums: list[Value] = [self.vectors.zero] * vectors
        begin = code.plus(source, shift)
        with code.fold_range(start, stop, 1, sums) as t:
            cell = code.load(code.plus(cells, code.times(t, 8)), I64)
            number = code.load(
                code.plus(weights, code.times(t, self.itemsize)), self.vectors.number, self.itemsize
            )
            weight, source_address = (
                self.vectors.broadcast(code, number),
                code.plus(begin, code.times(cell, cell_stride)),
            )
            for k in range(vectors):
                vector = self.vectors.load(code, code.plus(source_address, k * self.vectors.bytes), tail)
                sums[k] = self.vectors.multiply_add(code, vector, weight, sums[k])
        target = code.plus(row, shift)
        for k, total in enumerate(sums):
            self.vectors.store(code, total, code.plus(target, k * self.vectors.bytes), tail)


def resample(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of a resampling: outer indices are divided, else new cells, else numbers of a row."""
    (x, starts, cells, weights), (y,) = task.reads, task.writes
    (n, count, width), ((x_step, x_cell, _), (y_step, y_cell, _)) = (
        task.facts["lengths"],
        task.facts["strides"],
    )
    dtype, itemsize = builder.dtype(y), builder.itemsize(y)
    tables = map(builder.address, (starts, cells, weights))
    rows = (builder.address(x), x_step, x_cell, builder.address(y), y_step, y_cell)
    words = (n, count, width, *rows, *tables)
    partition = Partition(n, 0, ((3, x_step * itemsize), (6, y_step * itemsize)))
    if n == 1:
        partition = Partition(count, 1, ((6, y_cell * itemsize), (9, 8)))
        if width >= 2 * COLUMNS and count < COLUMNS:
            partition = Partition(width, 2, ((3, itemsize), (6, itemsize)), COLUMNS)
    kernel = builder.machine.function(
        KernelSource("resample", (dtype,), f"resample of {dtype}"),
        lambda name: ResampleWriter(dtype, name).write(),
    )
    return [Call(kernel, words, partition)]
