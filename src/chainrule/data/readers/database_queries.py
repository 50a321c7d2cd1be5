"""Read tables of SQLite and DuckDB files, in a decoder process, by a query that cannot write, attach or load.

A database file is untrusted in two ways: its bytes may be damaged on purpose, and its views contain SQL that
a query on them runs. Therefore:

- SQLite opens the file read-only (``mode=ro``). An authorizer allows reading and functions only, so that
  ``ATTACH``, ``PRAGMA`` and changes are refused; extensions are disabled; functions of the schema that are
  marked unsafe do not run (``trusted_schema``); values and statements have limits.
- DuckDB opens the file read-only with ``enable_external_access=false`` and a locked configuration: no other
  file, no network, no extension.
- Both are interrupted after the seconds of the request, and the cells of a result are counted. The memory of
  the process is limited (``isolated/worker.py``), also where DuckDB does not count it.
"""

from __future__ import annotations

import decimal
import importlib
import os
import sqlite3
import threading
import time
import urllib.parse
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from chainrule.data.readers.csv_files import COLUMN_LIMIT
from chainrule.data.readers.file_content import several_tables
from chainrule.data.readers.frames import frame_of_columns
from chainrule.data.readers.isolated.columns import transferable
from chainrule.data.readers.isolated.protocol import ROOM, Options, Request
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import DataError, fact, message_of
from chainrule.escaping import without_credentials

VALUES = 400_000_000  # cells of a result, at most
VALUE_BYTES = 10_000_000  # of one value
RESULT_BYTES = 8_000_000_000  # of the texts of a result
DUCKDB_MEMORY = "2GB"
_STEPS = 100_000  # instructions of SQLite's machine between two looks at the clock
_BLOCK = 10_000  # rows that are fetched at once
_DAMAGE = ("malformed", "not a database", "not a valid duckdb", "corrupt")  # words of errors of the file
_SELECT = fact("one SELECT statement that runs")
_LISTED = (
    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
    "AND substr(name, 1, 7) <> 'sqlite_' ORDER BY rowid"
)
_READING = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)


def read_sqlite(request: Request) -> pl.DataFrame:
    """Return the result of a query of an SQLite file.

    Options: ``path``; ``flags`` of its address; ``query``, ``table``; ``patience``: seconds of the query.

    Raises:
        DataError: E304 no rows; E308 too large; E314 bytes; E316 damaged; E327 several tables; E338 a query
            that fails, changes something or takes too long.
    """
    options = request.options
    _allow(request)
    address = f"file:{urllib.parse.quote(os.fsencode(options['path']))}?{options['flags']}"
    try:
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            _restrict(connection)
            end = time.monotonic() + options["patience"]
            connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
            tables = [name for (name,) in connection.execute(_LISTED)]
            return _of_cursor(options, connection.execute(_query(options, tables)))
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as cause:  # text that is not UTF-8
        if isinstance(cause, DataError):
            raise
        raise _failure(options, cause) from cause


def _allow(request: Request) -> None:
    """Allow the memory of a result: its cells are objects of Python before they are columns."""
    size = os.fstat(request.descriptor).st_size
    request.allow(ROOM + 2 * request.options["limit"] + 20 * size)


def _restrict(connection: sqlite3.Connection) -> None:
    """Limit what statements and the schema may do; nothing can lift it afterwards."""
    if hasattr(connection, "enable_load_extension"):
        connection.enable_load_extension(False)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 1_000_000)
    connection.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 200)
    connection.set_authorizer(_authorize)


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    """Allow statements that read; ``load_extension`` is a function and refused by name."""
    is_reading = action in _READING and "load_extension" not in (first, second)
    return sqlite3.SQLITE_OK if is_reading else sqlite3.SQLITE_DENY


