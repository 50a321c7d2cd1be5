"""Read CSV and related formats, strictly and with bounded memory.

The text is streamed line by line, so that no file can take more memory than its content justifies: a line or
a quoted cell over ``CELL_LIMIT``, too many columns, or a compressed file with an excessive ratio is refused
while it is read. Cells are collected in blocks and passed to polars together (``cell_columns.py``); their
types are decided in ``number_parsing.py``.

The reader of polars was rejected because it cannot report the physical line of an invalid row and fills up
short rows. Python's ``csv`` handles quoting (RFC 4180, strict: an unclosed quote is an error).
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import re
import shlex
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from chainrule.data.cells.typed_columns import tabulate
from chainrule.data.readers.cell_columns import Cells
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.number_parsing import PLAIN
from chainrule.data.readers.safe_folder import open_plain
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact, join_facts

CELL_LIMIT = 10_000_000  # characters of one line or one quoted cell
COLUMN_LIMIT = 100_000
SWELL_FREE = 16_000_000  # a compressed file may expand to this number of bytes regardless of its ratio,
SWELL_RATIO = 100  # and beyond it to this multiple of its size
BLOCK_CELLS = 200_000
DELIMITERS = (",", ";", "\t", "|")
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read_delimited(path: Path) -> Table:
    """Read a CSV, TSV, ``;``- or ``|``-separated text file, plain or gzip-compressed.

    Args:
        path: the file; its first line contains the column names.

    Raises:
        DataError: E301 it cannot be opened; E303 empty; E304 header only; E305 header names; E306 ragged
            rows; E307 not text; E308 an element that is too large; E309 invalid quoting; E310 no header; E316
            damaged gzip.
    """
    try:
        with open_plain(path) as raw, _opened(path, raw) as binary:
            lines = _Lines(path.name, binary)
            return _read(lines)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            "E316", where=path.name, received=str(error), fix=fact("copy the file again")
        ) from error
    except OSError as error:
        raise DataError("E301", where=str(path), received=error.strerror or str(error)) from error


def _opened(path: Path, raw: BinaryIO) -> BinaryIO:
    magic = raw.read(2)
    raw.seek(0)
    if magic != b"\x1f\x8b":
        return raw
    # Decompressed only to count the bytes: a hundred times faster than detecting it while parsing.
    packed, size = path.stat().st_size, 0
    with gzip.GzipFile(fileobj=raw) as file:
        while piece := file.read(1_000_000):
            size += len(piece)
            if size > max(SWELL_FREE, SWELL_RATIO * packed):
                received = fact(
                    "over {size:,} bytes from a compressed file of {packed:,}", size=size, packed=packed
                )
                expected = fact("at most {ratio} times its size", ratio=SWELL_RATIO)
                raise DataError("E308", where=path.name, expected=expected, received=received)
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]


@dataclass
class _Lines:
    """The physical lines of a file, validated before they are returned; ``number`` counts them."""

    name: str
    binary: BinaryIO
    number: int = 0
    buffered: int = 0  # characters passed to the csv reader since its last complete record
    text: io.TextIOWrapper = field(init=False)

    def __post_init__(self) -> None:
        head = self.binary.read(4)
        self.binary.seek(0)
        encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
        self.text = io.TextIOWrapper(self.binary, encoding=encoding, newline="")

    def __iter__(self) -> Iterator[str]:
        readline = self.text.readline
        try:
            while line := readline(CELL_LIMIT + 1):
                self.number += 1
                self.buffered += len(line)
                if self.buffered > CELL_LIMIT or "\0" in line:
                    self._check(line)
                yield line
        except UnicodeError as error:
            raise self._undecodable(error) from error

    def _check(self, line: str) -> None:
        if self.buffered > CELL_LIMIT:
            raise self._too_large(fact("over {limit:,} characters", limit=CELL_LIMIT))
        if "\0" in line:
            raise DataError(
                "E307",
                where=fact("{file} line {line}", file=self.name, line=self.number),
                received=fact("a NUL byte"),
                fix=fact("save the file as text in UTF-8"),
            )

    def _too_large(self, received: str) -> DataError:
        where = fact("{file} line {line}", file=self.name, line=max(self.number, 1))
        expected = fact("cells and lines under {limit:,} characters", limit=CELL_LIMIT)
        return DataError(
            "E308", where=where, expected=expected, received=received, fix=fact("is this a table?")
        )

    def _undecodable(self, error: UnicodeError) -> DataError:
        line, byte = self.number + 1, ""
        if isinstance(error, UnicodeDecodeError):
            before = error.object[: error.start].replace(b"\r\n", b"\n")
            line += before.count(b"\n") + before.count(b"\r")
            byte = f"byte 0x{error.object[error.start]:02x}"
        return DataError(
            "E307",
            where=fact("{file} line {line}", file=self.name, line=line),
            expected=fact("text in UTF-8 (or UTF-16 with its mark)"),
            received=byte or str(error),
            fix=self._converted(),
        )

    def _converted(self) -> str:
        """A fix: the command that converts the file to UTF-8 from the encoding that its bytes suggest.

        In Chinese text of Windows (GBK, a part of GB18030), both bytes of a character are above 127, so such
        bytes occur in runs of even length; in Western text they occur alone. This is reliable enough for a
        suggestion to the user, but not for a silent guess.
        """
        self.binary.seek(0)
        runs = re.findall(rb"[\x80-\xff]+", self.binary.read(1_000_000))
        even = sum(len(run) % 2 == 0 for run in runs)
        name, kind = shlex.quote(self.name), "GB18030" if even > 0.9 * len(runs) else "WINDOWS-1252"
        stem, _, ending = self.name.rpartition(".")
        if not stem or ending == "gz":
            return fact('save the file as "CSV UTF-8"')
        return f"iconv -f {kind} -t UTF-8 {name} > {shlex.quote(f'{stem}-utf8.{ending}')}"


def _read(lines: _Lines) -> Table:
    # The limit of csv is global; raising it to ours is harmless, since _Lines refuses longer cells first.
    csv.field_size_limit(max(csv.field_size_limit(), CELL_LIMIT + 1))
    source = iter(lines)
    sample = _sample(source)
    if not "".join(sample[:100]).strip():
        raise DataError(
            "E303", where=lines.name, expected=fact("a header and rows"), received=fact("no text")
        )
    delimiter = sniff(sample)
    lines.number, lines.buffered = 0, 0
    records = _records(lines, itertools.chain(_recount(lines, sample), source), delimiter)
    _, header = next(records, (0, []))
    names = _names(lines.name, [cell.strip() for cell in header])
    cells, starts = _blocks(lines, records, Cells(names, delimiter))
    return tabulate(cells.columns(), lines.name, starts)


def _sample(source: Iterator[str]) -> list[str]:
    sample, size = [], 0
    for line in source:
        sample.append(line)
        size += len(line)
        if size > 100_000 or len(sample) >= 200:
            break
    return sample


def _recount(lines: _Lines, sample: list[str]) -> Iterator[str]:
    """Repeat the sampled lines, counting them as on the first reading."""
    for line in sample:
        lines.number += 1
        lines.buffered += len(line)
        yield line


def sniff(sample: list[str]) -> str:
    """The delimiter for which the first line has several fields and most records the same number of them.

    Example:
        >>> sniff(["x;y\\n", "1,5;2\\n"])
        ';'
    """
    best_score, choice = (0.0, 0), ","
    for delimiter in DELIMITERS:
        if delimiter not in sample[0] and sample[0].strip():
            continue
        try:
            widths = [len(record) for record in csv.reader(sample, delimiter=delimiter) if record]
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            score = (widths.count(widths[0]) / len(widths), widths[0])
            best_score, choice = max((best_score, choice), (score, delimiter), key=lambda pair: pair[0])
    return choice


def _records(lines: _Lines, text: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not a blank line, with the number of its first physical line."""
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        start = lines.number + 1
        lines.buffered = 0
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                "E309",
                where=fact("{file} line {line}", file=lines.name, line=start),
                expected=fact('a cell in quotes ends with a quote; a quote inside is doubled: "a ""b"" c"'),
                received=_csv_fault(error, delimiter),
            ) from error
        if record:
            yield start, record


