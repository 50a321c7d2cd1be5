"""``TrainingFacts``: what a training did, as the model file stores it and every screen shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any

from chainrule.records import frozen

EARLY_STOPPED = ("early_stopping", "ensemble_early_stopping")  # reasons for an end before the last epoch


@frozen
class TrainingFacts:
    """What a training did: its rows, its settings, how it ended, and which weights the model has.

    It is stored once, when the training ends. What prints a status of the training reads it from here and
    does not compute it again from the history: which epoch is the best depends on the monitored column, its
    direction and ``min_delta``.

    Args:
        rows: the number of training rows.
        epochs: the number of complete epochs.
        max_epochs: the number of epochs after which the training ends at the latest.
        steps: the number of updates.
        batch_size: the rows of a batch; ``None``: all of them.
        seed: the seed.
        cores: the number of cores for which the steps were planned.
        ended: why it ended; see ``TrainingEnded``.
        best_epoch: the epoch whose weights the model has, where a rule stores those of the best one;
            ``None``: the model has the last weights, or each member of an ensemble its own.
        member_epochs: the epoch whose weights each member of an ensemble has; empty for other models.
        validation_loss: the validation loss of the weights that the model has; ``None`` without one.
        last: the last row of the history.
    """

    rows: int
    epochs: int
    max_epochs: int
    steps: int
    batch_size: int | None
    seed: int
    cores: int
    ended: str
    best_epoch: int | None = None
    member_epochs: tuple[int, ...] = ()
    validation_loss: float | None = None
    last: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def keeps_best(self) -> bool:
        """Whether the model has the weights of the best epoch, and not just the last ones."""
        return self.best_epoch is not None or bool(self.member_epochs)

    @property
    def is_restored(self) -> bool:
        """Whether the weights of an epoch before the last one were restored."""
        best = self.epochs if self.best_epoch is None else self.best_epoch
        return min(best, *self.member_epochs, self.epochs) < self.epochs

    @property
    def kept_epochs(self) -> tuple[int, int] | None:
        """The first and the last of the epochs whose weights the model has; ``None`` before the first one."""
        epochs = self.member_epochs or (self.epochs if self.best_epoch is None else self.best_epoch,)
        return (min(epochs), max(epochs)) if max(epochs) else None

    def plain(self) -> dict[str, Any]:
        """The facts as plain data for a file."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return values | {"member_epochs": list(self.member_epochs), "last": dict(self.last)}

    @staticmethod
    def of(facts: Mapping[str, Any]) -> TrainingFacts | None:
        """The facts of a model, which may come from a file; ``None`` where they are not those of ``fit``.

        Example:
            >>> stored = TrainingFacts(96, 50, 60, 150, 32, 0, 2, "early_stopping", best_epoch=30)
            >>> TrainingFacts.of(stored.plain()) == stored, stored.is_restored, TrainingFacts.of({})
            (True, True, None)
        """
        names = ("rows", "epochs", "max_epochs", "steps", "seed", "cores")
        values: dict[str, Any] = {name: facts.get(name) for name in names}
        if not all(map(_is_count, values.values())) or not isinstance(facts.get("ended"), str):
            return None
        size, best, members = (facts.get(name) for name in ("batch_size", "best_epoch", "member_epochs"))
        loss, last = facts.get("validation_loss"), facts.get("last")
        are_epochs = isinstance(members, list) and all(map(_is_count, members))
        return TrainingFacts(
            **values,
            batch_size=size if isinstance(size, int) and _is_count(size) else None,
            ended=facts["ended"],
            best_epoch=best if isinstance(best, int) and _is_count(best) else None,
            member_epochs=tuple(members or ()) if are_epochs else (),
            validation_loss=loss if isinstance(loss, float) and math.isfinite(loss) else None,
            last=dict(last) if isinstance(last, Mapping) else {},
        )


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0
