"""Files of frames that come one after another, in bounded memory, by the suffix of the path.

A file is written completely or not at all: formats that are not written in one pass are written to a folder
beside the file first. Texts are written unchanged except in CSV (``prediction_output.py``).
"""

from __future__ import annotations

import datetime
import os
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

from chainrule.apps.cli.output_file import OWN_DATABASE
from chainrule.apps.cli.prediction_output import csv_parts
from chainrule.data.readers.excel import LAST_COLUMN, LAST_ROW
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import DataError, FileError, UsageError, fact
from chainrule.escaping import escape, quoted
from chainrule.store import atomic_write

TABLE = "predictions"  # in a database, and the sheet of a workbook
PIECE = 1 << 20  # bytes that are copied at once
Frames = Iterable[pl.DataFrame]
_NUMBERS = {"INTEGER": pl.Int64, "REAL": pl.Float64}
_CONTENT = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {  # of a workbook with one sheet, besides that
    "[Content_Types].xml": (
        f'<Types xmlns="{_CONTENT}"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>'
        f'<sheet name="{TABLE}" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" '
        f'Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/styles.xml": (
        f'<styleSheet xmlns="{_SHEET}"><numFmts count="1"><numFmt numFmtId="164" '
        'formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts><fonts count="1"><font/></fonts>'
        '<fills count="1"><fill><patternFill patternType="none"/></fill></fills>'
        '<borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="164" applyNumberFormat="1"/>'
        "</cellXfs></styleSheet>"
    ),
}
_EPOCH = datetime.datetime(1899, 12, 30)  # day 0 of a workbook, whose dates are numbers of days
_FIRST_DATE = datetime.datetime(1900, 3, 1)  # earlier ones are texts: a workbook has a 29th of February 1900


def write_frames(frames: Frames, path: str, raw: bool = False) -> None:
    """Write frames with the same columns to a file: Parquet, Arrow, SQLite, a workbook, otherwise CSV.

    Args:
        raw: whether CSV has texts unchanged that a spreadsheet would evaluate.

    Raises:
        FileError: as ``atomic_write.write``. DataError E308: more rows or columns than a sheet has.
        UsageError E101: a compressed file or another format; FileError E402: a folder.
    """
    suffix = Path(path).suffix.lower()
    if os.path.isdir(path):
        fix = f"--out {quoted(os.path.join(path, 'predictions.csv'))}"
        received, expected = fact("a folder"), fact("the path of a file")
        raise FileError("E402", where=path, expected=expected, received=received, fix=fix)
    if suffix in REFUSED:
        expected = ", ".join((".csv", *dict.fromkeys(_WRITERS)))
        raise UsageError("E101", where="--out", name=suffix, expected=expected, fix="--out predictions.csv")
    writer = _WRITERS.get(suffix)
    if writer is None:
        parts = csv_of_frames(frames, "raw" if raw else "spreadsheet")
        atomic_write.write_parts(path, (part.encode() for part in parts))
        return
    atomic_write.require_writable(path)
    with tempfile.TemporaryDirectory(prefix=".chainrule-", dir=Path(path).resolve().parent) as folder:
        file = Path(folder, "file")
        writer(frames, file)
        with file.open("rb") as stream:
            atomic_write.write_parts(path, iter(lambda: stream.read(PIECE), b""))


def csv_of_frames(frames: Frames, destination: str) -> Iterator[str]:
    """Yield frames as one CSV text, in parts; see ``csv_parts``."""
    for i, frame in enumerate(map(_dates_as_texts, frames)):
        yield from (part for j, part in enumerate(csv_parts(frame, destination)) if j or not i)


def _sunk(frames: Frames, sink: Callable[[pl.LazyFrame], Any]) -> None:
    """Pass frames to a writer of polars, which reads them; raises what they raise."""
    iterator, failures = iter(frames), []
    first = next(iterator)

    def source(*_: Any) -> Iterator[pl.DataFrame]:
        try:
            yield from chain([first], iterator)
        except BaseException as error:  # polars would raise another one
            failures.append(error)
            raise

    register = import_module("polars.io.plugins").register_io_source
    try:
        sink(register(source, schema=first.schema))
    except Exception:
        if failures:
            raise failures[0] from None
        raise


