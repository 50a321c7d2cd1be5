"""Stopping rules: early stopping by a validation metric, and convergence of the loss.

A rule is a record; its counters are plain numbers in the training state, so that a resumed training stops
at the same epoch as one that was not interrupted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY
from typing import ClassVar

from chainrule.errors import fact
from chainrule.extension import Extensible
from chainrule.metrics import larger_is_better
from chainrule.records import frozen
from chainrule.validation import require, require_integer, require_number, unknown

MEMBER_LOSS = re.compile(r"val_member[0-9]+_loss")  # columns of the history: the loss of each member
Counters = dict[str, "float | None"]


@frozen
class Decision:
    """The result of a rule after an epoch: its counters, whether to stop, whether this epoch is the best.

    ``members`` has one entry for each member of an ensemble, if each has a best epoch of its own.
    """

    counters: Counters
    stop: bool = False
    best: bool = False
    members: tuple[bool, ...] = ()


@frozen
class StoppingRule(Extensible):
    """Base class of stopping rules.

    A subclass defines ``update``. With ``keeps_best``, the trained model has the weights of the best epoch.
    """

    name: ClassVar[str] = "rule"
    keeps_best: ClassVar[bool] = False
    monitor: str = "loss"

    def update(self, counters: Mapping[str, float | None], row: Mapping[str, float | None]) -> Decision:
        """Evaluate the rule after an epoch.

        Args:
            counters: the counters that the rule returned after the previous epoch; empty at first.
            row: the epoch's row of the history.
        """
        raise TypeError(f"{type(self).__name__} defines no update")

    def value(self, row: Mapping[str, float | None]) -> float:
        """Return the value of the monitored column.

        Args:
            row: a row of the history.

        Raises:
            UsageError E101: the history has no such column.
        """
        return watched(type(self).__name__, self.monitor, row)


def watched(owner: str, monitor: str, row: Mapping[str, float | None]) -> float:
    """Return the value of a monitored column; NaN where it could not be measured.

    Args:
        owner: the name of the class that monitors it, for the error.
        row: the epoch's row of the history.

    Raises:
        UsageError E101: the history has no such column.
    """
    if monitor not in row:
        fix = 'monitor="{}"'
        if monitor.startswith("val_") and not any(name.startswith("val_") for name in row):
            fix = "model.fit(..., validation=0.2)"
        raise unknown(f"{owner}, monitor", monitor, row, fix, example="loss")
    value = row[monitor]
    return math.nan if value is None else float(value)


def _check(rule: StoppingRule, limit: str) -> None:
    """Refuse settings out of their range (E102): monitor, ``patience``, and a limit of at least 0."""
    value: object = rule.monitor
    fix = f"patience={value}" if type(value) is int and value >= 0 else 'monitor="val_loss"'
    require(rule, "monitor", isinstance(value, str), fact("a column of the history"), fix)
    require_integer(rule, "patience", 0)
    require_number(rule, limit, minimum=0)


@frozen
class EarlyStopping(StoppingRule):
    """Early stopping after ``patience`` epochs without improvement, with the best weights restored.

    The value is measured with the weights *after* the epoch; these are the weights that are restored.

    Args:
        monitor: a column of the history: ``"val_loss"``, or a validation metric such as ``"val_accuracy"``.
        patience: number of epochs without improvement after which the training stops; 0: it never stops.
        min_delta: minimum change that counts as an improvement.
        greater_is_better: whether larger is better; ``None``: the direction that the metric defines.

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
        _check(self, "min_delta")

    def update(self, counters: Mapping[str, float | None], row: Mapping[str, float | None]) -> Decision:
        value, best = self.value(row), counters.get("best")
        sign = 1.0 if self._larger() else -1.0
        is_better = not math.isnan(value) and (best is None or sign * (value - best) > self.min_delta)
        if is_better:
            return Decision({"best": value, "waited": 0, "epoch": row["epoch"]}, best=True)
        waited = (counters.get("waited") or 0) + 1
        unchanged = {"best": best, "waited": waited, "epoch": counters.get("epoch")}
        return Decision(unchanged, stop=waited >= self.patience > 0)

    def _larger(self) -> bool:
        return larger_is_better(self.monitor) if self.greater_is_better is None else self.greater_is_better


