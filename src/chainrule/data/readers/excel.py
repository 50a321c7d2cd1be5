"""Read a sheet of an Excel workbook (``.xlsx``) as a table, with bounded memory."""

from __future__ import annotations

import datetime
import posixpath
import re
import xml.parsers.expat as expat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import numpy as np

from chainrule.data.cells.missing import error_counts
from chainrule.data.cells.number_notation import clean, number_text
from chainrule.data.cells.typed_columns import TypedColumn, error_notices, tabulate, type_texts
from chainrule.data.readers.csv_files import Header, check_names, header_of
from chainrule.data.readers.csv_layout import footer_kind
from chainrule.data.readers.file_content import SWELL_FREE, SWELL_RATIO, Content, open_zip, several_tables
from chainrule.data.readers.frames import of_columns
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact
from chainrule.records import frozen

# Read the cells of a workbook (``.xlsx``), a zip archive of XML files (ECMA-376), in bounded memory.
#
# Only cells that the file contains are stored, by row and column, because a sheet with one cell at A1 and one
# at XFD1048576 has 17 billion cells. XML is parsed by expat while it is decompressed; a document type
# declaration is refused, so that no entity is defined or loaded. The expanded bytes are counted, and so are
# the characters of shared strings, which many cells may refer to.
#
# Libraries were compared (``docs/decisions/0049-sources.md``): python-calamine allocates the rectangle of all
# cells, and openpyxl takes a minute for a million cells and builds an object for each.

MAIN = "xl/workbook.xml"
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
STRING_LIMIT = 10_000_000  # characters of one cell
FORMULA_LENGTH = 40  # characters of a formula in a notice
MAX_MERGED = 100_000  # ranges of merged cells
_PIECE = 1 << 16
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)  # [h]:mm, hours beyond a day
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_DATE_FORMATS = {
    *range(14, 23),
    *range(27, 37),
    *range(45, 48),
    *range(50, 59),
}  # built-in numbers of formats
ELAPSED_FORMAT = 46  # [h]:mm:ss
_NOT_A_FORMAT = re.compile(
    r'"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^]]*\]', re.IGNORECASE
)  # texts, colors, locales
Cells = dict[int, Any]  # values by column, from 0


@frozen
class Merged:
    """A range of merged cells: its first and last row, from 1, and column, from 0."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass
class Sheet:
    """The cells of a sheet: values by column for each row that has any, with the row's number."""

    rows: list[tuple[int, Cells]] = field(default_factory=list)
    count: int = 0  # cells
    errors: list[tuple[int, int, str]] = field(default_factory=list)  # row, column, #DIV/0!: read as missing
    formulas: int = 0  # cells with a formula whose value is not in the file
    formula: str = ""  # the first of them
    merged: list[Merged] = field(default_factory=list)