def _write_parquet(frames: Frames, file: Path) -> None:
    _sunk(frames, lambda rows: rows.sink_parquet(file, maintain_order=True))


def _write_arrow(frames: Frames, file: Path) -> None:
    _sunk(frames, lambda rows: rows.sink_ipc(file, maintain_order=True))


def _write_sqlite(frames: Frames, file: Path) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        insert = ""
        for frame in frames:
            if not insert:
                columns = ", ".join(f"{_quoted(n)} {_kind(t)}" for n, t in frame.schema.items())
                database.execute(f"PRAGMA application_id = {OWN_DATABASE}")
                database.execute(f"CREATE TABLE {TABLE} ({columns})")
                places = ", ".join("?" * frame.width)
                insert = f"INSERT INTO {TABLE} VALUES ({places})"
            database.executemany(insert, _plain(_dates_as_texts(frame, " ")).iter_rows())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _kind(dtype: Any) -> str:
    if dtype.is_integer() or dtype == pl.Boolean:
        return "INTEGER"
    return "REAL" if dtype.is_numeric() else "TEXT"


def _dates_as_texts(frame: pl.DataFrame, separator: str = "T") -> pl.DataFrame:
    """Return a frame whose times are texts without the zeros of a fraction."""
    return frame.with_columns(pl.col(pl.Datetime).dt.strftime(f"%Y-%m-%d{separator}%H:%M:%S%.f"))


def _plain(frame: pl.DataFrame, dtypes: Sequence[Any] = ()) -> pl.DataFrame:
    """Return a frame of numbers and texts, and of columns of these ``dtypes``."""
    return frame.with_columns(
        column.cast(_NUMBERS.get(_kind(column.dtype), pl.String), strict=False)
        for column in frame.get_columns()
        if column.dtype not in dtypes
    )


def _write_workbook(frames: Frames, file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _PARTS.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{text}')
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'<worksheet xmlns="{_SHEET}"><sheetData>'.encode())
            for row in _rows_of_sheet(frames):
                sheet.write(f"<row>{''.join(map(_cell, row))}</row>".encode())
            sheet.write(b"</sheetData></worksheet>")


def _rows_of_sheet(frames: Frames) -> Iterator[tuple[Any, ...]]:
    """Yield the names and the rows; refuses more than a sheet has."""
    rows = 0
    for frame in frames:
        names = [] if rows else [tuple(frame.columns)]
        rows += frame.height + len(names)
        if rows > LAST_ROW or frame.width > LAST_COLUMN:
            expected = fact("at most {rows:,} rows", rows=LAST_ROW - 1)
            received = fact("{rows} rows", rows=rows - 1)
            fix = "--out predictions.parquet"
            raise DataError("E308", where=TABLE, expected=expected, received=received, fix=fix)
        times = pl.col(pl.Datetime).dt.replace_time_zone(None)
        yield from chain(
            names, _plain(frame.with_columns(times), (pl.Boolean, pl.Date, pl.Datetime)).iter_rows()
        )


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return f'<c t="b"><v>{value:d}</v></c>'
    if isinstance(value, datetime.date):
        is_time = isinstance(value, datetime.datetime)
        time = value if is_time else datetime.datetime.combine(value, datetime.time())
        if time >= _FIRST_DATE:
            return f'<c s="{1 + is_time}"><v>{(time - _EPOCH) / datetime.timedelta(days=1)!r}</v></c>'
        value = value.isoformat()
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return "<c/>"
    if isinstance(value, str):
        text = escape("".join(c if c >= " " or c in "\t\n\r" else "�" for c in value), quote=False)
        return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return f"<c><v>{value!r}</v></c>"


_WRITERS: Mapping[str, Callable[[Frames, Path], None]] = {
    ".parquet": _write_parquet,
    ".pq": _write_parquet,
    ".arrow": _write_arrow,
    ".feather": _write_arrow,
    ".sqlite": _write_sqlite,
    ".sqlite3": _write_sqlite,
    ".db": _write_sqlite,
    ".xlsx": _write_workbook,
}
REFUSED = (
    *(".gz", ".zip", ".bz2", ".xz", ".zst", ".npz"),
    *(".json", ".jsonl", ".duckdb", ".xls", ".ods", ".tsv", ".tab"),
)
