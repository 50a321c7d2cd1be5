"""Read the cells of a workbook (``.xlsx``), a zip archive of XML files (ECMA-376), in bounded memory.

Only cells that the file contains are stored, by row and column, because a sheet with one cell at A1 and one
at XFD1048576 has 17 billion cells. XML is parsed by expat while it is decompressed; a document type
declaration is refused, so that no entity is defined or loaded. The expanded bytes are counted, and so are the
characters of shared strings, which many cells may refer to.

Libraries were compared (``docs/decisions/0049-sources.md``): python-calamine allocates the rectangle of all
cells, and openpyxl takes a minute for a million cells and builds an object for each.
"""

from __future__ import annotations

import datetime
import posixpath
import re
import xml.parsers.expat as expat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from chainrule.data.readers.formats.expanded import SWELL_FREE, SWELL_RATIO, open_zip
from chainrule.errors import DataError, fact

MAIN = "xl/workbook.xml"
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
STRING_LIMIT = 10_000_000  # characters of one cell
FORMULA_LENGTH = 40  # characters of a formula in a notice
_PIECE = 1 << 16
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_DATE_FORMATS = {
    *range(14, 23),
    *range(27, 37),
    *range(45, 48),
    *range(50, 59),
}  # built-in numbers of formats
_NOT_A_FORMAT = re.compile(
    r'"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^]]*\]', re.IGNORECASE
)  # texts, colors, locales
Cells = dict[int, Any]  # values by column, from 0


@dataclass
class Sheet:
    """The cells of a sheet: values by column for each row that has any, with the row's number."""

    rows: list[tuple[int, Cells]] = field(default_factory=list)
    count: int = 0  # cells
    errors: int = 0  # cells such as #DIV/0!, which are read as missing
    error: str = ""  # the first of them
    formulas: int = 0  # cells with a formula whose value is not in the file
    formula: str = ""  # the first of them


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

    def _date_styles(self, targets: Mapping[str, str]) -> tuple[bool, ...]:
        """Return for each cell style whether it shows a number as a date or time."""
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
        return tuple(
            style in _DATE_FORMATS
            or bool(re.search("[dmyhs]", _NOT_A_FORMAT.sub("", formats.get(style, "")), re.I))
            for style in styles
        )

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

    def __init__(self, strings: list[str], dates: tuple[bool, ...], is_1904: bool, limit: int) -> None:
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
                self.sheet.errors += 1
                self.sheet.error = self.sheet.error or text
                return None
            case "n":
                is_date = 0 < self._style < len(self._dates) and self._dates[self._style]
                return self._date(float(text)) if is_date else _plain_number(text)
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
