"""Columns of text on a screen: how wide a text is, and rows padded so that their cells stand in line."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

WIDE = "WF"
"""The classes of signs that take two columns, as Unicode calls them."""


def width(text: str) -> int:
    """How many columns of a screen a text takes: a Chinese sign two, a combining accent none.

    Example:
        >>> width("layer"), width("层")
        (5, 2)
    """
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in WIDE else 1
        for sign in text
    )


def column_widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """The width of the widest cell of each column; all rows have as many cells."""
    return [max(map(width, column)) for column in zip(*rows, strict=True)]


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Each row as one line, the cells of a column below one another, two spaces between columns.

    Args:
        rows: the cells; all rows have as many.
        right: which columns are aligned to the right.

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
