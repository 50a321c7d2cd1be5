"""What a row may become when it is changed: the columns, their ranges, and the way back to the net's inputs.

A point of the search holds one number for each column: an amount, or the place of a category in its levels;
NaN where the cell is missing. Ranges and steps come from data: a column whose cells are all whole stays
whole, one with two decimals keeps two. Where there is no data, three standard deviations around the mean of
the training are the range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import data
from chainrule.attribution.counterfactual.search import Axis
from chainrule.data.readers.number_parsing import level_texts, number_text
from chainrule.data.tables.columns import YES_NO, Faults, number_cells, require_columns
from chainrule.data.tables.encoders import FAR, Category, Encoding, Number, Pixels, YesNo
from chainrule.errors import UsageError, nearest
from chainrule.records import frozen

DEVIATIONS = 3.0  # around the mean, where no data says the range
HUNDREDS, DECIMALS = -2, 4  # numbers are rounded like those of the data: to 100 at most, to 0.0001 at least

Ranges = Mapping[str, Any]


@frozen(eq=False)
class Domain:
    """The row as a point, what its columns may become, and what the net is given for points.

    Args:
        axes: the columns.
        start: (C,) the row.
        encode: from points (n, C) to the net's inputs.
        cells: the same by way of the cells of a table, as any other table goes.
        levels: of each category the texts that its numbers stand for.
    """

    axes: tuple[Axis, ...]
    start: np.ndarray
    encode: Callable[[np.ndarray], np.ndarray]
    cells: Callable[[np.ndarray], np.ndarray]
    levels: Mapping[str, tuple[str, ...]]

    def text(self, column: int, value: float) -> str:
        """A value of a column as a person writes it; ``""`` where it is missing."""
        axis = self.axes[column]
        if np.isnan(value):
            return ""
        if axis.is_category:
            return self.levels[axis.name][int(value)]
        return number_text(float(value)) if axis.step else f"{value:.6g}"


def bounded(domain: Domain, fixed: Sequence[str], ranges: Ranges) -> Domain:
    """The same domain with what a person said of its columns.

    Args:
        domain: as the data says it.
        fixed: columns that stay as they are.
        ranges: for a number ``(low, high)``, ``None`` for no end of one's own; for a category its allowed
            levels.

    Raises:
        UsageError E101: no such column or level; all are listed. UsageError E102: no range at all.
    """
    fixed = (fixed,) if isinstance(fixed, str) else fixed
    for name, given, kind in (("fixed", fixed, Iterable), ("ranges", ranges, Mapping)):
        if not isinstance(given, kind):
            raise UsageError(
                "E102", where="counterfactual", name=name, received=repr(given)[:80],
                expected="names of columns" if name == "fixed" else "ranges by column",
                fix='fixed=["age"]' if name == "fixed" else 'ranges={"age": (18, None)}',
            )  # fmt: skip
    names = [axis.name for axis in domain.axes]
    refuse_strange("fixed, ranges", [*fixed, *ranges], names)
    axes = []
    for axis in domain.axes:
        if axis.name in ranges:
            choose = _allowed if axis.is_category else _between
            axis = choose(axis, ranges[axis.name], domain.levels.get(axis.name, ()))
        axes.append(replace(axis, is_fixed=axis.is_fixed or axis.name in fixed))
    return replace(domain, axes=tuple(axes))


def _allowed(axis: Axis, asked: Any, levels: Sequence[str]) -> Axis:
    """A category with some of its levels."""
    names = [str(level) for level in asked] if isinstance(asked, list | tuple | set) else [str(asked)]
    refuse_strange(f'ranges["{axis.name}"]', names, levels)
    return replace(axis, allowed=tuple(i for i, level in enumerate(levels) if level in names))


def _between(axis: Axis, ends: Any, levels: Sequence[str]) -> Axis:
    """A number with a narrower or wider range."""
    try:
        low, high = (
            known if end is None else float(end)
            for end, known in zip(ends, (axis.low, axis.high), strict=True)
        )
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low <= high:
        raise UsageError(
            "E102", where=f'ranges["{axis.name}"]', name="ranges", expected="(low, high), low <= high",
            received=repr(ends)[:80], fix=f'ranges={{"{axis.name}": ({axis.low:g}, {axis.high:g})}}',
        )  # fmt: skip
    return replace(axis, low=low, high=high)


def refuse_strange(where: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Refuse names that do not exist, all at once.

    Raises:
        UsageError E101.
    """
    strange = [name for name in names if name not in known]
    if strange:
        raise UsageError(
            "E101", where=where, name='", "'.join(strange), expected=", ".join(list(known)[:20]),
            received=", ".join(strange),
            fix=", ".join(filter(None, (nearest(str(name), known) for name in strange))),
        )  # fmt: skip


def table_domain(preparation: data.Preparation, row: data.Table, rows: data.Table | None) -> Domain:
    """The domain of a table's row.

    Args:
        preparation: how the model prepares tables.
        row: a table of one row.
        rows: a table whose columns say ranges, steps and scales; the preparation's own figures by default.

    Raises:
        UsageError E549: a model of images, which have no columns.
        DataError E313, E326: columns that are missing.
    """
    if isinstance(preparation.encodings[0], Pixels):
        raise UsageError("E549", where="counterfactual", expected="a model of tables", received="images")
    preparation.inputs(row)  # says what is missing in the row, all at once
    if rows is not None:
        require_columns(rows, *preparation.columns)
    parts = [_part(encoding, row, rows) for encoding in preparation.encodings]
    axes, levels = tuple(axis for axis, _, _ in parts), {a.name: found for a, _, found in parts if found}

    def encode(points: np.ndarray) -> np.ndarray:
        columns = zip(preparation.encodings, points.T, strict=True)
        parts = [_features(encoding, v, levels.get(encoding.column, ())) for encoding, v in columns]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def cells(points: np.ndarray) -> np.ndarray:
        columns = {
            axis.name: _cells(axis, points[:, i], levels.get(axis.name, ())) for i, axis in enumerate(axes)
        }
        return preparation.inputs(data.read_table(columns))

    return Domain(axes, np.array([now for _, now, _ in parts]), encode, cells, levels)


