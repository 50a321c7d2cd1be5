"""The possible changes of a row: the columns, their ranges, and the conversion to inputs of the network.

A point of the search has one number per column: a value, or the index of a category in its levels; NaN if the
cell is missing. Ranges and steps come from data: a column of integers keeps integers, one with two decimals
keeps two. Without data, the range is three standard deviations around the mean of the training rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import data
from chainrule.data.cells.number_notation import level_texts, number_text
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import Faults, number_cells, require_columns
from chainrule.data.tables.encoders import (
    Category,
    Dates,
    Durations,
    Encoding,
    Number,
    Pixels,
    Texts,
    Times,
    YesNo,
)
from chainrule.data.tables.spellings import YES_NO
from chainrule.errors import UsageError, fact, nearest
from chainrule.records import frozen
from chainrule.validation import out_of_range

# The possible values of a column, and the distance of its changes.

DIGITS = 6  # significant digits of a number that is printed
GRID_POINTS = 21  # values tried along a column
SHRINK_POINTS = 33  # values tried between a change and the row when it is shrunk


@frozen
class Axis:
    """The possible values of a column.

    Args:
        name: the column.
        low, high: the smallest and the largest number.
        scale: the change that has distance 1; a changed category always has distance 1.
        step: numbers are multiples of it; 0 for any number.
        is_category: whether values are indices of levels.
        allowed: the indices of the allowed levels of a category.
        is_fixed: whether the column does not change.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    scale: float = 1.0
    step: float = 0.0
    is_category: bool = False
    allowed: tuple[int, ...] = ()
    is_fixed: bool = False

    def choices(self, now: float) -> np.ndarray:
        """Return the values to try instead of the current one (NaN: missing)."""
        if self.is_fixed:
            return np.zeros(0)
        if self.is_category:
            values = np.array(self.allowed, np.float64)
        else:
            values = np.unique(self.snap(np.linspace(self.low, self.high, GRID_POINTS)))
        return values[values != now]

    def snap(self, values: np.ndarray) -> np.ndarray:
        """Return the nearest possible values of the column."""
        if self.step > 0:  # divided, not multiplied by 0.1: 3 / 10 is 0.3
            per_unit = round(1 / self.step) if self.step < 1 else 0
            values = (
                np.round(values * per_unit) / per_unit
                if per_unit
                else np.round(values / self.step) * self.step
            )
        elif self.low < self.high:
            values = np.round(values, self._decimals)
        return np.clip(values, self.low, self.high)

    @property
    def _decimals(self) -> int:
        """The decimals of a number without a step: those printed, ``DIGITS`` digits of the largest."""
        largest = max(abs(self.low), abs(self.high))
        return min(DIGITS - 1 - int(np.floor(np.log10(largest))), 300)

    def between(self, now: float, then: float) -> np.ndarray:
        """Return values from ``now`` to ``then``, including both."""
        if self.is_category or np.isnan(now):
            return np.array([now, then])
        values = self.snap(np.linspace(now, then, SHRINK_POINTS))
        values[[0, -1]] = now, then  # the value of the row may be outside the range
        return values

    def distance(self, now: float, then: np.ndarray) -> np.ndarray:
        """Return the size of a change of this column."""
        changed = ~((then == now) | (np.isnan(then) & np.isnan(now)))
        if self.is_category or np.isnan(now):
            return changed.astype(float)
        return np.abs(then - now) / (self.scale or 1.0)

    def toward(self, value: float, goal: float, part: float) -> float:
        """Return the value moved toward a goal by a part of the way, by one step at least."""
        if part == 1.0 or self.is_category or np.isnan(goal) or np.isnan(value):
            return float(goal)
        moved = float(self.snap(np.array([value + part * (goal - value)]))[0])
        if moved == value and self.step > 0:
            moved = float(self.snap(np.array([value + np.sign(goal - value) * self.step]))[0])
        return moved if abs(goal - moved) < abs(goal - value) else float(goal)

    def around(self, start: float, value: float, distance: float, count: int) -> np.ndarray:
        """Return values within a distance of a value, at most ``count`` of them for a number."""
        if self.is_fixed:
            return np.zeros(0)
        if self.is_category or np.isnan(value):
            return self.choices(start)
        reach = distance * (self.scale or 1.0)
        values = np.unique(self.snap(value + np.linspace(-reach, reach, count)))
        return values[values != value]


