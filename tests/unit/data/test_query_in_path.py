"""``DATABASE::QUERY`` is read as ``query=`` of that database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, DataError

QUERY = "SELECT size, price FROM houses WHERE size > 1"
ROWS = [(1, 10.0), (2, 20.5), (3, 31.0)]


@pytest.fixture(params=["sqlite", "duckdb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file with a table of two columns."""
    file = tmp_path / f"shop.{request.param}"
    connection: Any = sqlite3.connect(file) if request.param == "sqlite" else duckdb.connect(str(file))
    with closing(connection):
        connection.execute("CREATE TABLE houses (size INTEGER, price DOUBLE)")
        connection.executemany("INSERT INTO houses VALUES (?, ?)", ROWS)
        connection.commit()
    return file


def test_a_query_in_the_path_is_the_option(database: Path) -> None:
    table = cr.read_table(f"{database}::{QUERY}")
    assert table.frame.rows() == ROWS[1:]
    assert table.frame.equals(cr.read_table(database, query=QUERY).frame)


@pytest.mark.parametrize(
    ("query", "options", "code"),
    [
        ("", {}, "E101"),
        (QUERY, {"query": QUERY}, "E124"),
        (QUERY, {"table": "houses"}, "E124"),
        ("DROP TABLE houses", {}, "E338"),
        ("SELECT prize FROM houses", {}, "E338"),
    ],
)
def test_refusals(database: Path, query: str, options: dict[str, Any], code: str) -> None:
    with pytest.raises(ChainruleError, match=code):
        cr.read_table(f"{database}::{query}", **options)
    assert cr.read_table(database).frame.rows() == ROWS


def test_only_databases_have_queries(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(ChainruleError, match="E128"):
        cr.read_table(f"{tmp_path / 'a.csv'}::SELECT x FROM a")
    with pytest.raises(DataError, match="E301"):
        cr.read_table(f"{tmp_path / 'b.csv'}::SELECT x FROM a")
    (tmp_path / "a.csv::x").write_text("x,y\n3,4\n")
    assert cr.read_table(tmp_path / "a.csv::x").frame.rows() == [(3, 4)]


@pytest.mark.parametrize(
    "source",
    [
        "https://ann:hunter2@host/a.csv?token=hunter2&page=3",
        "postgresql://ann:hunter2@host/shop::SELECT * FROM houses",
        "shop.duckdb::SELECT * FROM read_parquet('s3://a/b?secret_access_key=hunter2')",
        "shop.duckdb::SELECT * FROM read_parquet('s3://key:hunter2@b/x')",
        "shop.duckdb::ATTACH 'host=a password=hunter2' AS p (TYPE postgres); SELECT * FROM p.houses",
        "shop.duckdb::CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'hunter2')",
        "shop.sqlite::ATTACH 'file:a.db?key=hunter2' AS p",
        "none.sqlite::ATTACH 'file:a.db?key=hunter2' AS p",
    ],
)
def test_no_error_contains_a_secret(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for connection in (sqlite3.connect("shop.sqlite"), duckdb.connect("shop.duckdb")):
        connection.execute("CREATE TABLE houses (size INTEGER)")
        connection.close()
    with pytest.raises(DataError) as caught:
        cr.read_table(source)
    assert "hunter2" not in str(caught.value)
    assert caught.value.code in ("E301", "E338")
