"""Calls of loops: fused loops, copies, combinations of operands and linear transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.engines.native.codegen.elementwise_loop import Operation
from chainrule.engines.native.runtime.call_builder import Call, CallBuilder
from chainrule.ops.operation_card import Card
from chainrule.plan.tasks import Task


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
