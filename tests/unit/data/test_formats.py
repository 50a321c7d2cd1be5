"""Workbooks, JSON, databases, archives and standard input: equal values become equal tables."""

from __future__ import annotations

import bz2
import contextlib
import datetime
import gzip
import json
import lzma
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.data import read_table
from chainrule.errors import ChainruleError, DataError, UsageError

COLUMNS: dict[str, list[Any]] = {
    "a": [1, 2, None, -4],
    "b": [0.5, None, -2.0, 1e-5],
    "c": ["x", None, "y z", "红"],
    "d": [True, False, True, True],
    "e": ["2024-01-31", "2024-02-01", None, "1999-12-31"],
}
ROWS = [tuple(column[i] for column in COLUMNS.values()) for i in range(4)]


def text(delimiter: str = ",") -> str:
    return pl.DataFrame(COLUMNS).write_csv(separator=delimiter)


def write_sqlite(path: Path, rows: list[tuple] = ROWS, names: str = "a, b, c, d, e") -> Path:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE t ({names})")
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO t VALUES ({marks})", rows)
    return path


def write_duckdb(path: Path) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t (a INTEGER, b DECIMAL(9, 6), c VARCHAR, d BOOLEAN, e DATE)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", ROWS)
    return path


def write_workbook(path: Path, dates: bool = True) -> Path:
    workbook = openpyxl.Workbook()
    sheet: Any = workbook.active
    sheet.append(list(COLUMNS))
    for *cells, day in ROWS:
        sheet.append([*cells, datetime.date.fromisoformat(day) if day and dates else day])
    workbook.save(path)
    return path


