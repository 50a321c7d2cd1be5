"""The layout of a CSV file: delimiter and quotes, header, and rows that have the width of the header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from chainrule.data.cells.missing import ALWAYS, MAYBE
from chainrule.data.cells.number_notation import PLAIN
from chainrule.data.tables.findings import Finding
from chainrule.errors import DataError, fact
from chainrule.memoization import cached_property
from chainrule.records import frozen

# The dialect of a text table: how a line is divided into fields.
#
# Problem: a file does not state its delimiter. The one with which the rows have equally many fields is
# usually right, but a column of texts with a comma in every cell is as regular. van den Burg et al. therefore
# score the whole parsed table: *pattern score* times *type score*.
#
#     pattern = 1/K * sum over patterns k of N_k * max(L_k - 1, 0.001) / L_k
#     type    = share of fields that are a number, a date, empty, or a simple text
#
# A pattern is a number of fields L_k; K is the number of different ones, and N_k rows have it: few, frequent,
# wide patterns score high. Here, a simple text is one without any other delimiter, and a row of one field,
# such as a title above the header, counts less, since titles are expected.
#
# Text aligned by blanks is tried if no delimiter divides the rows: fields are separated by runs of blanks,
# or, where the texts themselves contain blanks, by the character columns that are blank in every line.
#
# Reference: G. J. J. van den Burg, A. Nazábal and C. Sutton. Wrangling messy CSV files by detecting row and
# type patterns. Data Mining and Knowledge Discovery 33 (2019), 1799-1820, section 4.

DELIMITERS = (",", ";", "\t", "|")
RARE = ("^", "~", "\x1f", "\x01", "¦", "§")  # delimiters that are tried if no other divides the rows
_ALPHA = 0.001  # score of a row of one field, as in the reference
_TYPED = re.compile(
    r"\s*(?:[-+(]?[$€£¥]?\s?[0-9][0-9.,' \u00a0]*(?:[eE][-+]?[0-9]+)?\s?[%€)]?"  # number, currency, percent
    r"|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[T ][0-9:.+Z]+)?"  # date
    r"|[^,;\t|]*)\s*"  # simple text
)
_PLAIN_NUMBER = re.compile(r"[-+]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?")
_WORD = re.compile("[^ ]+")
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
    numbers = sum(bool(_PLAIN_NUMBER.fullmatch(field)) for field in below)
    is_spaced = sum(bool(_GAP.search(line.strip())) for line in lines) * 2 > len(lines)
    if (
        width > 1
        and count >= len(rows) - 1
        and (numbers * 2 >= len(below) or (is_spaced and count == len(rows)))
    ):
        return blank
    starts = _starts(lines) if is_spaced else ()
    return Dialect(" ", starts) if len(starts) > 1 else None


def _starts(lines: Sequence[str]) -> tuple[int, ...]:
    """Return the first character of each field of aligned text: after a blank in all lines, two in most."""
    used = bytearray(max(map(len, lines)))  # 1 where a line has no blank
    for line in lines:
        for word in _WORD.finditer(line):
            used[word.start() : word.end()] = b"\1" * len(word[0])
    starts = [i for i in range(2, len(used)) if used[i] and not used[i - 1]]
    wide = [i for i in starts if 2 * sum(not line[i - 2 : i].strip() for line in lines) >= len(lines)]
    return (0, *wide)


# The layout of a text table: which records are the header, and which are neither header nor data.
#
# Files from spreadsheets and instruments have more lines than a header and rows. Lines above the header
# (titles, ``sep=;``, comments, the upper row of a header with merged cells) and rows of units or of a
# survey's questions below it are recognized in the first lines of the file, totals and notes below the table
# in ``rows.py``; everything that is left out is a notice with its line, so that nothing disappears without a
# word. What is not recognized stays a row and is checked like one.

SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
COMMENT = "#"
_MISSING = frozenset((*ALWAYS, *MAYBE))
_PLAIN = re.compile(PLAIN)
_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?[0-9][0-9.,' ]*(?:[eE][-+]?[0-9]+)?\s?[%€)]?")  # in any notation
_TITLES = 30  # records above a header, at most
_LABELS = 2  # rows below a header with the questions of a survey and their identifiers
_IMPORT_ID = re.compile(r'\{\s*"ImportId"\s*:.*\}', re.DOTALL)  # below the questions in exports of Qualtrics

Numbered = tuple[int, list[str]]  # physical line on which a record begins, and its fields


@frozen
class Layout:
    """Which records of a text table are header and rows.

    Args:
        header: index of the header among the records of the sample; -1 if there is none.
        units: the physical line of a row of units; 0 if there is none.
        labels: the physical lines of rows with the questions of a survey.
        has_row_names: whether the rows begin with a name that has no column name.
        notices: what is left out above the header.
    """

    header: int = 0
    units: int = 0
    labels: tuple[int, ...] = ()
    has_row_names: bool = False
    notices: tuple[Finding, ...] = ()


def layout_of(records: Sequence[Numbered], source: str) -> Layout:
    """Return the layout of a table from its first records, without blank lines and comments."""
    header = _header(records)
    notices = []
    if header:
        facts = {"source": source, "header": records[header][0], "example": _short(records[0][1])}
        notices.append(Finding("lines_above", "info", facts))
    body = records[header + 1 :]
    names = records[header][1] if records else []
    labels = tuple(line for line, _ in body[: _label_rows(body)])
    units = 0 if labels else _units(names, body)
    return Layout(header, units, labels, _has_row_names(names, body), tuple(notices))


def _header(records: Sequence[Numbered]) -> int:
    """Return the index of the record of column names: the first of the usual width, below titles only."""
    widths = Counter(len(row) for _, row in records if len(row) > 1)
    if not widths:
        return 0
    width = max(widths, key=lambda w: (widths[w], w == len(records[0][1])))
    rows = [row for _, row in records if len(row) == width]
    named = max(len(_without_end(row)) for row in rows)  # the others are empty: lines end in delimiters
    for index, (_, row) in enumerate(records[:_TITLES]):
        is_above = _is_above_names(row, width, named) and _has_names_below(records, index, width, named)
        if _is_title(row, width) or is_above:
            continue
        is_header = len(row) == width and names_columns(row) and widths[width] > 1
        return index if is_header else 0
    return 0


def _is_title(row: Sequence[str], width: int) -> bool:
    """Return whether a record above a table has text in less than half of its columns."""
    filled = sum(bool(field.strip()) for field in row)
    return filled <= 1 < width if len(row) != width else 2 * filled < width and filled <= 2


def _is_above_names(row: Sequence[str], width: int, named: int) -> bool:
    """Return whether a record can be above the header: a name and a value, or the upper row of merged cells.

    Such a row has a gap other than that of an index without a name, or repeats a name.
    """
    filled = [field.strip() for field in row if field.strip()]
    if len(row) < width:
        return len(filled) <= 2
    has_gap = not all(field.strip() for field in row[1:named])
    return len(row) == width and (has_gap or len(set(filled)) < len(filled))


def _has_names_below(records: Sequence[Numbered], index: int, width: int, named: int) -> bool:
    """Return whether the next record of the usual width names all columns, and numbers follow in some."""
    rows = [row for _, row in records[index + 1 :] if len(row) == width]
    if len(rows) < 3 or not names_columns(rows[0]):
        return False
    names = rows[0][:named]
    if any(name.strip().lower() in _MISSING for name in names) or numbers_in(names):
        return False
    return any(_is_number_column([row[i] for row in rows[1:]]) for i in range(width))


def names_columns(row: Sequence[str]) -> bool:
    """Return whether fields can be column names: distinct, at most one empty, at most half are numbers."""
    names = _without_end(row)
    present = [name for name in names if name]
    return len(set(present)) == len(present) >= max(1, len(names) - 1) and 2 * numbers_in(present) <= len(
        present
    )


def joined_names(upper: Sequence[str], body: Sequence[Numbered]) -> list[str]:
    """Return the names of two header rows, of which the upper one has merged cells; none if there is one row.

    The upper row has gaps, which are filled from the left, so that two of its names at least have several
    columns; the lower one has the same names below two of them, or texts in columns of numbers.

    Example:
        >>> rows = [(2, ["", "Q1", "Q2", "Q1", "Q2"]), (3, ["x", "1", "2", "3", "4"])]
        >>> joined_names(["shop", "sales", "", "cost", ""], rows)
        ['shop', 'sales Q1', 'sales Q2', 'cost Q1', 'cost Q2']
    """
    lower = [cell.strip() for cell in body[0][1]] if body else []
    upper = [cell.strip() for cell in upper] + [""] * (len(lower) - len(upper))
    if len(upper) != len(lower) or len(body) < 2 or (all(upper) and len(set(upper)) == len(upper)):
        return []
    groups: dict[str, list[str]] = {}
    names, last = [], ""
    for above, below in zip(upper, lower, strict=True):
        last = above or (last if below else "")
        names.append(" ".join(filter(None, (last, below))))
        groups.setdefault(last, []).append(below)
    several = [tuple(group) for name, group in groups.items() if name and len(group) > 1]
    is_repeated = len(several) > 1 and len(set(several)) < len(several)
    numbers = [
        i for i in range(len(lower)) if _is_number_column([row[i] for _, row in body[1:] if i < len(row)])
    ]
    are_texts = bool(numbers) and bool(several) and not numbers_in([lower[i] for i in numbers])
    is_header = len(several) > 1 and (is_repeated or are_texts) and all(all(group) for group in several)
    return names if is_header and all(names) and len(set(names)) == len(names) else []


def _without_end(row: Sequence[str]) -> list[str]:
    """Return the fields without the empty ones at the end, where lines end in delimiters."""
    fields = [field.strip() for field in row]
    while fields and not fields[-1]:
        fields.pop()
    return fields


def numbers_in(row: Sequence[str]) -> int:
    """Return how many fields are numbers."""
    return sum(bool(_PLAIN.match(field.strip())) for field in row)


def _label_rows(body: Sequence[Numbered]) -> int:
    """Return how many rows below the header describe a survey: the last has an identifier in every column.

    Example:
        >>> ids = ['{"ImportId":"QID1"}', '{"ImportId":"QID2"}']
        >>> _label_rows([(2, ["How old?", "Why?"]), (3, ids), (4, ["31", "so"])])
        2
    """
    for index, (_, row) in enumerate(body[:_LABELS]):
        if all(_IMPORT_ID.fullmatch(field.strip()) for field in row if field.strip()) and any(row):
            return index + 1
    return 0


def _units(names: Sequence[str], body: Sequence[Numbered]) -> int:
    """Return the line of a row of units: texts in all columns whose other cells are numbers."""
    rows = [row for _, row in body if len(row) == len(names)]
    if len(rows) < 3 or rows[0] is not body[0][1]:
        return 0
    first, others = rows[0], rows[1:]
    numeric = [i for i in range(len(names)) if _is_number_column([row[i] for row in others])]
    texts = [first[i].strip() for i in numeric]
    is_unit_row = any(texts) and not any(_NUMBER.fullmatch(text) for text in texts)
    if not is_unit_row or any(text.lower() in _MISSING for text in texts if text):
        return 0
    rest = [i for i in range(len(names)) if i not in numeric]
    repeated = any(first[i].strip() and first[i] in {row[i] for row in others} for i in rest)
    has_gaps = not all(texts) and len(texts) < 3
    return 0 if repeated or has_gaps else body[0][0]


def _is_number_column(cells: Sequence[str]) -> bool:
    present = [cell.strip() for cell in cells if cell.strip().lower() not in _MISSING]
    return bool(present) and all(_NUMBER.fullmatch(cell) for cell in present)


def _has_row_names(names: Sequence[str], body: Sequence[Numbered]) -> bool:
    """Return whether every row has one field more than the header, and the first ones name the rows."""
    rows = [row for _, row in body]
    if len(rows) < 3 or any(len(row) != len(names) + 1 for row in rows):
        return False
    first = [row[0].strip() for row in rows]
    if len(set(first)) < len(first) or not all(row[-1].strip() for row in rows[:3]):
        return False
    if all(cell.isdecimal() for cell in first):
        counts = [int(cell) for cell in first]
        return counts[0] in (0, 1) and all(b == a + 1 for a, b in pairwise(counts))
    return not any(_PLAIN.match(cell) for cell in first)


def has_header(names: Sequence[str], body: Sequence[Numbered]) -> bool:
    """Return whether the first record contains names: not numbers, and not values of the columns below it."""
    plain = [bool(_PLAIN.match(name)) for name in names]
    fractions = sum(is_plain and "." in name for is_plain, name in zip(plain, names, strict=True))
    if all(plain) or 2 * fractions > len(names):
        return False
    rows = [row for _, row in body if len(row) == len(names)]
    rows = [row for row in rows if not is_same_header(row, names)]
    texts = [i for i, is_plain in enumerate(plain) if not is_plain and names[i]]
    repeated = sum(names[i] in {row[i].strip() for row in rows} for i in texts)
    return 2 * repeated <= len(texts)


def is_same_header(row: Sequence[str], names: Sequence[str]) -> bool:
    """Return whether a record repeats the header, possibly in another case, with spaces or a byte order mark.

    Example:
        >>> is_same_header(["\ufeffX ", " c"], ["x", "c"])
        True
    """
    return len(row) == len(names) and all(_folded(a) == _folded(b) for a, b in zip(row, names, strict=True))


def _folded(cell: str) -> str:
    return cell.strip().strip("\ufeff").strip('"').casefold()


def is_ruler(row: Sequence[str]) -> bool:
    """Return whether a record only separates the header from the rows, as in Markdown and psql.

    Example:
        >>> is_ruler(["", "---", ":--:", ""]), is_ruler(["------+-----"]), is_ruler(["-", "3"])
        (True, True, False)
    """
    cells = (cell.strip() for cell in row if cell.strip())  # all() stops at the first cell of a usual row
    return any(row) and all(len(cell) >= 3 and not cell.strip("-=+:| ") for cell in cells)


def _short(row: Sequence[str]) -> str:
    text = " ".join(field.strip() for field in row if field.strip())
    return text if len(text) <= 40 else text[:37] + "..."


# Lines below a table that are no rows: totals, means, sources and notes.

_TOTALS = frozenset(
    """total|totals|grand total|subtotal|sum|total result|average|mean|avg|median
    |summe|gesamt|gesamtsumme|gesamtergebnis|insgesamt|mittelwert|durchschnitt
    |total général|somme|totaux|moyenne|total general|suma|media|promedio|totale
    |totale complessivo|somma|total geral|soma|média|totaal|eindtotaal|итого|всего
    |合计|总计|共计|小计|总和|平均|平均值|合計|総計""".replace("\n    ", "").split("|")
)
_NOTES = tuple(
    """source|sources|note|notes|footnote|quelle|quellen|hinweis|anmerkung
    |anmerkungen|stand|nota|notas|fuente|fonte|remarque|data as of|as of|generated
    |exported|copyright|last updated|来源|资料来源|数据来源|注|说明|备注""".replace("\n    ", "").split("|")
)
_NOTE = re.compile(rf"[*†‡(\[©]|(?:{'|'.join(_NOTES)})(?:\b|[:：.])", re.IGNORECASE)


def is_total(row: Sequence[str]) -> bool:
    """Return whether a record reads as totals or means: after a word for them, it has numbers or nothing.

    Example:
        >>> is_total(["Total", "12", "3.5"]), is_total(["total", "blue", "3"]), is_total(["Summe", "", ""])
        (True, False, True)
    """
    texts = [field.strip() for field in row if field.strip()]
    if not texts or len(row) < 2 or texts[0].lower().rstrip(":： ") not in _TOTALS:
        return False
    return all(_NUMBER.fullmatch(text) for text in texts[1:])


def is_note(text: str) -> bool:
    """Return whether a text begins as a source, a note or a count of rows does, and has several words.

    Example:
        >>> is_note("Source: Statistical Office"), is_note("(60 rows)"), is_note("Source")
        (True, True, False)
    """
    return " " in text and bool(_NOTE.match(text))


def footer_kind(row: Sequence[str], width: int) -> str:
    """Return why the last record, maybe a note, is left out: ``"total_row"``, ``"lines_below"`` or empty."""
    if len(row) == width and is_total(row):
        return "total_row"
    texts = [field.strip() for field in row if field.strip()]
    if width == 1 or not texts or len(row) > width or (len(row) == width and len(texts) > 1):
        return ""
    return "lines_below" if is_note(" ".join(texts)) else ""


_SHOWN = 5  # ragged lines that an error lists


@dataclass
class DataRows:
    """Selection of the rows among the records below a header.

    Args:
        header: the record of the header; repetitions of it are left out.
        units: the line of a row of units, 0 if there is none.
        labels: the lines of rows with the questions of a survey.
        optional: trailing columns that a row may lack, since the header ends in delimiters.
        has_comments: whether records that begin with ``#`` are comments.
    """

    source: str
    width: int
    header: Sequence[str] = ()
    units: int = 0
    labels: Sequence[int] = ()
    optional: int = 0
    has_comments: bool = False
    ragged: list[Numbered] = field(default_factory=list)
    _lines: dict[str, list[tuple[int, str]]] = field(
        default_factory=dict
    )  # lines that are left out, by reason
    _count: int = 0
    _last: int = 0  # line of the last row

    def select(self, block: list[Numbered], is_last: bool = False) -> list[Numbered]:
        """Return the rows of a block of records, without totals and notes at the end of the last block."""
        width, first = self.width, self._first
        rows = [entry for entry in block if len(entry[1]) == width and first not in entry[1][0].casefold()]
        if len(rows) < len(block) or self.has_comments or self.units or not self._count:
            rows = [entry for entry in map(self._fitted, block) if entry is not None]
        self._count += len(rows)
        while is_last and len(rows) > 2 and (reason := self._footer(rows)):
            line, row = rows.pop()
            self._leave_out(reason, line, row)
        self._last = rows[-1][0] if rows else self._last
        return rows

    def count(self, rows: int, last: int) -> None:
        """Count rows that are known to be complete, the last of which is in this line."""
        self._count += rows
        self._last = last

    @cached_property
    def _first(self) -> str:
        """The first name of the header, which repetitions contain; a text of no cell if it is empty."""
        return (self.header[0].strip().casefold() if self.header else "") or "\0"

    def _footer(self, rows: list[Numbered]) -> str:
        """Return why the last row is left out, else empty: its text does not occur in the rows above."""
        reason = footer_kind(rows[-1][1], self.width)
        if not reason:
            return ""
        word = next(cell for cell in rows[-1][1] if cell.strip())
        return "" if any(word in row for _, row in rows[:-1]) else reason

    def _fitted(self, entry: Numbered) -> Numbered | None:
        """Return a record as a row, or ``None`` if it is left out or ragged."""
        line, row = entry
        if line == self.units:
            self._leave_out("units_row", line, row)
        elif line in self.labels:
            self._leave_out("label_rows", line, row)
        elif self.width > 1 and len(row) == 1 and not row[0].strip(" \t\r\n\x1a"):
            pass  # a line of blanks, or the end of a text file of DOS
        elif self.width > 1 and is_ruler(row):
            pass
        elif row[0].startswith(COMMENT) and (self.has_comments or len(row) != self.width):
            self._leave_out("comment_lines", line, row)
        elif self.width > 1 and is_same_header(row, self.header):
            self._leave_out("repeated_header", line, row)
        elif len(row) == self.width:
            return entry
        elif len(row) > self.width and not any(cell.strip() for cell in row[self.width :]):
            self._leave_out("trailing_delimiters", line, row)
            return line, row[: self.width]
        elif self.width - self.optional <= len(row) < self.width:
            return line, row + [""] * (self.width - len(row))
        else:
            self.ragged.append(entry)
        return None

    def _leave_out(self, reason: str, line: int, row: Sequence[str]) -> None:
        text = " ".join(cell.strip() for cell in row if cell.strip())
        self._lines.setdefault(reason, []).append((line, text if len(text) <= 40 else text[:37] + "..."))

    @property
    def notices(self) -> list[Finding]:
        """Notices for the lines that are left out."""
        return [
            Finding(
                reason,
                "info",
                {"source": self.source, "count": len(lines), "line": lines[0][0], "example": lines[0][1]},
            )
            for reason, lines in self._lines.items()
        ]

    def raise_ragged(self) -> None:
        """Raise E306 if a record has another number of fields than the header, with the first such lines."""
        if not self.ragged:
            return
        fix = fact("put cells that contain the delimiter in double quotes")
        if all(line > self._last and footer_kind(row, self.width) for line, row in self.ragged):
            fix = fact("delete the lines below the table")
        (line, row), *others = self.ragged
        notes = [
            fact("line {line} has {count} fields", line=n, count=len(fields)) for n, fields in others[:_SHOWN]
        ]
        if len(others) > _SHOWN:
            notes.append(fact("and {count} more such lines", count=len(others) - _SHOWN))
        where = fact("{file} line {line}", file=self.source, line=line)
        expected = fact("{count} fields", count=self.width)
        received = fact("{count} fields", count=len(row))
        raise DataError("E306", where=where, expected=expected, received=received, notes=notes, fix=fix)