class Workbook:
    """An open workbook; E308: it expands too much; E316: damaged, or a document type declaration."""

    def __init__(self, source: str, binary: BinaryIO, size: int) -> None:
        self.source = source
        self._left = max(SWELL_FREE, SWELL_RATIO * size)  # bytes that may still be expanded
        self._packed = size
        with self._damage():
            self._archive = open_zip(binary, source)
            targets = self._relations()
            self._is_1904 = False
            self._sheets = {name: targets[id] for name, id in self._listed() if id in targets}
            self._strings = self._shared_strings(targets)
            self._dates = self._date_styles(targets)

    @property
    def sheets(self) -> tuple[str, ...]:
        """The names of the sheets in order, the hidden ones last."""
        return tuple(self._sheets)

    def read(self, name: str) -> Sheet:
        """Read the cells of a sheet."""
        limit = max(SWELL_FREE, SWELL_RATIO * self._packed)
        parser = _SheetParser(self._strings, self._dates, self._is_1904, limit)
        with self._damage():
            self._parse(self._sheets[name], parser.start, parser.end, parser.text)
        return parser.sheet

    def _damage(self) -> _Damage:
        return _Damage(self.source)

    def _relations(self) -> dict[str, str]:
        targets: dict[str, str] = {}

        def start(name: str, values: Mapping[str, str]) -> None:
            if name == "Relationship" and values.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/xl", values.get("Target", "")))
                targets[values.get("Id", "")] = target.lstrip("/")
                targets[values.get("Type", "").rpartition("/")[2]] = target.lstrip("/")

        self._parse("xl/_rels/workbook.xml.rels", start)
        return targets

    def _listed(self) -> list[tuple[str, str]]:
        sheets: list[tuple[str, str]] = []
        hidden: list[tuple[str, str]] = []

        def start(name: str, values: Mapping[str, str]) -> None:
            if name == "sheet":
                is_hidden = values.get("state", "visible") != "visible"
                (hidden if is_hidden else sheets).append((values.get("name", ""), values.get("id", "")))
            elif name == "workbookPr":
                self._is_1904 = values.get("date1904") in ("1", "true")

        self._parse(MAIN, start)
        return sheets + hidden

    def _shared_strings(self, targets: Mapping[str, str]) -> list[str]:
        strings: list[str] = []
        parts: list[str] = []
        inside: list[str] = []  # open elements

        def start(name: str, values: Mapping[str, str]) -> None:
            inside.append(name)

        def end(name: str) -> None:
            inside.pop()
            if name == "si":
                strings.append("".join(parts))
                parts.clear()

        def text(data: str) -> None:
            if inside and inside[-1] == "t" and "rPh" not in inside:  # rPh: pronunciation of Japanese
                parts.append(data)

        if "sharedStrings" in targets:
            self._parse(targets["sharedStrings"], start, end, text)
        return strings

    def _date_styles(self, targets: Mapping[str, str]) -> tuple[str, ...]:
        """Return for each cell style ``"date"`` if it shows a number as a date or time, ``"elapsed"`` if as a
        duration, otherwise nothing."""
        formats: dict[int, str] = {}
        styles: list[int] = []
        inside: list[str] = []

        def start(name: str, values: Mapping[str, str]) -> None:
            if name == "numFmt":
                formats[_number(values.get("numFmtId"))] = values.get("formatCode", "")
            elif name == "xf" and inside and inside[-1] == "cellXfs":
                styles.append(_number(values.get("numFmtId")))
            inside.append(name)

        def end(name: str) -> None:
            inside.pop()

        if "styles" in targets:
            self._parse(targets["styles"], start, end)
        return tuple(_kind_of_format(style, formats.get(style, "")) for style in styles)

    def _parse(
        self,
        member: str,
        start: Callable[[str, Mapping[str, str]], None],
        end: Callable[[str], None] = lambda name: None,
        text: Callable[[str], None] = lambda data: None,
    ) -> None:
        """Parse a member of the archive; element and attribute names are passed without their namespace."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_declaration
        parser.EntityDeclHandler = _refuse_declaration
        parser.StartElementHandler = lambda name, values: start(
            name.rpartition(" ")[2], {key.rpartition(" ")[2]: value for key, value in values.items()}
        )
        parser.EndElementHandler = lambda name: end(name.rpartition(" ")[2])
        parser.CharacterDataHandler = text
        for piece in self._pieces(member):
            parser.Parse(piece, False)
        parser.Parse(b"", True)

    def _pieces(self, member: str) -> Iterator[bytes]:
        with self._archive.open(member) as file:
            while piece := file.read(_PIECE):
                self._left -= len(piece)
                if self._left < 0:
                    received = fact(
                        "too many bytes from a compressed file of {packed:,}", packed=self._packed
                    )
                    expected = fact("at most {ratio} times its size", ratio=SWELL_RATIO)
                    raise DataError("E308", where=self.source, expected=expected, received=received)
                yield piece


def _kind_of_format(number: int, text: str) -> str:
    """Return what a format shows a number as: ``"date"``, ``"elapsed"`` or nothing."""
    if number == ELAPSED_FORMAT or _ELAPSED.search(text):
        return "elapsed"
    is_date = number in _DATE_FORMATS or re.search("[dmyhs]", _NOT_A_FORMAT.sub("", text), re.I)
    return "date" if is_date else ""


class _Damage:
    """Context manager that turns an exception of damaged bytes into E316."""

    def __init__(self, source: str) -> None:
        self._source = source

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        damaged = (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError, NotImplementedError)
        faults = (*damaged, KeyError, ValueError, RuntimeError, IndexError, OverflowError)
        if isinstance(error, faults) and not isinstance(error, DataError):
            received = (
                error.args[0]
                if isinstance(error, _RefusedError)
                else f"{type(error).__name__}: {error}"[:120]
            )
            raise DataError(
                "E316", where=self._source, expected=fact("a workbook (.xlsx)"), received=received
            ) from error


class _RefusedError(ValueError):
    """XML that a workbook does not need."""


def _refuse_declaration(*_: object) -> None:
    raise _RefusedError(fact("XML with a document type declaration"))


class _SheetParser:
    """Collector of the cells of a sheet from the events of the XML parser."""

    def __init__(self, strings: list[str], dates: tuple[str, ...], is_1904: bool, limit: int) -> None:
        self.sheet = Sheet()
        self._left = limit  # characters of texts that may still be referred to
        self._strings, self._dates, self._is_1904 = strings, dates, is_1904
        self._row: Cells = {}
        self._number = self._column = 0
        self._kind, self._style = "n", 0
        self._parts: list[str] = []
        self._size, self._formula = 0, ""
        self._is_value = self._is_formula = self._has_formula = False
        self._phonetic = 0

    def start(self, name: str, values: Mapping[str, str]) -> None:
        if name == "c":
            self._kind, self._style = values.get("t", "n"), _number(values.get("s"))
            self._parts, self._size, self._has_formula, self._formula = [], 0, False, ""
            reference = _REFERENCE.fullmatch(values.get("r", ""))
            self._column = _column(reference[1]) if reference else self._column + 1
        elif name == "row":
            self._number = _number(values.get("r")) or self._number + 1
            self._row, self._column = {}, -1
            if self._number > LAST_ROW:
                raise ValueError(f"row {self._number}")
        elif name == "rPh":
            self._phonetic += 1
        elif name == "mergeCell" and len(self.sheet.merged) < MAX_MERGED:
            ends = [_REFERENCE.fullmatch(end) for end in values.get("ref", "").split(":")]
            if len(ends) == 2 and ends[0] and ends[1]:
                (top, left), (bottom, right) = ((int(end[2]), _column(end[1])) for end in ends if end)
                self.sheet.merged.append(Merged(top, left, bottom, right))
        self._is_value = name in ("v", "t") and not self._phonetic
        self._is_formula = name == "f"
        self._has_formula |= self._is_formula

    def text(self, data: str) -> None:
        if self._is_value:
            self._parts.append(data)
            self._size += len(data)
            if self._size > STRING_LIMIT:
                raise ValueError(f"a cell of over {STRING_LIMIT:,} characters")
        elif self._is_formula:
            self._formula = (self._formula + data)[:FORMULA_LENGTH]

    def end(self, name: str) -> None:
        self._is_value = self._is_formula = False
        if name == "c":
            value = self._value("".join(self._parts)) if self._parts else None
            if value is not None and value != "":
                self._row[self._column] = value
                self.sheet.count += 1
            elif self._has_formula and not self._parts:
                self.sheet.formulas += 1
                self.sheet.formula = self.sheet.formula or f"={self._formula}"
        elif name == "row" and self._row:
            self.sheet.rows.append((self._number, self._row))
        elif name == "rPh":
            self._phonetic -= 1

    def _value(self, text: str) -> Any:
        match self._kind:
            case "s":
                shared = self._strings[int(text)]
                self._left -= len(shared)
                if self._left < 0:
                    raise _RefusedError(fact("too many characters in shared strings"))
                return shared
            case "b":
                return text.strip() == "1"
            case "e":
                self.sheet.errors.append((self._number, self._column, text.strip().upper()))
                return None
            case "n":
                kind = self._dates[self._style] if 0 < self._style < len(self._dates) else ""
                if kind == "elapsed":
                    return _duration(float(text))
                return self._date(float(text)) if kind else _plain_number(text)
            case _:  # "str", "inlineStr", "d": a date in ISO 8601
                return text

    def _date(self, days: float) -> Any:
        """Return the date of a serial number; times without a date are below 1."""
        if 0 <= days < 1:
            seconds = round(days * 86_400)
            return str(datetime.timedelta(seconds=seconds)).rjust(8, "0")
        start = datetime.datetime(1904, 1, 1) if self._is_1904 else datetime.datetime(1899, 12, 30)
        if days < 61 and not self._is_1904:
            days += 1  # Excel counts 29 February 1900, which did not exist
        moment = start + datetime.timedelta(milliseconds=round(days * 86_400_000))
        return moment.date() if moment.time() == datetime.time() else moment


def _duration(days: float) -> str:
    """Return a duration in the notation of ISO 8601, which is not one of a time of day.

    Example:
        >>> _duration(1.0625), _duration(-0.5)
        ('PT25H30M0S', '-PT12H0M0S')
    """
    minutes, seconds = divmod(round(abs(days) * 86_400), 60)
    return f"{'-' if days < 0 else ''}PT{minutes // 60}H{minutes % 60}M{seconds}S"


def _plain_number(text: str) -> int | float:
    return int(text) if _INTEGER.fullmatch(text) else float(text)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0


def _column(letters: str) -> int:
    """Return the index of a column, from 0.

    Example:
        >>> _column("A"), _column("AB"), _column("XFD")
        (0, 27, 16383)
    """
    index = 0
    for letter in letters:
        index = 26 * index + ord(letter) - 64
    if index > LAST_COLUMN:
        raise ValueError(f"column {letters}")
    return index - 1


SPREADSHEET_OPTIONS = ("skip", "header", "table")
_KINDS: dict[type, type] = {int: float, datetime.datetime: datetime.date}  # types of one kind of column
_SAMPLE = 200  # rows in which the header is looked for
_FREE_CELLS, _CELL_RATIO = 10_000_000, 100  # cells of a table, and their ratio to the cells in the file


def read_spreadsheet(content: Content, options: ReadOptions) -> Table:
    """Read a sheet of a workbook.

    Args:
        content: an ``.xlsx`` file.
        options: ``table``: the name of the sheet, by default the first that is not empty; ``skip`` and
            ``header`` as for text files.

    Raises:
        DataError: E303 no cells; E304 no rows; E305, E310 header; E308 too large; E316 damaged; E327 no such
            sheet.
    """
    workbook = Workbook(content.name, content.binary, content.size)
    names = list(workbook.sheets)
    if options.table and options.table not in names:
        raise several_tables(content.name, names, options.table)
    for name in [options.table] if options.table else names:
        sheet = workbook.read(name)
        if sheet.rows:
            table = _table(content.name, sheet, options)
            others = [other for other in names if other != name]
            if others and not options.table:
                facts = {"source": content.name, "sheet": name, "others": ", ".join(others[:5])}
                table = replace(table, notices=(Finding("sheet", "info", facts), *table.notices))
            return table
    raise DataError("E303", where=content.name, expected=fact("a header and rows"), received=fact("no cells"))


def _table(source: str, sheet: Sheet, options: ReadOptions) -> Table:
    """Return the table of a sheet, whose empty columns at the left are ignored."""
    rows = [(number, cells) for number, cells in sheet.rows if number > options.skip]
    if not rows:
        raise DataError("E303", where=source, expected=fact("a header and rows"), received=fact("no cells"))
    rows, joined_rows = _join_merged_names(source, rows, sheet, options)
    filled = _fill_merged(rows, sheet)
    left = min(min(cells) for _, cells in [row for row in rows if len(row[1]) > 1] or rows)
    width = 1 + max(max(cells) for _, cells in rows[:_SAMPLE]) - left
    records = [(number, _texts(cells, left, width)) for number, cells in rows[:_SAMPLE]]
    header = header_of(records, source, options)
    names, notices = header.names, [*header.notices, *joined_rows]
    described = {header.units, *header.labels}
    body = [row for row in rows if row[0] > header.line and row[0] not in described]
    if len(body) * len(names) > max(_FREE_CELLS, _CELL_RATIO * sheet.count):
        received = fact("{rows} rows, {columns} columns", rows=len(body), columns=len(names))
        raise DataError("E308", where=source, received=received, fix=fact("is this a table?"))
    _require_named(source, body, left, len(names))
    notices += _footer_notices(source, body, left, len(names))
    if not body:
        raise DataError(
            "E304", where=source, expected=fact("at least one row"), received=fact("a header only")
        )
    notices += _cell_notices(source, header, sheet)
    if filled:
        notices.append(Finding("merged_cells", "info", {"source": source, "count": filled}))
    names, more = _without_empty(source, header, body, left)
    notices += more
    lines = np.array([number for number, _ in body], np.int64)
    columns = {name: [row.get(left + i) for _, row in body] for i, name in names.items()}
    table = _typed(source, columns, lines)
    errors = Counter(
        (names[column - left], error)
        for row, column, error in sheet.errors
        if row > header.line and column - left in names
    )
    errors.update(_errors_in_texts(columns, table))
    return replace(table, notices=(*notices, *error_notices(source, errors), *table.notices))


def _errors_in_texts(columns: dict[str, list[Any]], table: Table) -> dict[tuple[str, str], int]:
    """Return the errors that are texts of cells, as a file that was converted has, by column and error."""
    counts = {}
    for name, values in columns.items():
        if table.frame[name].null_count() > values.count(None):
            texts = pl.Series([value for value in values if isinstance(value, str)], dtype=pl.String)
            counts |= {(name, error): n for error, n in error_counts(texts.str.strip_chars()).items()}
    return counts


def _fill_merged(rows: list[tuple[int, Cells]], sheet: Sheet) -> int:
    """Write the value of cells that are merged downwards into the rows that they cover; return how many."""
    by_number, filled = dict(rows), 0
    for merged in sheet.merged:
        value = by_number.get(merged.top, {}).get(merged.left)
        if value is None:
            continue
        for number in range(merged.top + 1, min(merged.bottom, rows[-1][0]) + 1):
            if number in by_number and merged.left not in by_number[number]:
                by_number[number][merged.left] = value
                filled += 1
    return filled


def _join_merged_names(
    source: str, rows: list[tuple[int, Cells]], sheet: Sheet, options: ReadOptions
) -> tuple[list[tuple[int, Cells]], list[Finding]]:
    """Join two rows of names, of which the upper one has cells that are merged sideways, to one row.

    Titles may be above; a merged title covers all columns. Below a merged cell, each column has a text or
    number of its own; there are other columns, and each has its name in one of the rows only.

    Args:
        source: of the sheet.
        rows: of the sheet, by number.

    Returns:
        the rows, and the notice; without such names, the rows as they are and no notice.
    """
    if options.header != "auto" or options.skip:
        return rows, []
    index = next((i for i, (_, cells) in enumerate(rows) if len(cells) > 1), len(rows))
    if index + 2 >= len(rows) or rows[index + 1][0] != rows[index][0] + 1:
        return rows, []
    (line, upper), (number, lower) = rows[index : index + 2]
    groups: Cells = {}  # the name of the merged cell above each column
    for merged in sheet.merged:
        if merged.top == merged.bottom == line and merged.left in upper:
            groups |= dict.fromkeys(range(merged.left, merged.right + 1), upper[merged.left])
    others = {i: _text(cells[i]) for cells in (upper, lower) for i in cells if i not in groups}
    is_in_both = any(i in upper and i in lower for i in others)
    if not groups or not others or is_in_both or not all(i in lower for i in groups):
        return rows, []
    grouped = {i: f"{_text(name)} {_text(lower[i])}" for i, name in groups.items()}
    names = {**grouped, **others}
    if len(set(names.values())) < len(names):
        return rows, []
    facts = {"source": source, "line": line, "next": number, "example": grouped[max(grouped)]}
    return [*rows[:index], (number, names), *rows[index + 2 :]], [Finding("two_header_rows", "info", facts)]


def _footer_notices(source: str, body: list[tuple[int, Cells]], left: int, width: int) -> list[Finding]:
    """Remove totals and notes from the end of the rows; return a notice for each."""
    notices = []
    while len(body) > 2 and (reason := footer_kind(last := _texts(body[-1][1], left, width), width)):
        example = " ".join(filter(None, last))[:40]
        facts = {"source": source, "count": 1, "line": body.pop()[0], "example": example}
        notices.append(Finding(reason, "info", facts))
    return notices


def _cell_notices(source: str, header: Header, sheet: Sheet) -> list[Finding]:
    """Return the notices for rows of units and questions, and for formulas without a value."""
    notices = []
    if header.units:
        facts = {"source": source, "count": 1, "line": header.units, "example": ""}
        notices.append(Finding("units_row", "info", facts))
    if header.labels:
        facts = {"source": source, "count": len(header.labels), "line": header.labels[0], "example": ""}
        notices.append(Finding("label_rows", "info", facts))
    if sheet.formulas:
        facts = {"source": source, "count": sheet.formulas, "example": sheet.formula}
        notices.append(Finding("formula_cells", "warning", facts))
    return notices


def _without_empty(
    source: str, header: Header, body: list[tuple[int, Cells]], left: int
) -> tuple[dict[int, str], list[Finding]]:
    """Return the names by position, without columns that have neither a name nor a value (E305: a value)."""
    empty = [i for i, name in enumerate(header.names) if not name]
    if any(left + i in row for _, row in body for i in empty):
        check_names(fact("{file} line {line}", file=source, line=header.line), header.names)
    notices = [Finding("empty_columns", "info", {"source": source, "count": len(empty)})] if empty else []
    return {i: name for i, name in enumerate(header.names) if name}, notices


def _typed(source: str, columns: dict[str, list[Any]], lines: np.ndarray) -> Table:
    """Return the table of columns of cells; texts are typed as in a text file."""
    texts = [_text_column(name, values) for name, values in columns.items() if _has_texts(values)]
    typed = dict(zip((column.name for column in texts), type_texts(texts), strict=True))
    others = {name: _moments(values) for name, values in columns.items() if name not in typed}
    frame = of_columns(others, source).frame if others else pl.DataFrame()
    return tabulate([typed.get(name) or TypedColumn(frame[name]) for name in columns], source, lines)


def _require_named(source: str, body: list[tuple[int, Cells]], left: int, width: int) -> None:
    """Refuse cells to the right of the last column name, and to the left of the first."""
    for number, cells in body:
        if max(cells) - left >= width or min(cells) < left:
            where = fact("{file} line {line}", file=source, line=number)
            expected = fact("{count} fields", count=width)
            received = fact("{count} fields", count=max(cells) - min(*cells, left) + 1)
            fix = fact("give every column its own name")
            raise DataError("E306", where=where, expected=expected, received=received, fix=fix)


def _texts(cells: Cells, left: int, width: int) -> list[str]:
    return [_text(cells.get(left + i)) for i in range(width)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return number_text(value)
    return str(value)


def _text_column(name: str, values: list[Any]) -> pl.Series:
    cells = [None if value is None else _text(value) for value in values]
    return clean(pl.Series(name, cells, dtype=pl.String))


def _has_texts(values: list[Any]) -> bool:
    """Return whether a column is one of texts: it contains a text, or values of several kinds."""
    kinds = {_KINDS.get(type(value), type(value)) for value in values if value is not None}
    return str in kinds or len(kinds) > 1


def _moments(values: list[Any]) -> list[Any]:
    """Return the values of a column; dates become times of midnight if some of them are times."""
    if datetime.datetime not in set(map(type, values)):
        return values
    midnight = datetime.time()
    return [
        datetime.datetime.combine(value, midnight) if type(value) is datetime.date else value
        for value in values
    ]
