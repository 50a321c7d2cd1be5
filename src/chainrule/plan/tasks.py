"""The lines of a plan: which memory there is (``Buffer``) and what is done in which order (``Task``)."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.plan.views import View
from chainrule.records import frozen

BEFORE, PARTS, LOSS, AFTER = 0, 1, 2, 3  # the phases, in order; undivided, everything is BEFORE


@frozen
class Buffer:
    """A piece of memory.

    Args:
        number: its place in the plan's list.
        shape: of the value it is for, in order, last axis fastest.
        dtype: number kind.
        origin: ``"input"`` (handed in), ``"constant"``, ``"work"`` (reused once its last reader is done),
            ``"joined"`` (a sum over the parts of a batch), ``"kept"`` (the rows of all parts, for a product
            that comes when they are done), ``"output"``, or ``"moving"`` (no memory of its
            own: the cell of the present step of a loop over time).
        label: the input's name, or the output's.
        array: a constant's numbers.
        phase: in which phase it is written.
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
        """How many numbers."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.size * np.dtype(self.dtype).itemsize


@frozen(eq=False)
class Task:
    """One call of the program.

    Args:
        kind: ``"loop"``, ``"copy"``, ``"fill"``, ``"matmul"`` (perhaps with the loop that is its epilogue),
            ``"sum"``, ... or ``"law"`` (run by the card's evaluate).
        nodes: what it computes.
        reads, writes: the memory.
        phase: in which phase.
        adds: whether the result is added to what is there.
        facts: sizes the engine needs besides the views.
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
        """Floating-point operations, counted as the textbook does."""
        if self.kind == "matmul":
            *stack, m, n = self.writes[0].shape
            in_epilogue = math.prod(self.writes[0].shape) * (len(self.nodes) - 1)
            return 2 * math.prod(stack) * m * n * self.reads[0].shape[-1] + in_epilogue
        if self.kind in ("product", "dots"):
            return 2 * math.prod(self.facts["shape"])
        if self.kind in ("weigh", "weigh_back"):
            of = self.writes if self.kind == "weigh" else self.reads[1:]
            return 2 * self.facts["taps"] * math.prod(of[0].shape)
        if self.kind == "resample":
            outer, _, row = self.facts["lengths"]
            return 2 * outer * row * self.facts["taps"]
        if self.kind == "scan":
            return self.facts["steps"] * sum(task.flops for task in self.facts["tasks"])
        size = math.prod(self.writes[0].shape) if self.writes else 0
        if self.kind == "taps":
            return size * (len(self.reads) - (self.facts["by"] != "weigh"))
        if self.kind == "loop":  # a result has the shape of the loop, also where it is a sum
            return size * len(self.nodes)
        return max(size, max((math.prod(v.shape) for v in self.reads), default=0))

    @property
    def layer(self) -> str:
        """The path of the layer it belongs to."""
        return next((n.site.path for n in self.nodes if n.site.path), "")
