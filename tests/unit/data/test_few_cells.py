"""A few cells are read by a loop: the result is that of the operations on whole columns."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from chainrule.data.cells import number_notation, typed_columns
from chainrule.data.cells.missing import ALWAYS, MAYBE
from chainrule.data.tables.dates import read_moments

WORDS = (
    *ALWAYS,
    *MAYBE,
    "True",
    "false",
    "Inf",
    "-inf",
    "+Infinity",
    "red",
    "1",
    "1.5",
    "007",
    "１２",
    "½",
    "三",
    "$",
)
CELLS = st.lists(
    st.none()
    | st.sampled_from(WORDS)
    | st.tuples(st.sampled_from([*number_notation.SPACES, "\x1c", ""]), st.sampled_from(WORDS)).map("".join)
    | st.text(max_size=4),
    max_size=5,
)


@given(cells=CELLS)
def test_a_few_cells_are_examined_as_many(cells: list[str | None]) -> None:
    column = pl.Series("c", cells, dtype=pl.String)
    few = number_notation.clean(column)
    examined = typed_columns.examine(few)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(number_notation, "FEW", -1)
        patch.setattr(typed_columns, "FEW", -1)
        many = number_notation.clean(column)
        other = typed_columns.examine(many)
    assert_series_equal(few, many)
    assert_series_equal(examined.texts, other.texts)
    assert (examined.kind, examined.marks, examined.notices) == (other.kind, other.marks, other.notices)


UNITS = {"date": pl.Date(), "ms": pl.Datetime("ms"), "us": pl.Datetime("us"), "ns": pl.Datetime("ns")}
MOMENTS = st.lists(st.none() | st.datetimes(datetime.datetime(1680, 1, 1), datetime.datetime(2200, 1, 1)))


@given(cells=MOMENTS, unit=st.sampled_from([*UNITS]))
def test_dates_are_read_as_by_polars(cells: list[datetime.datetime | None], unit: str) -> None:
    column = pl.Series("c", cells, dtype=pl.Datetime("us"))
    if unit == "ns":
        column = pl.Series("c", [*range(-3000, 3000, 7)], dtype=pl.Int64).cast(pl.Datetime("ns"))
    column = column.cast(UNITS[unit])
    moments = read_moments(column, True)
    expected = column.cast(pl.Datetime("us") if unit == "date" else UNITS[unit]).dt.epoch("us")
    np.testing.assert_array_equal(moments.is_valid, column.is_not_null().to_numpy())
    np.testing.assert_array_equal(moments.instant, expected.fill_null(0).to_numpy())
    np.testing.assert_array_equal(moments.local, moments.instant)
