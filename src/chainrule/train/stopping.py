"""When to stop before all epochs are done: the loss has converged, or the validation loss has turned.

A rule is a record; its counters are plain numbers in the training state, so that a resumed training stops
exactly where an undisturbed one would.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import ClassVar

from chainrule.errors import UsageError, nearest
from chainrule.extension import Extensible
from chainrule.records import frozen
from chainrule.train.evaluation.metric import larger_is_better

Counters = dict[str, "float | None"]


@frozen
class Decision:
    """What a rule says after an epoch: its counters, whether to stop, whether this epoch is the best."""

    counters: Counters
    stop: bool = False
    best: bool = False


@frozen
class StoppingRule(Extensible):
    """Base of the rules.

    ``keeps_best`` says whether the weights of the best epoch are to be kept and handed out at the end.
    """

    name: ClassVar[str] = "rule"
    keeps_best: ClassVar[bool] = False
    monitor: str = "loss"

    def update(self, counters: Mapping[str, float | None], row: Mapping[str, float | None]) -> Decision:
        """The verdict after an epoch.

        Args:
            counters: what this rule gave after the epoch before; empty at first.
            row: the epoch's row of the history.
        """
        raise TypeError(f"{type(self).__name__} judges nothing")

    def value(self, row: Mapping[str, float | None]) -> float:
        """The number watched.

        Raises:
            UsageError E101: the history has no such column.
        """
        return watched(type(self).__name__, self.monitor, row)


def watched(owner: str, monitor: str, row: Mapping[str, float | None]) -> float:
    """The number of an epoch that someone watches; NaN where it could not be measured.

    Args:
        owner: what watches, for the error.
        monitor: the column.
        row: the epoch's row of the history.

    Raises:
        UsageError E101: the history has no such column.
    """
    if monitor not in row:
        fix = f'monitor="{nearest(monitor, row) or "loss"}"'
        if monitor.startswith("val_") and not any(name.startswith("val_") for name in row):
            fix = "model.fit(..., validation=0.2)"
        raise UsageError(
            "E101", where=f"{owner}, monitor", name=monitor, expected=", ".join(row), received=monitor,
            fix=fix,
        )  # fmt: skip
    value = row[monitor]
    return math.nan if value is None else float(value)


def _positive(owner: StoppingRule, **numbers: float) -> None:
    for name, value in numbers.items():
        if not value >= 0:
            raise UsageError("E102", where=type(owner).__name__, name=name, expected=">= 0", received=value)


@frozen
class EarlyStopping(StoppingRule):
    """Stops when the watched number has not improved for some epochs, and keeps the weights of the best one.

    The number is taken with the weights as they are *after* the epoch, so the weights kept are those it was
    measured on.

    Args:
        monitor: a column of the history: ``"val_loss"``, or a validation metric such as ``"val_accuracy"``.
        patience: how many epochs to wait for an improvement.
        min_delta: how much better counts as better.
        greater_is_better: whether larger is better; by default what the metric says of itself.

    Reference: Prechelt (1998), Early stopping, but when?
    """

    chinese = ("早停", "若干轮没有改进就停止，并保留最好的权重。")
    name = "early_stopping"
    keeps_best = True
    monitor: str = "val_loss"
    _: KW_ONLY
    patience: int = 10
    min_delta: float = 0.0
    greater_is_better: bool | None = None

    def __post_init__(self) -> None:
        _positive(self, patience=self.patience, min_delta=self.min_delta)

    def update(self, counters: Mapping[str, float | None], row: Mapping[str, float | None]) -> Decision:
        value, best = self.value(row), counters.get("best")
        sign = 1.0 if self._larger() else -1.0
        better = not math.isnan(value) and (best is None or sign * (value - best) > self.min_delta)
        if better:
            return Decision({"best": value, "waited": 0, "epoch": row["epoch"]}, best=True)
        waited = (counters.get("waited") or 0) + 1
        kept = {"best": best, "waited": waited, "epoch": counters.get("epoch")}
        return Decision(kept, stop=waited >= self.patience > 0)

    def _larger(self) -> bool:
        return larger_is_better(self.monitor) if self.greater_is_better is None else self.greater_is_better


@frozen
class Converged(StoppingRule):
    """Stops when the loss hardly falls any more: step 6 of the article's algorithm.

    Args:
        monitor: a column of the history.
        tolerance: the relative improvement on the best value so far that counts as progress.
        patience: how many epochs without progress end the training.
    """

    chinese = ("收敛即止", "损失不再变化时停止。")
    name = "converged"
    _: KW_ONLY
    tolerance: float = 1e-4
    patience: int = 10

    def __post_init__(self) -> None:
        _positive(self, patience=self.patience, tolerance=self.tolerance)

    def update(self, counters: Mapping[str, float | None], row: Mapping[str, float | None]) -> Decision:
        value, best = self.value(row), counters.get("best")
        if not math.isnan(value) and (best is None or value < best - self.tolerance * abs(best)):
            return Decision({"best": value, "waited": 0})
        waited = (counters.get("waited") or 0) + 1
        # Steps too small to count are kept too, or many of them together would pass for progress.
        least = best if best is None or math.isnan(value) else min(best, value)
        return Decision({"best": least, "waited": waited}, stop=waited >= self.patience)


RULES: dict[str, type[StoppingRule]] = {rule.name: rule for rule in (EarlyStopping, Converged)}
