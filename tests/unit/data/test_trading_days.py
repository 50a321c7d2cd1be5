"""Tables of daily prices: dates of any usual form, in both directions; other tables are refused."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest

from case_loops import loop_over
from chainrule.data import Table, TradingDays, read_table, trading_days
from chainrule.errors import DataError

FIRST = datetime.date(2017, 12, 4)
ROWS = 40
FORMS: dict[str, Callable[[datetime.date], object]] = {
    "date": lambda day: day,
    "datetime": lambda day: datetime.datetime(day.year, day.month, day.day, 22),
    "iso": lambda day: day.isoformat(),
    "iso basic": lambda day: f"{day:%Y%m%d}",
    "number": lambda day: int(f"{day:%Y%m%d}"),
    "iso with time": lambda day: f"{day}T00:00:00",
    "iso with milliseconds": lambda day: f"{day}T00:00:00.000Z",
    "with minutes": lambda day: f"{day} 09:30",
    "west of Greenwich": lambda day: f"{day} 00:00:00-05:00",
    "east of Greenwich": lambda day: f"{day}T00:00:00+09:00",
    "basic with time": lambda day: f"{day:%Y%m%d}T160000Z",
    "iso week": lambda day: "{}-W{:02}-{}".format(*day.isocalendar()),
    "slashes": lambda day: f"{day:%Y/%m/%d}",
    "month first": lambda day: f"{day:%m/%d/%Y}",
    "day first": lambda day: f"{day:%d/%m/%Y}",
    "points": lambda day: f"{day:%d.%m.%Y}",
    "words": lambda day: f"{day:%b %d, %Y}",
    "Chinese": lambda day: f"{day.year}年{day.month}月{day.day}日",
}


def weekdays(count: int = ROWS) -> list[datetime.date]:
    days = (FIRST + datetime.timedelta(days=i) for i in range(2 * count))
    return [day for day in days if day.weekday() < 5][:count]


def table(days: Sequence[object], **changed: Sequence[object]) -> Table:
    draw = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, len(days))))
    columns: dict[str, object] = {
        "Date": days,
        "Open": close,
        "High": close * 1.01,
        "Low": close / 1.01,
        "Close": close,
        "Volume": draw.integers(10**6, 10**7, len(days)),
    }
    return Table(pl.DataFrame({**columns, **changed}, strict=False), "prices")


EXPECTED = trading_days(table(list(weekdays())))


def check_equal(days: TradingDays) -> None:
    np.testing.assert_array_equal(days.date, EXPECTED.date)
    np.testing.assert_array_equal(days.window, EXPECTED.window)


@loop_over("form", list(FORMS))
def test_dates_of_usual_forms_are_read(form: str) -> None:
    check_equal(trading_days(table([FORMS[form](day) for day in weekdays()])))


@loop_over("form", ["iso", "month first", "day first"])
def test_the_newest_day_may_be_first(form: str) -> None:
    own = table([FORMS[form](day) for day in weekdays()])
    check_equal(trading_days(own.take(np.arange(ROWS)[::-1])))


def test_the_last_day_has_no_target() -> None:
    assert len(EXPECTED.date) == ROWS - 21
    assert EXPECTED.date[-1].astype(object) == weekdays()[-1]
    assert np.isnan(EXPECTED.target[-1]).all()
    assert not np.isnan(EXPECTED.target[:-1]).any()
    assert len(EXPECTED.known.date) == ROWS - 22


def test_columns_in_lower_case_and_numbers_as_texts_are_read(tmp_path) -> None:
    own = table([day.isoformat() for day in weekdays()])
    text = own.frame.rename({name: name.lower() for name in own.columns}).write_csv()
    (tmp_path / "own.csv").write_text(text, encoding="utf-8")
    check_equal(trading_days(read_table(tmp_path / "own.csv")))
    frame = own.frame.with_columns(pl.col("Volume").cast(pl.String))
    check_equal(trading_days(Table(frame, "prices")))


DAYS = [day.isoformat() for day in weekdays()]


@pytest.mark.parametrize(
    ("own", "code"),
    [
        (table(DAYS[:21]), "E375"),
        (table([str(FIRST + datetime.timedelta(weeks=i)) for i in range(ROWS)]), "E376"),
        (table([DAYS[1], DAYS[0], *DAYS[2:]]), "E376"),
        (table([*DAYS[:-1], DAYS[-2]]), "E376"),
        (table([*DAYS[:5], "soon", *DAYS[6:]]), "E332"),
        (table([*DAYS[:5], None, *DAYS[6:]]), "E332"),
        (table(DAYS, Close=["n/v"] * ROWS), "E311"),
        (table(DAYS, Close=[None] * ROWS), "E311"),
        (table(DAYS, Close=[True] * ROWS), "E311"),
        (table(DAYS, Open=[float("inf")] * ROWS), "E311"),
        (table(DAYS, Low=[-1.0] * ROWS), "E316"),
        (table(DAYS, High=[1.0] * ROWS), "E316"),
        (Table(table(DAYS).frame.drop("High"), "prices"), "E313"),
    ],
)
def test_other_tables_are_refused(own: Table, code: str) -> None:
    with pytest.raises(DataError) as refused:
        trading_days(own)
    assert refused.value.code == code
