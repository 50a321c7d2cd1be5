"""Escape external text for every output: terminals, HTML pages, SVG, CSV files.

Labels, column names, cells, paths, layer names and the texts of a model file come from outside. Printed
unchanged, an escape sequence in a label changes the terminal's title or clipboard, a bidirectional override
makes ``txt.exe`` look like ``exe.txt``, ``<script>`` runs in a report, and a cell that begins with ``=`` is a
formula. All text is written through one of these functions; a test over the sources finds output that is not.

``printable``         one line of a terminal, an error or a log
``printable_lines``   several lines
``escape``            HTML and SVG
``markdown``          a line or a table cell of a Markdown file
``spreadsheet_cell``  a cell of a CSV file for a spreadsheet; ``spreadsheet_text`` is its inverse
``csv_text``          rows as CSV that every reader splits in the same way
``quoted``            a word of a shell command
``without_credentials``  addresses without the user names and passwords in them, and no named secrets

JSON and TOML are written by libraries that do their own escaping.
"""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Iterable
from typing import Any

# Control characters (C0, C1), format characters (bidirectional overrides, zero width, tags), invisible
# letters, line and paragraph separators, surrogates, and the two code points that XML does not allow.
_HIDDEN = (
    r"\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_STEERING = re.compile(f"[{_HIDDEN}]")
_STEERING_BUT_LINES = re.compile(f"(?!\n)[{_HIDDEN}]")
_STEERING_BUT_BLANKS = re.compile(f"(?![\n\t])[{_HIDDEN}]")

_MARKUP = re.compile(r"[\\`*\[\]|~]|(?<!\w)_|_(?!\w)|^[#+-]")

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Prefixes of a cell that spreadsheets interpret as a formula; the last four are full-width forms."""


_SEPARATORS = re.compile("([;|\t\r\n])")


def printable(text: Any, limit: int | None = None) -> str:
    r"""Convert to one line in which every control and invisible character is an escape sequence.

    Args:
        text: any object; its ``str`` is used.
        limit: maximum length in characters; a longer text is cut and ends in ``…``. Default: no limit.

    Example:
        >>> printable("red \x1b[31m"), printable("abcdef", 4)
        ('red \\x1b[31m', 'abc…')
    """
    line = str(text)
    if limit is not None and len(line) > limit:
        line = f"{line[: limit - 1]}…"
    return _STEERING.sub(_by_number, line)


def printable_lines(text: Any) -> str:
    r"""Escape as ``printable`` does, but keep the line breaks of the text.

    Example:
        >>> printable_lines("one\ntwo\r")
        'one\ntwo\\r'
    """
    return _STEERING_BUT_LINES.sub(_by_number, str(text))


def markdown(text: Any) -> str:
    r"""Escape text for a line of Markdown: no emphasis, link, tag, heading, list or table cell begins in it.

    Args:
        text: any object; its ``str`` is used.

    Example:
        >>> print(markdown("lot_area *x* <b> | [a](b)"))
        lot_area \*x\* &lt;b&gt; \| \[a\](b)
    """
    return _MARKUP.sub(r"\\\g<0>", html.escape(printable(text), quote=False))


def escape(text: Any, quote: bool = True) -> str:
    r"""Escape text for HTML or SVG: no tags, attributes or invisible characters remain.

    Args:
        text: any object; its ``str`` is used.
        quote: whether to escape quotation marks too, as attributes require.

    Example:
        >>> escape("<b>\x00")
        '&lt;b&gt;\\x00'
    """
    return html.escape(_STEERING_BUT_BLANKS.sub(_by_number, str(text)), quote)


def spreadsheet_cell(value: Any) -> Any:
    """Convert a value to a CSV cell that no spreadsheet interprets as a formula.

    Spreadsheets also split lines at semicolons, tabs or bars, depending on their language, and do not respect
    the quotes of a cell that contains one. A text is a formula if it, or a part of it after such a separator
    or a line break, begins with a character of ``FORMULA`` and is not a number. It is prefixed with an
    apostrophe, which spreadsheets do not display, as is each such part; so is a text that begins with an
    apostrophe. ``spreadsheet_text`` removes them.

    Example:
        >>> spreadsheet_cell("=HYPERLINK(1)"), spreadsheet_cell("-3.5"), spreadsheet_cell("setosa")
        ("'=HYPERLINK(1)", '-3.5', 'setosa')
        >>> spreadsheet_cell("x;=HYPERLINK(1)")
        "'x;'=HYPERLINK(1)"
    """
    if not isinstance(value, str) or _is_number(value):
        return value
    parts = _SEPARATORS.split(value)
    if not value.startswith((*FORMULA, "'")) and not any(map(_is_formula, parts[2::2])):
        return value
    parts[2::2] = [f"'{part}" if part.startswith("'") or _is_formula(part) else part for part in parts[2::2]]
    return f"'{''.join(parts)}"


def _is_formula(part: str) -> bool:
    return part.startswith(FORMULA) and not _is_number(part)


def spreadsheet_text(cell: str) -> str:
    """Recover the text from a cell written by ``spreadsheet_cell``.

    Example:
        >>> spreadsheet_text("'=1+1"), spreadsheet_text("setosa"), spreadsheet_text("'x;'=1")
        ('=1+1', 'setosa', 'x;=1')
    """
    if not cell.startswith("'"):
        return cell
    return "".join(part.removeprefix("'") for part in _SEPARATORS.split(cell))


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    r"""Format rows as CSV with lines that end in a line feed.

    The ``csv`` module quotes a cell that contains its line terminator. With a line feed as terminator, a
    carriage return in a cell stays unquoted and readers see two lines. Lines are therefore written with both
    characters, and the terminators are replaced.

    Example:
        >>> csv_text([["a", 1], ["b\rc", 2.5]])
        'a,1\n"b\rc",2.5\n'
    """
    lines = _Lines()
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    return "".join(lines)


class _Lines(list[str]):
    """Collector of the lines of a CSV writer."""

    def write(self, line: str) -> None:
        self.append(f"{line.removesuffix(chr(13) + chr(10))}\n")


def quoted(word: str) -> str:
    """Quote a word for a shell."""
    plain = word and all(c.isalnum() or c in "_@%+=:,./-" for c in word)
    return word if plain else "'" + word.replace("'", "'\"'\"'") + "'"


def _is_number(text: str) -> bool:
    """Return whether a text is a plain decimal number, which spreadsheets do not change."""
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII) is not None


def _by_number(match: re.Match[str]) -> str:
    return ascii(match.group())[1:-1]


class PrintedText(str):
    """A text of several lines that an interpreter and a notebook show as lines, not as one literal.

    Example:
        >>> PrintedText("one\\ntwo")
        one
        two
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self)}</pre>"


_CREDENTIALS = re.compile(r"(?<=://)[^/\s?#'\"]*@")
_SECRETS = re.compile(
    r"(?i)\b((?:\w*[_-])?"
    r"(?:password|passwd|pwd|secret|token|signature|sig|credential|(?:access|api)[_-]?key)s?"
    r"\s*[=:]\s*)(?:'[^']*'|\"[^\"]*\"|[^\s&;,)'\"]+)"
)


def without_credentials(text: str) -> str:
    """Return a text without the user names and passwords of the addresses in it, and without named secrets.

    Example:
        >>> without_credentials("no route to postgresql://ann:secret@db/trials")
        'no route to postgresql://db/trials'
        >>> without_credentials("https://host/a.csv?token=1a2b&page=3"), without_credentials("password='x y'")
        ('https://host/a.csv?token=***&page=3', 'password=***')
    """
    return _SECRETS.sub(r"\1***", _CREDENTIALS.sub("", text))
