"""Read CSV and related formats, strictly and with bounded memory, in blocks of records."""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np

from chainrule.data.cells.typed_columns import TypedColumn, error_notices, tabulate
from chainrule.data.readers.cell_columns import Cells, PlainBlock, plain_block
from chainrule.data.readers.csv_layout import (
    COMMENT,
    SEP,
    DataRows,
    Dialect,
    Layout,
    Numbered,
    detect_dialect,
    has_header,
    joined_names,
    layout_of,
    names_columns,
    numbers_in,
)
from chainrule.data.readers.csv_lines import CELL_LIMIT, Lines
from chainrule.data.readers.read_options import NO_OPTIONS, ReadOptions
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, alternatives, fact, join_facts
from chainrule.records import frozen

# The records of a text table below its header, in blocks that are converted together.
#
# A block of lines without quotes is divided at once (``cell_columns.py``); any other block is parsed record
# by record, so that a quoted cell may span several lines.

BLOCK_CELLS, BLOCK_CHARACTERS = 200_000, 1 << 20  # of rows that are converted together


def recount(lines: Lines, sample: Sequence[str]) -> Iterator[str]:
    """Repeat the sampled lines, counting them as on the first reading."""
    for line in sample:
        lines.number += 1
        lines.buffered += len(line)
        yield line


def records_of(
    lines: Lines, text: Iterator[str], dialect: Dialect, strict: bool = True
) -> Iterator[Numbered]:
    """Yield each record that is not a blank line, with the number of its first physical line."""
    reader = dialect.records(text, strict)
    while True:
        start = lines.number + 1
        lines.buffered = 0
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if not strict:
                return
            where = fact("{file} line {line}", file=lines.name, line=start)
            expected = fact('a cell in quotes ends with a quote; a quote inside is doubled: "a ""b"" c"')
            received = _csv_fault(error, dialect.delimiter)
            raise DataError("E309", where=where, expected=expected, received=received) from error
        if record:
            yield start, record


def _csv_fault(error: csv.Error, delimiter: str) -> str:
    """Return the reason that the standard library gives for a record that it cannot split, as a record."""
    known = (
        fact("unexpected end of data"),
        fact("'{delimiter}' expected after '{quote}'", delimiter=delimiter, quote='"'),
    )
    return next((reason for reason in known if reason == str(error)), str(error))


def blocks(
    lines: Lines,
    records: Iterator[Numbered],
    text: Iterator[str],
    sampled: int,
    dialect: Dialect,
    rows: DataRows,
) -> Iterator[PlainBlock | list[Numbered]]:
    """Yield the records below the header in blocks.

    Args:
        lines: counts the lines.
        records: those of ``text``; only the first block is read from them.
        text: the physical lines.
        sampled: the number of lines that have been read to detect the dialect; ``text`` repeats them.
        dialect: of the lines.
        rows: the width of the table.
    """
    first: list[Numbered] = []
    for record in records:
        first.append(record)
        if lines.number >= sampled and len(first) * rows.width >= BLOCK_CELLS:
            break
    yield first
    is_simple = not dialect.is_aligned and not rows.has_comments and dialect.quote == '"'
    while block := lines.block(BLOCK_CHARACTERS):
        start = lines.number
        plain = None
        if is_simple:
            plain = plain_block(start + 1, block, dialect.delimiter, rows.header, rows.width)
        if plain is not None:
            lines.number += plain.rows
            yield plain
        else:
            yield _parsed(lines, start, list(io.StringIO(block, newline="")), text, dialect)


def _parsed(
    lines: Lines, start: int, block: Sequence[str], text: Iterator[str], dialect: Dialect
) -> list[Numbered]:
    """Return the records that begin in a block of lines, the last of which may end in the lines below it."""
    end = start + len(block)
    lines.number = start
    parsed: list[Numbered] = []
    for record in records_of(lines, itertools.chain(recount(lines, block), text), dialect):
        parsed.append(record)
        if lines.number >= end:
            break
    return parsed


