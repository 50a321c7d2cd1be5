"""Times of day and durations in texts, and the kind of a column that contains them."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import Preparation, Table, describe, read_table
from chainrule.data.tables.dates import SECONDS, read_durations, read_times, seconds_of
from chainrule.errors import DataError
from hostile_records import refused_changes

COLUMNS = {
    "padded": (["09:30", "14:15", "23:59:30"], "time"),
    "unpadded, hours above 12": (["9:30", "14:15", "8:00"], "time"),
    "noon": (["9:30 AM", "1:15 PM", "12:00 a.m."], "time"),
    "with a zone": (["09:30Z", "14:15+01:00", "23:59Z"], "time"),
    "minutes and seconds": (["4:05", "3:59", "2:10"], "duration"),
    "hours": (["1:23:45", "0:05:10", "12:00:01"], "duration"),
    "more than a day": (["36:15:00", "01:05:00", "04:20:00"], "duration"),
    "days": (["1 day, 2:03:04", "0 days 00:10:00", "2 days 00:00:00"], "duration"),
    "units": (["90 min", "2 h", "1h 30m"], "duration"),
    "weeks": (["3 weeks", "2 days", "5 hours"], "duration"),
    "ISO": (["P1DT2H", "PT15M", "P2W"], "duration"),
    "Chinese": (["3分钟", "2小时", "1小时5分"], "duration"),
    "meters": (["5 m", "7 m", "9 m"], "number"),
    "ratios": (["1:2", "3:4", "5:1"], "category"),
    "words": (["red", "blue", "1:00"], "category"),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_the_kind_of_a_column_of_clocks(case: str) -> None:
    texts, kind = COLUMNS[case]
    column = describe(table_of(texts * 9))[0]
    assert column.kind == kind
    assert column.reason.en != column.reason.zh


def test_the_name_of_a_column_decides_between_times_and_durations() -> None:
    table = read_table({"lap": ["01:10", "02:05"] * 9, "start": ["01:10", "02:05"] * 9})
    assert [column.kind for column in describe(table)] == ["duration", "time"]


DURATIONS = st.timedeltas(dt.timedelta(0), dt.timedelta(days=9999)).map(
    lambda d: d - d % dt.timedelta(seconds=1)
)


@given(DURATIONS)
def test_a_duration_in_any_form_has_the_same_seconds(duration: dt.timedelta) -> None:
    total = int(duration.total_seconds())
    minutes, seconds = divmod(total, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    texts = [
        str(duration),
        f"{hours}:{minute:02}:{seconds:02}",
        f"{minutes}:{seconds:02}",
        f"{total} seconds",
        f"{days} d {hour} h {minute} min {seconds} s",
        f"{hours}h{minute}m{seconds}s",
        f"{minutes} min, {seconds} s",
        f"P{days}DT{hour}H{minute}M{seconds}S",
        f"PT{total}S",
        f"{days}天{hour}小时{minute}分钟{seconds}秒",
        f"{days} days {hour:02}:{minute:02}:{seconds:02}.000",
        f"{days}.{hour:02}:{minute:02}:{seconds:02}",
    ]
    assert read_durations(pl.Series(texts)).tolist() == [total] * len(texts)


@given(st.times(), st.sampled_from(["%H:%M:%S", "%I:%M:%S %p", "%H:%M:%S.%f", "T%H:%M:%S"]))
def test_a_time_of_any_form_has_the_same_hours(time: dt.time, form: str) -> None:
    seconds = time.hour * 3600 + time.minute * 60 + time.second + ("%f" in form) * time.microsecond / 1e6
    assert read_times(pl.Series([time.strftime(form)])).tolist() == [pytest.approx(seconds / 3600)]


@given(st.text(max_size=20) | st.from_regex(r"[0-9]{0,20}[ .:]?[0-9a-z:.,]{0,9}"))
def test_any_text_is_a_number_of_seconds_or_none(text: str) -> None:
    assert np.isnan(seconds_of(text)) or abs(seconds_of(text)) < 1e25
    assert read_times(pl.Series([text], dtype=pl.String)).shape == (1,)


@pytest.mark.parametrize(
    "text", ["", "p", "pt", "1:60:00", "1:2", "1:23:60", "min", "5 light years", "-", "1:2:3:4"]
)
def test_other_texts_are_no_durations(text: str) -> None:
    assert np.isnan(seconds_of(text))
    assert SECONDS["min"] == 60


def table_of(texts: list) -> Table:
    return read_table({"c": texts, "y": [0.5 + i % 5 for i in range(len(texts))]})


def fit(texts: list) -> Preparation:
    table = table_of(texts)
    return Preparation.fit(table, describe(table, "y"), "y", "regression")


def test_durations_are_seconds() -> None:
    p = fit(["90 min", "1 h", None] * 9)
    assert p.feature_names == ("c: seconds", "c is missing")
    assert (p.features[0].mean, p.features[0].std) == (4500.0, 900.0)
    assert p.inputs(table_of(["2 h", None])).tolist() == [[3.0, 0.0], [0.0, 1.0]]
    assert p.inputs(read_table({"c": [7200.0]})).tolist() == [[3.0, 0.0]]


def test_times_are_points_on_a_circle() -> None:
    p = fit(["06:00", "18:00"] * 9)
    assert p.feature_names == ("c: hours since midnight", "c: hour (sin)", "c: hour (cos)")
    assert p.inputs(table_of(["06:00", "12:00"])) == pytest.approx(
        np.array([[-1, 1, 0], [0, 0, -1]]), abs=1e-6
    )


@pytest.mark.parametrize("texts", [["06:00", "18:00", None] * 9, ["90 min", "1 h", None] * 9])
def test_records_give_equal_bits_and_are_validated(texts: list) -> None:
    p, table = fit(texts), table_of(texts)
    q = Preparation.from_record(json.loads(json.dumps(p.to_record(), allow_nan=False)))
    assert q == p
    x = p.inputs(table)
    assert q.inputs(table).tobytes() == x.tobytes()
    assert np.stack([p.inputs(table.take(np.array([i])))[0] for i in range(3)]).tobytes() == x[:3].tobytes()
    assert refused_changes(p, table) > 100


def test_another_text_is_named_with_its_row() -> None:
    with pytest.raises(DataError, match=r'(?s)E332 in row 28 of columns, column "c".*soon'):
        describe(table_of(["90 min", "1 h", "2 h"] * 9 + ["soon"]))
    with pytest.raises(DataError, match="E332 in row 1"):
        fit(["06:00", "18:00"] * 9).inputs(table_of(["25:00"]))
