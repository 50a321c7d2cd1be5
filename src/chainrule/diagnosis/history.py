"""The course of a training, running or ended: all that the rules of this time read.

It is the history, a row for each epoch, and the probes, a few numbers for each layer at some steps, with what
must be known to read them: which parameters are weight matrices and in which order, which layers are bent by
what, what the loss of the simplest answer is. Everything is judged by ratios, and by what lasts: a number
that is odd once says little.
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

RECTIFIERS = ("relu", "maximum")  # operations whose units can fall silent for good
BENT = ("sigmoid", "tanh")  # operations that are flat on both sides


@frozen
class Course:
    """What is known of a training at some time.

    Args:
        history: a row for each complete epoch.
        probes: looks into the net, the earliest first.
        rows, batch: samples of the data set, and of a batch.
        epochs: how many were planned.
        kernels: the weight matrices that learn, in the order of the net, each with how many numbers it has;
            tables of embeddings are none.
        bends: the operation that bends each layer's sums, by the layer's path, in the order of the net.
        chance: the loss of the best answer that is the same for every sample; NaN where it is not known.
        task: ``"classification"`` or ``"regression"``.
        ended: why it ended; see ``TrainingEnded``; ``""`` while it runs.
        fault: what a training that failed said.
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
        """A column of the history; NaN where nothing could be measured."""
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
        """The loss of the validation rows after each epoch; empty where there are none."""
        found = self.column("val_loss")
        return found if np.isfinite(found).any() else found[:0]

    @property
    def last(self) -> Probe | None:
        """The latest look."""
        return self.probes[-1] if self.probes else None

    @property
    def late(self) -> Sequence[Probe]:
        """The looks of the second half of the training so far, its first steps apart."""
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
        """Updates made, as far as they have been looked at."""
        return self.probes[-1].step if self.probes else None

    @property
    def per_epoch(self) -> int:
        """Updates in an epoch."""
        return -(-self.rows // self.batch) if self.batch else 0

    @property
    def hidden(self) -> tuple[str, ...]:
        """The calls of layers that are bent, but those of the last one, whose outputs are the net's."""
        last = plain_path(next(reversed(list(self.bends)), ""))
        return tuple(path for path, kind in self.bends.items() if kind and plain_path(path) != last)

    def of_kernels(self, probe: Probe, name: str) -> dict[str, float]:
        """A number of each weight matrix."""
        return {path: probe.parts[path][name] for path in self.kernels if name in probe.parts.get(path, {})}


def middle(values: Iterable[float]) -> float:
    """The median. NumPy's loads its masked arrays, which takes longer than a first step.

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
    """The course of a training that can be looked into."""
    network, data, model = training.network, training.data, training.model
    return Course(
        history=tuple(training.history), probes=tuple(training.probes), rows=data.rows,
        batch=min(training.order.batch_size, data.rows), epochs=training.options.epochs,
        kernels=kernels_of(network), bends=bends_of(network), chance=chance_of(data, model.targets),
        task=model.task,
    )  # fmt: skip


def kernels_of(network: Network) -> dict[str, int]:
    """The weight matrices that learn, but tables that are looked up, each with how many numbers it has."""
    tables = {path for path, _ in network.inference.book.tables}
    return {
        path: size_at(parameter.spec.size, {})
        for path, parameter in network.trainable.items()
        if parameter.spec.rank >= 2 and path.rpartition(".")[0] not in tables
    }


def bends_of(network: Network) -> dict[str, str]:
    """The operation that bends each layer's sums, by path; ``""`` where none does."""
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
