"""Attacks on rows of a table: numbers within limits in the units of their columns, categories by swaps.

An attack on the prepared inputs would change 0/1 features by fractions, which no cell of a table means. Here
a change is a change of cells: a number moves by at most its limit and keeps the decimals and the range of its
column, a category becomes another level, and every other column stays. What counts as broken is predicted by
the model from the changed cells, through the stored preparation.

The search alternates: projected gradient descent moves all prepared numbers at once, which are then rounded
to allowed cells; after it, each column in turn takes the level, or the one of some allowed numbers, with the
largest margin. Its random restarts begin with random levels. Only cells count: a change that is lost when it
is rounded has found nothing.

Example: a limit of 1000 on a column of incomes with standard deviation 20,000 is a ball of radius 0.05 in the
prepared input; the number that gradient descent finds is rounded to 1 toward the income of the row.

All combinations of allowed cells of a row, where they are few enough to be tried one by one.

A search along gradients and columns can miss a cell between its starting points. Where a row has at most
``MAX_COMBINATIONS``, such as 7 ages times 4 cities, each of them is tried, so none is missed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.attribution.feature_domain import step_of
from chainrule.data import Preparation, Table
from chainrule.data.cells.number_notation import level_texts, number_text
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import Faults, number_cells
from chainrule.data.tables.encoders import Category, Number, YesNo
from chainrule.data.tables.spellings import YES_NO
from chainrule.errors import Message, UsageError, alternatives, fact, nearest
from chainrule.prng import key_of
from chainrule.records import frozen
from chainrule.robustness.attack_objective import Problem
from chainrule.robustness.attack_result import AttackResult, Trial
from chainrule.robustness.attack_samples import Goal, Samples, predicted, problem_of
from chainrule.robustness.attacks import COLUMNS, PGD
from chainrule.robustness.ball import Ball, Stream
from chainrule.validation import integer, out_of_range

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
        low, high: the range of the training rows and of all rows of the table.
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
        """Return the change of some rows; the range stays."""
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


OPTIONS = ("columns", "change", "restarts", "target_class", "threshold", "seed", "lang")
RESTARTS = 4
MAX_RADIUS = 10.0  # standard deviations; larger limits are a mistake of units


def refuse_columns(options: Mapping[str, Any]) -> None:
    """Refuse options that only tables have.

    Raises:
        UsageError E102: names of columns for samples without columns.
    """
    for name in ("columns", "change"):
        if options.get(name):
            raise out_of_range(options[name], name, "attack", fact("a model of tables"))


def attack_table(
    samples: Samples, radius: Any, options: Mapping[str, Any], goal: Goal, seed: int, lang: str
) -> AttackResult:
    """Attack rows of a table; see ``tables`` and, for the goal, ``samples.goal_of``.

    Raises:
        UsageError E101, E102: no such column; a radius or a limit that is not one; nothing may change.
    """
    _refuse_options(options)
    preparation, table = samples.model.preparation, samples.table
    assert preparation is not None
    assert table is not None
    changes = tuple(change.take(goal.rows) for change in _changes(preparation, table, radius, options))
    samples = samples.take(goal.rows)
    table = samples.table
    assert table is not None
    problem = problem_of(samples, Ball("inf", 0.0), goal.index)
    clean = samples.decided(predicted(samples, problem, problem.x))
    correct = np.flatnonzero(clean == samples.labels)
    changed, is_exhaustive = _search(problem, changes, correct, options, seed)
    after = changed_cells(table, changes, changed, correct)
    points = preparation.inputs(after)
    probabilities = predicted(samples, problem, points)
    attacked = samples.decided(probabilities)
    broken = (clean == samples.labels) & problem.is_success(attacked, np.arange(len(attacked)))
    final = changed_cells(table, changes, changed, np.flatnonzero(broken))
    points[~broken], attacked[~broken] = problem.x[~broken], clean[~broken]
    return AttackResult(
        COLUMNS,
        "inf",
        float(radius or 0.0),
        problem.x,
        points,
        samples.labels,
        clean,
        attacked,
        probabilities[np.arange(len(points)), attacked],
        samples.names,
        tuple(COLUMNS if one else "" for one in broken.tolist()),
        (Trial(COLUMNS, len(correct), int(broken.sum()), problem.evaluations),),
        cells=tuple(cell_changes(table, final, i) if broken[i] else () for i in range(table.rows)),
        table=final,
        allowed=tuple(map(_allowed, changes)),
        is_exhaustive=is_exhaustive,
        seed=seed,
        lang=lang,
        threshold=samples.threshold,
    )


def _search(
    problem: Problem, changes: Sequence[Change], correct: np.ndarray, options: Mapping[str, Any], seed: int
) -> tuple[ChangedRows, bool]:
    """Search changes that break the rows; return whether all were tried for those that remain."""
    restarts = int(options.get("restarts", RESTARTS))
    changed = search_rows(problem, changes, correct, restarts, Stream(key_of(seed)))
    unbroken = correct[problem.margins_at(changed.x[correct], correct) <= 0] if correct.size else correct
    return changed, try_all(problem, changes, changed, unbroken)


def _refuse_options(options: Mapping[str, Any]) -> None:
    """Refuse the options of attacks on arrays.

    Raises:
        UsageError E102: the first of them, or an invalid number of restarts.
    """
    for name in options:
        if name not in OPTIONS and not (name == "norm" and str(options[name]) == "inf"):
            expected = fact("for rows of a table only {names}", names=", ".join(OPTIONS))
            raise out_of_range(options[name], name, "attack", expected)
    integer(options.get("restarts", RESTARTS), "restarts", "attack", minimum=1, example=RESTARTS)


def _changes(
    preparation: Preparation, table: Table, radius: Any, options: Mapping[str, Any]
) -> tuple[Change, ...]:
    """Return what may change, from the options."""
    limits, columns = options.get("change") or {}, options.get("columns")
    columns = (columns,) if isinstance(columns, str) else columns
    is_number = isinstance(radius, int | float | np.number) and not isinstance(radius, bool)
    if (radius is None and not limits) or (
        radius is not None and not (is_number and 0 <= radius <= MAX_RADIUS)
    ):
        expected = fact("0 to {limit:g} standard deviations, or a limit for each column", limit=MAX_RADIUS)
        raise out_of_range(radius, "radius", "attack", expected, 0.1)
    changes = allowed_changes(preparation, table, None if radius is None else float(radius), columns, limits)
    if not changes:
        expected = fact("columns of numbers or categories")
        received = ", ".join(f"{e.column}: {e.kind}" for e in preparation.encodings[:20])
        raise UsageError("E102", where="attack", name="columns", expected=expected, received=received)
    return changes


def _allowed(change: Change) -> tuple[str, float, int]:
    """Return a column with its limit, or the number of its levels."""
    if isinstance(change, NumberChange):
        return change.column, change.reach, 0
    return change.column, 0.0, len(change.levels)


MAX_COMBINATIONS = 1000  # of the cells of one row


@frozen(eq=False)
class _Choices:
    """The allowed cells of a column for one row; the first one is the present cell.

    Args:
        change: the column.
        cells: the numbers, or the indices of the levels, -1 for the own one.
        encoded: (C, F) their prepared inputs.
    """

    change: Change
    cells: np.ndarray
    encoded: np.ndarray


def try_all(problem: Problem, changes: Sequence[Change], best: ChangedRows, rows: np.ndarray) -> bool:
    """Replace rows by the combination with the largest margin, where all of them can be tried.

    Args:
        problem: the prepared rows.
        changes: what may change.
        best: the rows after the search, which are replaced.
        rows: (m,) the rows that no change has broken.

    Returns:
        whether every combination of every row was tried.
    """
    is_complete = True
    for row in rows.tolist():
        choices = [_choices(problem, change, row) for change in changes]
        if any(one is None for one in choices):
            is_complete = False
            continue
        columns = [one for one in choices if one is not None]
        count = math.prod(len(one.cells) for one in columns)
        if count > MAX_COMBINATIONS:
            is_complete = False
            continue
        _try(problem, columns, count, best, row)
    return is_complete


def _choices(problem: Problem, change: Change, row: int) -> _Choices | None:
    """Return the allowed cells of a row; ``None`` if they are too many to be listed."""
    own = problem.x[row, change.features]
    if isinstance(change, NumberChange):
        cells = change.all_cells(row, MAX_COMBINATIONS)
        return None if cells is None else _Choices(change, cells, _encoded(change, cells, own))
    levels = np.arange(-1, len(change.levels))
    return _Choices(change, levels, np.concatenate([own[None], change.encoded]))


def _encoded(change: NumberChange, cells: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return the prepared inputs of numbers (C,), (C, 1); a missing one keeps its own."""
    return np.where(np.isnan(cells)[:, None], own, change.encoded(cells))


