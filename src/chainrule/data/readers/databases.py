"""Tables of SQLite and DuckDB files, read by a decoder process (``database_queries.py``).

Nothing is written beside the file. SQLite keeps the newest rows of a database in write-ahead mode in another
file (``NAME-wal``), and the rows that an interrupted change replaced in ``NAME-journal``; to read
either, it writes beside the database. If there is such a file, both are copied to a temporary folder, where
SQLite applies it; else the database in this mode is opened as one that does not change (``immutable``).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chainrule.data.readers.file_content import Content
from chainrule.data.readers.frames import of_frame
from chainrule.data.readers.isolated.decoding import decode
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact
from chainrule.optional_dependency import missing

DATABASE_OPTIONS = ("table", "query")
SECONDS = 300.0  # of a query
LOGS = ("-wal", "-journal")
_WAL_MODE = 2  # in byte 18 of the file
_TRIES = 3  # to copy a database while no other program changes it
_DATABASE = fact("a database")


def read_sqlite(content: Content, options: ReadOptions) -> Table:
    """Read a table or a query of an SQLite file.

    Raises:
        DataError: E304 no rows; E308 too large; E314 bytes; E316 damaged; E327 several tables; E338 a query
            that fails, changes something or takes too long; E381 no decoder process.
    """
    path = _path(content).resolve()
    logs = [log for ending in LOGS if (log := Path(f"{path}{ending}")) and _size(log, content.name)]
    if not logs:
        is_wal = content.head()[18:19] == bytes([_WAL_MODE])
        return _read("sqlite", content, options, path, "mode=ro&immutable=1" if is_wal else "mode=ro")
    with _copied([path, *logs], content.name) as copy:
        return _read("sqlite", content, options, copy, "mode=rw", str(copy.parent))


def read_duckdb(content: Content, options: ReadOptions) -> Table:
    """Read a table or a query of a DuckDB file; errors as ``read_sqlite``, and E350 without DuckDB."""
    if importlib.util.find_spec("duckdb") is None:
        raise missing("duckdb", content.name)
    return _read("duckdb", content, options, _path(content).resolve(), "")


def _read(
    operation: str, content: Content, options: ReadOptions, path: Path, flags: str, folder: str = ""
) -> Table:
    frame = decode(
        operation,
        content.binary,
        content.name,
        _DATABASE,
        folder,
        path=str(path),
        flags=flags,
        query=options.query,
        table=options.table,
        patience=SECONDS,
        seconds=SECONDS + 60,
    )
    return of_frame(frame, content.name)


def _size(log: Path, source: str) -> int:
    """Return the bytes of a log beside a database, 0 without one; raises E316 for a link, pipe or folder."""
    try:
        status = os.lstat(log)
    except OSError:
        return 0
    if not stat.S_ISREG(status.st_mode):
        received = fact("{name} beside it, which is not a file", name=log.name)
        raise DataError("E316", where=source, expected=_DATABASE, received=received)
    return status.st_size


@contextmanager
def _copied(files: list[Path], source: str) -> Iterator[Path]:
    """Yield a copy of a database and its logs in a temporary folder (E301; E316: it changes)."""
    with tempfile.TemporaryDirectory(prefix="chainrule-") as place:
        copies = [Path(place, file.name) for file in files]
        if not any(_copy_unchanged(files, copies, source) for _ in range(_TRIES)):
            received = fact("a database that another program is changing")
            raise DataError("E316", where=source, expected=_DATABASE, received=received)
        yield copies[0]


def _copy_unchanged(files: list[Path], copies: list[Path], source: str) -> bool:
    """Copy files; returns whether none of them changed meanwhile."""
    try:
        before = _states(files)
        for file, copy in zip(files, copies, strict=True):
            shutil.copyfile(file, copy)
        return _states(files) == before
    except OSError as cause:
        raise DataError("E301", where=source, received=cause.strerror or str(cause)) from cause


def _states(files: list[Path]) -> list[tuple[int, int]]:
    return [((status := os.stat(file)).st_size, status.st_mtime_ns) for file in files]


def _path(content: Content) -> Path:
    if content.path is None:
        expected = fact("a database as a file of its own")
        received = fact("a database in a pipe or archive")
        fix = fact("save it as a file first")
        raise DataError("E316", where=content.name, expected=expected, received=received, fix=fix)
    return content.path
