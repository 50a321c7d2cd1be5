"""The layout of a text table: which records are the header, and which are neither header nor data.

Files from spreadsheets and instruments have more lines than a header and rows. Lines above the header
(titles, ``sep=;``, comments, the upper row of a header with merged cells) and rows of units or of a survey's
questions below it are recognized in the first lines of the file, totals and notes below the table in
``rows.py``; everything that is left out is a notice with its line, so that nothing disappears without a
word. What is not recognized stays a row and is checked like one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from chainrule.data.cells.missing import ALWAYS, MAYBE
from chainrule.data.cells.number_notation import PLAIN
from chainrule.data.tables.findings import Finding
from chainrule.records import frozen

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
