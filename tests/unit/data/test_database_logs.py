"""Databases with a log beside them: its rows are read, and nothing is written beside the file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.data import read_table
from chainrule.errors import DataError
from chainrule.settings import settings

ROWS = [(float(i), "x") for i in range(5)]


def logged(folder: Path) -> Path:
    """A database in write-ahead mode with five rows, and one more in its log."""
    folder.mkdir()
    source = folder / "source.sqlite"
    connection = sqlite3.connect(source, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (a REAL, b TEXT)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", ROWS)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("INSERT INTO t VALUES (99, 'log')")
    shutil.copyfile(source, folder / "t.sqlite")
    shutil.copyfile(f"{source}-wal", folder / "t.sqlite-wal")
    connection.close()
    source.unlink()
    return folder / "t.sqlite"


@pytest.mark.parametrize("isolated", [True, False])
def test_rows_in_the_log_are_read_and_the_folder_stays_as_it_is(tmp_path: Path, isolated: bool) -> None:
    file = logged(tmp_path / "db")
    before = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    with settings.using(isolated_decoding=isolated):
        assert read_table(file).frame.rows() == [*ROWS, (99.0, "log")]
    assert {path.name: path.read_bytes() for path in file.parent.iterdir()} == before


def test_a_database_in_this_mode_without_a_log_leaves_no_file(tmp_path: Path) -> None:
    file = logged(tmp_path / "db")
    Path(f"{file}-wal").unlink()
    assert read_table(file).frame.rows() == ROWS
    assert os.listdir(file.parent) == [file.name]


INTERRUPTED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("CREATE TABLE t (a REAL, b TEXT)")
connection.executemany("INSERT INTO t VALUES (?, ?)", [(i, "x") for i in range(5)])
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("WITH RECURSIVE r(n) AS (SELECT 5 UNION ALL SELECT n + 1 FROM r WHERE n < 9999) "
                   "INSERT INTO t SELECT n, 'interrupted' FROM r")
os._exit(0)
"""


def test_an_interrupted_change_is_rolled_back_in_a_copy(tmp_path: Path) -> None:
    file = tmp_path / "t.sqlite"
    subprocess.run([sys.executable, "-c", INTERRUPTED, str(file)], check=True)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(before["t.sqlite-journal"]) > 500
    assert read_table(file).frame.rows() == ROWS
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("entry", ["a link", "a pipe", "a folder"])
def test_a_log_that_is_no_file_is_refused(tmp_path: Path, entry: str) -> None:
    file = logged(tmp_path / "db")
    log = Path(f"{file}-wal")
    log.rename(tmp_path / "elsewhere")
    match entry:
        case "a link":
            log.symlink_to(tmp_path / "elsewhere")
        case "a pipe":
            os.mkfifo(log)
        case _:
            log.mkdir()
    with pytest.raises(DataError) as caught:
        read_table(file)
    assert caught.value.code == "E316"
    assert "t.sqlite-wal" in caught.value.received


def test_names_that_are_not_utf_8_are_read_or_refused(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path / "t") + b"\xff.sqlite"))
    shutil.copyfile(logged(tmp_path / "db"), file)
    assert read_table(file).frame.rows() == ROWS
    connection = sqlite3.connect(tmp_path / "u.sqlite")
    connection.execute("CREATE TABLE t (a REAL)")
    connection.execute("PRAGMA writable_schema = ON")
    for name in ("?", "\udcff"):
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
        content = (tmp_path / "u.sqlite").read_bytes().replace(b"(a REAL)", b"(\xff REAL)")
        (tmp_path / f"v{len(name)}.sqlite").write_bytes(content)
        with pytest.raises(DataError) as caught:
            read_table(tmp_path / f"v{len(name)}.sqlite")
        assert caught.value.code == "E316"
    duck = pytest.importorskip("duckdb")
    with duck.connect(str(tmp_path / "t.duckdb")) as base:
        base.execute("CREATE TABLE t AS SELECT 1 AS a")
    file = Path(os.fsdecode(os.fsencode(tmp_path / "t") + b"\xff.duckdb"))
    shutil.copyfile(tmp_path / "t.duckdb", file)
    with pytest.raises(DataError) as caught:
        read_table(file)
    assert caught.value.code == "E316"
    assert "\\udcff" in str(caught.value)
