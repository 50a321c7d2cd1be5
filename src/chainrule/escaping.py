"""Escaping of text from outside for every place it is written to: terminals, pages, pictures, spreadsheets.

Labels, column names, cells, paths, layer names and the texts of a model file are written by whoever wrote the
file. Printed as they are, an escape sequence in a label changes the terminal's title or its clipboard, a bidi
override makes ``exe.txt`` of ``txt.exe``, ``<script>`` runs in a report, and a cell that begins with ``=`` is
a formula. So text goes out through one of these functions, and a test over the sources finds output that does
not:

``printable``         one line of a terminal, an error or a log
``printable_lines``   several lines
``escape``            HTML and SVG
``spreadsheet_cell``  a cell of a CSV file for a spreadsheet; ``spreadsheet_text`` is its inverse
``csv_text``          rows as CSV that every reader takes apart again

JSON and TOML are written by libraries that escape for themselves.
"""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Iterable
from typing import Any

# Control characters (C0, C1), format characters (bidirectional overrides, zero width, tags), invisible
# letters, line and paragraph separators, halves of surrogate pairs, and the two code points XML cannot hold.
_HIDDEN = (
    r"\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_STEERING = re.compile(f"[{_HIDDEN}]")
_STEERING_BUT_LINES = re.compile(f"(?!\n)[{_HIDDEN}]")
_STEERING_BUT_BLANKS = re.compile(f"(?![\n\t])[{_HIDDEN}]")

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a cell begins with that a spreadsheet takes for a formula; the last four are wide forms."""


def printable(text: Any, limit: int | None = None) -> str:
    r"""A text as one line in which every control and invisible character is written by its number.

    Args:
        text: anything; its ``str`` is taken.
        limit: characters shown at most; a longer text ends in ``…``. By default all of it is shown.

    Example:
        >>> printable("red \x1b[31m"), printable("abcdef", 4)
        ('red \\x1b[31m', 'abc…')
    """
    shown = str(text)
    if limit is not None and len(shown) > limit:
        shown = f"{shown[: limit - 1]}…"
    return _STEERING.sub(_by_number, shown)


def printable_lines(text: Any) -> str:
    r"""As ``printable``, with the line breaks of the text kept.

    Example:
        >>> printable_lines("one\ntwo\r")
        'one\ntwo\\r'
    """
    return _STEERING_BUT_LINES.sub(_by_number, str(text))


def escape(text: Any, quote: bool = True) -> str:
    r"""A text inside HTML or SVG: no tag, no attribute, no invisible character.

    Args:
        text: anything; its ``str`` is taken.
        quote: whether quotation marks are escaped too, as in an attribute they must be.

    Example:
        >>> escape("<b>\x00")
        '&lt;b&gt;\\x00'
    """
    return html.escape(_STEERING_BUT_BLANKS.sub(_by_number, str(text)), quote)


def spreadsheet_cell(value: Any) -> Any:
    """A value as a CSV cell that no spreadsheet takes for a formula.

    A text gets an apostrophe in front, which spreadsheets do not show, where it begins with a sign of
    ``FORMULA`` and is no number, or with an apostrophe itself; so ``spreadsheet_text`` can take it off again.

    Example:
        >>> spreadsheet_cell("=HYPERLINK(1)"), spreadsheet_cell("-3.5"), spreadsheet_cell("setosa")
        ("'=HYPERLINK(1)", '-3.5', 'setosa')
    """
    if not isinstance(value, str) or not value.startswith((*FORMULA, "'")) or _is_number(value):
        return value
    return f"'{value}"


def spreadsheet_text(cell: str) -> str:
    """The text that ``spreadsheet_cell`` made a cell of.

    Example:
        >>> spreadsheet_text("'=1+1"), spreadsheet_text("setosa")
        ('=1+1', 'setosa')
    """
    return cell[1:] if cell.startswith("'") else cell


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    r"""Rows as CSV with lines that end in a line feed.

    The ``csv`` module quotes a cell that contains *its* line ending. If that is a line feed, a carriage
    return in a cell stays unquoted and readers see two lines. So it writes lines that end in both, and the
    ends are replaced.

    Example:
        >>> csv_text([["a", 1], ["b\rc", 2.5]])
        'a,1\n"b\rc",2.5\n'
    """
    lines = _Lines()
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    return "".join(lines)


class _Lines(list[str]):
    """Takes the lines of a CSV writer."""

    def write(self, line: str) -> None:
        self.append(f"{line.removesuffix(chr(13) + chr(10))}\n")


def _is_number(text: str) -> bool:
    """Whether a text is a plain decimal number, which is the same in a spreadsheet."""
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII) is not None


def _by_number(found: re.Match[str]) -> str:
    return ascii(found.group())[1:-1]
