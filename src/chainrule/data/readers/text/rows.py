"""The rows of a text table: records that have the width of the header; others are left out or reported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from chainrule.data.readers.text.layout import COMMENT, Numbered, is_ruler, is_same_header
from chainrule.data.tables.findings import Finding
from chainrule.errors import DataError, fact
from chainrule.memo import cached_property

# Lines below a table that are no rows: totals, means, sources and notes.

_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?[0-9][0-9.,' ]*(?:[eE][-+]?[0-9]+)?\s?[%€)]?")  # in any notation
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
class Rows:
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
