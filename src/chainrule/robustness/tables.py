"""Attacks on rows of a table: numbers within limits in the units of their columns, categories by swaps.

An attack on the prepared inputs would change 0/1 features by fractions, which no cell of a table means. Here
a change is a change of cells: a number moves by at most its limit and keeps the decimals of its column and
the range of the data, a category becomes another level, and every other column stays. What counts as broken
is predicted by the model from the changed cells, through the stored preparation.

The search alternates: projected gradient descent moves all prepared numbers at once, which are then rounded
to allowed cells; after it, each column in turn takes the level, or the one of some allowed numbers, with the
largest margin. Its random restarts begin with random levels. Only cells count: a change that is lost when it
is rounded has found nothing.

Example: a limit of 1000 on a column of incomes with standard deviation 20,000 is a ball of radius 0.05 in the
prepared input; the number that gradient descent finds is rounded to 1 toward the income of the row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.data import Table
from chainrule.data.cells.number_notation import level_texts, number_text
from chainrule.data.readers.lazy_polars import pl
from chainrule.records import frozen
from chainrule.robustness.attacks import PGD
from chainrule.robustness.ball import Ball, Stream
from chainrule.robustness.problem import Problem

ROUNDS = 2  # of gradient descent and swaps, in each restart
STEPS = 20  # of projected gradient descent in a round
NUMBERS = 9  # allowed numbers of a column that are tried, from one limit to the other


@frozen(eq=False)
class NumberChange:
    """A column of numbers that may change.

    Args:
        column: its name.
        feature: the index of its prepared input.
        limit: the largest change in the units of the column.
        mean, std: of the preparation.
        low, high: the range of the data.
        step: numbers are multiples of it; 0 for any number.
        before: (n,) the numbers of the rows; NaN where missing, which stays missing.
    """

    column: str
    feature: int
    limit: float
    mean: float
    std: float
    low: float
    high: float
    step: float
    before: np.ndarray

    def take(self, rows: np.ndarray) -> NumberChange:
        """Return the change of some rows; the range of the data stays that of all."""
        return replace(self, before=self.before[rows])

    @property
    def features(self) -> slice:
        """The slice of its prepared input."""
        return slice(self.feature, self.feature + 1)

    def options(self, rows: np.ndarray) -> np.ndarray:
        """Return allowed numbers of rows, (m, C)."""
        steps = np.floor(self.limit / self.step + 1e-9) if self.step else 1.0
        shares = np.linspace(-steps, steps, NUMBERS)
        offsets = np.unique(np.round(shares)) * self.step if self.step else shares * self.limit
        before = self.before[rows, None]
        cells = np.clip(before + offsets, np.minimum(self.low, before), np.maximum(self.high, before))
        return np.round(cells, 9) if self.step else cells

    @property
    def reach(self) -> float:
        """The largest change that the decimals of the column allow."""
        return math.floor(self.limit / self.step + 1e-9) * self.step if self.step else self.limit

    def all_cells(self, row: int, limit: int) -> np.ndarray | None:
        """Return all allowed numbers of a row, its own first; ``None`` if they are more than ``limit``."""
        before, steps = self.before[row], self.limit / self.step if self.step else math.inf
        if np.isnan(before) or self.limit == 0:
            return self.before[row : row + 1]
        if 2 * steps > limit:
            return None
        count = math.floor(steps + 1e-9)
        cells = np.round(before + np.arange(-count, count + 1) * self.step, 9)
        inside = (min(self.low, before) <= cells) & (cells <= max(self.high, before)) & (cells != before)
        return np.concatenate([[before], cells[inside & (np.abs(cells - before) <= self.limit + 1e-9)]])

    def encoded(self, cells: np.ndarray) -> np.ndarray:
        """Return the prepared inputs of numbers (..., C) as (..., C, 1)."""
        return ((cells - self.mean) / self.std)[..., None]

    def cells(self, before: np.ndarray, prepared: np.ndarray) -> np.ndarray:
        """Return the changed numbers: within the limit and the range, rounded toward those before."""
        change = np.clip(prepared * self.std + self.mean - before, -self.limit, self.limit)
        after = np.clip(before + change, np.minimum(self.low, before), np.maximum(self.high, before))
        if self.step:
            steps = np.trunc((after - before) / self.step + np.sign(after - before) * 1e-9)
            after = np.round(before + steps * self.step, 9)
            inside = np.abs(after - before) <= self.limit
            after = np.where(inside, after, before)
        return np.where(np.isnan(before), before, after)


@frozen(eq=False)
class LevelChange:
    """A category that may change.

    Args:
        column: its name.
        features: the slice of its prepared inputs.
        levels: the texts of its levels.
        encoded: (L, F) their prepared inputs.
    """

    column: str
    features: slice
    levels: tuple[str, ...]
    encoded: np.ndarray

    def take(self, rows: np.ndarray) -> LevelChange:
        """Return the change of some rows, which is that of all."""
        return self


Change = NumberChange | LevelChange


@dataclass
class ChangedRows:
    """The rows of a table while they are attacked.

    Args:
        x: (n, F) the prepared inputs with the levels chosen so far.
        levels: for each category (n,) the index of the chosen level, -1 for its own.
        numbers: for each column of numbers (n,) the chosen number.
    """

    x: np.ndarray
    levels: dict[str, np.ndarray]
    numbers: dict[str, np.ndarray]

    @staticmethod
    def of(problem: Problem, changes: Sequence[Change]) -> ChangedRows:
        """Return the rows without a change."""
        levels, numbers = {}, {}
        for change in changes:
            if isinstance(change, NumberChange):
                numbers[change.column] = change.before.copy()
            else:
                levels[change.column] = np.full(problem.rows, -1)
        return ChangedRows(problem.x.copy(), levels, numbers)

    def take(self, other: ChangedRows, rows: np.ndarray) -> None:
        """Replace some rows with the rows of another object."""
        self.x[rows] = other.x[rows]
        for own, new in ((self.levels, other.levels), (self.numbers, other.numbers)):
            for name, values in new.items():
                own[name][rows] = values[rows]


def search_rows(
    problem: Problem, changes: Sequence[Change], rows: np.ndarray, restarts: int, stream: Stream
) -> ChangedRows:
    """Search changed rows with a large margin of a wrong class.

    Args:
        problem: the prepared rows; its ball is not used.
        rows: (m,) the attacked rows.
        restarts: the number of starting points.
    """
    best, values, open_rows = ChangedRows.of(problem, changes), np.full(problem.rows, -np.inf), rows
    swaps = [change for change in changes if isinstance(change, LevelChange)]
    numbers = [change for change in changes if isinstance(change, NumberChange)]
    for restart in range(restarts):
        now = ChangedRows.of(problem, changes)
        if restart:
            _randomize(now, swaps, stream)
        for _ in range(ROUNDS):
            if not open_rows.size:
                return best
            if numbers:
                _descend(problem, now, numbers, open_rows, stream)
            for change in changes:
                _choose(problem, now, change, open_rows)
            margins = problem.margins_at(now.x[open_rows], open_rows)
            better = open_rows[margins > values[open_rows]]
            values[open_rows] = np.maximum(values[open_rows], margins)
            best.take(now, better)
            open_rows = open_rows[values[open_rows] <= 0]
    return best


def _randomize(now: ChangedRows, swaps: Sequence[LevelChange], stream: Stream) -> None:
    """Choose random levels for all rows."""
    for change in swaps:
        chosen = stream.integers(len(change.levels), (len(now.x),))
        now.x[:, change.features] = change.encoded[chosen]
        now.levels[change.column] = chosen


def _choose(problem: Problem, now: ChangedRows, change: Change, rows: np.ndarray) -> None:
    """Choose for each row the level or number with the largest margin, its present one included."""
    is_number = isinstance(change, NumberChange)
    cells = change.options(rows) if is_number else np.zeros((len(rows), 0))
    encoded = change.encoded(cells) if is_number else change.encoded[None]  # (m or 1, C, features)
    count = encoded.shape[1] + 1
    points = np.repeat(now.x[rows][:, None], count, axis=1)  # (m, C + 1, F)
    points[:, 1:, change.features] = np.where(np.isnan(encoded), points[:, 1:, change.features], encoded)
    margins = problem.margins_at(points.reshape(-1, points.shape[-1]), np.repeat(rows, count))
    chosen = margins.reshape(len(rows), count).argmax(axis=1)
    every = np.arange(len(rows))
    now.x[rows] = points[every, chosen]
    if is_number:
        own = now.numbers[change.column]
        own[rows] = np.where(chosen > 0, cells[every, np.maximum(chosen - 1, 0)], own[rows])
    else:
        levels = now.levels[change.column]
        levels[rows] = np.where(chosen > 0, chosen - 1, levels[rows])


def _descend(
    problem: Problem, now: ChangedRows, numbers: Sequence[NumberChange], rows: np.ndarray, stream: Stream
) -> None:
    """Move the numbers of rows whose levels are chosen, around the numbers of the table, to allowed cells."""
    x = now.x.copy()
    scale = np.zeros(x.shape[1])
    for change in numbers:
        scale[change.feature] = change.limit / change.std
        x[:, change.feature] = problem.x[:, change.feature]
    inner = replace(problem, x=x, ball=Ball("inf", 1.0, scale))
    search = PGD(steps=STEPS).search(inner, rows, stream)
    problem.evaluations = inner.evaluations
    for change in numbers:
        cells = change.cells(change.before[rows], search.points[:, change.feature].astype(np.float64))
        prepared = change.encoded(cells[:, None])[:, 0, 0]
        now.numbers[change.column][rows] = cells
        now.x[rows, change.feature] = np.where(np.isnan(cells), problem.x[rows, change.feature], prepared)


def changed_cells(table: Table, changes: Sequence[Change], changed: ChangedRows, rows: np.ndarray) -> Table:
    """Return the table with the cells that a search found.

    Args:
        changed: the result of ``search_rows``.
        rows: the attacked rows; the others stay as they are.
    """
    attacked = np.isin(np.arange(table.rows), rows)
    columns = []
    for change in changes:
        cells = table.frame[change.column]
        if isinstance(change, NumberChange):
            after = np.where(attacked, changed.numbers[change.column], change.before)
            is_integer = cells.dtype.is_integer() and not (np.nan_to_num(after) % 1).any()
            numbers = pl.Series(change.column, after).fill_nan(None)
            columns.append(numbers.cast(pl.Int64) if is_integer else numbers)
        else:
            chosen = np.where(attacked, changed.levels[change.column], -1).tolist()
            own = level_texts(table.words(change.column)).to_list()
            words = [
                text if k < 0 or text is None else change.levels[k]
                for k, text in zip(chosen, own, strict=True)
            ]
            columns.append(pl.Series(change.column, words, dtype=pl.String))
    originals = {
        name: texts for name, texts in table.originals.items() if name not in [c.name for c in columns]
    }
    return replace(table, frame=table.frame.with_columns(columns), originals=originals)


def cell_changes(before: Table, after: Table, row: int) -> tuple[tuple[str, str, str], ...]:
    """Return the changed cells of a row: column, cell before, cell after."""
    changes = []
    for name in before.columns:
        old, new = before.frame[name][row], after.frame[name][row]
        texts = [_text(value) for value in (old, new)]
        if texts[0] != texts[1]:
            changes.append((name, texts[0], texts[1]))
    return tuple(changes)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return (
        number_text(float(value))
        if isinstance(value, int | float) and not isinstance(value, bool)
        else str(value)
    )
