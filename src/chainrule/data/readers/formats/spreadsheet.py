"""A sheet of a workbook as a table: header, rows and types as for the same values in a text file."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data.cells.number_notation import clean, number_text
from chainrule.data.cells.typed_columns import TypedColumn, tabulate, type_texts
from chainrule.data.readers.content import Content
from chainrule.data.readers.csv_files import Header, check_names, header_of
from chainrule.data.readers.csv_layout import footer_kind
from chainrule.data.readers.formats.expanded import several_tables
from chainrule.data.readers.formats.workbook import Cells, Sheet, Workbook
from chainrule.data.readers.frames import of_columns
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact

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
    left = min(min(cells) for _, cells in [row for row in rows if len(row[1]) > 1] or rows)
    width = 1 + max(max(cells) for _, cells in rows[:_SAMPLE]) - left
    records = [(number, _texts(cells, left, width)) for number, cells in rows[:_SAMPLE]]
    header = header_of(records, source, options)
    names, notices = header.names, list(header.notices)
    described = {header.units, *header.labels}
    body = [row for row in rows if row[0] > header.line and row[0] not in described]
    if len(body) * len(names) > max(_FREE_CELLS, _CELL_RATIO * sheet.count):
        received = fact("{rows} rows, {columns} columns", rows=len(body), columns=len(names))
        raise DataError("E308", where=source, received=received, fix=fact("is this a table?"))
    _require_named(source, body, left, len(names))
    while len(body) > 2 and (
        reason := footer_kind(last := _texts(body[-1][1], left, len(names)), len(names))
    ):
        example = " ".join(filter(None, last))[:40]
        facts = {"source": source, "count": 1, "line": body.pop()[0], "example": example}
        notices.append(Finding(reason, "info", facts))
    if not body:
        raise DataError(
            "E304", where=source, expected=fact("at least one row"), received=fact("a header only")
        )
    notices += _cell_notices(source, header, sheet)
    names, more = _without_empty(source, header, body, left)
    notices += more
    lines = np.array([number for number, _ in body], np.int64)
    columns = {name: [row.get(left + i) for _, row in body] for i, name in names.items()}
    table = _typed(source, columns, lines)
    return replace(table, notices=(*notices, *table.notices))


def _cell_notices(source: str, header: Header, sheet: Sheet) -> list[Finding]:
    """Return the notices for rows of units and questions, cells with an error, formulas without a value."""
    notices = []
    if header.units:
        facts = {"source": source, "count": 1, "line": header.units, "example": ""}
        notices.append(Finding("units_row", "info", facts))
    if header.labels:
        facts = {"source": source, "count": len(header.labels), "line": header.labels[0], "example": ""}
        notices.append(Finding("label_rows", "info", facts))
    if sheet.errors:
        facts = {"source": source, "count": sheet.errors, "example": sheet.error}
        notices.append(Finding("error_cells", "warning", facts))
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
