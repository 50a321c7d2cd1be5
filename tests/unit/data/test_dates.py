"""Dates in all forms are points in time, and their features are fitted on training rows and fixed."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import Preparation, Table, describe, read_table
from chainrule.data.tables.dates import DAY, SECOND, calendar_parts, day_order, read_moments
from chainrule.errors import DataError
from hostile_records import refused_changes

EPOCH = dt.datetime(1970, 1, 1)
FORMS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%d%b%Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%A, %d %B %Y",
    "%a, %d %b %Y",
    "%a %b %d 00:00:00 %Y",
    "%Y年%m月%d日",
    "%Y%m%dT000000",
    "%dth of %B %Y",
)
CLOCKS = (" %H:%M:%S", "T%H:%M:%S", ", %H:%M:%S", " %I:%M:%S %p", " %H:%M:%S.000", "T%H:%M:%SZ")
ZONES = ("+05:30", "-0800", " +0000", "+09", "Z", " UTC")
MOMENTS = st.datetimes(dt.datetime(1000, 1, 1), dt.datetime(9999, 12, 30)).map(
    lambda t: t.replace(microsecond=0)
)


def instant(moment: dt.datetime) -> int:
    return (moment - EPOCH) // dt.timedelta(microseconds=1)


@given(MOMENTS, st.sampled_from(FORMS))
def test_a_date_in_any_form_is_the_same_day(moment: dt.datetime, form: str) -> None:
    read = read_moments(pl.Series([moment.strftime(form)]), is_day_first=True)
    assert read.is_valid.all()
    assert (
        read.local.tolist() == read.instant.tolist() == [instant(moment.replace(hour=0, minute=0, second=0))]
    )


@given(MOMENTS, st.sampled_from([form for form in FORMS if "00" not in form]), st.sampled_from(CLOCKS))
def test_a_time_of_any_form_is_read_to_the_second(moment: dt.datetime, form: str, clock: str) -> None:
    read = read_moments(pl.Series([moment.strftime(form + clock)]), is_day_first=True)
    assert read.instant.tolist() == [instant(moment)]


@given(MOMENTS, st.sampled_from(["%G-W%V-%u", "%GW%V%u", "%Y. %m. %d."]))
def test_a_day_of_an_iso_week_is_that_of_the_standard_library(moment: dt.datetime, form: str) -> None:
    read = read_moments(pl.Series([moment.strftime(form)]), is_day_first=True)
    assert read.is_valid.all()
    assert read.local.tolist() == [instant(dt.datetime.combine(moment, dt.time()))]


@given(st.integers(1000, 9998), st.integers(0, 60))
def test_a_week_is_valid_if_its_year_has_it(year: int, week: int) -> None:
    last = dt.date(year, 12, 28).isocalendar().week
    read = read_moments(pl.Series([f"{year}-W{week:02}", f"KW{week}/{year}"]), is_day_first=True)
    assert read.is_valid.tolist() == [1 <= week <= last] * 2


@given(MOMENTS, st.sampled_from(ZONES))
def test_a_zone_moves_the_instant_and_not_the_local_time(moment: dt.datetime, zone: str) -> None:
    read = read_moments(pl.Series([f"{moment:%Y-%m-%d %H:%M:%S}{zone}"]), is_day_first=False)
    digits = "".join(filter(str.isdigit, zone)).ljust(4, "0")
    offset = (int(digits[:2]) * 60 + int(digits[2:])) * (-1 if "-" in zone else 1)
    assert read.local.tolist() == [instant(moment)]
    assert read.instant.tolist() == [instant(moment) - offset * 60 * SECOND]


@given(MOMENTS)
def test_month_before_day_is_read_if_the_column_has_it(moment: dt.datetime) -> None:
    read = read_moments(pl.Series([f"{moment:%m/%d/%Y}", f"{moment.day}/{moment.day}/{moment:%Y}"]), False)
    assert read.instant[0] == instant(moment.replace(hour=0, minute=0, second=0))
    assert read.is_valid[1] == (moment.day <= 12)


@given(MOMENTS)
def test_parts_of_the_calendar_are_those_of_the_standard_library(moment: dt.datetime) -> None:
    parts = calendar_parts(np.array([instant(moment)]))
    received = [int(a[0]) for a in (parts.year, parts.month + 1, parts.weekday, parts.day + 1)]
    assert received == [moment.year, moment.month, moment.weekday(), moment.day]
    assert parts.hour[0] == pytest.approx(moment.hour + moment.minute / 60 + moment.second / 3600)


@pytest.mark.long
@given(
    st.text(max_size=30)
    | st.from_regex(r"[0-9]{1,4}[-/. ][0-9A-Za-z]{1,9}[-/. ][0-9]{1,5}( [0-9]{1,2}:[0-9]{1,2})?")
)
@settings(max_examples=200)
def test_any_text_is_a_moment_or_not_valid(text: str) -> None:
    for is_day_first in (True, False):
        read = read_moments(pl.Series([text, None]), is_day_first)
        assert not read.is_valid[1]
        assert read.is_valid[0] or read.instant[0] == 0


@pytest.mark.parametrize(
    "text",
    [
        "2020-02-30",
        "2021-02-29",
        "2020-13-01",
        "0000-01-01",
        "2020-11-05 25:00",
        "2020-11-05 13:00 PM",
        "2020-11-05T10:00+99:00",
        "5 foo 2020",
        "2020",
        "11/05",
        "-1-1-2020",
        "2020-11-05 10:61",
    ],
)
def test_a_date_that_does_not_exist_is_not_valid(text: str) -> None:
    assert not read_moments(pl.Series([text]), is_day_first=True).is_valid.any()


ORDERS = {
    "a day above 12": (["05/11/2020", "25/11/2020"], True, "days"),
    "a day above 12 in second place": (["05.11.2020", "05.25.2020"], False, "days"),
    "sorted with the day first": (
        ["28/1/2020"[1:], "01/02/2020", "03/02/2020", "01/03/2020"],
        True,
        "sorted",
    ),
    "sorted with the month first": (["1/2/20", "1/9/20", "2/3/20", "3/1/20", "3/5/20"], False, "sorted"),
    "points": (["05.11.2020"], True, "assumed"),
    "slashes": (["05/11/2020"], False, "assumed"),
    "other forms": (["2020-11-05", "5 Nov 2020"], False, "none"),
}


@pytest.mark.parametrize("case", ORDERS)
def test_the_order_of_day_and_month_is_decided_by_evidence(case: str) -> None:
    texts, is_day_first, evidence = ORDERS[case]
    order = day_order(pl.Series(texts))
    assert (order.is_day_first, order.evidence) == (is_day_first, evidence)


@given(st.lists(st.dates(), min_size=20, max_size=60, unique=True), st.booleans())
def test_the_order_of_many_dates_is_found(dates: list[dt.date], is_day_first: bool) -> None:
    form = "%d/%m/%Y" if is_day_first else "%m/%d/%Y"
    order = day_order(pl.Series([date.strftime(form).rjust(10, "0") for date in dates]))
    assert order.evidence != "days" or order.is_day_first == is_day_first
    assert order.evidence != "assumed" or all(date.day <= 12 for date in dates)


DATES = [dt.datetime(2019, 1, 3) + dt.timedelta(days=17 * i, hours=5 * i) for i in range(40)]


def table_of(dates: list[Any], **more: list) -> Table:
    return read_table({"sold": dates, **more, "y": [0.5 + i % 7 for i in range(len(dates))]})


def fit(table: Table) -> Preparation:
    return Preparation.fit(table, describe(table, "y"), "y", "regression")


def test_date_features_have_names_and_values() -> None:
    p = fit(table_of([f"{date:%d %b %Y %H:%M}" for date in DATES]))
    assert p.feature_names == (
        "sold: days since 2019-01-03",
        "sold: year",
        "sold: month (sin)",
        "sold: month (cos)",
        "sold: weekday (sin)",
        "sold: weekday (cos)",
        "sold: day (sin)",
        "sold: day (cos)",
        "sold: hour (sin)",
        "sold: hour (cos)",
        "sold: weekend",
    )
    mean, std = p.features[0].mean, p.features[0].std
    x = p.inputs(table_of(["2020-12-06T18:00"]))[0]
    assert x[0] == pytest.approx((703.75 - mean) / std)
    angles = 2 * np.pi * np.array([11 / 12, 6 / 7, 5 / 31])
    expected = [*np.stack([np.sin(angles), np.cos(angles)], axis=1).reshape(-1), -1, 0, 1]
    assert x[2:] == pytest.approx(expected, abs=1e-6)
    assert p.encodings[0].description.en == (
        "year, month (cyclic), weekday (cyclic), day (cyclic), hour (cyclic), days since 2019-01-03"
    )


def test_parts_that_do_not_vary_are_no_features() -> None:
    assert fit(table_of(["2019-01-01", "2020-01-01", "2021-01-01", "2020-01-01"] * 9)).feature_names == (
        "sold: days since 2019-01-01",
        "sold: year",
    )
    assert "sold: hour (sin)" not in fit(table_of([date.date() for date in DATES])).feature_names


def test_missing_dates_have_a_feature_and_unknown_ones_a_notice() -> None:
    texts = [f"{date:%Y-%m-%d}" for date in DATES]
    p = fit(table_of([*texts, None]))
    x = p.inputs(table_of([None, texts[0]]))
    assert p.feature_names[-1] == "sold is missing"
    assert x[0].tolist() == [0.0] * (x.shape[1] - 1) + [1.0]
    assert x[1, -1] == 0
    assert [n.code for n in fit(table_of(texts)).apply(table_of([None, texts[0]])).notices] == [
        "dates_missing"
    ]
    later = p.apply(table_of(["2031-01-01", "1931-01-01", texts[0]])).notices
    assert [(n.code, n.facts["count"]) for n in later] == [("dates_outside", 2)]


@pytest.mark.parametrize("dtype", [pl.Date, pl.Datetime("ms"), pl.Datetime("us", "UTC"), pl.String])
def test_features_do_not_depend_on_the_type_of_the_file(dtype: Any) -> None:
    days = pl.Series("sold", [date.date() for date in DATES])
    other = days.dt.to_string("%d/%m/%Y") if dtype == pl.String else days.cast(dtype)
    p = fit(table_of([f"{date:%d.%m.%Y}" for date in DATES]))
    x = p.inputs(read_table(pl.DataFrame([other])))
    assert x.tobytes() == p.inputs(read_table(pl.DataFrame([days]))).tobytes()


def test_numbers_of_eight_digits_are_dates_if_the_column_is_named_as_a_date() -> None:
    numbers = [int(f"{date:%Y%m%d}") for date in DATES]
    kinds = [c.kind for c in describe(table_of(numbers, price=numbers, saleDate=[*numbers[:-1], 20201399]))]
    assert kinds == ["number", "number", "number", "number"]
    table = read_table({"sale_date": numbers, "y": [0.5, 1.5] * 20})
    assert [c.kind for c in describe(table, "y")] == ["date", "number"]
    p = fit(table)
    assert p.inputs(read_table({"sale_date": ["2019-01-03"]})).tobytes() == p.inputs(table)[:1].tobytes()


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.none() | st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 30)), min_size=4, max_size=12
    )
)
def test_a_record_gives_equal_bits_and_rows_do_not_depend_on_one_another(
    dates: list[dt.datetime | None],
) -> None:
    cells = pl.Series("sold", [*DATES[:4], *dates], dtype=pl.Datetime("us"))
    table = read_table(
        pl.DataFrame([cells]).with_columns(n=pl.int_range(pl.len()), y=pl.int_range(pl.len()) / 2)
    )
    p = fit(table)
    q = Preparation.from_record(json.loads(json.dumps(p.to_record(), allow_nan=False)))
    assert q == p
    x = p.inputs(table)
    assert np.isfinite(x).all()
    assert q.inputs(table).tobytes() == x.tobytes()
    rows = [p.inputs(table.take(np.array([i])))[0] for i in range(table.rows)]
    assert np.stack(rows).tobytes() == x.tobytes()
    swapped = read_table(table.frame.select("y", "n", "sold"))
    assert p.inputs(swapped).tobytes() == x.tobytes()


def test_a_manipulated_date_record_is_refused_or_harmless() -> None:
    table = table_of([*[f"{date:%Y-%m-%d}" for date in DATES], None])
    assert refused_changes(fit(table), table) > 100


def test_a_text_among_dates_is_named_with_its_row() -> None:
    texts = [f"{date:%Y-%m-%d}" for date in DATES]
    with pytest.raises(DataError, match=r'(?s)E332 in row 41 of columns, column "sold".*30 Feb'):
        describe(table_of([*texts, "30 Feb 2020"]))
    with pytest.raises(DataError, match="E332 in row 1"):
        fit(table_of(texts)).inputs(table_of(["soon"]))


def test_an_assumed_order_is_reported() -> None:
    notices = [column.notice for column in describe(table_of(["05/11/2020", "03/04/2020"] * 9), "y")]
    assert [n.code for n in notices if n] == ["assumed_month_first"]
    assert DAY == 86_400 * SECOND