@frozen
class EnsembleEarlyStopping(StoppingRule):
    """Early stopping of each member of an ensemble by the loss on its own validation rows.

    The trained model has the parameters of each member's best epoch. A member whose loss has not improved for
    ``patience`` epochs is done: later epochs do not change it. Training stops when all members are done. The
    validation rows need a weight for each member, ``validation=(x, y, weights)`` with weights (N, K). A
    member whose weights are all 0 has no loss: it is trained until the others are done, and has the
    parameters of the last epoch.

    Args:
        monitor: ``"val_loss"``; each member monitors its own column of it, such as ``"val_member1_loss"``.
        patience: number of epochs without improvement after which a member is done; 0: it is never done.
        min_delta: minimum decrease of a member's loss that counts as an improvement.
    """

    chinese = ("集成早停", "集成的每个成员各自保留验证损失最低的一轮的权重；都没有改进时停止。")
    name = "ensemble_early_stopping"
    keeps_best = True
    monitor: str = "val_loss"
    _: KW_ONLY
    patience: int = 20
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        _check(self, "min_delta")

    def update(self, counters: Mapping[str, float | None], row: Mapping[str, float | None]) -> Decision:
        columns = [name for name in row if MEMBER_LOSS.fullmatch(name)]
        watched(type(self).__name__, columns[0] if columns else "val_member1_loss", row)
        after: Counters = {}
        improved, is_done, is_monitored = [], [], []
        for name in columns:
            best, waited, value = counters.get(f"best {name}"), counters.get(f"waited {name}") or 0, row[name]
            was_done = waited >= self.patience > 0  # a member that has stopped keeps its parameters
            is_better = value is not None and (best is None or best - value > self.min_delta) and not was_done
            waited = 0 if is_better else waited if was_done else waited + 1
            is_monitored.append(best is not None or value is not None)
            improved.append(is_better or not is_monitored[-1])
            epoch = row["epoch"] if improved[-1] else counters.get(f"epoch {name}")
            after |= {
                f"best {name}": value if is_better else best,
                f"waited {name}": waited,
                f"epoch {name}": epoch,
            }
            is_done.append(waited >= self.patience > 0)
        is_best = any(a and b for a, b in zip(improved, is_monitored, strict=True))
        after["epoch"] = row["epoch"] if is_best else counters.get("epoch")
        return Decision(after, stop=all(is_done), best=any(improved), members=tuple(improved))


@frozen
class Converged(StoppingRule):
    """Stopping rule for a converged loss: no decrease by more than ``tolerance`` for some epochs.

    Args:
        monitor: a column of the history.
        tolerance: minimum relative decrease of the best value so far that counts as progress.
        patience: number of epochs without progress after which the training stops.
    """

    chinese = ("收敛即止", "损失不再变化时停止。")
    name = "converged"
    _: KW_ONLY
    tolerance: float = 1e-4
    patience: int = 10

    def __post_init__(self) -> None:
        _check(self, "tolerance")

    def update(self, counters: Mapping[str, float | None], row: Mapping[str, float | None]) -> Decision:
        value, best = self.value(row), counters.get("best")
        if not math.isnan(value) and (best is None or value < best - self.tolerance * abs(best)):
            return Decision({"best": value, "waited": 0})
        waited = (counters.get("waited") or 0) + 1
        # Decreases below the tolerance are stored too; otherwise several of them together would count.
        smallest = best if best is None or math.isnan(value) else min(best, value)
        return Decision({"best": smallest, "waited": waited}, stop=waited >= self.patience)


RULES: dict[str, type[StoppingRule]] = {
    rule.name: rule for rule in (EarlyStopping, EnsembleEarlyStopping, Converged)
}


def best_epochs(
    rules: Iterable[StoppingRule], watch: Mapping[str, Mapping[str, float | None]]
) -> tuple[int | None, tuple[int, ...]]:
    """Return the epoch whose weights the trained model has, and those of the members of an ensemble.

    Args:
        rules: the stopping rules.
        watch: the counters of each rule, by its name.

    Returns:
        ``None`` and no epochs where no rule stores the best weights, or before the first epoch.

    Example:
        >>> best_epochs([EarlyStopping()], {"early_stopping": {"best": 0.5, "waited": 2, "epoch": 7}})
        (7, ())
    """
    for rule in rules:
        counters = watch.get(rule.name, {}) if rule.keeps_best else {}
        members = [epoch for name, epoch in counters.items() if name.startswith("epoch ")]
        if members:
            return None, tuple(int(epoch or 0) for epoch in members)
        if (epoch := counters.get("epoch")) is not None:
            return int(epoch), ()
    return None, ()
