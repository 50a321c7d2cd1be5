"""The history of a training: a row of numbers for each epoch, shown as a table by an interpreter or notebook.

The rows are dicts in a list. Only the way they are shown differs: a table of the first, the best and the last
epochs instead of a hundred dicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chainrule.escaping import escape
from chainrule.messages import fact
from chainrule.settings import settings
from chainrule.train.callback.stopping import MEMBER_LOSS
from chainrule.train.state import KnownRow
from chainrule.train.training_facts import TrainingFacts

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
        """The history of a model.

        Args:
            rows: one row of numbers for each epoch.
            facts: of the model; they have the epoch whose weights it has.
        """
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
        """The positions of the rows that are shown; ``None`` for rows that are left out."""
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
        """The rows that are shown as text, each with whether it is the best epoch."""
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
