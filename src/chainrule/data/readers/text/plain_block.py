"""Blocks of lines without quotes, which are divided into fields at once.

A record without a quote is its line divided at the delimiter. Where a block of lines has no quote, no blank
line and the same number of fields in each, all of its cells are found by one search for delimiters, several
times as fast as by Python's ``csv``; any other block is parsed record by record.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.records import frozen


@frozen(eq=False)
class PlainBlock:
    """Rows of a text table as one text.

    Args:
        start: the physical line of the first row; each row is one line.
        text: the cells, row after row, with a delimiter between two of them.
    """

    start: int
    rows: int
    text: str

    def records(self, delimiter: str) -> list[tuple[int, list[str]]]:
        """Return the rows with their lines."""
        cells = self.text.split(delimiter)
        width = len(cells) // self.rows
        return [(self.start + i, cells[width * i : width * (i + 1)]) for i in range(self.rows)]


def plain_block(
    start: int, text: str, delimiter: str, header: Sequence[str], width: int
) -> PlainBlock | None:
    r"""Return a block of lines, or ``None`` if it must be parsed record by record.

    Args:
        start: the physical line of the first one.
        text: complete lines with their ends.
        delimiter: one character.
        header: the header; a block that may contain it again is parsed.
        width: the number of fields of a row.

    Example:
        >>> plain_block(2, "1,x\n2,y\n", ",", ["a", "b"], 2).records(",")
        [(2, ['1', 'x']), (3, ['2', 'y'])]
        >>> plain_block(2, '1,x\n2,"y"\n', ",", ["a", "b"], 2) is None
        True
    """
    end = "\r\n" if text.endswith("\r\n") else "\n"
    rows = text.count("\n")
    is_plain = (
        width > 1
        and delimiter.isascii()
        and '"' not in text
        and text.endswith(end)
        and text.count("\r") == (rows if end == "\r\n" else 0)
        and text.count(end) == rows
        and not (header and delimiter.join(header) in text)
    )
    if not is_plain or not _is_regular(text.encode(), delimiter, rows, width):
        return None
    return PlainBlock(start, rows, text[: -len(end)].replace(end, delimiter))


def _is_regular(text: bytes, delimiter: str, rows: int, width: int) -> bool:
    """Return whether every line has the same number of fields; all ends are those of lines."""
    characters = np.frombuffer(text, np.uint8)
    places = np.flatnonzero((characters == ord("\n")) | (characters == ord(delimiter)))
    # There are as many ends of lines as rows, so that all other separators are delimiters.
    return len(places) == rows * width and bool((characters[places[width - 1 :: width]] == ord("\n")).all())
