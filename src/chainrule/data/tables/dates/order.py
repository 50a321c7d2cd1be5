"""The order of day and month in a column of dates such as ``05/11/2020``.

The order is decided from the complete column, by the first evidence in this list:

1. a number above 12 can only be a day; the majority of such cells decides;
2. the user (``--day-first``, ``day_first=``);
3. the rows are sorted by date in one order and not in the other;
4. the separator: ``05.11.2020`` and ``05-11-2020`` are written with the day first, ``11/05/2020`` with the
   month first. This is an assumption, of which the user is notified.

A preparation stores the order with the separators for which it holds. In a later table, dates with these
separators have this order. Those with another separator are in another form: their own cells decide, then the
point, which means the day first, and otherwise they are refused rather than guessed (``later_order``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.dates.forms import NUMERIC, SEPARATORS, components, normalized
from chainrule.data.tables.dates.moments import Moments, moments_of
from chainrule.records import frozen

_SEPARATOR = r"[0-9]([-/.])[0-9]"
MIN_SORTED = 4  # distinct dates from which their order is evidence


@frozen
class DayOrder:
    """Whether the day precedes the month, and why.

    Args:
        is_day_first: whether 05/11/2020 is in November.
        evidence: ``"none"`` (no such cell), ``"days"``, ``"chosen"``, ``"sorted"`` or ``"assumed"``.
        separators: of the cells that have an order, a part of ``"-./"``.
        exceptions: separators of cells that have the other order.
    """

    is_day_first: bool
    evidence: str
    separators: str = ""
    exceptions: str = ""

    def of(self, parts: dict[str, np.ndarray]) -> np.ndarray | bool:
        """Return whether the day is first in each cell, by its ``components``."""
        if not self.exceptions:
            return self.is_day_first
        codes = [SEPARATORS.index(separator) + 1 for separator in self.exceptions]
        return np.isin(parts["separator"], codes) ^ self.is_day_first


def day_order(cells: pl.Series, day_first: bool | None = None) -> DayOrder:
    """Decide the order of day and month.

    Args:
        day_first: what the user states; ``None``: nothing.

    Example:
        >>> day_order(pl.Series(["05/11/2020", "25/11/2020"]))
        DayOrder(is_day_first=True, evidence='days', separators='/', exceptions='')
        >>> day_order(pl.Series(["05/11/2020"])).evidence
        'assumed'
    """
    texts = _numeric(cells)
    if texts is None:
        return DayOrder(is_day_first=False, evidence="none")
    separators = _separators(texts)
    parts = components(texts, (NUMERIC,))
    day_first_count, month_first_count = (int(mask.sum()) for mask in _decided(parts))
    if day_first_count != month_first_count:
        return DayOrder(day_first_count > month_first_count, "days", separators)
    if day_first is not None:
        return DayOrder(day_first, "chosen", separators)
    orders = [_is_sorted(moments_of(parts, is_day_first)) for is_day_first in (True, False)]
    if orders[0] != orders[1]:
        return DayOrder(orders[0], "sorted", separators)
    slashes = int(texts.str.contains("/", literal=True).sum())
    return DayOrder(slashes * 2 < len(texts), "assumed", separators)


@frozen
class LaterOrder:
    """The order of day and month in a later table.

    Args:
        order: of all cells; ``None`` if the table is refused.
        example: a cell whose order is not that of the training, or not known; empty if there is none.
        is_contrary: whether the cells show another order than the training.
    """

    order: DayOrder | None
    example: str = ""
    is_contrary: bool = False


def later_order(cells: pl.Series, trained: DayOrder, day_first: bool | None = None) -> LaterOrder:
    """Return the order of day and month in a later table.

    Args:
        trained: the order of the training cells.
        day_first: what the user states of the later table; ``None``: nothing.

    Example:
        >>> iso = DayOrder(is_day_first=False, evidence="none")
        >>> later_order(pl.Series(["03.12.2024"]), iso).order.is_day_first
        True
        >>> later_order(pl.Series(["03/12/2024"]), iso)
        LaterOrder(order=None, example='03/12/2024', is_contrary=False)
    """
    texts = _numeric(cells)
    if texts is None:
        return LaterOrder(trained)
    if day_first is not None:
        order = day_order(cells, day_first)
        return LaterOrder(order, "" if order.is_day_first == day_first else texts[0])
    separator = texts.str.extract(_SEPARATOR)
    is_known = separator.is_in(list(trained.separators))
    known, others = texts.filter(is_known), texts.filter(~is_known)
    if len(known):
        decided = dict(zip((True, False), _decided(components(known, (NUMERIC,))), strict=True))
        contrary = decided[not trained.is_day_first]
        if contrary.any() and not decided[trained.is_day_first].any():
            return LaterOrder(None, known[int(contrary.argmax())], is_contrary=True)
    if others.is_empty():
        return LaterOrder(trained)
    own = day_order(others)
    if own.evidence == "assumed" and not _means_day_first(own.separators, trained):
        return LaterOrder(None, others[0])
    if trained.evidence == "none":
        return LaterOrder(own, others[0])
    differs = own.is_day_first != trained.is_day_first
    exceptions = own.separators if differs else ""
    return LaterOrder(replace(trained, exceptions=exceptions), others[0])


def _means_day_first(separators: str, trained: DayOrder) -> bool:
    """Return whether dates with these separators, without evidence, have the day first."""
    if separators == ".":
        return True
    return "/" not in separators and (trained.evidence == "none" or trained.is_day_first)


def _numeric(cells: pl.Series) -> pl.Series | None:
    """Return the normalized texts of the dates whose order matters; ``None`` without any."""
    if cells.dtype != pl.String:
        return None
    texts = normalized(cells.drop_nulls())
    texts = texts.filter(texts.str.contains(NUMERIC))
    return None if texts.is_empty() else texts


def _separators(texts: pl.Series) -> str:
    """Return the separators of some dates, in the order of ``SEPARATORS``."""
    present = set(texts.str.extract(_SEPARATOR).unique().to_list())
    return "".join(separator for separator in SEPARATORS if separator in present)


def _decided(parts: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return which dates (N,) exist only with the day first, and only with the month first."""
    left, right = parts["left"], parts["right"]
    is_possible = (left <= 31) & (right <= 31)
    return (left > 12) & (right <= 12) & is_possible, (right > 12) & (left <= 12) & is_possible


def _is_sorted(moments: Moments) -> bool:
    steps = np.diff(moments.local[moments.is_valid])
    steps = steps[steps != 0]
    return len(steps) + 1 >= MIN_SORTED and bool((steps > 0).all() or (steps < 0).all())
