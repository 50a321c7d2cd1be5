"""Where the time of a training step goes: the door to an engine's measuring, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

import numpy as np

from chainrule.errors import UsageError
from chainrule.graph import Graph, Node, order
from chainrule.records import frozen
from chainrule.settings import settings

MEASURED = ("native",)
STAGES = ("gather", "forward", "backward", "join", "update")
"""The stages of a step: fetching the rows of a batch, the loss, its gradients, adding up the sums of lanes
that worked side by side, and new parameters with everything that depends on them alone."""


@frozen(eq=False)
class Subject:
    """A training step that is to be measured.

    Args:
        graph: the step; outputs ``loss`` and those named in ``homes``.
        core: the gradients' nodes.
        homes: outputs that are the next step's inputs: output name to input label.
        data: whole data sets by input label, rows first.
        state: arrays by input label; they are copied.
        batch: samples in a batch.
        steps: how many steps to measure; 0: as many as a person waits for.
    """

    graph: Graph
    core: Sequence[Node]
    homes: Mapping[str, str]
    data: Mapping[str, np.ndarray]
    state: Mapping[str, np.ndarray]
    batch: int
    steps: int = 0


@frozen
class Spent:
    """What a kernel costs in one training step.

    Args:
        stage: one of ``STAGES``.
        layer: the path of the layer it works for; ``""`` for what belongs to the loss or the optimizer.
        kernel: which; ``"law"`` is the operation's own NumPy.
        operations: what it computes.
        calls: how often it is called.
        seconds: in all calls together.
        flops: floating-point operations, as the textbook counts them.
        bytes: what it reads and writes.
    """

    stage: str
    layer: str
    kernel: str
    operations: tuple[str, ...]
    calls: int
    seconds: float
    flops: int
    bytes: int


@frozen
class Peak:
    """What one core of this machine can do at most.

    Args:
        flops: floating-point operations a second, in a large product of matrices.
        bytes: read and written a second, in a large copy.
    """

    flops: float
    bytes: float


@frozen
class Measured:
    """What a training step costs.

    Args:
        lines: in the order in which they run.
        alone: seconds of a whole step on one thread.
        together: seconds of a whole step on ``threads`` threads.
        threads: how many work.
        batch, rows, lanes: samples in a batch and in a part of it, and how many parts go on side by side.
        steps: how many were measured.
        peak: of one core.
    """

    lines: tuple[Spent, ...]
    alone: float
    together: float
    threads: int
    batch: int
    rows: int
    lanes: int
    steps: int
    peak: Peak

    @property
    def parts(self) -> int:
        """How many parts the batch is computed in."""
        return -(-self.batch // self.rows)

    @property
    def seconds(self) -> float:
        """The time of all kernels together, on one thread."""
        return sum(line.seconds for line in self.lines)

    @property
    def flops(self) -> int:
        """Floating-point operations of a step."""
        return sum(line.flops for line in self.lines)


def measure(subject: Subject, engine: str | None = None) -> Measured:
    """What each kernel of a training step costs on this machine.

    Args:
        subject: the step and its data.
        engine: which engine; the setting ``engine`` by default.

    Fails:
        UsageError E123: an engine that cannot be measured.
    """
    name = engine or settings.engine
    if name not in MEASURED:
        raise UsageError(
            "E123", where="profile", name=name, expected=", ".join(MEASURED), received=name,
            fix=f'cr.Model(..., engine="{MEASURED[0]}")',
        )  # fmt: skip
    return import_module(f"chainrule.engines.{name}.debug.profile").measure(subject)


class Stages:
    """Tells the stage of a kernel from the nodes it computes.

    A loop may compute nodes of two stages; it counts for the one that most of its nodes belong to.

    Args:
        subject: the step.
    """

    def __init__(self, subject: Subject) -> None:
        self._forward = set(order([subject.graph.outputs["loss"]]))
        self._backward = set(order(list(subject.core))) - self._forward

    def of(self, nodes: Sequence[Node]) -> str:
        """``"forward"``, ``"backward"`` or ``"update"``."""
        found = [
            "forward" if n in self._forward else "backward" if n in self._backward else "update"
            for n in nodes
        ]
        return max(("forward", "backward", "update"), key=found.count)
