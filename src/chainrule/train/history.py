"""The history of a training: a row of numbers for each epoch, shown as a table by an interpreter or notebook.

The rows are dicts in a list. Only the way they are shown differs: a table of the first, the best and the last
epochs instead of a hundred dicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, fields
from typing import Any

from chainrule.escaping import escape
from chainrule.messages import fact
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.train.callback.early_stopping import MEMBER_LOSS
from chainrule.train.train_state import KnownRow

# ``TrainingFacts``: what a training did, as the model file stores it and every screen shows it.

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
        """Return the facts as plain data for a file."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return values | {"member_epochs": list(self.member_epochs), "last": dict(self.last)}

    @staticmethod
    def of(facts: Mapping[str, Any]) -> TrainingFacts | None:
        """Return the facts of a model, which a file may contain; ``None`` if they are not those of ``fit``.

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


SHOWN = 4  # rows at the beginning, and at the end


class History(list[KnownRow]):
    """The rows of a history: a list of dicts, shown as a table.

    Args:
        rows: one row of numbers for each epoch.
        best: the epoch whose weights the model has, or the one of the smallest loss; ``None``: not known.

    Example:
        >>> History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}], best=2)
        History of 2 epochs; best epoch: 2
          epoch  loss
              1   0.5
        *     2  0.25
    """

    @staticmethod
    def of(rows: Sequence[KnownRow], facts: Mapping[str, Any]) -> History:
        """Return the history of a model, whose facts have the epoch of its weights."""
        training = TrainingFacts.of(facts)
        if training is not None and training.keeps_best:
            return History(rows, training.best_epoch)
        column = "val_loss" if rows and "val_loss" in rows[0] else "loss"
        losses = {row["epoch"]: row[column] for row in rows if row.get(column) is not None and "epoch" in row}
        return History(rows, int(min(losses, key=lambda epoch: losses[epoch])) if losses else None)

    def __init__(self, rows: Iterable[KnownRow] = (), best: int | None = None) -> None:
        super().__init__(rows)
        self.best_epoch = best

    @property
    def title(self) -> str:
        """The number of epochs and the best one."""
        if not self:
            return fact("History without epochs").render(settings.lang)
        if self.best_epoch is None:
            return fact("History of {epochs} epochs", epochs=len(self)).render(settings.lang)
        text = fact("History of {epochs} epochs; best epoch: {best}", epochs=len(self), best=self.best_epoch)
        return text.render(settings.lang)

    @property
    def columns(self) -> list[str]:
        """The names of the columns that are shown: not the losses of the members of an ensemble."""
        return [name for name in (self[0] if self else ()) if not MEMBER_LOSS.fullmatch(name)]

    def positions(self) -> list[int | None]:
        """Return the positions of the rows that are shown; ``None`` for rows that are left out."""
        last = len(self) - 1
        middle = [] if self.best_epoch is None else [self.best_epoch - 1]
        chosen = {*range(min(SHOWN, len(self))), *range(max(0, last - SHOWN + 1), last + 1), *middle}
        listed: list[int | None] = []
        for position in sorted(chosen & set(range(len(self)))):
            before = listed[-1] if listed else None
            if before is not None and position > before + 1:
                listed.append(None)
            listed.append(position)
        return listed

    def cells(self) -> list[tuple[bool, Sequence[str]]]:
        """Return the rows that are shown as text, each with whether it is the best epoch."""
        rows: list[tuple[bool, Sequence[str]]] = []
        for position in self.positions():
            if position is None:
                rows.append((False, ["…"] * len(self.columns)))
                continue
            row = self[position]
            texts = [_text(name, row.get(name)) for name in self.columns]
            rows.append((row.get("epoch") == self.best_epoch, texts))
        return rows

    def __repr__(self) -> str:
        table = [(False, self.columns), *self.cells()]
        widths = [max(len(row[i]) for _, row in table) for i in range(len(self.columns))]
        lines = [
            f"{'*' if is_best else ' '} "
            + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for is_best, row in table
        ]
        return "\n".join([self.title, *(lines if self else [])])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        style = ' style="font-weight:bold"'
        body = "".join(
            f"<tr{style if is_best else ''}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for is_best, row in self.cells()
        )
        table = f"<table><tr>{head}</tr>{body}</table>" if self else ""
        return f"<div><p>{escape(self.title)}</p>{table}</div>"


def _text(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if name == "epoch" else f"{value:.4g}"
