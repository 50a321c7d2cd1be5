"""Calls of gather, scatter-add, one-hot and random numbers."""

from __future__ import annotations

import numpy as np

from chainrule.engines.native.runtime.call_builder import FLAG, Accumulate, Call, CallBuilder, RowOffset
from chainrule.engines.native.runtime.partition import Partition
from chainrule.plan.tasks import Task


def gather(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of a gather: indices are divided."""
    table, index = task.reads
    (y,) = task.writes
    width = int(np.prod(table.shape[1:]))
    count, rows = int(np.prod(index.shape)), table.shape[0]
    words = [
        count,
        width,
        builder.address(table),
        rows,
        width,
        builder.address(index),
        1,
        builder.address(y),
        FLAG,
        0,
    ]
    partition = Partition(count, 0, ((5, builder.itemsize(index)), (7, width * builder.itemsize(y)), (9, 1)))
    return [
        Call(
            builder.gather_kernel("take_rows", builder.dtype(table), builder.dtype(index)),
            tuple(words),
            partition,
        )
    ]


def scatter_add(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of a scatter-add, which is not divided: several indices may name one row."""
    values, index = task.reads
    (y,) = task.writes
    width = int(np.prod(y.shape[1:]))
    count, rows, accumulate = int(np.prod(index.shape)), y.shape[0], Accumulate() if task.adds else 0
    words = [
        count,
        width,
        builder.address(values),
        rows,
        accumulate,
        builder.address(index),
        1,
        builder.address(y),
        FLAG,
    ]
    return [
        Call(
            builder.kernel("scatter_add.add_rows", builder.dtype(values), builder.dtype(index)), tuple(words)
        )
    ]


def one_hot(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of a one-hot encoding: indices are divided."""
    (index,), (y,) = task.reads, task.writes
    count, depth = int(np.prod(index.shape)), y.shape[-1]
    words = (count, depth, builder.address(index), 1, builder.address(y), FLAG, 0)
    partition = Partition(count, 0, ((2, builder.itemsize(index)), (4, depth * builder.itemsize(y)), (6, 1)))
    return [Call(builder.gather_kernel("one_hot", builder.dtype(y), builder.dtype(index)), words, partition)]


def uniform(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of random numbers, which is not divided."""
    (key,), (y,) = task.reads, task.writes
    stream = task.facts["stream"] & 0xFFFFFFFFFFFFFFFF
    if len(key.shape) == 2:
        rows = key.shape[0]
        words = [rows, int(np.prod(y.shape)) // max(rows, 1), builder.address(key)]
        words += [stream >> 32, stream & 0xFFFFFFFF, builder.address(y)]
        return [Call(builder.kernel("random.uniform_numbers_of_rows", builder.dtype(y)), tuple(words))]
    # Positions count over the whole batch; a microbatch samples from the position of its first row on.
    first = RowOffset(task.facts["per_sample"]) if task.facts["per_sample"] else 0
    words = [
        int(np.prod(y.shape)),
        first,
        builder.address(key),
        stream >> 32,
        stream & 0xFFFFFFFF,
        builder.address(y),
    ]
    return [Call(builder.kernel("random.uniform_numbers", builder.dtype(y)), tuple(words))]
