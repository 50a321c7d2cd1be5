"""Which cells of a table an attack may change, from the options of the user."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.attribution.feature_domain import step_of
from chainrule.data import Preparation, Table
from chainrule.data.cells.number_notation import level_texts
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import Faults, number_cells
from chainrule.data.tables.encoders import Category, Number, YesNo
from chainrule.data.tables.spellings import YES_NO
from chainrule.errors import Message, UsageError, alternatives, fact, nearest
from chainrule.robustness.tables import Change, LevelChange, NumberChange
from chainrule.validation import out_of_range

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
        table: the attacked rows, whose range the numbers keep.
        radius: the largest change of a number, in standard deviations of its column.
        columns: the columns that may change; ``None``: all numbers and categories.
        limits: for each column the largest change in its own units, which has precedence over ``radius``.

    Raises:
        UsageError E101: no such column. E102: the target, a column of another kind, an invalid limit, or
            nothing that may change.
    """
    named = [*limits, *(name for name in columns or () if name not in limits)]
    _require_columns(preparation, named, limits)
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


def _number(encoding: Number, table: Table, feature: int, limit: float) -> NumberChange:
    cells = number_cells(table, encoding.column, Faults()).cast(pl.Float64)
    values, before = cells.drop_nulls().to_numpy(), cells.fill_null(np.nan).to_numpy()
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    std = encoding.std if encoding.std > 0 else 1.0
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
