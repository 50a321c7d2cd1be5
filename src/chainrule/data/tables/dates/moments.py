"""Moments: the cells of a date column as points in time.

Each cell has two values in microseconds since 1970: the *local* time as it is written, from which month,
weekday and hour are taken, and the *instant* in UTC, from which elapsed times are computed. They are equal
for cells without a time zone.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.dates.forms import COMPACT, FORMS, components, normalized
from chainrule.records import frozen

SECOND = 1_000_000
DAY = 86_400 * SECOND
MAX_OFFSET = 15 * 60  # minutes between a time zone and UTC


@frozen(eq=False)
class Moments:
    """Points in time, (N,) each; ``local`` and ``instant`` are 0 where ``is_valid`` is false."""

    local: np.ndarray
    instant: np.ndarray
    is_valid: np.ndarray


class Order(Protocol):
    """The order of day and month, which may depend on the separator of a cell."""

    def of(self, parts: dict[str, np.ndarray]) -> np.ndarray | bool:
        """Return whether the day is first in each cell."""
        ...


def read_moments(cells: pl.Series, is_day_first: Order | bool) -> Moments:
    """Read the cells of a column as points in time.

    Args:
        cells: dates, texts, or integers such as 20201105.
        is_day_first: whether 05/11/2020 is in November; or an order that depends on the cell.

    Example:
        >>> moments = read_moments(pl.Series(["1970-01-02", "2/1/70", "2 Jan 1970 01:00+01:00", "?"]), True)
        >>> (moments.instant / DAY).tolist(), moments.is_valid.tolist()
        ([1.0, 1.0, 1.0, 0.0], [True, True, True, False])
    """
    if cells.dtype.is_temporal():
        return _of_datetimes(cells)
    if cells.dtype == pl.String:
        return _of_texts(cells, is_day_first)
    if not cells.dtype.is_numeric():
        nothing = np.zeros(len(cells), np.int64)
        return Moments(nothing, nothing, nothing > 0)
    return read_compact(cells)


def _of_texts(cells: pl.Series, order: Order | bool) -> Moments:
    """Return the points in time of texts; each distinct text is read once."""
    distinct = cells.unique()
    if len(distinct) * 2 > len(cells):
        return _of_parts(components(normalized(cells)), order)
    moments = _of_parts(components(normalized(distinct)), order)
    indices = pl.Series(np.arange(len(distinct)))
    rows = cells.replace_strict(distinct, indices, return_dtype=pl.Int64).to_numpy()
    return Moments(moments.local[rows], moments.instant[rows], moments.is_valid[rows])


def _of_parts(parts: dict[str, np.ndarray], order: Order | bool) -> Moments:
    return moments_of(parts, order if isinstance(order, bool) else order.of(parts))


def read_compact(cells: pl.Series) -> Moments:
    """Read numbers or texts of digits such as 20201105; anything else is not valid."""
    if cells.dtype.is_float():
        cells = cells.set(~cells.is_finite() | (cells != cells.floor()) | (cells.abs() > 1e14), None)
        cells = cells.cast(pl.Int64)
    texts = cells.cast(pl.String).str.strip_chars()
    return moments_of(components(texts, (COMPACT,)), is_day_first=False)


def _of_datetimes(cells: pl.Series) -> Moments:
    is_valid = cells.is_not_null().to_numpy()
    if cells.dtype == pl.Date:
        cells = cells.cast(pl.Datetime("us"))
    instant = cells.dt.epoch("us").fill_null(0).to_numpy()
    local = cells.dt.replace_time_zone(None).dt.epoch("us").fill_null(0).to_numpy()
    return Moments(local, instant, is_valid)


def moments_of(parts: dict[str, np.ndarray], is_day_first: np.ndarray | bool) -> Moments:
    """Return the points in time with these components; a date that does not exist is not valid."""
    first, second = parts["left"], parts["right"]
    left, right = np.where(is_day_first, first, second), np.where(is_day_first, second, first)
    year = parts["year"] + parts["short_year"]
    month = (
        parts["month"] + parts["word"] + right + np.where(parts["quarter"] > 0, 3 * parts["quarter"] - 2, 0)
    )
    day = parts["day"] + left
    has_no_day = np.isin(parts["form"], _WITHOUT_DAY) & (day == 0)
    day = np.where(has_no_day, 1, day)
    month, day = np.where(parts["week"] > 0, 1, month), np.where(parts["week"] > 0, 1, day)
    is_valid = (parts["form"] >= 0) & (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    is_valid &= np.abs(parts["zone"]) <= MAX_OFFSET
    month_start = (12 * (np.where(is_valid, year, 1970) - 1970) + np.where(is_valid, month, 1) - 1).astype(
        "M8[M]"
    )
    start = month_start.astype("M8[D]").astype(np.int64)
    is_valid &= day <= (month_start + 1).astype("M8[D]").astype(np.int64) - start
    clock, is_clock = clock_of(parts)
    is_valid &= is_clock
    start = np.where(parts["week"] > 0, start + _days_to_week(start, parts), start)
    is_valid &= (parts["week"] == 0) | _is_week_of_year(start, parts, year)
    local = np.where(is_valid, (start + day - 1) * DAY + clock, 0)
    return Moments(local, np.where(is_valid, local - parts["zone"] * 60 * SECOND, 0), is_valid)


def _days_to_week(first: np.ndarray, parts: dict[str, np.ndarray]) -> np.ndarray:
    """Return the days from 1 January to a day of an ISO week; week 1, from a Monday, contains 4 January."""
    fourth = (first + 3 + 3) % 7  # 0: Monday; the first day of 1970 was a Thursday
    return 3 - fourth + 7 * (parts["week"] - 1) + np.maximum(parts["weekday"] - 1, 0)


def _is_week_of_year(start: np.ndarray, parts: dict[str, np.ndarray], year: np.ndarray) -> np.ndarray:
    """Return whether the Thursday of an ISO week is in its year: week 53 exists in some years only."""
    thursday = start - np.maximum(parts["weekday"] - 1, 0) + 3
    return thursday.astype("M8[D]").astype("M8[Y]").astype(np.int64) + 1970 == year


_WITHOUT_DAY = tuple(
    i for i, form in enumerate(FORMS) if ("<day>" not in form and "<left>" not in form) or "年" in form
)


def clock_of(parts: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return microseconds since midnight, and whether the time exists; 24:00 does, 13 PM does not."""
    hour, minute, second = parts["hour"], parts["minute"], parts["second"]
    half = parts["half"]
    is_valid = (minute < 60) & (second <= 60) & ((hour < 24) | ((hour == 24) & (minute + second == 0)))
    is_valid &= (half == 0) | ((hour >= 1) & (hour <= 12))
    hour = np.where(half == 0, hour, hour % 12 + 12 * (half == 2))
    return (hour * 3600 + minute * 60 + second) * SECOND + parts["fraction"], is_valid