def add_rows(blocks: Iterator[PlainBlock | list[Numbered]], cells: Cells, rows: DataRows) -> np.ndarray:
    """Add all rows to the cells; reports all ragged rows together, returns each row's physical line."""
    starts: list[np.ndarray] = []
    block = next(blocks, [])
    while block:
        following = next(blocks, [])
        if isinstance(block, PlainBlock) and following:
            rows.count(block.rows, block.start + block.rows - 1)
            if not rows.ragged:
                cells.add_block(block)
            starts.append(np.arange(block.start, block.start + block.rows))
        else:
            parsed = block.records(cells.delimiter) if isinstance(block, PlainBlock) else block
            complete = rows.select(parsed, is_last=not following)
            if complete and not rows.ragged:
                cells.add([record for _, record in complete])
                starts.append(np.array([start for start, _ in complete], np.int64))
        block = following
    rows.raise_ragged()
    if not starts:
        raise DataError(
            "E304", where=rows.source, expected=fact("at least one row"), received=fact("a header only")
        )
    return np.concatenate(starts)


COLUMN_LIMIT = 100_000
SAMPLE_LINES, SAMPLE_CHARACTERS = 200, 100_000
INDEX = "index"  # name of a first column without a name


def read_delimited(name: str, binary: BinaryIO, options: ReadOptions = NO_OPTIONS) -> Table:
    """Read a CSV, TSV, ``;``- or ``|``-separated or aligned text file.

    Args:
        name: name of the file for messages.
        binary: the file at its start.
        options: delimiter, lines to skip, encoding and header, where the user sets them.

    Raises:
        DataError: E303 empty; E304 header only; E305 header names; E306 ragged rows; E307 not text; E308 an
            element that is too large; E309 invalid quoting; E310 no header.
    """
    # The limit of csv is global; raising it to ours is harmless, since Lines refuses longer cells first.
    csv.field_size_limit(max(csv.field_size_limit(), CELL_LIMIT + 1))
    lines = Lines(name, binary, options.encoding)
    try:
        text = iter(lines)
        head = _head(lines, text, options)
        header = _header(lines, head, options)
        return _table(lines, itertools.chain(recount(lines, head.lines), text), head, header)
    finally:
        lines.text.detach()  # the caller closes the file


@dataclass
class _Head:
    """The beginning of a file: its first lines below those that are skipped, and their dialect."""

    start: int  # physical lines above
    lines: list[str]
    comments: list[str]  # comment lines above the first record
    dialect: Dialect
    records: list[Numbered]
    notices: list[Finding] = field(default_factory=list)


@frozen
class Header:
    """The columns of a file.

    Args:
        line: the line of the header; 0 if there is none.
        record: the header as it is in the file.
        width: number of fields of a row; more than there are names if the header ends in delimiters.
        units: the line of a row of units; 0 if there is none.
        labels: the lines of rows with the questions of a survey.
        notices: what is left out above the header, and columns that are named.
    """

    names: list[str]
    line: int
    record: list[str]
    width: int
    units: int
    labels: tuple[int, ...] = ()
    notices: tuple[Finding, ...] = ()


