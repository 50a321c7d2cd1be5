"""The records of a text table below its header, in blocks that are converted together.

A block of lines without quotes is divided at once (``plain_block.py``); any other block is parsed record by
record, so that a quoted cell may span several lines.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.data.readers.cell_columns import Cells, PlainBlock, plain_block
from chainrule.data.readers.csv_layout import Dialect, Numbered, Rows
from chainrule.data.readers.csv_lines import Lines
from chainrule.errors import DataError, fact

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
    lines: Lines, records: Iterator[Numbered], text: Iterator[str], sampled: int, dialect: Dialect, rows: Rows
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


def add_rows(blocks: Iterator[PlainBlock | list[Numbered]], cells: Cells, rows: Rows) -> np.ndarray:
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
