"""Task record: a task of a plan without its nodes, which can be printed, saved and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chainrule.plan.tasks import Buffer, Task
from chainrule.plan.views import View
from chainrule.records import frozen


@frozen
class TaskRecord:
    """A task without its nodes.

    Args:
        kind: as in ``Task``.
        layer: path of the layer that the task belongs to; ``""`` if it belongs to the loss or to no single
            layer.
        operations: names of its operations, in order.
        reads, writes: its memory.
        phase, adds: as in ``Task``.
        flops: floating-point operations.
        bytes: bytes that it reads and writes; a value that is repeated along an axis counts once.
    """

    kind: str
    layer: str
    operations: tuple[str, ...]
    reads: tuple[View, ...]
    writes: tuple[View, ...]
    phase: int
    adds: bool
    flops: int
    bytes: int


def task_record(task: Task, buffers: Sequence[Buffer], homes: Mapping[str, str] | None = None) -> TaskRecord:
    """Return the record of a task.

    Args:
        task: the task.
        buffers: buffers of its plan.
        homes: outputs that replace an input: output name to input label.
    """
    operations = tuple(node.op.name for node in task.nodes)
    traffic = sum(_distinct(view) * np.dtype(buffers[view.buffer].dtype).itemsize
                for view in (*task.reads, *task.writes))  # fmt: skip
    layer, views = task.layer or _owner(task, buffers, homes or {}), (task.reads, task.writes)
    return TaskRecord(task.kind, layer, operations, *views, task.phase, task.adds, task.flops, traffic)


def _distinct(view: View) -> int:
    """Return the number of distinct elements of a view."""
    count = 1
    for length, stride in zip(view.shape, view.strides, strict=True):
        count *= min(length, 1) if stride == 0 else length
    return count


def _owner(task: Task, buffers: Sequence[Buffer], homes: Mapping[str, str]) -> str:
    """Return the layer whose parameter or optimizer state a task writes."""
    for view in task.writes:
        buffer = buffers[view.buffer]
        label = buffer.label if buffer.origin == "input" else homes.get(buffer.label, "")
        if label:  # such as "dense1.weight", or "dense1.weight/velocity"
            return label.partition("/")[0].rpartition(".")[0]
    return ""