def _head(lines: Lines, text: Iterator[str], options: ReadOptions) -> _Head:
    """Read the first lines and detect the dialect."""
    for _ in itertools.islice(text, options.skip):
        pass
    lines.buffered = 0
    delimiter = options.separator
    sample = _sample(text)
    start = lines.number - len(sample)
    if not options.skip and sample and (mark := SEP.fullmatch(sample[0])):
        delimiter, sample, start = delimiter or mark[1], sample[1:], start + 1
    count = next((i for i, line in enumerate(sample) if line.strip() and line[0] != COMMENT), len(sample))
    comments = (
        [line for line in sample[:count] if line.startswith(COMMENT)] if options.header == "auto" else []
    )
    if not comments:
        count = 0
    sample, start = sample[count:], start + count
    if not "".join([*sample[:100], *comments]).strip():
        raise DataError(
            "E303", where=lines.name, expected=fact("a header and rows"), received=fact("no text")
        )
    dialect = Dialect(delimiter) if delimiter else detect_dialect(sample)
    head = _Head(start, sample, comments, dialect, [])
    lines.number = start
    records = records_of(lines, recount(lines, sample), dialect, strict=False)
    head.records = [(line, row) for line, row in records if len(row) > 1 or row[0].strip()]
    if len(sample) == SAMPLE_LINES and len(head.records) > 2:
        head.records.pop()  # may be incomplete
    if lines.guessed:
        facts = {"source": lines.name, "encoding": lines.guessed}
        head.notices.append(Finding("encoding", "info", facts))
    if dialect.is_aligned and not delimiter:
        head.notices.append(Finding("aligned_text", "info", {"source": lines.name}))
    return head


def _header(lines: Lines, head: _Head, options: ReadOptions) -> Header:
    """Return the names of the columns, validated."""
    records = head.records
    if commented := _commented(head):
        records = [(head.start, commented), *records]
    return header_of(records, lines.name, options)


def header_of(records: Sequence[Numbered], source: str, options: ReadOptions) -> Header:
    """Return the columns of a table from its first records; E305: names; E308: too many; E310: no header."""
    if options.header == "none":
        width = Counter(len(row) for _, row in records).most_common(1)[0][0] if records else 1
        return Header([f"x{i + 1}" for i in range(width)], 0, [], width, 0)
    layout = Layout() if options.header == "first" or options.skip else layout_of(records, source)
    line, record = records[layout.header] if records else (1, [""])
    where = fact("{file} line {line}", file=source, line=line)
    if len(record) > COLUMN_LIMIT:
        limit = fact("at most {limit:,} columns", limit=COLUMN_LIMIT)
        raise DataError("E308", where=where, expected=limit, received=f"{len(record):,}")
    names = [cell.strip() for cell in record]
    body = records[layout.header + 1 + len(layout.labels) :]
    notices: list[Finding] = []
    if options.header == "auto" and not layout.labels and (both := joined_names(record, body)):
        facts = {"source": source, "line": line, "next": body[0][0], "example": both[-1]}
        notices = [Finding("two_header_rows", "info", facts)]
        names, line, record, body = both, *body[0], body[1:]
        layout = replace(layout, units=0)
    if options.header == "auto" and not has_header(names, body):
        expected = fact("names of columns")
        received = ", ".join(names[:5])
        fix = alternatives('header="none"', "--header none")
        notes = [fact("--header first, if this line contains the names")]
        raise DataError("E310", where=where, expected=expected, received=received, fix=fix, notes=notes)
    width = len(names) + layout.has_row_names
    names, unnamed = _named(names, layout.has_row_names, source)
    notices += unnamed
    if any(names):
        check_names(where, names, is_empty_allowed=True)  # a column without a name may have no value either
    else:
        check_names(where, names)
    return Header(names, line, record, width, layout.units, layout.labels, (*layout.notices, *notices))


def _commented(head: _Head) -> list[str]:
    """Return the names in the last comment line: it has the width of the rows, which begin at once."""
    if not head.comments or not head.records:
        return []
    text = head.comments[-1].lstrip(COMMENT).lstrip()
    record = next(head.dialect.records(iter([text]), strict=False), [])
    row = head.records[0][1]
    is_header = (
        len(record) == len(row) and names_columns(record) and numbers_in(row) and not numbers_in(record)
    )
    return record if is_header else []


