"""Profile of a training step: records of what an engine measures, and its entry point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

import numpy as np

from chainrule.errors import UsageError
from chainrule.graph import Graph, Node, order
from chainrule.records import frozen
from chainrule.settings import settings

PROFILED_ENGINES = ("native",)
STAGES = ("gather", "forward", "backward", "join", "update")
"""The stages of a step: gathering the rows of a batch, the loss, its gradients, adding the sums of the
replicas, and new parameters with everything that depends only on them."""


@frozen(eq=False)
class ProfiledStep:
    """A training step to measure.

    Args:
        graph: the step; outputs ``loss`` and those named in ``homes``.
        core: the nodes of the gradients.
        homes: outputs that are inputs of the next step: output name to input label.
        data: whole data sets by input label, rows first.
        state: arrays by input label; they are copied.
        batch: samples in a batch.
        steps: number of steps to measure; 0 for about a quarter of a second.
    """

    graph: Graph
    core: Sequence[Node]
    homes: Mapping[str, str]
    data: Mapping[str, np.ndarray]
    state: Mapping[str, np.ndarray]
    batch: int
    steps: int = 0


@frozen
class KernelTime:
    """Cost of a kernel in one training step.

    Args:
        stage: one of ``STAGES``.
        layer: path of the layer that it belongs to; ``""`` if it belongs to the loss or the optimizer.
        kernel: kind of the kernel; ``"reference"`` is the operation's NumPy implementation.
        operations: names of its operations.
        calls: number of calls.
        seconds: time of all calls.
        flops: floating-point operations, as in textbooks.
        bytes: bytes that it reads and writes.
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
class CorePeak:
    """Peak performance of one core of this machine.

    Args:
        flops: floating-point operations per second, in a large matrix product.
        bytes: bytes read and written per second, in a large copy.
    """

    flops: float
    bytes: float


@frozen
class StepProfile:
    """Cost of a training step.

    Args:
        lines: kernels in the order in which they run.
        serial_seconds: seconds of a whole step on one thread.
        parallel_seconds: seconds of a whole step on ``threads`` threads.
        threads: number of threads.
        batch, rows, replicas: samples in a batch and in a microbatch, and number of replicas.
        steps: number of measured steps.
        peak: peak performance of one core.
    """

    lines: tuple[KernelTime, ...]
    serial_seconds: float
    parallel_seconds: float
    threads: int
    batch: int
    rows: int
    replicas: int
    steps: int
    peak: CorePeak

    @property
    def microbatches(self) -> int:
        """Number of microbatches of the batch."""
        return -(-self.batch // self.rows)

    @property
    def seconds(self) -> float:
        """Time of all kernels, on one thread."""
        return sum(line.seconds for line in self.lines)

    @property
    def flops(self) -> int:
        """Floating-point operations of a step."""
        return sum(line.flops for line in self.lines)


def measure(subject: ProfiledStep, engine: str | None = None) -> StepProfile:
    """Measure the time of each kernel of a training step on this machine.

    Args:
        engine: name of the engine; by default the setting ``engine``.

    Raises:
        UsageError E123: an engine that cannot be profiled.
    """
    name = engine or settings.engine
    if name not in PROFILED_ENGINES:
        expected = ", ".join(PROFILED_ENGINES)
        fix = f'cr.Model(..., engine="{PROFILED_ENGINES[0]}")'
        raise UsageError("E123", where="profile", name=name, expected=expected, received=name, fix=fix)
    return import_module(f"chainrule.engines.{name}.debug.profile").measure(subject)


class Stages:
    """The stages of kernels, by the nodes they compute.

    A loop may compute nodes of two stages; it belongs to the stage of most of its nodes.
    """

    def __init__(self, subject: ProfiledStep) -> None:
        self._forward = set(order([subject.graph.outputs["loss"]]))
        self._backward = set(order(list(subject.core))) - self._forward

    def of(self, nodes: Sequence[Node]) -> str:
        """Return ``"forward"``, ``"backward"`` or ``"update"``."""
        stages = [
            "forward" if n in self._forward else "backward" if n in self._backward else "update"
            for n in nodes
        ]
        return max(("forward", "backward", "update"), key=stages.count)