def read_duckdb(request: Request) -> pl.DataFrame:
    """Return the result of a query of a DuckDB file; options and errors as ``read_sqlite``."""
    options = request.options
    _allow(request)
    duckdb = importlib.import_module("duckdb")
    config = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "allow_unsigned_extensions": "false",
        "memory_limit": DUCKDB_MEMORY,
        "temp_directory": "",  # nothing is written
        "lock_configuration": "true",
    }
    try:
        with closing(duckdb.connect(options["path"], read_only=True, config=config)) as connection:
            tables = [
                name
                for (name,) in connection.execute(
                    "SELECT table_name FROM information_schema.tables ORDER BY table_name"
                ).fetchall()
            ]
            with _interrupted(connection, options["patience"]):
                return _of_cursor(options, connection.execute(_query(options, tables)))
    except (duckdb.Error, UnicodeError, OverflowError, ValueError) as cause:
        if isinstance(cause, DataError):
            raise
        raise _failure(options, cause) from cause


@contextmanager
def _interrupted(connection: Any, seconds: float) -> Iterator[None]:
    """Interrupt a query of DuckDB after a time."""
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _query(options: Options, tables: Sequence[str]) -> str:
    """Return the query of the user, or one that reads the only table or the selected one."""
    table = options["table"]
    if options["query"]:
        return options["query"]
    if not tables:
        raise DataError(
            "E304", where=options["name"], expected=fact("at least one row"), received=fact("no tables")
        )
    if table not in tables and (table or len(tables) > 1):
        raise several_tables(options["name"], list(tables), table)
    name = (table or tables[0]).replace('"', '""')
    return f'SELECT * FROM "{name}"'


def _of_cursor(options: Options, cursor: Any) -> pl.DataFrame:
    """Return the result of a query as a frame, fetched in blocks so that its size is bounded."""
    names = [entry[0] for entry in (cursor.description if cursor else None) or ()]
    source, end = options["name"], time.monotonic() + options["patience"]
    if not names:
        raise DataError("E338", where=source, expected=fact("a query with rows"), received=fact("no rows"))
    columns: list[list[Any]] = [[] for _ in names]
    size = 0
    while block := cursor.fetchmany(_BLOCK):
        for column, values in zip(columns, zip(*block, strict=True), strict=True):
            column.extend(map(_plain, values))
            size += sum(len(value) for value in values if isinstance(value, str | bytes))
        cells = len(columns[0]) * len(names)
        if time.monotonic() > end:
            raise DataError("E338", where=source, expected=_SELECT, received=_timeout(options))
        if cells > VALUES or size > RESULT_BYTES or len(names) > COLUMN_LIMIT:
            received = fact("over {cells:,} cells, {size:,} bytes of text", cells=cells, size=size)
            raise DataError("E308", where=source, received=received, fix=fact("select fewer rows or columns"))
    if not columns[0]:
        raise DataError("E304", where=source, expected=fact("at least one row"), received=fact("0 rows"))
    repeated = {f"{name}": column for name, column in zip(names, columns, strict=True)}
    if len(repeated) < len(names):
        first = next(name for name in names if names.count(name) > 1)
        fix = fact("name the columns in the query: SELECT a.x AS x, b.x AS other")
        raise DataError("E305", where=source, received=fact('"{name}" twice', name=first), fix=fix)
    frame, unusable = frame_of_columns(repeated, source)
    return transferable(frame.with_columns([pl.lit(None, pl.Binary).alias(name) for name in unusable]))


def _plain(value: Any) -> Any:
    """Return a value as numbers, texts, yes/no or dates."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    return str(value) if isinstance(value, uuid.UUID) else value


def _timeout(options: Options) -> str:
    return fact("a query that took over {seconds:g} s", seconds=options["patience"])


def _failure(options: Options, cause: Exception) -> DataError:
    source, query = options["name"], options["query"]
    received = (
        without_credentials(message_of(cause, 1000))[:200].strip().splitlines() or [type(cause).__name__]
    )[0]
    is_late = "interrupt" in received.lower()
    if is_late:
        received = _timeout(options)
    if is_late or (query and not any(word in received.lower() for word in _DAMAGE)):
        return DataError("E338", where=source, expected=_SELECT, received=received)
    return DataError("E316", where=source, expected=fact("a database"), received=received)
