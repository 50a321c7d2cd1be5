"""Calls of reductions and of softmax."""

from __future__ import annotations

import math

from chainrule.engines.native.runtime.call_builder import Accumulate, Call, CallBuilder
from chainrule.engines.native.runtime.partition import Partition, reduction_partition
from chainrule.plan.tasks import Task

FLOATS = ("float32", "float64")


def reduce(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of a reduction: outer indices are divided, else columns."""
    (x,), (y,) = task.reads, task.writes
    (n, r, c), (outer, along, inner), reduction = task.facts["lengths"], task.facts["strides"], task.kind
    if c == 1:  # the outer indices become columns
        n, c, outer, inner = 1, n, 0, outer
    words = [n, r, c, builder.address(x), outer, along, inner, builder.address(y)]
    dtype, partition = builder.dtype(x), reduction_partition(words, builder.itemsize(x), builder.itemsize(y))
    words.append(Accumulate() if task.adds else 0)
    if reduction == "argmax":
        kernel = builder.kernel("reduction.argmax_rows", dtype)
    elif dtype in FLOATS and c > 1 and inner == 1:
        kernel = builder.reduction_kernel(dtype, reduction, is_row=True)
    elif dtype in FLOATS and along == 1:
        kernel = builder.reduction_kernel(dtype, reduction, is_row=False)
    elif reduction == "sum":
        kernel = builder.kernel("reduction.sum_rows", dtype)
    else:
        kernel = builder.kernel("reduction.extreme_rows", dtype, 1 if reduction == "max" else -1)
    return [Call(kernel, tuple(words), partition)]


def softmax(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of softmax, log_softmax or logsumexp: outer indices are divided."""
    (x,), (y,) = task.reads, task.writes
    (n, k, c), (outer, along, inner) = task.facts["lengths"], task.facts["strides"]
    size, row_bytes = builder.itemsize(x), builder.itemsize(y) * math.prod(y.shape) // max(n, 1)
    if c == 1 and along == 1 and k > 0:
        words = (n, k, builder.address(x), outer, builder.address(y))
        partition = Partition(n, 0, ((2, outer * size), (4, row_bytes)))
        return [Call(builder.softmax_rows_kernel(builder.dtype(x), task.kind), words, partition)]
    words = (n, k, c, builder.address(x), outer, along, inner, builder.address(y))
    partition = Partition(n, 0, ((3, outer * size), (7, row_bytes)))
    return [Call(builder.softmax_columns_kernel(builder.dtype(x), task.kind), words, partition)]
