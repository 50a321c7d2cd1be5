"""Tasks and buffers of a plan: what is computed in which order, in which memory."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.plan.views import View
from chainrule.records import frozen

BEFORE, MICROBATCHES, LOSS, AFTER = 0, 1, 2, 3  # phases in order; an undivided plan has only BEFORE


@frozen
class Buffer:
    """A piece of memory.

    Args:
        number: its index in the plan.
        shape: shape of its value in memory order, last axis fastest.
        dtype: dtype of its elements.
        origin: ``"input"`` (passed by the caller), ``"constant"``, ``"work"`` (reused after its last reader),
            ``"summed"`` (a sum over the microbatches), ``"deferred"`` (rows of all microbatches, for a
            deferred gradient), ``"output"``, or ``"moving"`` (no memory of its own: the cell of the current
            step of a loop over time).
        label: label of the input or output.
        array: value of a constant.
        phase: phase in which it is written.
    """

    number: int
    shape: tuple[int, ...]
    dtype: str
    origin: str
    label: str = ""
    array: np.ndarray | None = field(default=None, repr=False, compare=False)
    phase: int = 0

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.size * np.dtype(self.dtype).itemsize


@frozen(eq=False)
class Task:
    """One call of the program.

    Args:
        kind: ``"loop"``, ``"copy"``, ``"matmul"`` (with the loop that is its epilogue, if any), ``"sum"``,
            ... or ``"reference"`` (computed by the card's ``evaluate``).
        nodes: the nodes that it computes.
        reads, writes: its memory.
        adds: whether the result is added to memory.
        facts: parameters of the kernel besides the views.
    """

    kind: str
    nodes: tuple[Node, ...]
    reads: tuple[View, ...]
    writes: tuple[View, ...]
    phase: int = 0
    adds: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def flops(self) -> int:
        """Floating-point operations, as in textbooks."""
        if self.kind == "matmul":
            *stack, m, n = self.writes[0].shape
            epilogue_flops = math.prod(self.writes[0].shape) * (len(self.nodes) - 1)
            return 2 * math.prod(stack) * m * n * self.reads[0].shape[-1] + epilogue_flops
        if self.kind in ("table_matmul", "dot_products"):
            return 2 * math.prod(self.facts["shape"])
        if self.kind in ("depthwise", "depthwise_gradient"):
            outputs = self.writes if self.kind == "depthwise" else self.reads[1:]
            return 2 * self.facts["taps"] * math.prod(outputs[0].shape)
        if self.kind == "resample":
            outer, _, row = self.facts["lengths"]
            return 2 * outer * row * self.facts["taps"]
        if self.kind == "scan":
            return self.facts["steps"] * sum(task.flops for task in self.facts["tasks"])
        size = math.prod(self.writes[0].shape) if self.writes else 0
        if self.kind == "combine":
            return size * (len(self.reads) - (self.facts["by"] != "weighted_sum"))
        if self.kind == "loop":  # counted by the shape of the loop, also for sums
            return size * len(self.nodes)
        return max(size, max((math.prod(v.shape) for v in self.reads), default=0))

    @property
    def layer(self) -> str:
        """The path of the layer that the task belongs to."""
        return next((n.site.path for n in self.nodes if n.site.path), "")
