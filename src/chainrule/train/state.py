"""The one record that holds everything needed to go on with a training.

A step is a function of this record and the data, and of nothing else: no hidden generator, no counter kept elsewhere.
So saving it, stopping, and going on from it gives the very bits that an undisturbed training would have given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.errors import FileError

Tensors = dict[str, np.ndarray]
_GROUPS = ("parameters", "states", "slots", "best")


@dataclass
class TrainState:
    """Where a training stands.

    Args:
        parameters, states, slots: the net's parameters, the layers' running values, the optimizer's memory.
        step: updates made.
        epoch, batch: the place in the data order of the next batch, from 0.
        loss_sum, weight_sum: of the batches of the running epoch, for its row of the history.
        best: the parameters and states that early stopping keeps (``parameter.PATH``, ``state.PATH``).
        watch: the counters of each stopping rule, by the rule's name.
        history: one row of numbers for each complete epoch.
    """

    parameters: Tensors
    states: Tensors = field(default_factory=dict)
    slots: Tensors = field(default_factory=dict)
    step: int = 0
    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    weight_sum: float = 0.0
    best: Tensors = field(default_factory=dict)
    watch: dict[str, dict[str, float | None]] = field(default_factory=dict)
    history: list[dict[str, float | None]] = field(default_factory=list)

    def tensors(self) -> Tensors:
        """All arrays under names that say their group, for a checkpoint."""
        return {f"{group}/{name}": array for group in _GROUPS for name, array in getattr(self, group).items()}

    def record(self) -> dict[str, Any]:
        """Everything that is no array, as plain data."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "batch": self.batch,
            "loss_sum": self.loss_sum,
            "weight_sum": self.weight_sum,
            "watch": self.watch,
            "history": self.history,
        }

    @staticmethod
    def restore(record: Mapping[str, Any], tensors: Mapping[str, np.ndarray], like: TrainState) -> TrainState:
        """The state that was saved.

        Args:
            record, tensors: what ``record`` and ``tensors`` gave.
            like: the state a new training of the same recipe begins with; its names and shapes must be those saved.

        Fails:
            FileError E440: the checkpoint belongs to another net or optimizer; all differences are listed.
        """
        groups: dict[str, Tensors] = {group: {} for group in _GROUPS}
        for name, array in tensors.items():
            group, _, rest = name.partition("/")
            groups.setdefault(group, {})[rest] = array
        wrong = []
        for group in ("parameters", "states", "slots"):
            wrong += _differences(getattr(like, group), groups[group])
        if wrong:
            raise FileError("E440", expected="the arrays of this net and optimizer", received=wrong[0], notes=wrong[1:9])
        numbers = {key: record[key] for key in ("step", "epoch", "batch", "loss_sum", "weight_sum")}
        return TrainState(**groups, **numbers, watch=dict(record["watch"]), history=list(record["history"]))

    def keep_best(self) -> None:
        """Remember the present weights as the best."""
        self.best = {f"parameter.{k}": v for k, v in self.parameters.items()}
        self.best |= {f"state.{k}": v for k, v in self.states.items()}

    def chosen(self) -> tuple[Tensors, Tensors]:
        """The parameters and states a finished training hands out: the best ones where they were kept."""
        if not self.best:
            return self.parameters, self.states
        pick = {
            group: {k.partition(".")[2]: v for k, v in self.best.items() if k.startswith(f"{group}.")}
            for group in ("parameter", "state")
        }
        return pick["parameter"], pick["state"]


def _differences(wanted: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> list[str]:
    """What is missing, unexpected or of another shape or kind, one line each."""
    lines = [f"{name} is missing" for name in wanted if name not in found]
    lines += [f"{name} is unexpected" for name in found if name not in wanted]
    for name in wanted.keys() & found.keys():
        a, b = wanted[name], found[name]
        if a.shape != b.shape or a.dtype != b.dtype:
            lines.append(f"{name} is {b.dtype}{b.shape}, not {a.dtype}{a.shape}")
    return lines
