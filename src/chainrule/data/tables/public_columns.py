"""``PublicColumns``: what the user states about the columns of a table, without reading its rows.

A number has a range, a category has levels. A preparation that is created from them alone reveals nothing
about any row (``preparation_without_rows.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from chainrule.errors import UsageError, alternatives, fact
from chainrule.records import frozen

MAX_LEVELS = 50  # of a column; each has a feature of its own
Range: TypeAlias = tuple[float, float]
Levels: TypeAlias = tuple[str, ...]
Public: TypeAlias = "Range | Levels"


@frozen
class PublicColumns:
    """What is public about the columns of a table.

    Args:
        columns: the name of each input column, with the range of its numbers or the levels of its category.
        target: the range or the classes of the target.

    Example:
        >>> public = PublicColumns.of({"age": (0, 120), "city": ["Ulm", "Bonn"]}, ["ill", "healthy"])
        >>> public.columns
        (('age', (0.0, 120.0)), ('city', ('Ulm', 'Bonn')))
        >>> public.target
        ('ill', 'healthy')
    """

    columns: tuple[tuple[str, Public], ...]
    target: Public

    @staticmethod
    def of(columns: Any, target: Any, where: str = "Privacy") -> PublicColumns:
        """Check ranges and levels.

        Args:
            columns: for each input column ``(low, high)`` or texts.
            target: ``(low, high)`` or texts.
            where: where the user stated them, for errors.

        Raises:
            UsageError E102: no columns, no target, an empty range, a number that is not finite, less than two
                levels, or a repeated level.
        """
        if not isinstance(columns, Mapping) or not columns or not all(_is_name(name) for name in columns):
            expected = fact("the range or the levels of at least one column, by its name")
            raise _refused(where, "columns", expected, columns, 'columns={"age": [0, 120]}')
        if target is None:
            expected = fact("the range or the classes of the target")
            raise _refused(where, "target", expected, target, 'target=["no", "yes"]')
        listed = [(name, _read(where, f'columns["{name}"]', value)) for name, value in columns.items()]
        return PublicColumns(tuple(listed), _read(where, "target", target))


def is_range(public: Public) -> bool:
    """Return whether it is the range of a number."""
    return not isinstance(public[0], str)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name != ""


def _read(where: str, name: str, value: Any) -> Public:
    """Return a range or levels, after all checks."""
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    entries: list[Any] = list(value) if is_list else []
    if entries and all(isinstance(entry, str) for entry in entries):
        return _levels(where, name, entries)
    if len(entries) != 2 or not all(_is_number(entry) for entry in entries):
        expected = fact('a range of numbers [low, high], or levels as texts ["0", "1"]')
        raise _refused(where, name, expected, value, alternatives("[0, 120]", '["no", "yes"]'))
    low, high = entries
    if not low < high or not math.isfinite(float(high) - float(low)):
        fix = f"[{high}, {low}]" if high < low else f"[{low}, {low + 1}]"
        raise _refused(where, name, fact("finite numbers, low < high"), value, fix)
    return float(low), float(high)


def _levels(where: str, name: str, levels: list[str]) -> Levels:
    if not 2 <= len(levels) <= MAX_LEVELS or "" in levels:
        expected = fact("2 to {limit} levels that are not empty", limit=MAX_LEVELS)
        raise _refused(where, name, expected, levels, '["no", "yes"]')
    repeated = [level for i, level in enumerate(levels) if level in levels[:i]]
    if repeated:
        fix = fact('"{level}" once', level=repeated[0])
        raise _refused(where, name, fact("distinct levels"), levels, fix)
    return tuple(levels)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e300


def _refused(where: str, name: str, expected: str, value: object, fix: str) -> UsageError:
    text = repr(value) if len(repr(value)) <= 80 else f"{repr(value)[:77]}..."
    return UsageError("E102", where=where, name=name, expected=expected, received=text, fix=fix)
