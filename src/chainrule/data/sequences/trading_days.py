"""Daily prices as inputs of a network: what is known at the close of a day, and the variance of the next.

The variance of a day is estimated from its open, high, low and close by Garman and Klass (1980):

    v = 1/2 (ln high/low)^2 - (2 ln 2 - 1) (ln close/open)^2

Its logarithm is nearly normal and changes slowly: the means over a day, a week and a month (HAR, Corsi 2009)
predict tomorrow's well, and falls of the price raise it (the leverage effect). Only ratios of prices count,
so that their unit does not matter.

References: Garman and Klass (1980), On the estimation of security price volatilities from historical data, J.
of Business 53; Corsi (2009), A simple approximate long-memory model of realized volatility, J. of Financial
Econometrics 7.
"""

from __future__ import annotations

import numpy as np

from chainrule.data.cells.number_notation import numbers
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import require_columns
from chainrule.data.tables.dates import DAY, read_moments
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact
from chainrule.records import frozen

COLUMNS = ("Date", "Open", "High", "Low", "Close", "Volume")
MONTH, WEEK = 22, 5  # trading days
MAX_GAP = 3  # days between two rows of daily prices, for the median
SMALLEST = 1e-8  # variance of a day without any movement
LEVEL = -9.5  # subtracted from log variances, so that they are near 0


@frozen(eq=False)
class TradingDays:
    """What is known at the close of each day, and what happens on the next.

    Args:
        date: (N,) the day, datetime64.
        har: (N, 7) log variance (minus -9.5) over a day, a week and a month; return and fall over a day and a
            week.
        window: (N, 22, 3) log variance, return and log volume of the last 22 days.
        target: (N, 1) log variance of the next day, minus -9.5; NaN for the last day of the table.
        change: (N,) log return to the close of the next day, in percent; NaN for the last day.
    """

    date: np.ndarray
    har: np.ndarray
    window: np.ndarray
    target: np.ndarray
    change: np.ndarray

    def take(self, chosen: np.ndarray) -> TradingDays:
        """Return some of the days.

        Args:
            chosen: their numbers from 0, or (N,) whether each is one of them.
        """
        parts = (self.date, self.har, self.window, self.target, self.change)
        return TradingDays(*(part[chosen] for part in parts))

    @property
    def known(self) -> TradingDays:
        """The days whose next day is known."""
        return self.take(~np.isnan(self.change))

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The inputs of a network by name."""
        return {"har": self.har, "window": self.window}


def trading_days(table: Table) -> TradingDays:
    """Return the days of a table of daily prices, from the 22nd on.

    Args:
        table: the columns Date, Open, High, Low, Close and Volume, in any order and in upper or lower case;
            the first or the last day first.

    Raises:
        DataError: E313 a column is missing; E311 a cell that is no number; E332 one that is no date; E375
            fewer than 22 days; E376 days out of order or not daily; E316 prices that are not positive or
            outside the range from low to high.
    """
    by_name = {name.strip().lower(): name for name in reversed(table.columns)}
    names = [by_name.get(name.lower(), name) for name in COLUMNS]
    require_columns(table, *names)
    if table.rows < MONTH:
        expected, received = fact("at least {count} days", count=MONTH), fact("{rows} rows", rows=table.rows)
        raise DataError("E375", where=table.source, expected=expected, received=received)
    days = _days(table, names[0])
    if days[0] > days[-1]:
        table, days = table.take(np.arange(table.rows)[::-1]), days[::-1]
    prices = np.stack([_numbers(table, name) for name in names[1:]])  # (5, T)
    _check(table, names[0], days, prices)
    return features_of(days, *prices)


def features_of(
    date: np.ndarray,
    first: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    last: np.ndarray,
    volume: np.ndarray,
) -> TradingDays:
    """Return the features of each day from the 22nd to the last.

    Args:
        date: (T,) ascending.
        first, high, low, last: (T,) prices at open, high, low and close.
        volume: (T,) shares traded.
    """
    log_variance = np.log(garman_klass(first, high, low, last)) - LEVEL
    change = np.diff(np.log(last), prepend=np.log(first[0])) * 100  # percent
    means = [_mean(log_variance, length) for length in (1, WEEK, MONTH)]
    changes = [_mean(change, length) for length in (1, WEEK)]
    har = np.stack([*means, *changes, *(np.minimum(part, 0) for part in changes)], axis=1)  # (T, 7)
    activity = np.log(np.maximum(volume, 1)) - _mean(np.log(np.maximum(volume, 1)), MONTH)
    columns = np.stack([log_variance, change, activity], axis=1)  # (T, 3)
    now = np.arange(MONTH - 1, len(date))
    window = columns[now[:, None] + np.arange(1 - MONTH, 1)]  # (N, 22, 3)
    target = np.append(log_variance, np.nan)[now + 1, None]
    features, days, next_target = (part.astype(np.float32) for part in (har[now], window, target))
    return TradingDays(date[now], features, days, next_target, np.append(change, np.nan)[now + 1])


def garman_klass(first: np.ndarray, high: np.ndarray, low: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the variance of each day, at least 1e-8.

    Args:
        first, high, low, last: (T,) prices at open, high, low and close.

    Example:
        >>> garman_klass(np.array([100.0]), np.array([102.0]), np.array([99.0]), np.array([100.0])).round(6)
        array([0.000446])
    """
    ranges, moves = np.square(np.log(high / low)), np.square(np.log(last / first))
    return np.maximum(ranges / 2 - (2 * np.log(2) - 1) * moves, SMALLEST)


