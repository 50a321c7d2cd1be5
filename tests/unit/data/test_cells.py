"""Cells of text: every notation of a number is read exactly, and nothing else is read as a number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from case_loops import loop_over
from chainrule.data import Preparation, Table, describe, read_table
from chainrule.data.cells.missing import AMONG_NUMBERS, UNLESS_VALUE
from chainrule.data.cells.number_notation import analyze, clean, level_texts
from chainrule.data.cells.typed_columns import type_texts
from chainrule.errors import DataError

CENTS = st.integers(-(10**9), 10**9)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def grouped(cents: int, group: str, mark: str) -> str:
    units, rest = divmod(abs(cents), 100)
    return f"{units:,}".replace(",", group) + f"{mark}{rest:02}"


NOTATIONS = {
    "dollars": lambda c: ("-" if c < 0 else "") + "$" + grouped(c, ",", "."),
    "accounting": lambda c: f"(${grouped(c, ',', '.')})" if c < 0 else f"${grouped(c, ',', '.')}",
    "euros behind": lambda c: ("-" if c < 0 else "") + grouped(c, ".", ",") + " €",
    "percent": lambda c: f"{c / 100:.2f}%",
    "unit": lambda c: f"{c / 100:.2f} kg",
    "spaces": lambda c: ("−" if c < 0 else "") + grouped(c, "\u202f", ","),
    "apostrophes": lambda c: ("-" if c < 0 else "") + grouped(c, "’", "."),
    "minus behind": lambda c: grouped(c, ",", ".") + ("-" if c < 0 else ""),
    "full-width": lambda c: f"{c / 100:.2f}".translate(FULL_WIDTH).replace("-", "－"),
    "Arabic": lambda c: f"{c / 100:.2f}".translate(ARABIC).replace(".", "٫"),
}


@pytest.mark.parametrize("notation", NOTATIONS)
@settings(max_examples=40, deadline=None)
@given(cents=st.lists(CENTS, min_size=3, max_size=8))
def test_a_number_is_read_from_every_notation(notation: str, cents: list[int]) -> None:
    positive = [abs(c) + 1 for c in cents]  # at most half of the numbers of an account are negative
    texts = pl.Series([NOTATIONS[notation](c) for c in [*cents, *positive]])
    analysis = analyze(texts)
    expected = [float(f"{c / 100:.2f}") for c in [*cents, *positive]]
    assert analysis.is_number
    assert analysis.values.to_list() == expected


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.one_of(st.none(), st.text(max_size=12)), min_size=1, max_size=8))
def test_any_texts_are_numbers_or_stay_as_they_are(texts: list[str | None]) -> None:
    cells = clean(pl.Series("c", texts, dtype=pl.String))
    (column,) = type_texts([cells])
    assert len(column.values) == len(texts)
    if column.values.dtype == pl.String:
        unchanged = (column.values == cells) | column.values.is_null()
        assert unchanged.fill_null(value=True).all()
    analysis = analyze(cells)
    assert analysis.values.dtype == pl.Float64
    assert 0 <= analysis.share <= 1


NUMBER_LIKE = st.sampled_from(
    [
        "A11",
        "School-3",
        "$5",
        "12 cm",
        "7",
        "007 cm",
        "１２",
        "(3)",
        "<1",
        "1.2.3.4",
        "5 %",
        "",
        "Rel 4",
        "x",
        "'7",
    ]
)


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(texts=st.lists(NUMBER_LIKE, min_size=1, max_size=6))
def test_repeated_cells_are_read_as_single_ones(texts: list[str]) -> None:
    single, repeated = (analyze(clean(pl.Series("c", texts * times))) for times in (1, 8))
    assert repeated.values.to_list() == single.values.to_list() * 8
    assert (repeated.is_number, repeated.share) == (single.is_number, single.share)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=8))
def test_plain_numbers_are_read_as_polars_reads_them(values: list[float]) -> None:
    texts = pl.Series([repr(value) for value in values])
    assert analyze(texts, is_lenient=True).values.to_list() == values


@loop_over("word", [*AMONG_NUMBERS, *UNLESS_VALUE])
def test_words_for_missing_values_are_missing_among_numbers_only(word: str) -> None:
    numbers, words = pl.Series(["1.5", word, "2"]), pl.Series(["red", word, "blue"])
    first, second = type_texts([numbers, words])
    assert first.values.to_list() == [1.5, None, 2.0]
    assert second.values.to_list() == ["red", None if word in UNLESS_VALUE else word, "blue"]


@given(st.integers(2**53 - 5, 2**53 + 5), st.integers(2**53 - 5, 2**53 + 5))
def test_two_integers_are_never_one_level(first: int, second: int) -> None:
    levels = level_texts(pl.Series([str(first), str(second)]))
    assert (levels[0] == levels[1]) == (first == second)


@given(st.permutations(["164,6", "76,1", "1.729", "674"]), st.sampled_from([",", ";", "\t"]))
def test_the_decimal_mark_is_that_of_the_table(cells: list[str], delimiter: str) -> None:
    other = pl.Series("b", ["1.250", "2.500", "3", "4"])
    first, second = type_texts([pl.Series("a", cells), other], delimiter)
    assert sorted(first.values.to_list()) == [76.1, 164.6, 674.0, 1729.0]
    assert second.values.to_list() == [1250.0, 2500.0, 3.0, 4.0]


def test_a_column_of_another_notation_keeps_its_texts_for_categories(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("discount,y\n" + "5%,a\n10%,b\n5%,b\n" * 5)
    table = read_table(path)
    assert table.frame["discount"].dtype == pl.Float64
    (column, _) = describe(table, "y", {"discount": "category"})
    assert column.levels == (("5%", 10), ("10%", 5))
    p = Preparation.fit(table, describe(table, "y", {"discount": "category"}), "y", "classification")
    assert p.feature_names == ("discount=5%", "discount=10%")
    assert p.inputs(table.take(np.array([1])))[0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("trained", ["{}", "${}.00", "{} cm", "{}%"])
@pytest.mark.parametrize("later", ["7", "$7", "7 cm", "7%", "７", "7.0"])
def test_a_trained_number_reads_every_notation_later(trained: str, later: str) -> None:
    table = read_table({"c": [trained.format(i) for i in range(5, 15)], "y": ["a", "b"] * 5})
    p = Preparation.fit(table, describe(table, "y"), "y", "classification")
    expected = p.inputs(Table(pl.DataFrame({"c": [7.0, 8.0]})))
    np.testing.assert_array_equal(p.inputs(read_table({"c": [later, "8"]})), expected)


def test_odd_cells_of_a_number_column_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "cars.csv"
    path.write_text("age\n" + "31\n" * 40 + "x31\nold\nold\n")
    with pytest.raises(DataError) as caught:
        describe(read_table(path))
    for word in ("E311", "cars.csv line 42", '"x31"', 'also in column "age": "old"'):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (["1", "2.5", "3", "low"], "mostly_numbers"),
        (["159 cm", "1.6 m", "171 cm", "1.8 m"], "mixed_units"),
        (["$5", "€6", "$7", "$8"], "mixed_currencies"),
    ],
)
def test_columns_that_are_words_with_numbers_have_a_warning(cells: list[str], code: str) -> None:
    (column,) = describe(read_table({"c": cells * 5}))
    assert (column.kind, [doubt.code for doubt in column.doubts]) == ("category", [code])
    assert column.doubts[0].severity == "warning"
    assert column.doubts[0].en != column.doubts[0].zh


def test_the_unit_and_the_decimal_mark_of_training_are_those_of_later_tables(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text("width;y\n" + "1,234 cm;a\n2,5 cm;b\n" * 10)
    table = read_table(path)
    p = Preparation.fit(table, describe(table, "y"), "y", "classification")
    p = Preparation.from_record(p.to_record())
    (tmp_path / "later.tsv").write_text("width\tz\n1,234 cm\t1\n")
    np.testing.assert_array_equal(p.inputs(read_table(tmp_path / "later.tsv")), p.inputs(table)[:1])
    applied = p.apply(read_table({"width": ["1,5 in", "2,5 in"]}))
    assert [notice.code for notice in applied.notices if notice.severity == "warning"] == ["other_unit"]


def test_only_a_table_for_training_can_declare_a_column_as_a_category() -> None:
    cells = ["31"] * 39 + ["x31"]
    with pytest.raises(DataError, match="E311") as caught:
        describe(read_table({"age": cells}))
    assert '--category "age", or kinds={"age": "category"}' in str(caught.value)
    table = read_table({"age": [18.0, 70.0], "y": ["no", "yes"]})
    preparation = Preparation.fit(table, describe(table, "y"), "y", "classification")
    with pytest.raises(DataError, match="E311") as later:
        preparation.inputs(read_table({"age": cells}))
    assert "category" not in str(later.value)
