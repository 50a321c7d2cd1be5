"""The dialect of a text table: how a line is divided into fields.

Problem: a file does not state its delimiter. The one with which the rows have equally many fields is
usually right, but a column of texts with a comma in every cell is as regular. van den Burg et al. therefore
score the whole parsed table: *pattern score* times *type score*.

    pattern = 1/K * sum over patterns k of N_k * max(L_k - 1, 0.001) / L_k
    type    = share of fields that are a number, a date, empty, or a simple text

A pattern is a number of fields L_k; K is the number of different ones, and N_k rows have it: few, frequent,
wide patterns score high. Here, a simple text is one without any other delimiter, and a row of one field, such
as a title above the header, counts less, since titles are expected.

Text aligned by blanks is tried if no delimiter divides the rows: fields are separated by runs of blanks, or,
where the texts themselves contain blanks, by the character columns that are blank in every line.

Reference: G. J. J. van den Burg, A. Nazábal and C. Sutton. Wrangling messy CSV files by detecting row and
type patterns. Data Mining and Knowledge Discovery 33 (2019), 1799-1820, section 4.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from chainrule.records import frozen

DELIMITERS = (",", ";", "\t", "|")
RARE = ("^", "~", "\x1f", "\x01", "¦", "§")  # delimiters that are tried if no other divides the rows
_ALPHA = 0.001  # score of a row of one field, as in the reference
_TYPED = re.compile(
    r"\s*(?:[-+(]?[$€£¥]?\s?[0-9][0-9.,' \u00a0]*(?:[eE][-+]?[0-9]+)?\s?[%€)]?"  # number, currency, percent
    r"|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[T ][0-9:.+Z]+)?"  # date
    r"|[^,;\t|]*)\s*"  # simple text
)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?")
_GAP = re.compile(r" {2,}|\t")


@frozen
class Dialect:
    """How a line is divided into fields.

    Args:
        delimiter: one character; a blank stands for runs of blanks.
        starts: for aligned text, the first character of each field; otherwise empty.
        quote: the character around quoted fields.
    """

    delimiter: str = ","
    starts: tuple[int, ...] = ()
    quote: str = '"'

    @property
    def is_aligned(self) -> bool:
        """Whether blanks separate the fields."""
        return self.delimiter == " " or bool(self.starts)

    def records(self, lines: Iterator[str], strict: bool = True) -> Iterator[list[str]]:
        """Return the fields of each record; quoted ones may span lines. ``strict`` raises ``csv.Error``."""
        if self.starts:
            return map(self._cut, lines)
        if self.delimiter == " ":
            lines = (line.replace("\t", " ").strip(" \r\n") + "\n" for line in lines)
        return csv.reader(
            lines, delimiter=self.delimiter, quotechar=self.quote, skipinitialspace=True, strict=strict
        )

    def _cut(self, line: str) -> list[str]:
        """Return the fields of a line of aligned text; text across a border makes the line one field."""
        text = line.rstrip("\r\n").expandtabs()
        if not text.strip():
            return []
        if any(len(text) > start and text[start - 1] != " " for start in self.starts[1:]):
            return [text]
        ends = (*self.starts[1:], len(text))
        return [text[start:end].strip() for start, end in zip(self.starts, ends, strict=True)]


def detect_dialect(sample: Sequence[str]) -> Dialect:
    """Return the dialect of a text table, from its first lines.

    Example:
        >>> detect_dialect(["x;y\\n", "1,5;2\\n"]).delimiter
        ';'
        >>> detect_dialect(["x    y\\n", "1.5  2\\n", "1    3\\n"]).delimiter
        ' '
    """
    scores = {d: _score(_fields(sample, Dialect(d))) for d in DELIMITERS}
    best = max(DELIMITERS, key=scores.__getitem__)
    widths = Counter(map(len, _fields(sample, Dialect(best))))
    is_regular = len(widths) == 1 and max(widths) > 1
    if not is_regular and (aligned := _aligned(sample)):
        return aligned
    if max(widths, default=1) == 1:
        best = next((rare for rare in RARE if _divides(sample, rare)), ",")
    return Dialect(best, quote=_quote(sample, best))


def _divides(sample: Sequence[str], delimiter: str) -> bool:
    """Return whether all lines have the same number of fields, more than one."""
    widths = {len(row) for row in _fields(sample, Dialect(delimiter))}
    return len(widths) == 1 and widths != {1}


def _quote(sample: Sequence[str], delimiter: str) -> str:
    """Return the character around quoted fields: a single quote if most fields have one at both ends.

    Example:
        >>> _quote(["'x','y'\\n", "'1','it''s'\\n"], ","), _quote(["x,y\\n", "'1,2\\n"], ",")
        ("'", '"')
    """
    if any('"' in line for line in sample) or not any(line.startswith("'") for line in sample):
        return '"'
    fields = [field.strip() for row in _fields(sample, Dialect(delimiter)) for field in row]
    quoted = sum(len(field) > 1 and field[0] == field[-1] == "'" for field in fields)
    return "'" if 2 * quoted > len(fields) else '"'


def _fields(sample: Sequence[str], dialect: Dialect) -> list[list[str]]:
    """Return the records of a sample that can be parsed."""
    rows: list[list[str]] = []
    try:
        for row in dialect.records(iter(sample), strict=False):
            if row:
                rows.append(row)
    except csv.Error:
        return []
    return rows


def _score(rows: list[list[str]]) -> float:
    """Return the score of parsed rows: pattern score times type score."""
    wide = [row for row in rows if len(row) > 1] or rows
    if not wide:
        return 0.0
    patterns = Counter(map(len, wide))
    pattern = sum(n * max(length - 1, _ALPHA) / length for length, n in patterns.items()) / len(patterns)
    fields = [field for row in wide for field in row]
    share = sum(bool(_TYPED.fullmatch(field)) for field in fields) / len(fields)
    return pattern * share * len(wide) / len(rows)


def _aligned(sample: Sequence[str]) -> Dialect | None:
    """Return the dialect of text that is aligned by blanks, or ``None``.

    Either blanks separate equally many fields in every line and most of those below the header are numbers,
    or some character columns are blank in every line.
    """
    lines = [line.rstrip("\r\n").expandtabs() for line in sample if line.strip()]
    blank = Dialect(" ")
    rows = _fields([f"{line}\n" for line in lines], blank)
    if len(rows) < 2:
        return None
    widths = Counter(map(len, rows))
    width, count = widths.most_common(1)[0]
    below = [field for row in rows[1:] if len(row) == width for field in row]
    numbers = sum(bool(_NUMBER.fullmatch(field)) for field in below)
    is_spaced = sum(bool(_GAP.search(line.strip())) for line in lines) * 2 > len(lines)
    if (
        width > 1
        and count >= len(rows) - 1
        and (numbers * 2 >= len(below) or (is_spaced and count == len(rows)))
    ):
        return blank
    starts = _starts(lines)
    return Dialect(" ", starts) if len(starts) > 1 and is_spaced else None


def _starts(lines: Sequence[str]) -> tuple[int, ...]:
    """Return the first character of each field of aligned text: after a blank in all lines, two in most."""
    width = max(map(len, lines))
    used = [any(len(line) > i and line[i] != " " for line in lines) for i in range(width)]
    starts = [i for i in range(2, width) if used[i] and not used[i - 1]]
    wide = [i for i in starts if 2 * sum(not line[i - 2 : i].strip() for line in lines) >= len(lines)]
    return (0, *wide)