@frozen(eq=False)
class CalendarParts:
    """Parts of local times, (N,) each: integers, and for the hour a fraction."""

    year: np.ndarray
    month: np.ndarray  # 0 .. 11
    weekday: np.ndarray  # 0 (Monday) .. 6
    day: np.ndarray  # 0 .. 30
    month_length: np.ndarray  # 28 .. 31
    hour: np.ndarray  # 0 .. 24


def calendar_parts(local: np.ndarray) -> CalendarParts:
    """Return the parts of local times in microseconds since 1970.

    Example:
        >>> parts = calendar_parts(np.array([0]))
        >>> parts.year.tolist(), parts.weekday.tolist(), parts.month_length.tolist()
        ([1970], [3], [31])
    """
    days = local // DAY
    date = days.astype("M8[D]")
    months, years = date.astype("M8[M]"), date.astype("M8[Y]")
    start = months.astype("M8[D]")
    return CalendarParts(
        year=years.astype(np.int64) + 1970,
        month=(months - years.astype("M8[M]")).astype(np.int64),
        weekday=(days + 3) % 7,
        day=(date - start).astype(np.int64),
        month_length=((months + 1).astype("M8[D]") - start).astype(np.int64),
        hour=(local - days * DAY) / (3600 * SECOND),
    )


def iso_date(instant: float) -> str:
    """Return the date of a point in time in microseconds since 1970.

    Example:
        >>> iso_date(0)
        '1970-01-01'
    """
    return str(np.int64(instant // DAY).astype("M8[D]"))