def _features(encoding: Encoding, values: np.ndarray, levels: Sequence[str]) -> np.ndarray:
    """What the preparation makes of a column of points, for a search that asks thousands of times; what is
    found at last goes through the preparation itself.
    """
    missing, found = np.isnan(values), np.zeros((len(values), len(encoding.features)))
    if isinstance(encoding, Category):
        places = [_place(encoding, level) for level in levels]
        code = np.full(len(values), len(encoding.features) - 1 if encoding.missing else -1)
        code[~missing] = np.array(places, int)[values[~missing].astype(int)]
        known = np.flatnonzero(code >= 0)
        found[known, code[known]] = 1.0
        return found
    if isinstance(encoding, YesNo):
        found[:, 0] = encoding.mean
        found[~missing, 0] = np.array([YES_NO[w.lower()] for w in levels])[values[~missing].astype(int)]
    elif isinstance(encoding, Number) and encoding.std > 0:
        found[~missing, 0] = np.clip((values[~missing] - encoding.mean) / encoding.std, -FAR, FAR)
    if not isinstance(encoding, Pixels) and encoding.indicator:
        found[:, -1] = missing
    return found


def _place(encoding: Category, level: str) -> int:
    """The place of a level's feature, -1 where it has none."""
    if level in encoding.levels:
        return encoding.levels.index(level)
    return len(encoding.levels) if level in encoding.rare else -1


def _part(
    encoding: Encoding, row: data.Table, rows: data.Table | None
) -> tuple[Axis, float, tuple[str, ...]]:
    """A column's axis, where the row is on it, and its levels."""
    name = encoding.column
    if isinstance(encoding, Number):
        now = float(number_cells(row, name, Faults()).cast(float).fill_null(float("nan"))[0])
        if rows is not None:
            values = number_cells(rows, name, Faults()).drop_nulls().to_numpy().astype(np.float64)
            return _amount(name, values, now), now, ()
        step = 1.0 if row.frame[name].dtype.is_integer() else 0.0
        low, high = (encoding.mean + sign * DEVIATIONS * encoding.std for sign in (-1, 1))
        low, high = (np.ceil(low), np.floor(high)) if step else (low, high)
        axis = Axis(name, min(low, now), max(high, now), encoding.std, step)
        return replace(axis, is_fixed=not encoding.std > 0), now, ()
    assert not isinstance(encoding, Pixels)
    own = level_texts(row.frame[name])[0]
    seen = level_texts(rows.frame[name]).drop_nulls().unique().to_list() if rows is not None else []
    levels = _levels(encoding, own, seen)
    now = float(levels.index(own)) if own is not None else float("nan")
    return Axis(name, is_category=True, allowed=tuple(range(len(levels)))), now, levels


def _levels(encoding: Category | YesNo, own: str | None, seen: Sequence[str]) -> tuple[str, ...]:
    """The levels a column may have: those of the training, or the two words of a yes/no column."""
    if isinstance(encoding, Category):
        return tuple(dict.fromkeys([*encoding.levels, *([own] if own is not None else [])]))
    words = [*([own] if own is not None else []), *sorted(seen), "no", "yes"]
    words = [word for word in words if word.lower() in YES_NO]
    found = {YES_NO[word.lower()]: word for word in reversed(words)}  # the row's own words go first
    return tuple(found[value] for value in sorted(found))


def _amount(name: str, values: np.ndarray, now: float) -> Axis:
    """The axis of a number, from its values in data."""
    values = values[np.isfinite(values)]
    if not len(values):
        return Axis(name, now, now, is_fixed=True)
    scale = float(np.median(np.abs(values - np.median(values)))) or float(values.std())
    low, high = float(values.min()), float(values.max())
    return Axis(name, low, high, scale or 1.0, step_of(values), is_fixed=low == high)


def step_of(values: np.ndarray) -> float:
    """The power of ten that all values are multiples of, 0 where they have too many decimals.

    Example:
        >>> step_of(np.array([1.5, 2.0])), step_of(np.array([30.0, 700.0])), step_of(np.array([1 / 3]))
        (0.1, 10.0, 0.0)
    """
    for decimals in range(HUNDREDS, DECIMALS + 1):
        if np.allclose(np.round(values, decimals), values, rtol=1e-12, atol=1e-9):
            return 10.0**-decimals
    return 0.0


def _cells(axis: Axis, values: np.ndarray, levels: Sequence[str]) -> Any:
    """The cells of a column of points; a table takes NaN for missing."""
    if not axis.is_category:
        return values
    return [levels[int(value)] if value == value else None for value in values.tolist()]


def array_domain(row: np.ndarray, rows: np.ndarray) -> Domain:
    """The domain of a row of numbers; its columns are called x1, x2, ...

    Args:
        row: (F,).
        rows: (N, F), which say ranges, steps and scales.
    """
    start = row.astype(np.float64)
    axes = tuple(
        _amount(f"x{i + 1}", column, now)
        for i, (column, now) in enumerate(zip(rows.T.astype(np.float64), start, strict=True))
    )
    return Domain(axes, start, lambda points: points, lambda points: points, {})