def distances(axes: Sequence[Axis], start: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the distances of points (n, C) from the row (C,): (n,)."""
    return np.sum([axis.distance(start[i], points[:, i]) for i, axis in enumerate(axes)], axis=0)


def changed_columns(start: np.ndarray, point: np.ndarray) -> frozenset[int]:
    """Return the columns of a point (C,) that differ from the row (C,)."""
    same = (point == start) | (np.isnan(point) & np.isnan(start))
    return frozenset(np.flatnonzero(~same).tolist())


_NONE = np.zeros(0)
DEVIATIONS = 3.0  # the range around the mean without data, in standard deviations
MIN_DECIMALS, MAX_DECIMALS = -2, 4  # numbers are rounded as in the data, to multiples of 0.0001 up to 100

FIXED = (Dates, Times, Durations, Texts)  # columns that a counterfactual does not change

Ranges = Mapping[str, Any]


@frozen(eq=False)
class Domain:
    """A row as a point, the possible values of its columns, and the encoding of points.

    Args:
        axes: the columns.
        start: (C,) the row.
        encode: the function from points (n, C) to inputs of the network.
        cells: the same by way of the cells of a table and the preparation; slower.
        levels: for each category the texts of its levels.
    """

    axes: tuple[Axis, ...]
    start: np.ndarray
    encode: Callable[[np.ndarray], np.ndarray]
    cells: Callable[[np.ndarray], np.ndarray]
    levels: Mapping[str, tuple[str, ...]]

    def text(self, column: int, value: float) -> str:
        """Return a value of a column as a cell; ``""`` if it is missing."""
        axis = self.axes[column]
        if np.isnan(value):
            return ""
        if axis.is_category:
            return self.levels[axis.name][int(value)]
        return number_text(float(value)) if axis.step else f"{value:.6g}"


def restrict(domain: Domain, fixed: Sequence[str], ranges: Ranges) -> Domain:
    """Return a domain with restricted columns.

    Args:
        ranges: for a number ``(low, high)``, with ``None`` for the limit of the data; for a category its
            allowed levels.

    Raises:
        UsageError E101: unknown columns or levels; all are listed. UsageError E102: not a range.
    """
    fixed = (fixed,) if isinstance(fixed, str) else fixed
    for name, value, kind in (("fixed", fixed, Iterable), ("ranges", ranges, Mapping)):
        if not isinstance(value, kind):
            expected = fact("names of columns") if name == "fixed" else fact("ranges by column")
            fix = 'fixed=["age"]' if name == "fixed" else 'ranges={"age": (18, None)}'
            raise out_of_range(value, name, "counterfactual", expected, fix=fix)
    names = [axis.name for axis in domain.axes]
    require_known_names("fixed, ranges", [*fixed, *ranges], names)
    axes = []
    for axis in domain.axes:
        if axis.name in ranges:
            choose = _allowed if axis.is_category else _between
            axis = choose(axis, ranges[axis.name], domain.levels.get(axis.name, ()))
        axes.append(replace(axis, is_fixed=axis.is_fixed or axis.name in fixed))
    return replace(domain, axes=tuple(axes))


def _allowed(axis: Axis, requested: Any, levels: Sequence[str]) -> Axis:
    """Return a category with some of its levels."""
    names = (
        [str(level) for level in requested] if isinstance(requested, list | tuple | set) else [str(requested)]
    )
    require_known_names(f'ranges["{axis.name}"]', names, levels)
    return replace(axis, allowed=tuple(i for i, level in enumerate(levels) if level in names))


def _between(axis: Axis, ends: Any, levels: Sequence[str]) -> Axis:
    """Return a number with another range."""
    try:
        low, high = (
            limit if end is None else float(end)
            for end, limit in zip(ends, (axis.low, axis.high), strict=True)
        )
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low <= high:
        fix = f'ranges={{"{axis.name}": ({axis.low:g}, {axis.high:g})}}'
        raise out_of_range(ends, "ranges", f'ranges["{axis.name}"]', "(low, high), low <= high", fix=fix)
    return replace(axis, low=low, high=high)


def require_known_names(where: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Require that names exist.

    Raises:
        UsageError E101: some do not; all of them are listed.
    """
    unknown = [name for name in names if name not in known]
    if unknown:
        expected = ", ".join(list(known)[:20])
        received = ", ".join(unknown)
        fix = ", ".join(filter(None, (nearest(str(name), known) for name in unknown)))
        raise UsageError(
            "E101", where=where, name='", "'.join(unknown), expected=expected, received=received, fix=fix
        )


def table_domain(preparation: data.Preparation, row: data.Table, rows: data.Table | None) -> Domain:
    """Return the domain of a row of a table.

    Args:
        preparation: encodes the tables of the model.
        row: a table with one row.
        rows: a table that defines ranges, steps and scales together with the quantiles of the training rows,
            so that a row may change as much alone as among others. Without quantiles, as of a private
            training, and without ``rows``, the range is ``DEVIATIONS`` around the mean.

    Raises:
        UsageError E549: a model of images, which have no columns.
        DataError E313, E326: columns that are missing.
    """
    if isinstance(preparation.encodings[0], Pixels):
        raise UsageError(
            "E549", where="counterfactual", expected=fact("a model of tables"), received=fact("images")
        )
    preparation.inputs(row)  # raises an error that lists all missing columns
    if rows is not None:
        require_columns(rows, *preparation.columns)
    known = {profile.column: np.array(profile.quantiles) for profile in preparation.profiles}
    parts = [_column_axis(e, row, rows, known.get(e.column, _NONE)) for e in preparation.encodings]
    axes, levels = tuple(axis for axis, _, _ in parts), {a.name: texts for a, _, texts in parts if texts}

    tables = {e.column: _level_features(e, row, levels.get(e.column, ())) for e in preparation.encodings}

    def encode(points: np.ndarray) -> np.ndarray:
        columns = zip(preparation.encodings, points.T, strict=True)
        parts = [_features(encoding, values, tables[encoding.column]) for encoding, values in columns]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def cells(points: np.ndarray) -> np.ndarray:
        columns = {
            axis.name: _cells(axis, points[:, i], levels.get(axis.name, ())) for i, axis in enumerate(axes)
        }
        return preparation.inputs(data.read_table(columns))

    return Domain(axes, np.array([now for _, now, _ in parts]), encode, cells, levels)


def _level_features(encoding: Encoding, row: data.Table, levels: Sequence[str]) -> np.ndarray:
    """Return the features of each value of a column that has few values, (L, F); the last one is missing.

    Of a column that does not change, the values are the cell of the row and a missing one; a column of
    numbers has none.
    """
    if isinstance(encoding, Category):
        return encoding.encode_texts(pl.Series([*levels, None], dtype=pl.String))
    if isinstance(encoding, YesNo):
        features = np.zeros((len(levels) + 1, len(encoding.features)))
        features[:, 0] = [*(YES_NO[level.lower()] for level in levels), encoding.mean]
        if encoding.indicator:
            features[-1, -1] = 1.0
        return features
    if isinstance(encoding, FIXED):
        cells = row.frame.select(encoding.column)
        return encoding.encode(data.Table(pl.concat([cells, cells.clear(1)])), Faults())[0]
    return np.zeros((0, len(encoding.features)))


def _features(encoding: Encoding, values: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return the encoding of a column of points, as the preparation does, but fast.

    The search calls it thousands of times; the points that it finds are encoded by the preparation itself.

    Args:
        values: (N,) numbers, or indices of values; NaN is missing.
        table: the result of ``_level_features``.
    """
    missing = np.isnan(values)
    if isinstance(encoding, FIXED):
        return table[missing.astype(int)]
    if isinstance(encoding, Category | YesNo):
        return table[np.where(missing, len(table) - 1, np.nan_to_num(values)).astype(int)]
    features = np.zeros((len(values), len(encoding.features)))
    if isinstance(encoding, Number) and encoding.std > 0:
        z = (values[~missing] - encoding.mean) / encoding.std
        features[~missing, 0] = np.clip(z, -encoding.limit, encoding.limit)
    if not isinstance(encoding, Pixels) and encoding.indicator:
        features[:, -1] = missing
    return features


def _column_axis(
    encoding: Encoding, row: data.Table, rows: data.Table | None, training: np.ndarray
) -> tuple[Axis, float, tuple[str, ...]]:
    """Return the axis of a column, the value of the row on it, and its levels.

    Args:
        training: quantiles of the training rows; empty if there are none.
    """
    name = encoding.column
    if isinstance(encoding, Number):
        now = float(number_cells(row, name, Faults()).cast(float).fill_null(float("nan"))[0])
        cells = number_cells(row if rows is None else rows, name, Faults())
        values = cells.drop_nulls().to_numpy().astype(np.float64)
        values = values[np.isfinite(values)]
        if _spread(values) or len(training):
            return _number_axis(name, values, now, training), now, ()
        step = 1.0 if row.frame[name].dtype.is_integer() else 0.0
        low, high = (encoding.mean + sign * DEVIATIONS * encoding.std for sign in (-1, 1))
        low, high = (np.ceil(low), np.floor(high)) if step else (low, high)
        axis = Axis(name, min(low, now), max(high, now), encoding.std, step)
        return replace(axis, is_fixed=not encoding.std > 0), now, ()
    if isinstance(encoding, FIXED):
        cell = row.frame[name].cast(str)[0]
        axis = Axis(name, is_category=True, allowed=(0,), is_fixed=True)
        return axis, float("nan") if cell is None else 0.0, () if cell is None else (cell,)
    assert not isinstance(encoding, Pixels)
    own = level_texts(row.frame[name])[0]
    words = level_texts(rows.frame[name]).drop_nulls().unique().to_list() if rows is not None else []
    levels = _levels(encoding, own, words)
    now = float(levels.index(own)) if own is not None else float("nan")
    return Axis(name, is_category=True, allowed=tuple(range(len(levels)))), now, levels


def _levels(encoding: Category | YesNo, own: str | None, seen: Sequence[str]) -> tuple[str, ...]:
    """Return the possible levels of a column: those of the training rows, or the two words of yes/no."""
    if isinstance(encoding, Category):
        return tuple(dict.fromkeys([*encoding.levels, *([own] if own is not None else [])]))
    words = [*([own] if own is not None else []), *sorted(seen), "no", "yes"]
    words = [word for word in words if word.lower() in YES_NO]
    word_of = {YES_NO[word.lower()]: word for word in reversed(words)}  # the words of the row take precedence
    return tuple(word_of[value] for value in sorted(word_of))


def _number_axis(name: str, values: np.ndarray, now: float, training: np.ndarray = _NONE) -> Axis:
    """Return the axis of a number, from its values in data and quantiles of the training rows."""
    values = values[np.isfinite(values)]
    every = np.concatenate([values, training])
    if not len(every):
        return Axis(name, now, now, is_fixed=True)
    scale = _spread(values) or _spread(training) or 1.0
    low, high = float(every.min()), float(every.max())
    return Axis(name, low, high, scale, step_of(every), is_fixed=low == high)


def _spread(values: np.ndarray) -> float:
    """Return the median absolute deviation of values, or where it is 0 their standard deviation."""
    if not len(values):
        return 0.0
    return float(np.median(np.abs(values - np.median(values)))) or float(values.std())


def step_of(values: np.ndarray, share: float = 1.0) -> float:
    """Return the power of ten of which a share of the values are multiples, 0 if they have too many decimals.

    Example:
        >>> step_of(np.array([1.5, 2.0])), step_of(np.array([30.0, 700.0])), step_of(np.array([1 / 3]))
        (0.1, 10.0, 0.0)
    """
    for decimals in range(MIN_DECIMALS, MAX_DECIMALS + 1):
        are_multiples = np.isclose(np.round(values, decimals), values, rtol=1e-12, atol=1e-9)
        if are_multiples.sum() >= share * len(values):
            return 10.0**-decimals
    return 0.0


def _cells(axis: Axis, values: np.ndarray, levels: Sequence[str]) -> Any:
    """Return the cells of a column of points; in a table, NaN is a missing number."""
    if not axis.is_category:
        return values
    return [levels[int(value)] if value == value else None for value in values.tolist()]


def array_domain(row: np.ndarray, rows: np.ndarray) -> Domain:
    """Return the domain of a row of numbers; its columns are named x1, x2, ...

    Args:
        row: (F,).
        rows: (N, F), which define ranges, steps and scales.
    """
    start = row.astype(np.float64)
    axes = tuple(
        _number_axis(f"x{i + 1}", column, now)
        for i, (column, now) in enumerate(zip(rows.T.astype(np.float64), start, strict=True))
    )
    return Domain(axes, start, lambda points: points, lambda points: points, {})