def _csv_fault(error: csv.Error, delimiter: str) -> str:
    """The reason that the standard library gives for a record that it cannot split, as a record."""
    known = (
        fact("unexpected end of data"),
        fact("'{delimiter}' expected after '{quote}'", delimiter=delimiter, quote='"'),
    )
    return next((reason for reason in known if reason == str(error)), str(error))


def _names(source: str, names: list[str]) -> list[str]:
    if len(names) > COLUMN_LIMIT:
        limit = fact("at most {limit:,} columns", limit=COLUMN_LIMIT)
        raise DataError(
            "E308", where=fact("{file} line 1", file=source), expected=limit, received=f"{len(names):,}"
        )
    cells = pl.Series(names, dtype=pl.String)
    plain = cells.str.contains(PLAIN)
    fractions = plain & cells.str.contains(".", literal=True)
    if plain.all() or fractions.sum() * 2 > len(names):
        raise DataError(
            "E310",
            where=fact("{file} line 1", file=source),
            expected=fact("names of columns"),
            received=", ".join(names[:5]),
            fix=fact("put a line with the column names on top"),
        )
    check_names(fact("{file} line 1", file=source), names)
    return names


def check_names(where: str, names: list[str]) -> None:
    """Raise E305 for every empty or repeated column name, with all positions (from 1)."""
    faults = [fact("column {number} has no name", number=i) for i, name in enumerate(names, 1) if not name]
    places: dict[str, list[str]] = {}
    for i, name in enumerate(names, 1):
        places.setdefault(name, []).append(str(i))
    for name, positions in places.items():
        if name and len(positions) > 1:
            faults.append(
                fact('"{name}" names columns {names}', name=name, names=join_facts(" and ", positions))
            )
    if faults:
        first, *others = faults[:20]
        fix = fact("give every column its own name (pandas: to_csv(index=False) for an unnamed first column)")
        raise DataError(
            "E305", where=where, expected=fact("distinct names"), received=first, notes=others, fix=fix
        )


