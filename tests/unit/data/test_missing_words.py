"""Words for a missing value among numbers: those that repeat, those of ``missing``, and later tables."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

import chainrule as cr
from case_loops import loop_over
from chainrule.data import Preparation, PreparedData, Table, describe, read_table
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.tables.columns import read_missing_words
from chainrule.errors import DataError

NUMBERS = [f"{i}.5" for i in range(90)]
CASES = [
    # words, the kind of the column, missing cells
    (["n/v"] * 3, "number", 3),
    (["k.A.", "k.a.", "k.A."], "number", 3),
    (["#REF!"] * 2, "number", 2),
    (["#DIV/0!", "#N/A", "#VALUE!"], "number", 3),
    (["None", "unknown", "Unknown"], "number", 3),
    (["ausst.", "ausst.", "n/v", "n/v"], "number", 4),
    (["n/v", "n/v", "unknown"], "number", 3),
]


def columns(words: list[str]) -> dict[str, list[str]]:
    cells = NUMBERS + words
    return {"x": cells, "y": ["a", "b"] * (len(cells) // 2) + ["a"] * (len(cells) % 2)}


@loop_over(("words", "kind", "missing"), CASES)
def test_words_that_repeat_are_missing_numbers(words: list[str], kind: str, missing: int) -> None:
    table = read_missing_words(read_table(columns(words)))
    column = describe(table, "y")[0]
    assert (column.kind, column.missing) == (kind, missing)
    expected = "error_cells" if "#" in words[0] else "missing_words"
    assert {notice.code for notice in table.notices} == {expected}


@loop_over(
    "words", [["n/v"], ["n/v", "12a", "12a"], ["low", "low", "abc"], ["p", "p", "q", "q", "r", "r", "s", "s"]]
)
def test_other_cells_are_mistakes(words: list[str]) -> None:
    with pytest.raises(DataError, match="E311") as error:
        describe(read_missing_words(read_table(columns(words))), "y")
    assert error.value.fix is not None
    assert "missing" in error.value.fix


def test_few_integers_with_a_word_are_a_category() -> None:
    grades = {"grade": [str(9 + i % 4) for i in range(76)] + ["other"] * 4, "y": ["a", "b"] * 40}
    column = describe(read_missing_words(read_table(grades)), "y")[0]
    assert (column.kind, len(column.levels)) == ("category", 5)
    assert [doubt.code for doubt in column.doubts] == ["mostly_numbers"]


def test_zip_codes_of_nine_digits_among_those_of_five_are_a_category() -> None:
    codes = {"zip": [str(10_000 + i % 30) for i in range(78)] + ["12345-6789"] * 2, "y": ["a", "b"] * 40}
    assert describe(read_table(codes), "y")[0].kind == "category"


def test_a_later_row_has_the_words_of_the_training() -> None:
    prepared = PreparedData.of(read_table(columns(["n/v"] * 3)), "y")
    preparation = Preparation.from_record(prepared.preparation.to_record())
    assert preparation == prepared.preparation
    later = preparation.inputs(read_table({"x": ["N/V"]}))
    assert later.tolist() == preparation.inputs(read_table({"x": [None]})).tolist()
    with pytest.raises(DataError, match="E311"):
        preparation.inputs(read_table({"x": ["other"]}))


def test_missing_words_are_those_of_any_column_and_number(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    lines = [f"{i},{'Ulm' if i % 2 else 'Bonn'},{'a' if i % 3 else 'b'}" for i in range(40)]
    file.write_text("\n".join(["age,city,y", *lines, "-999,n/v,a", "n/v,Ulm,b"]) + "\n")
    table = read_table(str(file), missing=("n/v", "-999"))
    assert table.frame["age"].null_count() == 2
    assert table.frame["city"].null_count() == 1
    prepared = PreparedData.of(table, "y")
    assert [column.kind for column in prepared.columns[:2]] == ["number", "category"]
    later = prepared.preparation.inputs(read_table({"age": ["-999"], "city": ["N/V"]}))
    assert later.tolist() == prepared.preparation.inputs(read_table({"age": [None], "city": [None]})).tolist()
    run = cr.train_table(str(file), "y", missing=["n/v", "-999"], quick=True, epochs=1, verbose=False)
    assert "--missing n/v --missing -999" in run.plan.options.command()
    assert ReadOptions(missing=("n/v",)).changed == ("missing",)


def test_a_frame_of_numbers_takes_missing_words_too() -> None:
    assert read_table({"x": [1.0, -1.0], "y": [0, 1]}, missing="-1").frame["x"].to_list() == [1.0, None]


@loop_over("rows", [40, 4000])
@loop_over("form", ["csv", "quoted", "xlsx", "xlsx text", "json", "frame"])
def test_a_notice_counts_the_errors_of_a_spreadsheet(tmp_path: Path, rows: int, form: str) -> None:
    cells: list[list[object]] = [[i + 0.5, "Ulm" if i % 2 else "Bonn", i] for i in range(rows)]
    for row in (3, 5, 9):
        cells[row][0] = "#REF!"
    cells[7][1], cells[rows - 1][2] = "#N/A", "#BEZUG!"
    table = _table_of(tmp_path, form, cells)
    assert [table.frame[name].null_count() for name in "pqr"] == [3, 1, 1]
    notices = [notice for notice in table.notices if notice.code == "error_cells"]
    assert [(notice.severity, notice.facts["count"]) for notice in notices] == [("warning", 5)]
    assert '#REF! in column "p"' in notices[0].render("en")
    assert '#BEZUG! in column "r"' in notices[0].render("en")
    assert "列“p”中的 #REF!" in notices[0].render("zh")


@loop_over("word", ["NULL", "NaN", "", "N/A", "\\N"])
def test_an_empty_cell_of_a_program_needs_no_notice(tmp_path: Path, word: str) -> None:
    cells: list[list[object]] = [[word if i == 3 else i + 0.5, "Ulm", i] for i in range(40)]
    table = _table_of(tmp_path, "csv", cells)
    assert (table.frame["p"].null_count(), table.notices) == (1, ())


def _table_of(folder: Path, form: str, cells: list[list[object]]) -> Table:
    """Return the table p, q, r that is read from a file of this form, or from a data frame."""
    file, names = folder / f"rows.{form.split()[0]}", ["p", "q", "r"]
    match form:
        case "csv" | "quoted":
            text = "\n".join(",".join(map(str, row)) for row in [names, *cells]) + "\n"
            file = file.with_suffix(".csv")
            file.write_text(text if form == "csv" else text.replace("#REF!", '"#REF!"'))
        case "json":
            file.write_text(json.dumps([dict(zip(names, row, strict=True)) for row in cells]))
        case "frame":
            return read_table(dict(zip(names, map(list, zip(*cells, strict=True)), strict=True)))
        case _:
            workbook = openpyxl.Workbook()
            sheet = workbook.active
            assert sheet is not None
            for row in [names, *cells]:
                sheet.append(row)
            if form == "xlsx text":
                for row, column in ((5, 1), (7, 1), (11, 1), (9, 2), (len(cells) + 1, 3)):
                    sheet.cell(row, column).data_type = "s"
            workbook.save(file)
    return read_table(str(file))
