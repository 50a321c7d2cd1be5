"""Workbooks, JSON and databases as people save them."""

from __future__ import annotations

import datetime
import io
import json
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from campaigns.dirty_cases.case import LABELS, Case, cycle, table
from openpyxl import Workbook

GROUP = "workbooks, JSON and databases"
KINDS = {"x": "number", "c": "category", "y": "category"}
FIRST = {"x": [0.25, 5.5]}
ROWS = [
    (((i * 37) % 97) / 7 // 0.25 * 0.25 + 0.25, c, y)
    for i, (c, y) in enumerate(zip(cycle(["red", "blue", "green"]), cycle(LABELS), strict=True))
]


def _book(name: str, change: Callable[[Any], object] | None = None, **expected: object) -> Case:
    """A workbook of the rows, changed before it is saved."""
    book = Workbook()
    sheet: Any = book.active
    sheet.append(("x", "c", "y"))
    for row in ROWS:
        sheet.append(row)
    if change is not None:
        change(sheet)
    out = io.BytesIO()
    book.save(out)
    return _case(name, out.getvalue(), ".xlsx", **expected)


def _case(name: str, content: bytes, suffix: str, **expected: object) -> Case:
    defaults = {} if expected.get("error") else {"kinds": KINDS, "values": FIRST}
    return Case(GROUP, name, content, suffix, **{**defaults, **expected})  # type: ignore[arg-type]


def _json(name: str, document: object, **expected: object) -> Case:
    return _case(name, json.dumps(document).encode(), ".json", **expected)


def _records() -> list[dict[str, Any]]:
    return [dict(zip("xcy", row, strict=True)) for row in ROWS]


def _set(column: str, value: Callable[[int], object], number_format: str = "") -> Callable[[Any], None]:
    def change(sheet: Any) -> None:
        for i in range(2, 62):
            cell = sheet[f"{column}{i}"]
            cell.value = value(i)
            if number_format:
                cell.number_format = number_format

    return change


def _insert(rows: list[tuple[object, ...]]) -> Callable[[Any], None]:
    def change(sheet: Any) -> None:
        sheet.insert_rows(1, len(rows))
        for i, row in enumerate(rows, 1):
            for j, value in enumerate(row, 1):
                sheet.cell(i, j).value = value

    return change


def _merged_title(sheet: Any) -> None:
    _insert([("Sales of the year",), ("Sizes", None, "Result")])(sheet)
    sheet.merge_cells("A1:C1")
    sheet.merge_cells("A2:B2")


def _hidden_first(sheet: Any) -> None:
    book = sheet.parent
    other = book.create_sheet("lists", 0)
    other.append(("red", "blue", "green"))
    other.sheet_state = "hidden"
    book.active = 1


def _database(*statements: str, suffix: str = ".sqlite") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"rows{suffix}"
        database = sqlite3.connect(file)
        database.execute("create table rows (x, c text, y text)")
        database.executemany("insert into rows values (?, ?, ?)", ROWS)
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.close()
        return file.read_bytes()


def _two_files() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", "x,y\n1,a\n")
        archive.writestr("b.csv", "x,y\n2,b\n")
    return out.getvalue()


def _with_system_files() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("table.csv", "x,c,y\n" + "\n".join(",".join(map(str, row)) for row in ROWS))
        archive.writestr("__MACOSX/._table.csv", b"\x00\x05\x16\x07")
    return out.getvalue()


CASES = (
    _book("plain workbook"),
    _book("percentages of a format", _set("A", lambda i: i / 100, "0.0%"), values={"x": [0.02, 0.03]}),
    _book(
        "formulas without values",
        _set("A", lambda i: f"={i}*2"),
        kinds={"x": "empty"},
        values={},
        notices=["formula_cells"],
        words=["=2*2"],
    ),
    _book("true and false", _set("B", lambda i: i % 3 == 0), kinds={"c": "yes_no"}),
    _book(
        "dates of a format",
        _set("A", lambda i: datetime.date(2020, 1, 1) + datetime.timedelta(i)),
        kinds={"x": "date"},
        values={},
    ),
    _book(
        "dates before 1900 are texts",
        _set("A", lambda i: f"18{i + 10}-03-01"),
        kinds={"x": "date"},
        values={},
    ),
    _book(
        "times of a format",
        _set("A", lambda i: datetime.time(i % 24, 30)),
        kinds={"x": "time|duration|number"},
        values={},
    ),
    _book("numbers as texts", _set("A", lambda i: f"{i},5"), values={"x": [2.5, 3.5]}),
    _book("codes as texts", _set("B", lambda i: f"{i % 4:03}"), values={"c": ["002", "003"]}),
    _book("a merged title and a merged header", _merged_title, notices=["lines_above"]),
    _book("empty columns at the left", lambda sheet: sheet.insert_cols(1, 2)),
    _book("an empty column in the middle", lambda sheet: sheet.insert_cols(2), notices=["empty_columns"]),
    _book("empty rows in the middle", lambda sheet: sheet.insert_rows(20, 3)),
    _book("a total row", lambda sheet: sheet.append(("Total", None, None)), notices=["total_row"]),
    _book(
        "a note below",
        lambda sheet: sheet.append(("Source: Statistical Office", None, None)),
        notices=["lines_below"],
    ),
    _book("a hidden sheet before", _hidden_first, notices=["sheet"]),
    _book(
        "a word among numbers",
        lambda sheet: sheet.__setitem__("A7", "n.v."),
        error="E311",
        words=["line 7", "n.v."],
    ),
    _json(
        "nested objects",
        [{"x": x, "c": {"name": c, "code": 1}, "y": y} for x, c, y in ROWS],
        error="E314",
        words=['"c"'],
    ),
    _json("rows under a key beside others", {"count": 60, "rows": _records()}),
    _json("objects by key", {f"row {i}": row for i, row in enumerate(_records())}),
    _json("lists of cells", [["x", "c", "y"], *map(list, ROWS)]),
    _json("lists in cells", [{**row, "c": [1, 2]} for row in _records()], error="E314", words=['"c"']),
    _json("numbers as texts of JSON", [{**row, "x": f"{row['x']}"} for row in _records()], values={}),
    _case(
        "JSON lines with a mark and blank lines",
        b"\xef\xbb\xbf" + b"\n\n".join(json.dumps(row).encode() for row in _records()),
        ".jsonl",
    ),
    _case(
        "a damaged line of JSON",
        b"\n".join(json.dumps(row).encode() for row in _records()) + b'\n{"x": 1,\n',
        ".jsonl",
        error="E316",
        words=["line 61"],
    ),
    _case(
        "a view of a database",
        _database("create view large as select * from rows where x > 5"),
        ".sqlite",
        error="E327",
        words=["large", "rows"],
    ),
    _case(
        "numbers and words in a column of SQLite",
        _database("update rows set x = 'low' where rowid = 7"),
        ".sqlite",
        error="E311",
        words=["low"],
    ),
    _case(
        "binary values in SQLite",
        _database("update rows set c = x'00ff'"),
        ".sqlite",
        error="E314",
        words=['"c"'],
    ),
    _case("a workbook named .csv", _book("").content, ".csv"),
    _case(
        "a text file named .xls", table(c=["red", "blue", "green"]).replace(b",", b"\t"), ".xls", values={}
    ),
    _case(
        "a page named .xls",
        b"<html><table><tr><td>x</td></tr></table></html>",
        ".xls",
        error="E3",
        words=["HTML"],
    ),
    _case(
        "an old workbook",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        ".xls",
        error="E316",
        words=[".xlsx"],
    ),
    _case(
        "an OpenDocument sheet", _two_files().replace(b"a.csv", b"mimet"), ".ods", error="E3", words=[".xlsx"]
    ),
    _case("two files in an archive", _two_files(), ".zip", error="E327", words=["a.csv", "b.csv"]),
    _case("files of a Mac in an archive", _with_system_files(), ".zip"),
)
