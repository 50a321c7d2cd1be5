"""Attacks on rows of a table: numbers within limits in the units of their columns, categories by swaps.

An attack on the prepared inputs would change 0/1 features by fractions, which no cell of a table means. Here
a change is a change of cells: a number moves by at most its limit and keeps the decimals of its column and
the range of the data, a category becomes another level, and every other column stays. What counts as broken
is predicted by the model from the changed cells, through the stored preparation.

The search alternates between both kinds of columns: projected gradient descent on the prepared numbers, then
for each category the level with the largest margin. Its random restarts begin with random levels.

Example: a limit of 1000 on a column of incomes with standard deviation 20,000 is a ball of radius 0.05 in the
prepared input; the number that the search finds is rounded to 1 toward the income of the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.attribution.counterfactual.feature_domain import step_of
from chainrule.data import Preparation, Table
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.number_parsing import level_texts, number_text
from chainrule.data.tables.columns import Faults, number_cells
from chainrule.data.tables.encoders import Category, Number, YesNo
from chainrule.data.tables.yes_no_words import YES_NO
from chainrule.errors import UsageError, fact, nearest
from chainrule.records import frozen
from chainrule.robustness.ball import Ball
from chainrule.robustness.methods.pgd import PGD
from chainrule.robustness.problem import Problem, Search
from chainrule.robustness.stream import Stream

ROUNDS = 2  # of gradient descent and swaps, in each restart
STEPS = 20  # of projected gradient descent in a round
MAX_LEVELS = 50  # levels of a category that are tried, the most frequent first


@frozen
class NumberChange:
    """A column of numbers that may change.

    Args:
        column: its name.
        feature: the index of its prepared input.
        limit: the largest change in the units of the column.
        mean, std: of the preparation.
        low, high: the range of the data.
        step: numbers are multiples of it; 0 for any number.
    """

    column: str
    feature: int
    limit: float
    mean: float
    std: float
    low: float
    high: float
    step: float

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


Change = NumberChange | LevelChange


@dataclass
class ChangedRows:
    """The rows of a table while they are attacked.

    Args:
        x: (n, F) the prepared inputs with the levels chosen so far.
        levels: for each category (n,) the index of the chosen level, -1 for its own.
    """

    x: np.ndarray
    levels: dict[str, np.ndarray]


def allowed_changes(
    preparation: Preparation, table: Table, radius: float | None, columns: Sequence[str] | None,
    limits: Mapping[str, Any],
) -> tuple[Change, ...]:  # fmt: skip
    """Return the columns that may change.

    Args:
        preparation: of the model.
        table: the attacked rows, whose range the numbers keep.
        radius: the largest change of a number, in standard deviations of its column.
        columns: the columns that may change; ``None``: all numbers and categories.
        limits: for each column the largest change in its own units, which has precedence over ``radius``.

    Raises:
        UsageError E101: no such column. E102: the target, a column of another kind, an invalid limit, or
            nothing that may change.
    """
    named = [*limits, *(name for name in columns or () if name not in limits)]
    _require_columns(preparation, named)
    chosen, changes, start = named if limits or columns is not None else None, [], 0
    for encoding in preparation.encodings:
        width = len(encoding.features)
        features, start = slice(start, start + width), start + width
        if chosen is not None and encoding.column not in chosen:
            continue
        if isinstance(encoding, Number):
            limit = _limit(encoding, limits.get(encoding.column), radius)
            changes.append(_number(encoding, table, features.start, limit))
        elif isinstance(encoding, Category | YesNo):
            changes.append(_levels(encoding, table, features))
        elif chosen is not None:
            raise UsageError(
                "E102", where="attack", name=encoding.column, received=encoding.kind,
                expected=fact("columns of numbers or categories"),
            )  # fmt: skip
    return tuple(changes)


def _require_columns(preparation: Preparation, names: Sequence[str]) -> None:
    if preparation.target in names:
        raise UsageError(
            "E102", where="attack", name="columns", received=preparation.target,
            expected=fact("inputs; {name} is the target", name=preparation.target),
        )  # fmt: skip
    unknown = [name for name in names if name not in preparation.columns]
    if unknown:
        raise UsageError(
            "E101", where="attack, columns", name='", "'.join(unknown), received=", ".join(unknown),
            expected=", ".join(preparation.columns[:20]), fix=nearest(unknown[0], preparation.columns) or "",
        )  # fmt: skip


def _limit(encoding: Number, limit: Any, radius: float | None) -> float:
    """Return the largest change of a number in the units of its column."""
    if limit is None:
        return (radius or 0.0) * encoding.std
    is_number = isinstance(limit, int | float | np.number) and not isinstance(limit, bool)
    if not is_number or not 0 <= limit < np.inf:
        raise UsageError(
            "E102", where="attack", name=f'change["{encoding.column}"]', received=repr(limit)[:80],
            expected=fact("a number from 0 on"), fix=f'change={{"{encoding.column}": {encoding.std:.2g}}}',
        )  # fmt: skip
    return float(limit)


def _number(encoding: Number, table: Table, feature: int, limit: float) -> NumberChange:
    values = number_cells(table, encoding.column, Faults()).drop_nulls().to_numpy().astype(np.float64)
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    std = encoding.std if encoding.std > 0 else 1.0
    return NumberChange(encoding.column, feature, limit, encoding.mean, std, low, high, step_of(values))


def _levels(encoding: Category | YesNo, table: Table, features: slice) -> LevelChange:
    if isinstance(encoding, Category):
        levels = encoding.levels[:MAX_LEVELS]
        return LevelChange(encoding.column, features, levels, encoding.encode_texts(pl.Series(levels)))
    words = level_texts(table.frame[encoding.column]).drop_nulls().unique().sort().to_list()
    by_value = {YES_NO[word.lower()]: word for word in words if word.lower() in YES_NO}
    encoded = np.zeros((len(by_value), features.stop - features.start))
    encoded[:, 0] = list(by_value)
    return LevelChange(encoding.column, features, tuple(by_value.values()), encoded)


def search_rows(
    problem: Problem, changes: Sequence[Change], rows: np.ndarray, restarts: int, stream: Stream
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Search changed rows with a small margin.

    Args:
        problem: the prepared rows; its ball is not used.
        changes: what may change.
        rows: (m,) the attacked rows.
        restarts: the number of starting points.
        stream: random numbers.

    Returns:
        (n, F) the prepared inputs, with numbers not yet rounded; for each category (n,) the chosen level, -1
        for its own.
    """
    numbers = [change for change in changes if isinstance(change, NumberChange)]
    swaps = [change for change in changes if isinstance(change, LevelChange)]
    best = ChangedRows(problem.x.copy(), {s.column: np.full(problem.rows, -1) for s in swaps})
    values, open_rows = np.full(problem.rows, -np.inf), rows
    for restart in range(restarts):
        now = ChangedRows(problem.x.copy(), {s.column: np.full(problem.rows, -1) for s in swaps})
        if restart:
            _randomize(now, swaps, stream)
        for _ in range(ROUNDS):
            if not open_rows.size:
                return best.x, best.levels
            for change in swaps:
                _swap(problem, now, change, open_rows)
            search = _descend(problem, now, numbers, open_rows, stream)
            moved = search.values > values[open_rows]
            moved |= search.wrong
            better = open_rows[moved]
            values[better], best.x[better] = search.values[moved], search.points[moved]
            for name, chosen in now.levels.items():
                best.levels[name][better] = chosen[better]
            open_rows = open_rows[~search.wrong]
            now.x[open_rows] = search.points[~search.wrong]
    return best.x, best.levels


