"""Columns of text in a terminal: display width, and rows padded so that their cells align."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

WIDE = "WF"
"""The Unicode classes of characters that take two columns."""


def width(text: str) -> int:
    """Return the terminal columns of a text: two for a Chinese character, none for a combining accent.

    Example:
        >>> width("layer"), width("层")
        (5, 2)
    """
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in WIDE else 1
        for sign in text
    )


def column_widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of the widest cell of each column; all rows have the same number of cells."""
    return [max(map(width, column)) for column in zip(*rows, strict=True)]


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Format each row as one line with aligned columns, separated by two spaces.

    Args:
        rows: the cells; all rows have the same number.
        right: indices of the columns that are aligned to the right.

    Example:
        >>> aligned([("层", "B"), ("dense1", "128")], right=[1])
        ['层        B', 'dense1  128']
    """
    widths, lines = column_widths(rows), []
    for row in rows:
        padded = []
        for i, cell in enumerate(row):
            space = " " * (widths[i] - width(cell))
            padded.append(space + cell if i in right else cell + space)
        lines.append("  ".join(padded).rstrip())
    return lines
