"""The recorded history of a training, running or ended, as the rules read it.

It consists of the metrics per epoch, the probes (statistics per layer at some steps), the weight matrices in
order, the activation functions of the layers, and the loss of the best constant prediction. Rules use ratios
and persistent values, because a single unusual number means little.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.nn.scope import plain_path
from chainrule.records import frozen
from chainrule.spec import size_at
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.inputs.target import Target
from chainrule.train.monitor.probe import Probe
from chainrule.train.network import Network

RECTIFIERS = ("relu", "maximum")  # activations whose units can become permanently inactive
BENT = ("sigmoid", "tanh")  # activations that saturate on both sides


@frozen
class Course:
    """The state of a training at some time.

    Args:
        history: one row per complete epoch.
        probes: the probes, the earliest first.
        rows, batch: number of samples of the data set and of a batch.
        epochs: the planned number of epochs.
        kernels: the trainable weight matrices in network order with their sizes, without embedding tables.
        bends: the activation function of each layer by path, in network order.
        chance: the loss of the best constant prediction; NaN if unknown.
        task: ``"classification"`` or ``"regression"``.
        ended: why it ended (see ``TrainingEnded``), or ``""`` while it runs.
        fault: the message of a failed training.
    """

    history: Sequence[Mapping[str, float | None]] = ()
    probes: Sequence[Probe] = ()
    rows: int = 0
    batch: int = 0
    epochs: int = 0
    kernels: Mapping[str, int] = field(default_factory=dict)
    bends: Mapping[str, str] = field(default_factory=dict)
    chance: float = math.nan
    task: str = ""
    ended: str = ""
    fault: str = ""

    def column(self, name: str) -> np.ndarray:
        """Return a column of the history; NaN for missing values."""
        return np.array([row.get(name, math.nan) for row in self.history], np.float64)

    @cached_property
    def losses(self) -> np.ndarray:
        """The mean loss of the samples in each epoch: what is compared with the first loss and with chance.

        The history counts in what the size of the weights costs, the penalty, which may be many times as
        much. The looks know both, and there are few: between two of them either is interpolated by its
        logarithm, and the larger of the two answers is taken, since a price often falls fast at first and is
        then overrated. So a loss that runs away is seen, and a price that falls is no loss that fell. After
        the last look the samples keep their share.
        """
        whole = self.column("loss")
        looks = [each for each in self.probes if each.values["loss"] > each.values["training_loss"] > 0]
        if not looks:
            return whole
        steps = [each.step for each in looks]
        samples = np.array([each.values["training_loss"] for each in looks])
        prices = np.array([each.values["loss"] for each in looks]) - samples
        middles = (np.arange(len(whole)) + 0.5) * self.per_epoch
        least, price = (np.exp(np.interp(middles, steps, np.log(known))) for known in (samples, prices))
        found = np.maximum(whole - price, np.minimum(least, whole))
        return np.where(middles <= steps[-1], found, whole * (samples[-1] / (samples[-1] + prices[-1])))

    @cached_property
    def measured(self) -> np.ndarray:
        """The validation loss after each epoch; empty without validation rows."""
        found = self.column("val_loss")
        return found if np.isfinite(found).any() else found[:0]

    @property
    def last(self) -> Probe | None:
        """The latest probe."""
        return self.probes[-1] if self.probes else None

    @property
    def late(self) -> Sequence[Probe]:
        """The probes of the second half of the training so far, without its first steps."""
        made = self.probes[-1].step if self.probes else 0
        return [each for each in self.probes if each.step >= max(10, made / 2)]

    @property
    def first_loss(self) -> float:
        """The loss before the first step, or that of the first epoch."""
        if self.probes and self.probes[0].step == 0:
            return self.probes[0].values["training_loss"]
        return float(self.losses[0]) if len(self.losses) else math.nan

    @property
    def step(self) -> int | None:
        """The number of updates up to the latest probe."""
        return self.probes[-1].step if self.probes else None

    @property
    def per_epoch(self) -> int:
        """The number of updates per epoch."""
        return -(-self.rows // self.batch) if self.batch else 0

    @property
    def hidden(self) -> tuple[str, ...]:
        """The calls of layers with an activation function, except those of the output layer."""
        last = plain_path(next(reversed(list(self.bends)), ""))
        return tuple(path for path, kind in self.bends.items() if kind and plain_path(path) != last)

    def of_kernels(self, probe: Probe, name: str) -> dict[str, float]:
        """Return one statistic of each weight matrix."""
        return {path: probe.parts[path][name] for path in self.kernels if name in probe.parts.get(path, {})}


def middle(values: Iterable[float]) -> float:
    """Return the median. That of NumPy imports masked arrays, which takes longer than a training step.

    Example:
        >>> middle([3.0, 1.0, 2.0]), middle([1.0, 2.0])
        (2.0, 1.5)
    """
    ordered = sorted(map(float, values))
    if not ordered or any(map(math.isnan, ordered)):
        return math.nan
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def course_of(training: TrainingView) -> Course:
    """Return the recorded history of a training."""
    network, data, model = training.network, training.data, training.model
    return Course(
        history=tuple(training.history), probes=tuple(training.probes), rows=data.rows,
        batch=min(training.order.batch_size, data.rows), epochs=training.options.epochs,
        kernels=kernels_of(network), bends=bends_of(network), chance=chance_of(data, model.targets),
        task=model.task,
    )  # fmt: skip


def kernels_of(network: Network) -> dict[str, int]:
    """Return the trainable weight matrices with their sizes, without embedding tables."""
    tables = {path for path, _ in network.inference.book.tables}
    return {
        path: size_at(parameter.spec.size, {})
        for path, parameter in network.trainable.items()
        if parameter.spec.rank >= 2 and path.rpartition(".")[0] not in tables
    }


def bends_of(network: Network) -> dict[str, str]:
    """Return the activation function of each layer by path; ``""`` if it has none."""
    notes = network.training.book.notes
    found = {}
    for name, node in notes.items():
        path, _, kind = name.rpartition(".")
        if kind == "a":
            found[path] = "" if node is notes.get(f"{path}.z") else node.op.name
    return found


def chance_of(data: Arrays, targets: Mapping[str, Target]) -> float:
    """The loss of the best answer that is the same for every sample, where there is one output of a usual
    kind: the entropy of the classes, or what the spread of the values costs.
    """
    if len(targets) != 1:
        return math.nan
    target = next(iter(targets.values()))
    held: Any = data.y
    y = np.asarray(next(iter(held.values())) if isinstance(held, dict) else held, np.float64)[:10_000]
    if target.is_single and target.loss.name in ("cross_entropy", "binary_cross_entropy"):
        share = np.unique(y, return_counts=True)[1] / max(len(y), 1)
        return float(-(share * np.log(share)).sum())
    squares = {"mse": 1.0, "half_mse": 0.5}.get(target.loss.name)
    if squares is None or not y.size:
        return math.nan
    return squares * float(y.reshape(len(y), -1).var(axis=0).mean())
