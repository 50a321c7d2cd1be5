"""One convention for decimals and dates per column, stored by a preparation, applied to later tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from chainrule.data import Preparation, PreparedData, check, read_table
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.tables.dates import DAY, read_moments
from chainrule.data.tables.findings import command_line_remedies
from chainrule.errors import ChainruleError

ROWS = 36
DAYS = [(2024, month, day) for month in range(1, 13) for day in (3, 8, 12)]
PRICES = [float(i * i % 11) for i in range(ROWS)]
FORMS = {
    "iso": "{0}-{1:02}-{2:02}",
    "points": "{2:02}.{1:02}.{0}",
    "day/month": "{2:02}/{1:02}/{0}",
    "month/day": "{1:02}/{2:02}/{0}",
    "day-month": "{2:02}-{1:02}-{0}",
}


def _cells(form: str, days: list[tuple[int, int, int]] = DAYS) -> list[str]:
    return [FORMS[form].format(*day) for day in days]


def _trained(cells: list[str], **options: Any) -> Preparation:
    columns: dict[str, Any] = {"when": cells, "price": PRICES}
    table = read_table(columns, **options)
    return PreparedData.of(table, "price", kinds={"when": "date"}, fractions=(1.0, 0.0, 0.0)).preparation


def _with_proof(form: str) -> list[str]:
    return [*_cells(form)[:-1], FORMS[form].format(2024, 12, 25)]


SLASHES = {"day/month", "month/day"}  # of one form: without a day above 12 they cannot be distinguished
PAIRS = [(a, b) for a in FORMS for b in FORMS if a == b or {a, b} != SLASHES]
REFUSED = {(a, b) for a, b in PAIRS if a != b and b in SLASHES} | {("month/day", "day-month")}


@pytest.mark.parametrize(("trained", "later"), sorted(set(PAIRS) - REFUSED))
def test_a_later_date_is_the_same_day_whatever_its_form(trained: str, later: str) -> None:
    preparation = _trained(_with_proof(trained))
    expected = preparation.inputs(read_table({"when": _with_proof(trained)}))[0]
    applied = preparation.apply(read_table({"when": _cells(later)[:1]}))
    assert applied.x[0] == pytest.approx(expected)
    is_other_form = later != "iso" and later != trained
    assert any(notice.code == "dates_by_cells" for notice in applied.notices) == is_other_form


@pytest.mark.parametrize(("trained", "later"), sorted(REFUSED))
def test_a_later_date_of_another_form_is_refused_where_it_has_two_meanings(trained: str, later: str) -> None:
    preparation = _trained(_with_proof(trained))
    with pytest.raises(ChainruleError) as caught:
        preparation.apply(read_table({"when": _cells(later)[:1]}))
    assert caught.value.code == "E345"


@pytest.mark.parametrize("trained", FORMS)
@pytest.mark.parametrize("later", [form for form in FORMS if form != "iso"])
def test_the_order_that_the_user_states_is_used(trained: str, later: str) -> None:
    preparation = _trained(_with_proof(trained))
    expected = preparation.inputs(read_table({"when": _with_proof(trained)}))[0]
    table = read_table({"when": _cells(later)[:1]}, day_first=later != "month/day")
    assert preparation.inputs(table)[0] == pytest.approx(expected)


@pytest.mark.parametrize("trained", ["day/month", "month/day"])
def test_a_later_table_that_contradicts_the_training_is_refused(trained: str) -> None:
    preparation = _trained(_with_proof(trained))
    other = "month/day" if trained == "day/month" else "day/month"
    with pytest.raises(ChainruleError) as caught:
        preparation.apply(read_table({"when": _with_proof(other)}))
    assert caught.value.code == "E345"


def test_the_order_of_a_training_column_can_be_stated() -> None:
    cells = [FORMS["day/month"].format(2024, 1 + i * 5 % 12, 1 + i * 7 % 12) for i in range(ROWS)]
    for day_first in (True, False):
        prepared = PreparedData.of(read_table({"when": cells, "price": PRICES}, day_first=day_first), "price")
        dates = prepared.columns[0].dates
        assert dates is not None
        assert (dates.is_day_first, dates.evidence) == (day_first, "chosen")
        assert not [notice for notice in prepared.notices if notice.code.startswith("assumed")]


def test_a_stated_order_that_the_cells_contradict_is_reported() -> None:
    table = read_table({"when": _with_proof("day/month"), "price": PRICES}, day_first=False)
    assert "other_order" in [notice.code for notice in PreparedData.of(table, "price").notices]


def test_the_last_of_many_cells_decides() -> None:
    cells = ["01/02/2024"] * 120_000 + ["25/02/2024"]
    table = read_table({"when": cells, "price": np.arange(len(cells)) % 7.0})
    dates = PreparedData.of(table, "price").columns[0].dates
    assert dates is not None
    assert (dates.is_day_first, dates.evidence) == (True, "days")


def test_moments_have_the_order_of_their_separator() -> None:
    preparation = _trained(_with_proof("month/day"))
    applied = preparation.apply(read_table({"when": ["12/03/2024", "03.12.2024"]}))
    assert applied.x[0] == pytest.approx(applied.x[1])
    assert read_moments(pl.Series(["2/1/70"]), True).instant[0] == DAY


GERMAN = {"sold": ["950", "1.234", "2.501"] * 12, "y": ["a", "b"] * 18}


def _file(folder: Path, columns: dict[str, list[str]], delimiter: str = ";") -> Path:
    rows = [delimiter.join(columns), *(delimiter.join(row) for row in zip(*columns.values(), strict=True))]
    path = folder / "table.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_thousands_that_could_be_decimals_have_a_notice_with_both_numbers(
    tmp_path: Path, delimiter: str
) -> None:
    path = _file(tmp_path, GERMAN, delimiter)
    table = read_table(path)
    findings = [f for f in check(table, "y") if f.code == "ambiguous_numbers"]
    assert [f.facts["value"] for f in findings] == ["1.234"]
    assert [f.facts["other"] for f in findings] == ["1234"]
    assert "decimal=" in findings[0].en
    assert "decimal=" in findings[0].zh
    with command_line_remedies():
        assert "--decimal" in findings[0].en
        assert "--decimal" in findings[0].zh
    read = read_table(path, decimal=",")
    assert read.frame["sold"].head(3).to_list() == [950, 1234, 2501]
    assert not [f for f in check(read, "y") if f.code == "ambiguous_numbers"]


@pytest.mark.parametrize("cells", [["1,234", "950"], ["1.234 km", "950 km"], ["$1,234", "$950"]])
def test_every_notation_that_could_be_another_number_has_a_notice(cells: list[str]) -> None:
    table = read_table({"sold": cells * 18, "y": GERMAN["y"]})
    assert "ambiguous_numbers" in [f.code for f in check(table, "y")]
    one, other = (read_table({"sold": cells}, decimal=mark).frame["sold"][0] for mark in ".,")
    assert sorted([one, other]) == [1.234, 1234]


@pytest.mark.parametrize(
    "cells", [["0.5", "1.234"], ["1.5", "1.234"], ["12345", "1.234"], ["5 cm", "7 cm"], ["1", "2"]]
)
def test_numbers_that_are_clear_have_no_notice(cells: list[str], tmp_path: Path) -> None:
    table = read_table(_file(tmp_path, {"sold": cells * 18, "y": GERMAN["y"]}))
    assert "ambiguous_numbers" not in [f.code for f in check(table, "y")]


def test_an_ambiguous_target_has_a_notice(tmp_path: Path) -> None:
    path = _file(tmp_path, {"x": ["1", "2", "5"] * 12, "y": [f"{1 + i}.{100 + 7 * i}" for i in range(ROWS)]})
    assert "ambiguous_numbers" in [f.code for f in PreparedData.of(read_table(path), "y").notices]


def test_a_mark_that_the_cells_contradict_is_reported() -> None:
    table = read_table({"sold": ["1,5", "2,25"]}, decimal=".")
    assert table.frame["sold"].to_list() == [1.5, 2.25]
    assert "other_decimal" in [notice.code for notice in table.notices]


MARKED = {  # training cells -> the value of 1.234 in a later table
    "comma": (["1.234,5", "950,25"], 1234.0),
    "point": (["1234.5", "950.25"], 1.234),
    "integers of a table with commas": (["950", "12"], 1234.0),
}


@pytest.mark.parametrize("name", MARKED)
def test_a_later_cell_is_read_with_the_mark_of_the_training(name: str, tmp_path: Path) -> None:
    cells, value = MARKED[name]
    other = ["1,5", "2,25"] if "commas" in name else ["1", "2"]
    columns = {"sold": cells * 18, "other": other * 18, "y": GERMAN["y"]}
    preparation = PreparedData.of(read_table(_file(tmp_path, columns)), "y").preparation
    preparation = Preparation.from_record(preparation.to_record())
    later = _file(tmp_path, {"sold": ["1.234", "950"], "other": ["1", "2"]})
    assert preparation.read(later).frame["sold"][0] == value
    assert preparation.read(later, ReadOptions(decimal=",")).frame["sold"][0] == 1234
    feature = preparation.features[0]
    row = preparation.inputs(read_table(later))[0]
    assert row[0] * feature.std + feature.mean == pytest.approx(value, rel=1e-5)


def test_a_later_table_that_shows_the_mark_which_the_training_assumed_has_a_notice(tmp_path: Path) -> None:
    preparation = PreparedData.of(read_table(_file(tmp_path, GERMAN)), "y").preparation
    applied = preparation.apply(read_table(_file(tmp_path, {"sold": ["1.234,5"], "n": ["1"]})))
    assert "other_mark" in [notice.code for notice in applied.notices]
    again = preparation.apply(read_table(_file(tmp_path, {"sold": ["1.234"], "n": ["1"]})))
    assert "numbers_as_trained" in [notice.code for notice in again.notices]


def test_a_target_of_a_later_table_is_read_with_the_mark_of_the_training(tmp_path: Path) -> None:
    y = [f"{1 + i % 9}.{100 + 7 * i},5" for i in range(ROWS)]
    preparation = PreparedData.of(
        read_table(_file(tmp_path, {"x": ["1", "2", "5"] * 12, "y": y})), "y"
    ).preparation
    later = read_table(_file(tmp_path, {"x": ["1"], "y": ["1.234"]}))
    assert preparation.restore(preparation.targets(later))[0] == pytest.approx(1234, rel=1e-5)