def _mean(values: np.ndarray, length: int) -> np.ndarray:
    """Return the mean of each value and those before it, at most ``length`` values."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - length, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _days(table: Table, name: str) -> np.ndarray:
    """Return the days of a column of dates, (T,); where 05/11 is in May or November, the order shows it.

    Times of day are left out, and a day is that of the time zone in which it is written.
    """
    cells = table.words(name)
    orders = (False, True) if table.day_first is None else (table.day_first,)
    readings = [read_moments(cells, order) for order in orders]
    for moments in readings:
        days = (moments.local // DAY).astype("datetime64[D]")
        steps = np.diff(days).astype(np.int64)
        if moments.is_valid.all() and ((steps > 0).all() or (steps < 0).all()):
            return days
    moments = max(readings, key=lambda reading: int(reading.is_valid.sum()))
    if not moments.is_valid.all():
        raise _cell_error(
            "E332", table, name, int(moments.is_valid.argmin()), fact("a date, such as 2018-01-31")
        )
    return (moments.local // DAY).astype("datetime64[D]")


def _numbers(table: Table, name: str) -> np.ndarray:
    """Return a column of numbers, (T,)."""
    column = table.frame[name]
    values = numbers(column) if column.dtype == pl.String or column.dtype.is_numeric() else pl.Series([None])
    is_number = values.is_finite().fill_null(False).to_numpy()
    if not is_number.all():
        raise _cell_error("E311", table, name, int(is_number.argmin()), fact("a number"))
    return values.to_numpy()


def _cell_error(code: str, table: Table, name: str, row: int, expected: str) -> DataError:
    cell = table.words(name)[row]
    value = "" if cell is None else str(cell)[:40]
    place = fact('{place}, column "{column}"', place=table.place(row), column=name)
    received = f'"{value}"'
    fix = fact("leave the row out")
    return DataError(
        code, where=place, value=value, expected=expected, received=received, fix=fix, column=name
    )


def _check(table: Table, name: str, days: np.ndarray, prices: np.ndarray) -> None:
    """Refuse dates that are out of order or not daily, and prices that cannot be."""
    steps = np.diff(days).astype(np.int64)
    wrong = np.flatnonzero(steps <= 0)
    if len(wrong):
        row = int(wrong[0]) + 1
        expected = fact("later than {value}", value=str(days[row - 1]))
        raise DataError(
            "E376", where=table.place(row), expected=expected, received=str(table.words(name)[row])
        )
    if np.median(steps) > MAX_GAP:
        received = fact("{count} days from row to row", count=int(np.median(steps)))
        raise DataError(
            "E376", where=table.source, expected=fact("a row for each trading day"), received=received
        )
    first, high, low, last, _ = prices
    inside = (low > 0) & (low <= np.minimum(first, last)) & (high >= np.maximum(first, last))
    if not inside.all():
        row = int(np.flatnonzero(~inside)[0])
        received = f"{first[row]:g}, {high[row]:g}, {low[row]:g}, {last[row]:g}"
        raise DataError(
            "E316", where=table.place(row), expected="0 < Low <= Open, Close <= High", received=received
        )