def _try(problem: Problem, columns: Sequence[_Choices], count: int, best: ChangedRows, row: int) -> None:
    """Try the combinations of the cells of a row."""
    index = np.unravel_index(np.arange(count), [len(one.cells) for one in columns])
    points = np.repeat(problem.x[row][None], count, axis=0)
    for one, chosen in zip(columns, index, strict=True):
        points[:, one.change.features] = one.encoded[chosen]
    top = int(problem.margins_at(points, np.full(count, row)).argmax())
    best.x[row] = points[top]
    for one, chosen in zip(columns, index, strict=True):
        own = best.numbers if isinstance(one.change, NumberChange) else best.levels
        own[one.change.column][row] = one.cells[chosen[top]]


REGULAR = 0.98  # share of the numbers of a column that have its decimals; a few may have more
MAX_LEVELS = 50  # levels of a category that are tried, the most frequent first


def allowed_changes(
    preparation: Preparation,
    table: Table,
    radius: float | None,
    columns: Sequence[str] | None,
    limits: Mapping[str, Any],
) -> tuple[Change, ...]:
    """Return the columns that may change.

    Args:
        preparation: of the model.
        table: the attacked rows. Numbers keep the range of these and of the training rows, so that a row may
            change as much alone as among others.
        radius: the largest change of a number, in standard deviations of its column.
        columns: the columns that may change; ``None``: all numbers and categories.
        limits: for each column the largest change in its own units, which has precedence over ``radius``.

    Raises:
        UsageError E101: no such column. E102: the target, a column of another kind, an invalid limit, or
            nothing that may change.
    """
    named = [*limits, *(name for name in columns or () if name not in limits)]
    known = {profile.column: profile.quantiles for profile in preparation.profiles}
    _require_columns(preparation, named, limits)
    chosen, changes, start = named if limits or columns is not None else None, [], 0
    for encoding in preparation.encodings:
        width = len(encoding.features)
        features, start = slice(start, start + width), start + width
        if chosen is not None and encoding.column not in chosen:
            continue
        if isinstance(encoding, Number):
            limit = _limit(encoding, limits.get(encoding.column), radius)
            training = np.array(known.get(encoding.column, ()))
            changes.append(_number(encoding, table, training, features.start, limit))
        elif isinstance(encoding, Category | YesNo):
            _require_no_limit(encoding.column, limits.get(encoding.column))
            changes.append(_levels(encoding, table, features))
        elif chosen is not None:
            raise out_of_range(
                encoding.kind, encoding.column, "attack", fact("columns of numbers or categories")
            )
    return tuple(changes)


