"""The order of day and month in a column of dates such as ``05/11/2020``.

The order is decided from the complete column, by the first evidence in this list:

1. a number above 12 can only be a day; the majority of such cells decides;
2. the rows are sorted by date in one order and not in the other;
3. the separator: ``05.11.2020`` and ``05-11-2020`` are written with the day first, ``11/05/2020`` with the
   month first. This is an assumption, of which the user is notified.
"""

from __future__ import annotations

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.dates.forms import NUMERIC, components, normalized
from chainrule.data.tables.dates.moments import Moments, moments_of
from chainrule.records import frozen

MIN_SORTED = 4  # distinct dates from which their order is evidence


@frozen
class DayOrder:
    """Whether the day precedes the month, and why.

    Args:
        is_day_first: whether 05/11/2020 is in November.
        evidence: ``"none"`` (no such cell), ``"days"``, ``"sorted"`` or ``"assumed"``.
    """

    is_day_first: bool
    evidence: str


def day_order(cells: pl.Series) -> DayOrder:
    """Decide the order of day and month.

    Example:
        >>> day_order(pl.Series(["05/11/2020", "25/11/2020"]))
        DayOrder(is_day_first=True, evidence='days')
        >>> day_order(pl.Series(["05/11/2020"]))
        DayOrder(is_day_first=False, evidence='assumed')
    """
    if cells.dtype != pl.String:
        return DayOrder(is_day_first=False, evidence="none")
    texts = normalized(cells.drop_nulls())
    texts = texts.filter(texts.str.contains(NUMERIC))
    if texts.is_empty():
        return DayOrder(is_day_first=False, evidence="none")
    parts = components(texts, (NUMERIC,))
    is_possible = (parts["left"] <= 31) & (parts["right"] <= 31)
    day_first = int(((parts["left"] > 12) & (parts["right"] <= 12) & is_possible).sum())
    month_first = int(((parts["right"] > 12) & (parts["left"] <= 12) & is_possible).sum())
    if day_first != month_first:
        return DayOrder(day_first > month_first, "days")
    orders = [_is_sorted(moments_of(parts, is_day_first)) for is_day_first in (True, False)]
    if orders[0] != orders[1]:
        return DayOrder(orders[0], "sorted")
    slashes = int(texts.str.contains("/", literal=True).sum())
    return DayOrder(slashes * 2 < len(texts), "assumed")


def _is_sorted(moments: Moments) -> bool:
    steps = np.diff(moments.local[moments.is_valid])
    steps = steps[steps != 0]
    return len(steps) + 1 >= MIN_SORTED and bool((steps > 0).all() or (steps < 0).all())
