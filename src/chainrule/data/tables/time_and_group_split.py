"""Division of a table into training, validation and test rows: at random, by time, or by group.

The test rows have to differ from the training rows as later rows will. A model that predicts the future is
tested on rows later than all training rows (``time:COLUMN``); a model for new customers, patients or machines
on groups without a training row (``group:COLUMN``). Test rows that are drawn at random have neighbors in time
and rows of the same group among the training rows, and their score is too optimistic for both purposes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import Column, Faults, number_cells, require_columns
from chainrule.data.tables.dates import read_moments
from chainrule.data.tables.folds import folds, row_digests
from chainrule.data.tables.random_split import Split, apportion, require_rows, split
from chainrule.data.tables.table import Table
from chainrule.data.tables.task import Task
from chainrule.errors import DataError, UsageError, fact, nearest
from chainrule.records import frozen

WAYS = ("random", "time", "group")
FINE, COARSE = 25, 5  # folds that are joined to parts: 4 % each, or 20 % if there are few groups


@frozen
class Division:
    """How rows are divided.

    Args:
        way: ``"random"``, ``"time"`` or ``"group"``.
        column: of the time or the group.

    Example:
        >>> Division.parse("time:sold on")
        Division(way='time', column='sold on')
    """

    way: str = "random"
    column: str = ""

    @staticmethod
    def parse(text: str) -> Division:
        """Read ``random``, ``time:COLUMN`` or ``group:COLUMN``.

        Args:
            text: the division, as ``--split`` takes it.

        Raises:
            UsageError E101: another text.
        """
        way, _, column = text.partition(":")
        if way not in WAYS or (way == "random") == bool(column):
            close = nearest(way, WAYS) or "random"
            fix = f"--split {close}" if close == "random" else f"--split {close}:{column or 'COLUMN'}"
            expected = fact("random, time:COLUMN or group:COLUMN")
            raise UsageError("E101", where="--split", name=text, expected=expected, received=text, fix=fix)
        return Division(way, column)


RANDOM = Division()


def divide(
    table: Table,
    task: Task,
    columns: Sequence[Column],
    division: Division,
    seed: int,
    fractions: tuple[float, float, float],
) -> Split:
    """Divide the rows of a table.

    Args:
        table: the rows that have a target.
        task: its task; classes are divided evenly except by time.
        columns: the result of ``describe``.
        division: how.
        seed: of a division at random or by group.
        fractions: of training, validation and test rows; ``(1.0, 0.0, 0.0)``: no division.

    Raises:
        DataError: E313 no such column; E333 a row without a time or group, or a class without a training row;
            E331 a part without rows; others as ``split``.
    """
    if fractions == (1.0, 0.0, 0.0):
        none = np.zeros(0, np.int64)
        return Split(np.arange(table.rows), none, none)
    labels = table.frame[task.target].cast(str).to_numpy() if task.is_classification else None
    if division.way == "random":
        values = np.zeros(table.rows) if labels is None else labels
        return split(values, seed, fractions, stratify=task.is_classification)
    require_columns(table, division.column)
    if division.way == "time":
        parts = by_time(times(table, columns, division.column), fractions)
        _require_known_classes(table, labels, division.column, parts)
        return parts
    cells = table.frame[division.column]
    _require_values(table, division.column, cells.is_not_null().to_numpy(), fact("a group in every row"))
    groups = cells.cast(pl.String).to_numpy()
    parts = by_group(row_digests(table), groups, fractions, labels=labels, seed=seed)
    _require_known_classes(table, labels, division.column, parts)
    return parts


def by_time(times: np.ndarray, fractions: tuple[float, float, float]) -> Split:
    """Divide rows by time: the earliest are training rows, the latest test rows.

    Rows of equal time are in the same part, the later one where they lie on a border.

    Args:
        times: (N,) a number for each row.
        fractions: of training, validation and test rows.

    Raises:
        DataError E331: a part without rows.

    Example:
        >>> parts = by_time(np.array([5, 1, 2, 3, 4]), (0.6, 0.2, 0.2))
        >>> parts.train.tolist(), parts.validation.tolist(), parts.test.tolist()
        ([1, 2, 3], [4], [0])
    """
    ordered = np.sort(times)
    ends = np.cumsum(apportion(len(times), fractions))
    is_test = times >= ordered[ends[1]] if ends[1] < len(times) else np.zeros(len(times), bool)
    is_later = times >= ordered[ends[0]] if ends[0] < len(times) else is_test
    parts = [np.flatnonzero(mask) for mask in (~is_later, is_later & ~is_test, is_test)]
    require_rows(fractions, parts)
    train, validation, test = parts
    return Split(train, validation, test)


def by_group(
    digests: np.ndarray,
    groups: np.ndarray,
    fractions: tuple[float, float, float],
    labels: np.ndarray | None = None,
    seed: int = 0,
) -> Split:
    """Divide rows such that all rows of a group, and all duplicates of a row, are in the same part.

    Args:
        digests: the content of the rows, as from ``row_digests``.
        groups: (N,) the group of each row.
        fractions: of training, validation and test rows; met as closely as the sizes of the groups allow.
        labels: (N,) class labels; each class is divided evenly.

    Raises:
        DataError E331: fewer groups than parts.
    """
    distinct, used = len(np.unique(groups)), sum(fraction > 0 for fraction in fractions)
    count = FINE if distinct >= FINE else COARSE if distinct >= COARSE else used
    fold = folds(digests, count, labels=labels, groups=groups, seed=seed)
    sizes = apportion(count, fractions) if count > used else [int(fraction > 0) for fraction in fractions]
    part = np.repeat(np.arange(3), sizes)[fold]
    parts = [np.flatnonzero(part == number) for number in range(3)]
    require_rows(fractions, parts)
    train, validation, test = parts
    return Split(train, validation, test)


def times(table: Table, columns: Sequence[Column], name: str) -> np.ndarray:
    """Return the time of each row as a number, from dates or numbers."""
    column = next(column for column in columns if column.name == name)
    cells = table.frame[name]
    expected = fact("a date or a number in every row")
    if column.kind == "date" or not cells.dtype.is_numeric():
        moments = read_moments(cells, column.dates is not None and column.dates.is_day_first)
        _require_values(table, name, moments.is_valid, expected)
        return moments.instant
    values = number_cells(table, name, Faults()).to_numpy()
    _require_values(table, name, np.isfinite(values), expected)
    return values


def _require_values(table: Table, name: str, is_valid: np.ndarray, expected: str) -> None:
    if is_valid.all():
        return
    row = int(np.argmin(is_valid))
    value = table.frame[name][row]
    where = fact('{place}, column "{column}"', place=table.place(row), column=name)
    received = fact("no value") if value is None else f'"{str(value)[:60]}"'
    notes = [fact("such rows: {count}", count=int((~is_valid).sum()))]
    fix = fact("choose another column, or leave these rows out")
    raise DataError(
        "E333", where=where, column=name, expected=expected, received=received, notes=notes, fix=fix
    )


def _require_known_classes(table: Table, labels: np.ndarray | None, name: str, parts: Split) -> None:
    """Refuse a division in which a class has no training row: no network can predict it."""
    if labels is None:
        return
    others = np.sort(np.concatenate([parts.validation, parts.test]))
    unknown = others[~np.isin(labels[others], np.unique(labels[parts.train]))]
    if not len(unknown):
        return
    row = int(unknown[0])
    raise DataError(
        "E333",
        where=fact('{place}, column "{column}"', place=table.place(row), column=name),
        column=name,
        expected=fact("training rows of every class"),
        received=fact('no training row of class "{label}"', label=str(labels[row])[:60]),
        notes=[fact("such rows: {count}", count=len(unknown))],
        fix=fact("choose another column, or leave these rows out"),
    )