def _blocks(lines: _Lines, records: Iterator, cells: Cells) -> tuple[Cells, np.ndarray]:
    """Add all rows to the cells; ragged rows are counted and reported together."""
    width, starts = cells.width, []
    ragged: list[tuple[int, int]] = []
    while block := list(itertools.islice(records, max(1, BLOCK_CELLS // width))):
        complete = [(start, record) for start, record in block if len(record) == width]
        if len(complete) < len(block):
            ragged += [(start, len(record)) for start, record in block if len(record) != width]
        if not ragged:
            cells.add([record for _, record in complete])
        starts.append(np.array([start for start, _ in complete], np.int64))
    if ragged:
        (line, received), *others = ragged
        notes = [f"line {n} has {fields} fields" for n, fields in others[:5]]
        notes += [fact("and {count} more such lines", count=len(others) - 5)] if len(others) > 5 else []
        raise DataError(
            "E306",
            where=fact("{file} line {line}", file=lines.name, line=line),
            expected=fact("{count} fields", count=width),
            received=fact("{count} fields", count=received),
            notes=notes,
            fix=fact("put cells that contain the delimiter in double quotes"),
        )
    if not starts:
        raise DataError(
            "E304", where=lines.name, expected=fact("at least one row"), received=fact("a header only")
        )
    return cells, np.concatenate(starts)
