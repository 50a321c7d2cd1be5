"""Read a table from any source: a file of any format, a frame, arrays, or the name of a data set."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from chainrule.data.cells.conventions import with_conventions
from chainrule.data.cells.missing_words import with_missing_words
from chainrule.data.readers.builtin_datasets import IMAGE_SETS, TARGETS, read_named, read_named_images
from chainrule.data.readers.csv_files import read_delimited
from chainrule.data.readers.data_folder import open_plain
from chainrule.data.readers.databases import DATABASE_OPTIONS, read_duckdb, read_sqlite
from chainrule.data.readers.excel import MAIN, SPREADSHEET_OPTIONS, read_spreadsheet
from chainrule.data.readers.file_content import (
    DUCKDB_MAGIC,
    IN_MEMORY,
    QUERY,
    SQLITE_MAGIC,
    ZIP,
    Content,
    compression_of,
    expand,
)
from chainrule.data.readers.frames import (
    as_columns,
    declared_categories,
    is_arrow_frame,
    of_array,
    of_arrow,
    of_columns,
    of_frame,
    of_pandas,
)
from chainrule.data.readers.images import read_images
from chainrule.data.readers.isolated.decoding import decode, read_parquet
from chainrule.data.readers.json_records import looks_like_json, read_json
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.npz import read_archive
from chainrule.data.readers.read_options import CONVENTIONS, TEXT_OPTIONS, ReadOptions
from chainrule.data.sample_types import Samples
from chainrule.data.tables.subtotals import without_subtotals
from chainrule.data.tables.table import Table, require_usable
from chainrule.errors import DataError, fact, nearest
from chainrule.escaping import without_credentials
from chainrule.store.os_errors import LISTED

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# Read a table from a path: the format is that of the content, and the suffix decides where it cannot.

PARQUET = (".parquet", ".pq")
ARROW = (".arrow", ".feather", ".ipc")
JSON = (".json", ".jsonl", ".ndjson", ".geojson")
WORKBOOK = (".xlsx", ".xlsm", ".xltx")
SQLITE = (".sqlite", ".sqlite3", ".db3")
DUCKDB = (".duckdb",)
STDIN = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
STDIN_LIMIT = 16_000_000_000  # bytes
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_FOREIGN = {  # formats of other things, by their first bytes
    b"%PDF": fact("a PDF document"),
    b"\x89PNG": fact("an image"),
    b"\xff\xd8\xff": fact("an image"),
    b"\xd0\xcf\x11\xe0": fact("an old Excel file (.xls), or a workbook with a password"),
    b"\x89HDF": fact("an HDF5 file"),
    b"\x28\xb5\x2f\xfd": fact("a file compressed by zstd"),
    b"SIMPLE  =": fact("a FITS file"),
    b"$FL2": fact("an SPSS file"),
    b"RDX": fact("an R data file"),
}
_OFFICE = {  # archives that contain no tables that can be read
    ".ods": fact("an OpenDocument spreadsheet"),
    ".numbers": fact("a Numbers spreadsheet"),
    ".xlsb": fact("a binary workbook (.xlsb)"),
}
_FOREIGN_FIXES = {
    b"\xd0\xcf\x11\xe0": fact("open it in a spreadsheet program and save it as .xlsx or CSV"),
    b"\x28\xb5\x2f\xfd": fact("decompress it first: zstd -d"),
}


def read_path(source: str | os.PathLike, options: ReadOptions) -> Table:
    """Read a file, a folder of images, standard input, or a data set (E128; others as ``read_table``)."""
    text = os.fspath(source)
    if _URL.match(text):
        raise _url(text)
    if text in STDIN:
        return read_content(_standard_input(), options)
    path = Path(text)
    file, mark, query = text.partition(QUERY)
    if mark and os.path.isfile(file) and not os.path.exists(path):
        return read_path(file, options.with_query(query, text))
    if not os.path.exists(path):
        return _named(text, options)
    if os.path.isdir(path):
        options.require_only((), text, fact("a folder of images"))
        return read_images(path)
    if not os.path.isfile(path):  # opening a pipe would wait for a writer
        raise DataError(
            "E301", where=text, expected=fact("a file"), received=fact("a device, pipe or socket")
        )
    if path.name.lower().endswith(".npz"):
        options.require_only((), path.name, fact("an .npz file"))
        return of_columns(read_archive(path), path.name)
    try:
        with open_plain(path) as binary:
            content = Content(path.name, path.name, binary, os.fstat(binary.fileno()).st_size, path)
            return read_content(content, options)
    except OSError as error:
        if isinstance(error, DataError):
            raise
        raise DataError("E301", where=str(path), received=error.strerror or str(error)) from error


def read_content(content: Content, options: ReadOptions, depth: int = 0) -> Table:
    """Read a table from bytes, by their format; they were in ``depth`` compressed files."""
    head, suffix = content.head(), content.suffix
    if suffix in PARQUET or head.startswith(b"PAR1"):
        return _columnar(content, options, is_parquet=True)
    if suffix in ARROW or head.startswith(b"ARROW1"):
        return _columnar(content, options, is_parquet=False)
    if suffix in WORKBOOK or _is_workbook(content, head):
        options.require_only(SPREADSHEET_OPTIONS, content.name, fact("a workbook"))
        return read_spreadsheet(content, options)
    if content.suffix in _OFFICE:
        _refuse_foreign(content, head)
    if compression_of(head):
        return _compressed(content, options, depth)
    if suffix in SQLITE or head.startswith(SQLITE_MAGIC):
        options.require_only(DATABASE_OPTIONS, content.name, fact("a database"))
        return read_sqlite(content, options)
    if suffix in DUCKDB or head[8:12] == DUCKDB_MAGIC:
        options.require_only(DATABASE_OPTIONS, content.name, fact("a database"))
        return read_duckdb(content, options)
    _refuse_foreign(content, head)
    if suffix in JSON or (looks_like_json(head) and "delimiter" not in options.changed):
        options.require_only(("encoding",), content.name, fact("a JSON file"))
        return read_json(content, options.encoding)
    options.require_only(TEXT_OPTIONS, content.name, fact("a text file"))
    return read_delimited(content.name, content.binary, options)


def _compressed(content: Content, options: ReadOptions, depth: int) -> Table:
    """Read a file in a compressed file or an archive."""
    if depth >= 2:
        received = fact("files compressed more than twice")
        raise DataError("E316", where=content.name, expected=fact("a table"), received=received)
    is_archive = content.head().startswith(ZIP)
    inner = expand(content, options)
    rest = options.without("table") if is_archive else options
    with inner.binary:
        return read_content(inner, rest, depth + 1)


def _is_workbook(content: Content, head: bytes) -> bool:
    """Return whether a zip archive is a workbook, by a name that its directory at the end must contain."""
    if not head.startswith(ZIP):
        return False
    content.binary.seek(max(0, content.size - 2**20))
    tail = content.binary.read()
    content.binary.seek(0)
    return MAIN.encode() in tail


def _refuse_foreign(content: Content, head: bytes) -> None:
    """Refuse formats that are no tables (E316), each by its name."""
    if content.suffix in _OFFICE and head.startswith(ZIP):
        received = _OFFICE[content.suffix]
        fix = _FOREIGN_FIXES[b"\xd0\xcf\x11\xe0"]
        raise DataError("E316", where=content.name, expected=fact("a table"), received=received, fix=fix)
    for magic, received in _FOREIGN.items():
        if head.startswith(magic):
            fix = _FOREIGN_FIXES.get(magic, "")
            raise DataError("E316", where=content.name, expected=fact("a table"), received=received, fix=fix)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table", b"<?xml", b"<!--", b"<head", b"<meta")):
        is_xml = start.startswith(b"<?xml") and b"<html" not in start
        received = fact("an XML document") if is_xml else fact("a web page (HTML)")
        fix = fact("open it in a spreadsheet program and save it as CSV")
        notes = [] if is_xml else [fact("a download may have ended at a login page")]
        raise DataError(
            "E316", where=content.name, expected=fact("a table"), received=received, fix=fix, notes=notes
        )


def _columnar(content: Content, options: ReadOptions, is_parquet: bool) -> Table:
    kind = fact("a Parquet file") if is_parquet else fact("an Arrow file")
    options.require_only((), content.name, kind)
    if is_parquet:
        frame = read_parquet(content.binary, content.name)
    else:
        frame = decode("arrow", content.binary, content.name, kind)
    return of_frame(frame, content.name, declared=declared_categories(content))


def _standard_input() -> Content:
    """Copy standard input to a temporary file, to read it twice (E301: a terminal; E308: too large)."""
    with open(0, "rb", closefd=False) as stream:
        if stream.isatty():
            expected = fact("a table on standard input")
            fix = "chainrule train - < data.csv"
            raise DataError("E301", where="-", expected=expected, received=fact("a terminal"), fix=fix)
        copy, size = cast(BinaryIO, tempfile.SpooledTemporaryFile(IN_MEMORY)), 0  # noqa: SIM115
        while piece := stream.read(1 << 20):
            size += len(piece)
            if size > STDIN_LIMIT:
                limit = fact("at most {limit:,} bytes", limit=STDIN_LIMIT)
                raise DataError("E308", where="-", expected=limit)
            copy.write(piece)
    copy.seek(0)
    return Content("stdin", "stdin", copy, size)


def _url(text: str) -> DataError:
    """Return the error for a URL: nothing is downloaded, so no address of a file is ever contacted."""
    user = re.match(r"[^/]*//([^/:@]+)[^/@]*@", text)
    text = without_credentials(text)
    name = (
        re.sub(r"[^\w.-]+", "-", text.partition("?")[0].rstrip("/").rpartition("/")[2]).strip("-.")
        or "data.csv"
    )
    received = fact("a URL, which is not opened")
    login = f"-u {shlex.quote(user[1])} " if user else ""  # curl prompts for the password
    fix: str = f"curl {login}-fLo {shlex.quote(name)} {shlex.quote(text)}"
    if not re.match("(https?|ftps?)://", text, re.IGNORECASE):  # a database or a store of objects
        fix = fact("write its rows to a CSV or Parquet file first")
    return DataError("E301", where=text, expected=fact("a file on this computer"), received=received, fix=fix)


def _named(text: str, options: ReadOptions) -> Table:
    if text in TARGETS or text in IMAGE_SETS:
        options.require_only((), text, fact("a data set"))
        return read_named(text) if text in TARGETS else read_named_images(text)
    raise _not_found(text)


def _not_found(text: str) -> DataError:
    file, _, query = text.partition(QUERY)
    text = file if query and Path(file).suffix else text
    try:
        os.stat(text)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        pass
    except OSError as cause:  # a name that is too long, a folder without permission, a link to itself
        return DataError("E301", where=text, received=(cause.strerror or str(cause)).lower())
    closest = nearest(text, TARGETS)
    if Path(text).suffix:
        folder = Path(text).parent
        others = os.listdir(folder) if os.path.isdir(folder) and os.access(folder, os.R_OK) else []
        similar = nearest(Path(text).name, others)
        listed = fact("check the path: the folder has {names}", names=", ".join(sorted(others)[:LISTED]))
        fix = str(folder / similar) if similar else listed if others else fact("check the path")
        return DataError("E301", where=text, received=fact("no such file"), fix=fix)
    return DataError("E302", where=text, name=text, expected=", ".join(TARGETS), received=text, fix=closest)


def read_table(
    source: Samples | tuple[ArrayLike, ArrayLike],
    *,
    delimiter: str = "",
    skip: int = 0,
    encoding: str = "",
    header: str | None = "auto",
    table: str = "",
    query: str = "",
    decimal: str = "",
    day_first: bool | None = None,
    missing: str | Sequence[str] = (),
) -> Table:
    """Read a table from a file, a folder of images, a frame, arrays or the name of a bundled data set.

    Args:
        source: a path (CSV and other text, Parquet, Arrow, ``.npz``, ``.xlsx``, JSON, SQLite, DuckDB, also
            compressed by gzip, bzip2, xz or zip; a folder of images: see ``read_images``), ``"-"`` for
            standard input, a name (``"iris"``), a polars, pandas or pyarrow frame or another with
            ``__arrow_c_stream__``, a dict of columns, dicts of cells (a list of them, or one for a single
            row), a 2-D array, or a pair ``(x, y)`` of arrays.
            Columns of arrays are named x1, x2, ..., y.
        delimiter: delimiter of a text file, as a character or ``"tab"``, ``"space"``; detected by default.
        skip: lines above the header that are not read.
        encoding: encoding of a text file; detected by default.
        header: ``"auto"``: the first line that looks like column names; ``"first"``: the first line;
            ``"none"`` or ``None``: there is none, and the columns are named x1, x2, ...
        table: sheet of a workbook, table of a database, or file of an archive.
        query: SQL query of a database; also behind its path, ``"shop.db::SELECT ..."``.
        decimal: decimal mark, ``"."`` or ``","``, of numbers in texts that could be read in two ways, such as
            ``1.234``; detected by default, with a notice where nothing decides.
        day_first: whether 05/11/2020 is in November; detected by default, with a notice where nothing
            decides.
        missing: further cells that mean a missing value, in any case, such as ``"n/v"`` or ``"-999"``.

    Raises:
        DataError: E301 no such file; E302 neither a name nor a known format; E305 column names; E314 a column
            of neither numbers, texts nor dates; E316 a damaged file; E317 columns of different lengths; E327
            several tables in a file; E338 a query that fails; for text files as ``read_delimited``.
        UsageError: E101, E102 an invalid option; E128 an option that does not apply to the source.

    Example:
        >>> read_table({"age": [31, 47, None], "sick": ["no", "yes", "no"]}).frame["age"].to_list()
        [31, 47, None]
    """
    order = {"day_first": day_first is True, "month_first": day_first is False}
    words = (missing,) if isinstance(missing, str) else tuple(missing)
    named = {**order, "missing": words}
    options = ReadOptions(delimiter, skip, encoding, header or "none", table, query, decimal, **named)
    result = read_source(source, options)
    require_usable(result)
    return result


def read_source(source: Samples | tuple[ArrayLike, ArrayLike], options: ReadOptions) -> Table:
    """Read a table, with the options of reading as a record; see ``read_table``.

    Columns of unsupported content are listed in ``Table.unusable`` instead of being refused, since they may
    be left out, or not be needed by a model.
    """
    table, is_file = _read(source, options.without(*CONVENTIONS)), isinstance(source, str | os.PathLike)
    if table.images:
        options.require_only((), table.source, fact("images"))
    table = with_conventions(table, options.decimal, options.order)
    table = with_missing_words(table, {"": options.missing}) if options.missing else table
    return without_subtotals(table) if is_file else table


def _read(source: Samples | tuple[ArrayLike, ArrayLike], options: ReadOptions) -> Table:
    """Read a table; its cells by their own convention."""
    if isinstance(source, str | os.PathLike):
        return read_path(source, options)
    options.require_only((), "read_table", fact("data in memory"))
    if isinstance(source, Table):
        return source
    source = as_columns(source)
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if isinstance(source, pl.DataFrame):
        return of_frame(source, "frame")
    if isinstance(source, tuple) and len(source) == 2:
        return of_columns({"x": source[0], "y": source[1]}, "arrays")
    if hasattr(source, "columns") and hasattr(source, "iloc"):
        return of_pandas(source)
    if is_arrow_frame(source):
        return of_frame(of_arrow(source), "frame")
    if isinstance(source, Mapping):
        return of_columns(source, "columns")
    return of_array(source)