def write_zip(path: Path, files: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def records(rows: list[tuple] = ROWS) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


FORMS: dict[str, Callable[[Path], Path]] = {
    "t.tsv": lambda p: write(p, text("\t")),
    "t.dat": lambda p: write(p, text(";")),
    "no suffix": lambda p: write(p, text("|")),
    "t.csv.gz": lambda p: write(p, gzip.compress(text().encode())),
    "t.csv.bz2": lambda p: write(p, bz2.compress(text().encode())),
    "t.csv.xz": lambda p: write(p, lzma.compress(text().encode())),
    "t.zip": lambda p: write_zip(p, {"in/t.csv": text(), "__MACOSX/._t.csv": b"\0", ".DS_Store": b"\0"}),
    "utf-16.csv": lambda p: write(p, text().encode("utf-16")),
    "gb.csv": lambda p: write(p, text().encode("gb18030")),
    "t.xlsx": write_workbook,
    "texts.xlsx": lambda p: write_workbook(p, dates=False),
    "records.json": lambda p: write(p, json.dumps(records())),
    "wrapped.json": lambda p: write(p, json.dumps({"rows": records()})),
    "columns.json": lambda p: write(p, json.dumps(COLUMNS)),
    "split.json": lambda p: write(p, json.dumps({"columns": list(COLUMNS), "index": [0], "data": ROWS})),
    "indexed.json": lambda p: write(
        p, json.dumps({name: dict(enumerate(column)) for name, column in COLUMNS.items()})
    ),
    "t.jsonl": lambda p: write(p, "\n".join(map(json.dumps, records()))),
    "t.jsonl.gz": lambda p: write(p, gzip.compress("\n\n".join(map(json.dumps, records())).encode())),
    "t.duckdb": write_duckdb,
    "t.parquet.zip": lambda p: write_zip(p, {"t.parquet": parquet(p.with_name("x.parquet"))}),
}


def parquet(path: Path) -> bytes:
    pl.DataFrame(COLUMNS).write_parquet(path)
    return path.read_bytes()


@pytest.mark.parametrize("name", FORMS)
def test_one_table_in_every_format_reads_equal(name: str, tmp_path: Path) -> None:
    table = read_table(FORMS[name](tmp_path / name))
    assert table.columns == tuple(COLUMNS)
    assert table.fingerprint == read_table(COLUMNS).fingerprint == expected_text(tmp_path)


def expected_text(folder: Path) -> str:
    return read_table(write(folder / "expected.csv", text())).fingerprint


def test_sqlite_reads_as_csv(tmp_path: Path) -> None:
    rows = [(*row[:3], "true" if row[3] else "false", row[4]) for row in ROWS]  # SQLite has no booleans
    table = read_table(write_sqlite(tmp_path / "t.db", rows))
    expected = read_table({**COLUMNS, "d": ["true", "false", "true", "true"]})
    assert table.fingerprint == expected.fingerprint


def test_standard_input_is_read_like_a_file(tmp_path: Path) -> None:
    code = "import sys; from chainrule.data import read_table; print(read_table(sys.argv[1]).fingerprint)"
    expected = expected_text(tmp_path)
    for name, content in (("-", text().encode()), ("/dev/stdin", gzip.compress(text().encode()))):
        done = subprocess.run([sys.executable, "-c", code, name], input=content, capture_output=True)
        assert done.stdout.decode().strip() == expected, done.stderr.decode()


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    jsonl = read_table(write(tmp_path / "t.jsonl", '\n{"a": 1}\n\n{"a": 2}\n'))
    assert [jsonl.line_of(0), jsonl.line_of(1)] == [2, 4]
    workbook = openpyxl.Workbook()
    sheet: Any = workbook.active
    for row in ([], ["Report"], [], [None, "x", "y"], [None, 1, "a"], [None, 2, "b"], [None, "Total", 3]):
        sheet.append(row)
    workbook.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")
    assert table.frame.to_dict(as_series=False) == {"x": [1, 2], "y": ["a", "b"]}
    assert [table.line_of(0), table.line_of(1)] == [5, 6]
    assert [notice.code for notice in table.notices] == ["lines_above", "total_row"]


def test_cells_of_a_workbook_keep_their_types(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet: Any = workbook.active
    sheet.append(["when", "hour", "code", "share", "error", "mixed"])
    moment = datetime.datetime(2024, 2, 29, 13, 30)
    for i in range(3):
        sheet.append([moment, datetime.time(7, 5, i), "007", 0.125, "=1/0", i if i else "n/a"])
        sheet.cell(i + 2, 4).number_format = "0.0%"
        sheet.cell(i + 2, 5).value = "#DIV/0!"
        sheet.cell(i + 2, 5).data_type = "e"
    workbook.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")
    assert table.frame.row(0) == (moment, "07:05:00", "007", 0.125, None, None)
    assert table.frame["mixed"].to_list() == [None, 1, 2]
    assert "error_cells" in {notice.code for notice in table.notices}


def test_sheets_tables_and_files_are_selected_by_name(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    for title, name in (("first", "a"), ("second", "b")):
        sheet = workbook.create_sheet(title)
        sheet.append([name])
        sheet.append([1])
    workbook.save(tmp_path / "t.xlsx")
    assert read_table(tmp_path / "t.xlsx").columns == ("a",)
    assert read_table(tmp_path / "t.xlsx", table="second").columns == ("b",)
    archive = write_zip(tmp_path / "t.zip", {"a.csv": "a\n1\n", "b.csv": "b\n1\n"})
    database = write_sqlite(tmp_path / "t.sqlite")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE VIEW v AS SELECT a AS b FROM t")
    assert read_table(archive, table="b.csv").columns == ("b",)
    assert read_table(database, table="v").columns == ("b",)
    assert read_table(database, query="SELECT a + 1 AS more FROM t WHERE a > 1").frame.rows() == [(3,)]
    for source in (archive, database):
        for options in ({}, {"table": "nothing"}):
            with pytest.raises(DataError, match="E327"):
                read_table(source, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("t.tsv", {"query": "SELECT 1"}),
        ("t.xlsx", {"delimiter": ","}),
        ("t.duckdb", {"skip": 1}),
        ("columns.json", {"header": "none"}),
        ("t.parquet.zip", {"encoding": "utf-8"}),
    ],
)
def test_an_option_without_effect_is_refused(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="E128"):
        read_table(FORMS[name](tmp_path / name), **options)


def test_options_for_data_in_memory_are_refused() -> None:
    with pytest.raises(UsageError, match="E128"):
        read_table(COLUMNS, header="none")


@pytest.mark.parametrize("options", [{"delimiter": "ab"}, {"delimiter": '"'}, {"skip": -1}, {"header": "no"}])
def test_invalid_options_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"E10[12]"):
        read_table(write(tmp_path / "t.csv", "a\n1\n"), **options)


def test_options_decide_what_is_otherwise_detected(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "x;y\n1;2\n3;4\n")
    assert read_table(path, header=None).columns == ("x1", "x2")
    assert read_table(path, delimiter="bar").columns == ("x;y",)
    assert read_table(path, skip=1, header="first").columns == ("1", "2")
    assert read_table(write(tmp_path / "s.csv", "1,2\n3,4\n"), header="first").columns == ("1", "2")


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "E303"),
        ("[]", "E316"),
        ("{", "E316"),
        ("[1, 2]", "E316"),
        ("nul", "E316"),
        ('{"a": 1}\n[2]', "E316"),
        ('[{"a": 1, "a": 2}]', "E305"),
        ('{"a": [1], "b": [1, 2]}', "E317"),
        ("[" * 9999, "E316"),
        ('[{"a": [1]}, {"a": 2}]', "E314"),
        ('[{"a": {"b": 1}}]', "E314"),
        ('[{"": 1}]', "E305"),
    ],
)
def test_json_that_is_no_table_is_refused(content: str, code: str, suffix: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_table(write(tmp_path / f"t{suffix}", content))
    assert caught.value.code == code


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.just([]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    document=st.recursive(
        VALUES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    )
)
def test_any_json_is_read_or_refused(document: Any, tmp_path: Path) -> None:
    with contextlib.suppress(ChainruleError):  # any other exception fails the test
        assert read_table(write(tmp_path / "t.json", json.dumps(document))).rows >= 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["t.xlsx", "t.zip", "t.csv.xz", "t.duckdb", "t.db"]), data=st.data())
def test_damaged_files_are_read_or_refused(name: str, data: st.DataObject, tmp_path: Path) -> None:
    original = tmp_path / f"good {name}"
    if not original.exists():
        (write_sqlite if name == "t.db" else FORMS[name])(original)
    content = bytearray(original.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    with contextlib.suppress(ChainruleError):  # any other exception fails the test
        assert read_table(write(tmp_path / name, bytes(content))).rows >= 1


def test_a_url_is_not_opened() -> None:
    with pytest.raises(DataError) as caught:
        cr.read_table("http://169.254.169.254/latest/it's.csv?a=b&c")
    assert caught.value.fix == "curl -fLo it-s.csv 'http://169.254.169.254/latest/it'\"'\"'s.csv?a=b&c'"