def _require_columns(preparation: Preparation, names: Sequence[str], limits: Mapping[str, Any]) -> None:
    if preparation.target in names:
        expected = fact("inputs; {name} is the target", name=preparation.target)
        raise out_of_range(preparation.target, "columns", "attack", expected)
    unknown = [name for name in names if name not in preparation.columns]
    if unknown:
        close, limit = nearest(unknown[0], preparation.columns), limits.get(unknown[0])
        fix = _change_fix(close, limit) if unknown[0] in limits else _columns_fix(close)
        raise UsageError(
            "E101",
            where="attack, columns",
            name='", "'.join(unknown),
            received=", ".join(unknown),
            expected=", ".join(preparation.columns[:20]),
            fix=fix if close else "",
        )


def _change_fix(column: str | None, limit: Any) -> Message:
    """Return a limit of a column, or the column alone where the limit is not a number."""
    is_number = isinstance(limit, int | float) and math.isfinite(limit)
    words = f"{column}:{limit:.2g}" if is_number else f"{column}"
    number = float(f"{limit:.2g}") if is_number else None
    return alternatives(f'change={{"{column}": {number}}}', f'--change "{words}"')


def _columns_fix(column: str | None) -> Message:
    return alternatives(f'columns=["{column}"]', f'--columns "{column}"')


def _require_no_limit(column: str, limit: Any) -> None:
    """Refuse a limit for a category."""
    if limit is not None:
        expected = fact("no limit: a category may become any level")
        raise out_of_range(limit, f'change["{column}"]', "attack", expected, fix=_change_fix(column, None))


def _limit(encoding: Number, limit: Any, radius: float | None) -> float:
    """Return the largest change of a number in the units of its column."""
    if limit is None and radius is not None:
        return radius * encoding.std
    is_number = isinstance(limit, int | float | np.number) and not isinstance(limit, bool)
    if limit is None or not is_number or not 0 <= limit < np.inf:
        expected = fact("a number from 0 on")
        fix = _change_fix(encoding.column, encoding.std)
        raise out_of_range(limit, f'change["{encoding.column}"]', "attack", expected, fix=fix)
    return float(limit)


def _number(encoding: Number, table: Table, training: np.ndarray, feature: int, limit: float) -> NumberChange:
    """Return what may change in a column of numbers, of which ``training`` are some of the training rows."""
    cells = number_cells(table, encoding.column, Faults()).cast(pl.Float64)
    values = np.concatenate([cells.drop_nulls().to_numpy(), training])
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    std, before = encoding.std if encoding.std > 0 else 1.0, cells.fill_null(np.nan).to_numpy()
    return NumberChange(
        encoding.column, feature, limit, encoding.mean, std, low, high, step_of(values, REGULAR), before
    )


def _levels(encoding: Category | YesNo, table: Table, features: slice) -> LevelChange:
    if isinstance(encoding, Category):
        levels = encoding.levels[:MAX_LEVELS]
        return LevelChange(encoding.column, features, levels, encoding.encode_texts(pl.Series(levels)))
    words = level_texts(table.frame[encoding.column]).drop_nulls().unique().sort().to_list()
    by_value = {YES_NO[word.lower()]: word for word in words if word.lower() in YES_NO}
    encoded = np.zeros((len(by_value), features.stop - features.start))
    encoded[:, 0] = list(by_value)
    return LevelChange(encoding.column, features, tuple(by_value.values()), encoded)
