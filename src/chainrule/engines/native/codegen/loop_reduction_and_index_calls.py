"""Calls of loops, copies, reductions, softmax, gather, scatter-add, one-hot and random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.engines.native.codegen.elementwise_loop import Operation
from chainrule.engines.native.runtime.call_builder import FLAG, Accumulate, Call, CallBuilder, RowOffset
from chainrule.engines.native.runtime.partition import Partition, reduction_partition
from chainrule.ops.operation_card import Card
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
            builder.kernel("gather.take_rows", builder.dtype(table), builder.dtype(index)),
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
        Call(builder.kernel("gather.add_rows", builder.dtype(values), builder.dtype(index)), tuple(words))
    ]


def one_hot(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of a one-hot encoding: indices are divided."""
    (index,), (y,) = task.reads, task.writes
    count, depth = int(np.prod(index.shape)), y.shape[-1]
    words = (count, depth, builder.address(index), 1, builder.address(y), FLAG, 0)
    partition = Partition(count, 0, ((2, builder.itemsize(index)), (4, depth * builder.itemsize(y)), (6, 1)))
    return [Call(builder.kernel("gather.one_hot", builder.dtype(y), builder.dtype(index)), words, partition)]


def random_numbers(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of random numbers, which is not divided."""
    (key,), (y,) = task.reads, task.writes
    stream = task.facts["stream"] & 0xFFFFFFFFFFFFFFFF
    if len(key.shape) == 2:
        rows = key.shape[0]
        words = [rows, int(np.prod(y.shape)) // max(rows, 1), builder.address(key)]
        words += [stream >> 32, stream & 0xFFFFFFFF, builder.address(y)]
        return [
            Call(builder.kernel("random.random_numbers_of_rows", builder.dtype(y), task.kind), tuple(words))
        ]
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
    return [Call(builder.kernel("random.random_numbers", builder.dtype(y), task.kind), tuple(words))]


def _operation(node: Any, index: dict[Any, int]) -> Operation:
    op: Card = node.op
    dtype = node.inputs[-1].dtype
    attributes = op.attributes.values() if op.name == "clip" else ()
    settings = tuple(float(v) for v in attributes if isinstance(v, int | float))
    return Operation(op.name, dtype, node.dtype, tuple(index[s] for s in node.inputs), settings)


def loop_operations(task: Task, operands: Sequence[Any]) -> tuple[list[Operation], list[int], list[Any]]:
    """Return what a loop computes of its operands, the numbers of its stored values, and its folds."""
    index = {node: i for i, node in enumerate(operands)}
    operations, fold_nodes = [], task.facts["folds"]
    for node in task.nodes:
        if node not in index and node not in fold_nodes:
            operations.append(_operation(node, index))
            index[node] = len(index)
    folds = [(index[n.inputs[0]], "sum" if n.op.name == "fold" else n.op.name) for n in fold_nodes]
    return operations, [index[node] for node in task.facts["stored"]], folds


def loop(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of a fused loop."""
    return [builder.loop(task.reads, task.writes, *loop_operations(task, task.facts["operands"]))]


def copy(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of a copy: a loop without operations."""
    return [builder.loop(task.reads, task.writes, [], [0])]


def combine(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call that combines operands of one shape pairwise: a + b + c, or their maximum.

    With ``"weighted_sum"`` the second half of the operands are the weights of the first: a d + b e + c f.
    """
    dtype, count, by = builder.dtype(task.writes[0]), len(task.reads), task.facts["by"]
    operations, values = [], list(range(count))
    if by == "weighted_sum":
        half = count // 2
        operations = [Operation("multiply", dtype, dtype, (i, half + i)) for i in range(half)]
        values, by = list(range(count, count + half)), "add"
    result = values[0]
    for value in values[1:]:
        operations.append(Operation(by, dtype, dtype, (result, value)))
        result = count + len(operations) - 1
    return [builder.loop(task.reads, task.writes, operations, [result])]


def linear_transform(builder: CallBuilder, task: Task) -> list[Call]:
    """Return the call of a linear transform, step by step; the factors follow the inputs."""
    dtype, transform = builder.dtype(task.writes[0]), task.facts["transform"]
    operations: list[Operation] = []
    values, factors = (
        list(range(transform.inputs)),
        dict(zip(transform.factors, range(transform.inputs, len(task.reads)), strict=True)),
    )

    def emit(name: str, *inputs: int) -> int:
        operations.append(Operation(name, dtype, dtype, inputs))
        return len(task.reads) + len(operations) - 1

    for terms in transform.steps:
        total = None
        for factor, of in sorted(terms, key=lambda term: term[0] < 0):
            magnitude = abs(factor)
            value = values[of] if magnitude == 1 else emit("multiply", values[of], factors[magnitude])
            if total is None:
                total = value if factor > 0 else emit("negative", value)
            else:
                total = emit("add" if factor > 0 else "subtract", total, value)
        assert total is not None
        values.append(total)
    return [builder.loop(task.reads, task.writes, operations, [values[of] for of in transform.results])]


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
