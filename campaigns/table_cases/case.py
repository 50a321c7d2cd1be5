"""A table of the campaign: where its rows come from, its target, and how often it is split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import polars as pl

from chainrule.records import frozen

Task = Literal["binary", "multiclass", "regression"]
SPLITS = 10
FEWEST_ROWS = 10  # a class with fewer rows is left out: it cannot be split 80/20


@frozen
class Case:
    """One table.

    Args:
        name: its name in the results.
        target: the column to predict.
        task: ``"binary"``, ``"multiclass"`` or ``"regression"``.
        read: returns the table from a folder with unpacked packages.
        leave_out: columns that are row numbers, free text, or known only together with the target.
        splits: the number of 80/20 splits.
        dates: columns of ISO dates, which the baselines receive as numbers and categories of a calendar.
        in_time: the column of ISO dates in whose order the rows are split; "" for a random split.
    """

    name: str
    target: str
    task: Task
    read: Callable[[Path], pl.DataFrame]
    leave_out: tuple[str, ...] = ()
    splits: int = SPLITS
    dates: tuple[str, ...] = ()
    in_time: str = ""

    def frame(self, folder: Path) -> pl.DataFrame:
        """The table: rows with a target, without the columns to leave out and classes that are too rare."""
        frame = self.read(folder).drop(self.leave_out)
        frame = frame.filter(pl.col(self.target).is_not_null())
        if self.task == "regression":
            return frame.filter(pl.col(self.target).is_finite())
        return frame.filter(pl.len().over(self.target) >= FEWEST_ROWS)
