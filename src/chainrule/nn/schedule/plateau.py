"""A learning rate that is reduced when the monitored value no longer improves.

Unlike the other schedules this one depends on the training. The only state it needs, the number of
reductions, is one number of the training state: an input of the step graph, changed between two epochs. So a
resumed training has it too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, fields
from typing import Any

from chainrule.errors import fact
from chainrule.graph import Node, input_node
from chainrule.nn.schedule.schedule import Schedule, known_schedule, require_rate
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.validation import require, require_integer, require_number

REDUCTIONS = "rate/reductions"
"""The label of the state that holds the number of reductions."""


@frozen
class ReduceOnPlateau(Schedule):
    """Multiplies the learning rate by a factor when a column of the history has not improved for some epochs.

    Formula: max(min_learning_rate, learning_rate factor^reductions).

    Args:
        learning_rate: the learning rate before any reduction; a number above 0 or a schedule.
        factor: 0 < factor < 1.
        patience: the number of epochs without improvement that are tolerated; the next one reduces the rate.
        monitor: a column of the history, such as ``"val_loss"`` or ``"loss"``.
        min_delta: at least 0: the required relative improvement over the best value.
        greater_is_better: whether larger is better; by default taken from the metric.
        cooldown: the number of epochs after a reduction that are not counted.
        min_learning_rate: at least 0: the minimum learning rate.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: as PyTorch's ``ReduceLROnPlateau`` (``threshold=min_delta``, relative).
    """

    chinese = ("平台期降低", "指标若干轮没有改进时乘以一个因子。")
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
        require_integer(self, "patience", 0)
        require(self, "monitor", isinstance(self.monitor, str), fact("a column of the history"), '"val_loss"')
        require_number(self, "min_delta", minimum=0)
        require_integer(self, "cooldown", 0)
        require_number(self, "min_learning_rate", minimum=0)

    def __call__(self, step: Node, horizon: int) -> Node:
        lowered = F.power(self.factor, input_node(REDUCTIONS, (), step.dtype, "state"))
        return F.maximum(known_schedule(self.learning_rate)(step, horizon) * lowered, self.min_learning_rate)

    def update(
        self, counters: Mapping[str, float | None], row: Mapping[str, float | None], larger: bool = False
    ) -> dict[str, float | None]:
        """Return the counters after an epoch: ``best``, ``waited``, ``resting`` and ``reductions``.

        Args:
            counters: what this returned after the epoch before; empty at first.
            row: the epoch's row of the history.
            larger: whether larger values of the column are better, if ``greater_is_better`` is not set.
        """
        value, best = row[self.monitor], counters.get("best")
        waited, resting, reductions = (
            int(counters.get(name) or 0) for name in ("waited", "resting", "reductions")
        )
        larger = larger if self.greater_is_better is None else self.greater_is_better
        if value is not None and self._is_better(value, best, larger):
            best, waited = value, 0
        else:
            waited += 1
        if resting:
            waited, resting = 0, resting - 1
        if waited > self.patience:
            reductions, waited, resting = reductions + 1, 0, self.cooldown
        return {"best": best, "waited": waited, "resting": resting, "reductions": reductions}

    def _is_better(self, value: float, best: float | None, larger: bool) -> bool:
        if best is None:
            return not math.isnan(value)
        return value > best * (1.0 + self.min_delta) if larger else value < best * (1.0 - self.min_delta)


def plateau_of(schedule: Any) -> ReduceOnPlateau | None:
    """Return the part of a schedule that depends on the training, if it has one."""
    if isinstance(schedule, ReduceOnPlateau):
        return schedule
    inside = [getattr(schedule, f.name) for f in fields(schedule)] if isinstance(schedule, Schedule) else []
    flat = [part for value in inside for part in (value if isinstance(value, tuple) else (value,))]
    return next((plateau for part in flat if (plateau := plateau_of(part)) is not None), None)
