"""Cells that a preparation cannot encode: found, described, left out or counted as missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import Preparation, Table, describe, read_table
from chainrule.data.tables.fitted_preparation import (
    damaged_cells,
    damaged_rows,
    reasons,
    refusal,
    without_damaged,
)
from chainrule.errors import DataError

TRAIN = {
    "age": [float(i) for i in range(18, 58)],
    "smokes": ["yes", "no"] * 20,
    "since": [f"2020-01-{i % 28 + 1:02}" for i in range(40)],
    "city": ["Bern", "Rome", "Oslo", "Bern"] * 10,
    "y": ["a", "b"] * 20,
}
GOOD: dict[str, list[Any]] = {
    "age": ["31", "", "-7.5", "1e3"],
    "smokes": ["yes", "no", ""],
    "since": ["2021-05-06", "2020-02-29", ""],
    "city": ["Bern", "Paris", ""],
}
BAD = {
    "age": {"old": "E311", "inf": "E312"},
    "smokes": {"maybe": "E318"},
    "since": {"soon": "E332", "2021-99-01": "E332"},
}


@pytest.fixture(scope="module")
def preparation() -> Preparation:
    table = read_table(TRAIN)
    return Preparation.fit(table, describe(table, "y"), "y", "classification")


def table_of(rows: list[dict[str, str]]) -> Table:
    return read_table({name: [row[name] for row in rows] for name in GOOD})


CELLS = {
    name: st.sampled_from([*GOOD[name], *BAD.get(name, {})])  # a good or a damaged cell
    for name in GOOD
}
ROWS = st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=8).map(
    # Enough good cells that the columns are read as in training.
    lambda rows: [{name: GOOD[name][0] for name in GOOD}] * 40 + rows
)


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_exactly_the_damaged_cells_are_found(preparation: Preparation, rows: list[dict[str, str]]) -> None:
    table = table_of(rows)
    expected = {
        (row, name, BAD[name][cells[name]])
        for row, cells in enumerate(rows)
        for name in BAD
        if cells[name] in BAD[name]
    }
    cells = damaged_cells(preparation, table)
    places = {(int(row), c.column, c.code) for c in cells for row in np.flatnonzero(c.is_damaged)}
    assert places == expected
    texts = reasons(table, cells, "en")
    assert [row for row, text in enumerate(texts) if text] == sorted({row for row, _, _ in expected})
    if not cells:
        return
    sound = np.flatnonzero(~damaged_rows(cells))
    as_missing = preparation.inputs(without_damaged(table, cells))
    alone = preparation.inputs(table_of([rows[row] for row in sound.tolist()]))
    assert as_missing[sound].tobytes() == alone.tobytes(), "the other rows do not change"
    empty = [{n: "" if cells[n] in BAD.get(n, {}) else cells[n] for n in cells} for cells in rows]
    assert as_missing.tobytes() == preparation.inputs(table_of(empty)).tobytes()


def test_the_refusal_lists_the_first_cells_in_the_order_of_the_rows(preparation: Preparation) -> None:
    good = {name: GOOD[name][0] for name in GOOD}
    rows = [good] * 300 + [{**good, "since": "soon"}, {**good, "age": "old"}] * 10
    table = table_of(rows)
    error = refusal(table, damaged_cells(preparation, table))
    assert isinstance(error, DataError)
    assert error.code == "E332"
    text = str(error)
    assert 'row 301 of columns, column "since"' in text
    assert text.index('row 302 of columns, column "age": "old"') < text.index("row 303")
    assert "20 such cells in 20 rows" in text
    assert "--damaged skip" in text
    assert "--damaged missing" in text


def test_reasons_are_in_both_languages_and_name_every_cell(preparation: Preparation) -> None:
    good = {name: GOOD[name][0] for name in GOOD}
    table = table_of([good] * 60 + [{**good, "age": "old", "smokes": "maybe"}])
    cells = damaged_cells(preparation, table)
    assert reasons(table, cells, "en")[-1] == (
        '"old" in column "age" is not a number; "maybe" in column "smokes" is neither yes nor no'
    )
    chinese = reasons(table, cells, "zh")[-1]
    assert chinese is not None
    assert "不是数字" in chinese


def test_a_postal_code_of_nine_digits_among_numbers_is_to_be_a_category() -> None:
    training = read_table({"zip": [10_001 + i % 40 for i in range(80)], "y": ["a", "b"] * 40})
    preparation = Preparation.fit(training, describe(training, "y"), "y", "classification")
    table = read_table({"zip": ["10001-1234", "10002"]})
    fix = refusal(table, damaged_cells(preparation, table)).fix
    assert fix.startswith('chainrule train DATA --category "zip"')
    assert fix.endswith("--damaged missing")
    with pytest.raises(DataError, match="is not a number") as refused:
        preparation.inputs(table)
    assert str(refused.value.fix).startswith(
        'train_table(..., category="zip"), since these are codes; with this '
    )


def test_postal_codes_need_no_correction() -> None:
    codes = ["10001", "94103", "60614", "10001-1234"] * 25
    column = describe(read_table({"zip": codes, "y": ["a", "b"] * 50}), "y")[0]
    assert (column.kind, column.doubts) == ("category", ())
