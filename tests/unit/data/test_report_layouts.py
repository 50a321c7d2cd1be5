"""Files of reports: subtotals, merged cells, two header rows, durations of days, repeated marks."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from case_loops import loop_over
from chainrule.data import describe, read_table

SALES = """region;shop;sales
Nord;a;1200
Nord;b;1476
Summe Nord;;2676
Süd;c;950
Süd;d;1000
Summe Süd;;1950
Gesamt;;4626
"""
PRODUCTS = """product,count,price
Total cereal,3,4.5
Oats,2,3.5
Muesli,7,5
Total milk,1,9
Bread,1,1
Jam,4,2
Tea,1,3
"""
SUMS = """name,sales
North a,1.25
North b,2.5
North total,3.75
South a,4
South b,5
South total,9
West,1
"""


@loop_over(("text", "rows", "is_stated"), [(SALES, 4, True), (SUMS, 5, True), (PRODUCTS, 7, False)])
def test_rows_of_subtotals_are_left_out_with_a_notice(
    text: str, rows: int, is_stated: bool, tmp_path: Path
) -> None:
    file = tmp_path / "report.csv"
    file.write_text(text, encoding="utf-8")
    table = read_table(str(file))
    assert table.rows == rows
    notices = [notice for notice in table.notices if notice.code == "subtotal_rows"]
    assert bool(notices) == is_stated
    assert table.line_of(0) == 2


def test_a_repeated_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    file = tmp_path / "twice.csv"
    for mark, codec in ((b"\xef\xbb\xbf" * 2, "utf-8"), (b"\xff\xfe" * 2, "utf-16-le")):
        file.write_bytes(mark + '"a",b\n1,2\n3,4\n'.encode(codec))
        assert read_table(str(file)).columns == ("a", "b")


def workbook(path: Path, rows: Sequence[list[Any]], *merged: str, format: str = "") -> str:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for cells in merged:
        sheet.merge_cells(cells)
    for row in range(2, len(rows) + 1) if format else ():
        sheet.cell(row, 1).number_format = format
    book.save(path)
    return str(path)


def test_cells_that_are_merged_downwards_have_their_value_in_every_row(tmp_path: Path) -> None:
    rows = [
        ["region", "shop", "n"],
        *[["Nord" if i == 0 else "Süd" if i == 4 else None, f"s{i}", i] for i in range(8)],
    ]
    table = read_table(workbook(tmp_path / "merged.xlsx", rows, "A2:A5", "A6:A9"))
    assert table.frame["region"].to_list() == ["Nord"] * 4 + ["Süd"] * 4
    assert [(n.code, n.facts["count"]) for n in table.notices] == [("merged_cells", 6)]


@loop_over("format", ["[h]:mm", "[hh]:mm:ss", "[$-F400][mm]:ss"])
def test_durations_of_more_than_a_day_are_durations(format: str, tmp_path: Path) -> None:
    hours = np.arange(20, 50, 3)
    rows = [["worked", "n"], *[[datetime.timedelta(hours=int(h), minutes=30), int(h)] for h in hours]]
    table = read_table(workbook(tmp_path / "hours.xlsx", rows, format=format))
    column = describe(table)[0]
    assert (column.kind, column.minimum, column.maximum) == ("duration", 20.5 * 3600, 47.5 * 3600)


def test_times_of_day_of_a_workbook_stay_times(tmp_path: Path) -> None:
    rows = [["at", "n"], *[[datetime.time(h, 15), h] for h in range(8, 18)]]
    assert describe(read_table(workbook(tmp_path / "times.xlsx", rows, format="h:mm")))[0].kind == "time"


TWO = [
    # upper row, lower row, names
    (
        ["", "Sales", "", "Cost", ""],
        ["shop", "2023", "2024", "2023", "2024"],
        ["shop", "Sales 2023", "Sales 2024", "Cost 2023", "Cost 2024"],
    ),
    (
        ["shop", "Sales", "", "Cost", ""],
        ["", "Q1", "Q2", "Q1", "Q2"],
        ["shop", "Sales Q1", "Sales Q2", "Cost Q1", "Cost Q2"],
    ),
]


@loop_over(("upper", "lower", "names"), TWO)
def test_two_header_rows_of_merged_cells_are_joined(
    upper: list[str], lower: list[str], names: list[str], tmp_path: Path
) -> None:
    body = [[f"s{i}", i, i + 1.5, 2 * i, 3 * i] for i in range(8)]
    file = tmp_path / "two.csv"
    file.write_text("\n".join(",".join(map(str, row)) for row in [upper, lower, *body]) + "\n")
    rows = [[cell or None for cell in row] for row in (upper, lower)]
    book = workbook(tmp_path / "two.xlsx", [*rows, *body], "B1:C1", "D1:E1")
    for source in (str(file), book):
        table = read_table(source)
        assert list(table.columns) == names
        assert table.rows == 8
        assert [notice.code for notice in table.notices] == ["two_header_rows"]


MERGED = [
    # upper row, lower row, merged cells, names
    (
        ["shop", "Sales", "", "n", "m"],
        ["", "2023", "2024", "", ""],
        ["A1:A2", "B1:C1", "D1:D2", "E1:E2"],
        ["shop", "Sales 2023", "Sales 2024", "n", "m"],
    ),
    (
        ["shop", "Sales", "", "Cost", ""],
        ["", "2023", "2024", "2023", "2024"],
        ["A1:A2", "B1:C1", "D1:E1"],
        ["shop", "Sales 2023", "Sales 2024", "Cost 2023", "Cost 2024"],
    ),
]


@loop_over(("upper", "lower", "merged", "names"), MERGED)
@loop_over("title", [False, True])
def test_names_merged_sideways_are_joined_whatever_is_below(
    title: bool, upper: list[str], lower: list[str], merged: list[str], names: list[str], tmp_path: Path
) -> None:
    rows = [[int(cell) if cell.isdigit() else cell or None for cell in row] for row in (upper, lower)]
    rows += [[f"s{i}", i, i + 1.5, 2 * i, 3 * i] for i in range(8)]
    ranges = [merge.translate(str.maketrans("12", "23")) for merge in merged] if title else merged
    above = [["Report of May", None, None, None, None]] if title else []
    book = workbook(tmp_path / "two.xlsx", [*above, *rows], *ranges, *["A1:E1"] * title)
    table = read_table(book)
    assert list(table.columns) == names
    assert table.rows == 8
    (notice,) = [notice for notice in table.notices if notice.code == "two_header_rows"]
    assert notice.facts["example"] in names


def test_a_row_of_data_below_merged_names_is_no_name(tmp_path: Path) -> None:
    rows = [["shop", "n", "Remarks", None], *[[f"s{i}", i, f"a{i}", f"b{i}"] for i in range(8)]]
    with pytest.raises(Exception, match="E306"):
        read_table(workbook(tmp_path / "remarks.xlsx", rows, "C1:D1"))


def test_a_column_without_a_name_above_values_is_still_refused(tmp_path: Path) -> None:
    file = tmp_path / "unnamed.csv"
    file.write_text("a,,c\n" + "".join(f"{i},{2 * i},{3 * i}\n" for i in range(9)))
    with pytest.raises(Exception, match="E305"):
        read_table(str(file))


def test_a_column_that_cannot_be_read_is_not_blamed_on_its_different_values() -> None:
    table = read_table({"dose": [f"{i}.5±0.{i}" for i in range(1, 31)], "y": ["a", "b"] * 15})
    column = describe(table, "y")[0]
    assert column.notice is not None
    assert "not read as numbers" in column.notice.en
    ids = read_table({"id": [f"k{i}x" for i in range(30)], "y": ["a", "b"] * 15})
    notice = describe(ids, "y")[0].notice
    assert notice is not None
    assert "a different value in every row" in notice.en
