"""The rows of a text table: records that have the width of the header; others are left out or reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chainrule.data.readers.text.layout import COMMENT, Numbered, is_total
from chainrule.data.tables.findings import Finding
from chainrule.errors import DataError, fact

_SHOWN = 5  # ragged lines that an error lists


@dataclass
class Rows:
    """Selects the rows among the records below a header.

    Args:
        source: name of the file.
        width: number of columns.
        header: the record of the header; repetitions of it are left out.
        units: the line of a row of units, 0 if there is none.
        optional: trailing columns that a row may lack, since the header ends in delimiters.
        has_comments: whether records that begin with ``#`` are comments.
    """

    source: str
    width: int
    header: Sequence[str] = ()
    units: int = 0
    optional: int = 0
    has_comments: bool = False
    ragged: list[tuple[int, int]] = field(default_factory=list)  # line and number of fields
    _lines: dict[str, list[tuple[int, str]]] = field(
        default_factory=dict
    )  # lines that are left out, by reason
    _count: int = 0

    def select(self, block: list[Numbered], is_last: bool = False) -> list[Numbered]:
        """The rows of a block of records; of the last block, without a row of totals."""
        width, header = self.width, list(self.header)
        rows = [entry for entry in block if len(entry[1]) == width and entry[1] != header]
        if len(rows) < len(block) or self.has_comments or self.units:
            rows = [entry for entry in map(self._fitted, block) if entry is not None]
        self._count += len(rows)
        if is_last and self._count > 2 and self._ends_in_totals(rows):
            line, row = rows.pop()
            self._leave_out("total_row", line, row)
        return rows

    def count(self, rows: int) -> None:
        """Count rows that are known to be complete."""
        self._count += rows

    def _ends_in_totals(self, rows: list[Numbered]) -> bool:
        if not rows or not is_total(rows[-1][1]):
            return False
        word = next(cell for cell in rows[-1][1] if cell.strip())
        return not any(word in row for _, row in rows[:-1])

    def _fitted(self, entry: Numbered) -> Numbered | None:
        """A record as a row, or ``None`` if it is left out or ragged."""
        line, row = entry
        if line == self.units:
            self._leave_out("units_row", line, row)
        elif self.width > 1 and len(row) == 1 and not row[0].strip():
            pass  # a line of blanks
        elif row[0].startswith(COMMENT) and (self.has_comments or len(row) != self.width):
            self._leave_out("comment_lines", line, row)
        elif self.width > 1 and row == list(self.header):
            self._leave_out("repeated_header", line, row)
        elif len(row) == self.width:
            return entry
        elif len(row) > self.width and not any(cell.strip() for cell in row[self.width :]):
            self._leave_out("trailing_delimiters", line, row)
            return line, row[: self.width]
        elif self.width - self.optional <= len(row) < self.width:
            return line, row + [""] * (self.width - len(row))
        else:
            self.ragged.append((line, len(row)))
        return None

    def _leave_out(self, reason: str, line: int, row: Sequence[str]) -> None:
        text = " ".join(cell.strip() for cell in row if cell.strip())
        self._lines.setdefault(reason, []).append((line, text if len(text) <= 40 else text[:37] + "..."))

    @property
    def notices(self) -> list[Finding]:
        """Notices for the lines that are left out."""
        return [
            Finding(reason, "info", {
                "source": self.source, "count": len(lines), "line": lines[0][0], "example": lines[0][1],
            })
            for reason, lines in self._lines.items()
        ]  # fmt: skip

    def raise_ragged(self) -> None:
        """Raise E306 if a record has another number of fields than the header, with the first such lines."""
        if not self.ragged:
            return
        (line, received), *others = self.ragged
        notes = [f"line {n} has {fields} fields" for n, fields in others[:_SHOWN]]
        if len(others) > _SHOWN:
            notes.append(fact("and {count} more such lines", count=len(others) - _SHOWN))
        raise DataError(
            "E306",
            where=fact("{file} line {line}", file=self.source, line=line),
            expected=fact("{count} fields", count=self.width),
            received=fact("{count} fields", count=received),
            notes=notes,
            fix=fact("put cells that contain the delimiter in double quotes"),
        )
