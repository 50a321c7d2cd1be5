"""A learning rate that is lowered when the watched number no longer improves.

Unlike the other schedules this one looks at the training. What it needs to know, how often the rate has been
lowered, is one number of the training state: an input of the step graph, changed between two epochs. So a
resumed training has it too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, fields
from typing import Any

from chainrule.graph import Node, input_node
from chainrule.nn.schedule.schedule import Schedule, known_schedule, require_rate
from chainrule.nn.validation import require, require_number, require_whole
from chainrule.ops import PUBLIC
from chainrule.records import frozen

REDUCTIONS = "rate/reductions"
"""The label of the state that says how often the rate has been lowered."""


@frozen
class ReduceOnPlateau(Schedule):
    """Multiplies the rate by a factor when a column of the history has not improved for some epochs.

    Formula: max(min_learning_rate, learning_rate factor^reductions).

    Args:
        learning_rate: the learning rate before anything is lowered; a number above 0 or a schedule.
        factor: 0 < factor < 1.
        patience: how many epochs without improvement are let pass; the next one lowers the rate.
        monitor: a column of the history, such as ``"val_loss"`` or ``"loss"``.
        min_delta: at least 0: the part of the best value by which a better one must be better.
        greater_is_better: whether larger is better; by default what the metric says of itself.
        cooldown: for how many epochs after a reduction nothing is counted.
        min_learning_rate: at least 0: the lowest rate.

    Fails:
        UsageError E102: a setting out of its range.

    Reference: as PyTorch's ``ReduceLROnPlateau`` (``threshold=least``, relative).
    """

    learning_rate: float | Schedule
    _: KW_ONLY
    factor: float = 0.1
    patience: int = 10
    monitor: str = "val_loss"
    min_delta: float = 1e-4
    greater_is_better: bool | None = None
    cooldown: int = 0
    min_learning_rate: float = 0.0

    def check(self) -> None:
        require_rate(self, "learning_rate")
        require_number(self, "factor", above=0, below=1)
        require_whole(self, "patience", 0)
        require(self, "monitor", isinstance(self.monitor, str), "a column of the history", '"val_loss"')
        require_number(self, "min_delta", least=0)
        require_whole(self, "cooldown", 0)
        require_number(self, "min_learning_rate", least=0)

    def __call__(self, step: Node, horizon: int) -> Node:
        lowered = PUBLIC["power"](self.factor, input_node(REDUCTIONS, (), step.dtype, "state"))
        return PUBLIC["maximum"](
            known_schedule(self.learning_rate)(step, horizon) * lowered, self.min_learning_rate
        )

    def judge(
        self, counters: Mapping[str, float | None], row: Mapping[str, float | None], larger: bool = False
    ) -> dict[str, float | None]:
        """The counters after an epoch: ``best``, ``waited``, ``resting`` and ``reductions``.

        Args:
            counters: what this gave after the epoch before; empty at first.
            row: the epoch's row of the history.
            larger: whether the column watched is the better the larger it is, where the record does not say.
        """
        value, best = row[self.monitor], counters.get("best")
        waited, resting, made = (int(counters.get(name) or 0) for name in ("waited", "resting", "reductions"))
        larger = larger if self.greater_is_better is None else self.greater_is_better
        if value is not None and self._is_better(value, best, larger):
            best, waited = value, 0
        else:
            waited += 1
        if resting:
            waited, resting = 0, resting - 1
        if waited > self.patience:
            made, waited, resting = made + 1, 0, self.cooldown
        return {"best": best, "waited": waited, "resting": resting, "reductions": made}

    def _is_better(self, value: float, best: float | None, larger: bool) -> bool:
        if best is None:
            return not math.isnan(value)
        return value > best * (1.0 + self.min_delta) if larger else value < best * (1.0 - self.min_delta)


def plateau_of(schedule: Any) -> ReduceOnPlateau | None:
    """The part of a schedule that looks at the training, if it has one."""
    if isinstance(schedule, ReduceOnPlateau):
        return schedule
    inside = [getattr(schedule, f.name) for f in fields(schedule)] if isinstance(schedule, Schedule) else []
    flat = [part for value in inside for part in (value if isinstance(value, tuple) else (value,))]
    return next((found for part in flat if (found := plateau_of(part)) is not None), None)
