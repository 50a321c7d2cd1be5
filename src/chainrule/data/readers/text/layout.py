"""The layout of a text table: which records are the header, and which are neither header nor data.

Files from spreadsheets and instruments have more lines than a header and rows. Lines above the header
(titles, ``sep=;``, comments) and a row of units below it are recognized in the first lines of the file;
everything that is left out is a notice with its line, so that nothing disappears without a word. What is not
recognized stays a row and is checked like one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from chainrule.data.cells.missing import ALWAYS, MAYBE
from chainrule.data.readers.number_parsing import PLAIN
from chainrule.data.tables.findings import Finding
from chainrule.records import frozen

SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
COMMENT = "#"
_MISSING = frozenset((*ALWAYS, *MAYBE))
_PLAIN = re.compile(PLAIN)
_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?[0-9][0-9.,' ]*(?:[eE][-+]?[0-9]+)?\s?[%€)]?")  # in any notation
_TITLES = 30  # records above a header, at most
_TOTALS = frozenset(
    ("total", "totals", "grand total", "sum", "total:", "sum:", "合计", "总计", "共计", "合计:", "合计：")
)

Numbered = tuple[int, list[str]]  # physical line on which a record begins, and its fields


@frozen
class Layout:
    """Which records of a text table are header and rows.

    Args:
        header: index of the header among the records of the sample; -1 if there is none.
        units: the physical line of a row of units; 0 if there is none.
        has_row_names: whether the rows begin with a name that has no column name.
        notices: what is left out above the header.
    """

    header: int = 0
    units: int = 0
    has_row_names: bool = False
    notices: tuple[Finding, ...] = ()


def layout_of(records: Sequence[Numbered], source: str) -> Layout:
    """The layout of a table from its first records.

    Args:
        records: the first records of the file, without blank lines and comments.
        source: name of the file.
    """
    header = _header(records)
    notices = []
    if header:
        facts = {"source": source, "header": records[header][0], "example": _short(records[0][1])}
        notices.append(Finding("lines_above", "info", facts))
    body = records[header + 1 :]
    names = records[header][1] if records else []
    units = _units(names, body)
    return Layout(header, units, _has_row_names(names, body), tuple(notices))


def _header(records: Sequence[Numbered]) -> int:
    """The index of the record with the column names: the first of the usual width, below titles only."""
    widths = Counter(len(row) for _, row in records if len(row) > 1)
    if not widths:
        return 0
    width = max(widths, key=lambda w: (widths[w], w == len(records[0][1])))
    for index, (_, row) in enumerate(records[:_TITLES]):
        if _is_title(row, width):
            continue
        is_header = len(row) == width and names_columns(row) and widths[width] > 1
        return index if is_header else 0
    return 0


def _is_title(row: Sequence[str], width: int) -> bool:
    """Whether a record above a table has text in less than half of its columns."""
    filled = sum(bool(field.strip()) for field in row)
    return filled <= 1 < width if len(row) != width else 2 * filled < width and filled <= 2


def names_columns(row: Sequence[str]) -> bool:
    """Whether fields can be column names: distinct, at most one empty, at most half of them numbers."""
    names = [field.strip() for field in row]
    while names and not names[-1]:
        names.pop()
    present = [name for name in names if name]
    return len(set(present)) == len(present) >= max(1, len(names) - 1) and 2 * numbers_in(present) <= len(
        present
    )


def numbers_in(row: Sequence[str]) -> int:
    """How many fields are numbers."""
    return sum(bool(_PLAIN.match(field.strip())) for field in row)


def _units(names: Sequence[str], body: Sequence[Numbered]) -> int:
    """The line of a row of units: the first row has a text in every column whose other cells are numbers."""
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
    """Whether every row has one field more than the header, and the first ones count or name the rows."""
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


def is_total(row: Sequence[str]) -> bool:
    """Whether a record reads as totals: the first text is a word for them, and numbers or nothing follow.

    Example:
        >>> is_total(["Total", "12", "3.5"]), is_total(["total", "blue", "3"])
        (True, False)
    """
    texts = [field.strip() for field in row if field.strip()]
    if len(texts) < 2 or texts[0].lower() not in _TOTALS:
        return False
    return all(_NUMBER.fullmatch(text) for text in texts[1:])


def has_header(names: Sequence[str], body: Sequence[Numbered]) -> bool:
    """Whether the first record contains names: not numbers, and not values of the columns below it."""
    plain = [bool(_PLAIN.match(name)) for name in names]
    fractions = sum(is_plain and "." in name for is_plain, name in zip(plain, names, strict=True))
    if all(plain) or 2 * fractions > len(names):
        return False
    rows = [row for _, row in body if len(row) == len(names)]
    rows = [row for row in rows if [cell.strip() for cell in row] != list(names)]
    texts = [i for i, is_plain in enumerate(plain) if not is_plain and names[i]]
    repeated = sum(names[i] in {row[i].strip() for row in rows} for i in texts)
    return 2 * repeated <= len(texts)


def _short(row: Sequence[str]) -> str:
    text = " ".join(field.strip() for field in row if field.strip())
    return text if len(text) <= 40 else text[:37] + "..."