def _randomize(now: ChangedRows, swaps: Sequence[LevelChange], stream: Stream) -> None:
    """Choose random levels for all rows."""
    for change in swaps:
        chosen = stream.integers(len(change.levels), (len(now.x),))
        now.x[:, change.features] = change.encoded[chosen]
        now.levels[change.column] = chosen


def _swap(problem: Problem, now: ChangedRows, change: LevelChange, rows: np.ndarray) -> None:
    """Choose for each row the level of a category with the largest margin, its present one included."""
    count = len(change.levels) + 1
    points = np.repeat(now.x[rows][:, None], count, axis=1)  # (m, L + 1, F)
    points[:, 1:, change.features] = change.encoded
    margins = problem.margins_at(points.reshape(-1, points.shape[-1]), np.repeat(rows, count))
    chosen = margins.reshape(len(rows), count).argmax(axis=1)
    now.x[rows] = points[np.arange(len(rows)), chosen]
    levels = now.levels[change.column]
    levels[rows] = np.where(chosen > 0, chosen - 1, levels[rows])


def _descend(
    problem: Problem, now: ChangedRows, numbers: Sequence[NumberChange], rows: np.ndarray, stream: Stream
) -> Search:
    """Search the numbers of rows whose levels are chosen, around the numbers of the table."""
    x = now.x.copy()
    scale = np.zeros(x.shape[1])
    for change in numbers:
        scale[change.feature] = change.limit / change.std
        x[:, change.feature] = problem.x[:, change.feature]
    inner = replace(problem, x=x, ball=Ball("inf", 1.0 if numbers else 0.0, scale))
    search = PGD(steps=STEPS if numbers else 1).search(inner, rows, stream)
    problem.evaluations = inner.evaluations
    return search


def changed_cells(
    table: Table, changes: Sequence[Change], x: np.ndarray, levels: Mapping[str, np.ndarray], rows: np.ndarray
) -> Table:
    """Return the table with the cells that a search found.

    Args:
        table: the rows.
        changes: what may change.
        x, levels: the result of ``search_rows``.
        rows: the attacked rows; the others stay as they are.
    """
    attacked = np.isin(np.arange(table.rows), rows)
    columns = []
    for change in changes:
        cells = table.frame[change.column]
        if isinstance(change, NumberChange):
            before = (
                number_cells(table, change.column, Faults()).cast(pl.Float64).fill_null(np.nan).to_numpy()
            )
            after = np.where(attacked, change.cells(before, x[:, change.feature].astype(np.float64)), before)
            is_integer = cells.dtype.is_integer() and not (np.nan_to_num(after) % 1).any()
            numbers = pl.Series(change.column, after).fill_nan(None)
            columns.append(numbers.cast(pl.Int64) if is_integer else numbers)
        else:
            chosen = np.where(attacked, levels[change.column], -1).tolist()
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