def _named(names: list[str], has_row_names: bool, source: str) -> tuple[list[str], list[Finding]]:
    """Return the names without trailing empty ones, and with a name for a first column that has none."""
    while len(names) > 1 and not names[-1]:
        names = names[:-1]
    if has_row_names:
        names = ["", *names]
    if names[0] or len(names) == 1 or not all(names[1:]):
        return names, []
    candidates = itertools.chain([INDEX], (f"{INDEX}{i}" for i in itertools.count(2)))
    name = next(candidate for candidate in candidates if candidate not in names)
    return [name, *names[1:]], [Finding("unnamed_index", "info", {"source": source, "column": name})]


def _table(lines: Lines, text: Iterator[str], head: _Head, header: Header) -> Table:
    names, width = header.names, header.width
    optional = width - len(names)
    rows = DataRows(
        lines.name, width, header.record, header.units, header.labels, optional, bool(head.comments)
    )
    lines.number, lines.buffered = head.start, 0
    records = records_of(lines, text, head.dialect)
    if header.line > head.start:
        records = ((line, row) for line, row in records if line > header.line)
    sampled = head.start + len(head.lines)
    cells = Cells([*names, *map(str, range(optional))], head.dialect.delimiter)
    starts = add_rows(blocks(lines, records, text, sampled, head.dialect, rows), cells, rows)
    columns = cells.columns()
    notices = [*head.notices, *_comment_notices(lines, head, header), *header.notices]
    columns, trailing = _without_trailing(columns, len(names), header, lines.name)
    columns, empty = without_empty(columns, header, lines.name)
    table = tabulate(columns, lines.name, starts)
    errors = error_notices(lines.name, cells.errors())
    return replace(table, notices=(*notices, *trailing, *empty, *rows.notices, *errors, *table.notices))


def _comment_notices(lines: Lines, head: _Head, header: Header) -> list[Finding]:
    """Return the notice for comment lines above the table."""
    count = len(head.comments) - (header.line == head.start)  # the last one may be the header
    if count < 1:
        return []
    text = head.comments[0].strip()
    example = text if len(text) <= 40 else text[:37] + "..."
    first = head.start - len(head.comments) + 1
    facts = {"source": lines.name, "count": count, "line": first, "example": example}
    return [Finding("comment_lines", "info", facts)]


def _without_trailing(
    columns: list[TypedColumn], width: int, header: Header, source: str
) -> tuple[list[TypedColumn], list[Finding]]:
    """Return the columns without trailing ones that have neither a name nor a value (E305: values only)."""
    extra = columns[width:]
    if not extra:
        return columns, []
    if any(column.values.null_count() < len(column.values) for column in extra):
        where = fact("{file} line {line}", file=source, line=header.line)
        check_names(where, [*header.names, *("" for _ in extra)])
    return columns[:width], [Finding("trailing_columns", "info", {"source": source, "count": len(extra)})]


def without_empty(
    columns: list[TypedColumn], header: Header, source: str
) -> tuple[list[TypedColumn], list[Finding]]:
    """Return the columns without those that have neither a name nor a value (E305: no name only)."""
    if all(header.names):
        return columns, []
    pairs = list(zip(header.names, columns, strict=True))
    with_values = [c for name, c in pairs if name or c.values.null_count() < len(c.values)]
    if len(with_values) > sum(map(bool, header.names)):
        check_names(fact("{file} line {line}", file=source, line=header.line), header.names)
    count = len(columns) - len(with_values)
    return with_values, [Finding("empty_columns", "info", {"source": source, "count": count})]


def _sample(source: Iterator[str]) -> list[str]:
    sample, size = [], 0
    for line in source:
        sample.append(line)
        size += len(line)
        if size > SAMPLE_CHARACTERS or len(sample) >= SAMPLE_LINES:
            break
    return sample


def check_names(where: str, names: list[str], is_empty_allowed: bool = False) -> None:
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
    if faults and not (is_empty_allowed and len(set(filter(None, names))) == sum(map(bool, names))):
        first, *others = faults[:20]
        fix = fact("give every column its own name")
        raise DataError(
            "E305", where=where, expected=fact("distinct names"), received=first, notes=others, fix=fix
        )
