"""Columns of booleans, numbers and texts from columns of text cells, with the decimal mark of their table.

The rules, column by column, first match wins; spellings of missing values are left out (``missing.py``):

1. Only true/false: booleans.
2. An integer with a leading zero (``007``) or beyond 2**53, or only codes such as ``12E3``: the column
   contains *codes* and stays text, since float64 cannot distinguish them.
3. Every cell in plain notation (``-1.5e3``; also ``inf``, which is refused later with its name): numbers.
4. Every cell a number in another notation (``number_notation.py``): numbers, with a notice of examples.
5. Otherwise text.

``1,234`` is 1234 or 1.234, and ``1.729`` is 1.729 or 1729: the other cells decide. A table has one decimal
mark. If some column can only be read with the comma (``164,6``) and none only with the point, the comma is
the mark in all columns. Without any such column, a file with the delimiter ``;`` has the comma, any other the
point: an assumption, which the column's notation records, so that the user is notified and can decide
(``conventions.py``).

The inference of polars was rejected: it guesses from the first rows, converts ``007`` to 7 and 2**53 + 1 to
the neighboring float, and does not report the line that is not a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data.cells.missing import MAYBE, drop_missing_marks, drop_missing_words, may_be_missing
from chainrule.data.cells.number_notation import (
    BOTH,
    FEW,
    GROUPED_POINT,
    INFINITE,
    INTEGER,
    PLAIN,
    Analysis,
    Notation,
    analyze,
    has_codes,
    number_text,
)
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table
from chainrule.messages import fact, join_facts
from chainrule.records import frozen

MOSTLY = 0.9  # share of numbers from which other cells are considered mistakes
_MAYBE, _WITHOUT_DIGITS = frozenset(MAYBE), frozenset(("true", "false", "inf", "infinity"))
LISTED_ERRORS = 3
SHOWN = 10  # columns that a notice of one kind names
_DATE_LIKE = r"^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}"
_BELOW_THOUSAND = r"^[+-]?[0-9]{1,3}$"


@frozen(eq=False)
class TypedColumn:
    """A column with its type.

    Args:
        values: booleans, numbers or texts.
        original: the texts of a column of numbers that were in another than the plain notation, or that could
            be other numbers (``1.234``), else None.
        notation: how they were written; also of plain texts that show the decimal mark.
        notices: how its cells were read, where it is not obvious.
    """

    values: pl.Series
    original: pl.Series | None = None
    notation: Notation | None = None
    notices: tuple[Finding, ...] = ()


@frozen(eq=False)
class ExaminedColumn:
    """A column of texts before the decimal mark is known.

    Args:
        texts: the column, null where missing.
        kind: ``"boolean"``, ``"plain"`` or ``"notation"`` (numbers), ``"text"``.
        marks: the decimal marks with which it can be read: ``"."``, ``","`` or ``".,"``; ``""`` if no number
            has one.
        analysis: of the numbers in another notation.
        notices: about missing values.
    """

    texts: pl.Series
    kind: str
    marks: str = ""
    analysis: Analysis | None = None
    notices: tuple[Finding, ...] = ()


def type_texts(
    columns: Sequence[pl.Series], delimiter: str = ",", keeps_plain: bool = False
) -> list[TypedColumn]:
    """Convert columns of texts to booleans and numbers where all cells agree.

    Args:
        columns: all text columns of a table, cleaned.
        delimiter: delimiter of the file, ``""`` for a table of another source.
        keeps_plain: whether columns in plain notation and of true/false stay texts, as in a data frame, where
            the type is a choice.

    Example:
        >>> columns = type_texts([pl.Series(["1", "2.5"]), pl.Series(["007", "8"])])
        >>> [column.values.to_list() for column in columns]
        [[1.0, 2.5], ['007', '8']]
    """
    examined = [examine(column) for column in columns]
    mark = decimal_mark(examined, delimiter)
    return [finish(column, mark, keeps_plain) for column in examined]


def examine(column: pl.Series) -> ExaminedColumn:
    """Return the kind of a cleaned text column as far as the column itself shows it."""
    if len(column) <= FEW and all(map(_is_word, set(column.to_list()) - {None})):
        return ExaminedColumn(column, "text")
    present = column.drop_nulls()
    words = may_be_missing(present)
    cells = present.filter(~words) if words.any() else present
    if cells.is_empty():
        return ExaminedColumn(drop_missing_marks(column), "text")
    texts = drop_missing_words(column) if words.any() else column
    notices = _word_notice(column, texts) if words.any() else ()
    if cells.str.to_lowercase().is_in(["true", "false"]).all():
        return ExaminedColumn(texts, "boolean", notices=notices)
    plain = cells.str.contains(PLAIN)
    if has_codes(cells):
        return ExaminedColumn(drop_missing_marks(column), "text")
    if (plain | cells.str.contains(INFINITE)).all():
        return ExaminedColumn(texts, "plain", _plain_marks(cells), notices=notices)
    analysis = analyze(texts)
    if analysis.is_number:
        marks = analysis.marks if analysis.has_marks else ""
        return ExaminedColumn(texts, "notation", marks, analysis, notices)
    share: Any = plain.mean() or 0.0
    is_like_numbers = max(float(share), analysis.share) >= MOSTLY
    if is_like_numbers or cells.str.contains(_DATE_LIKE).all():
        return ExaminedColumn(texts, "text", notices=notices)
    texts = drop_missing_marks(column)
    return ExaminedColumn(texts, "text", notices=_mark_notice(texts))


def _is_word(text: str) -> bool:
    """Return whether a text cannot be a number, a boolean or a missing value."""
    if any(map(str.isnumeric, text)):
        return False
    return text.lower() not in _MAYBE and text.lstrip("+-").lower() not in _WITHOUT_DIGITS


def _plain_marks(cells: pl.Series) -> str:
    """Return the marks with which a column in plain notation can be read."""
    if not cells.str.contains(".", literal=True).any():
        return ""
    is_grouped = cells.str.contains(GROUPED_POINT) | cells.str.contains(_BELOW_THOUSAND)
    return BOTH if is_grouped.all() else "."


@frozen
class TableMark:
    """The decimal mark of a table.

    Args:
        mark: ``"."``, ``","``, or ``""`` if its columns contradict each other.
        evidence: ``"shown"`` by a column, or ``"assumed"``.
    """

    mark: str
    evidence: str


def decimal_mark(columns: Iterable[ExaminedColumn], delimiter: str, shows_point: bool = False) -> TableMark:
    """Return the decimal mark of a table.

    Args:
        delimiter: as in ``type_texts``.
        shows_point: whether another column can only be read with the point.

    Example:
        >>> examined = [examine(pl.Series(cells)) for cells in (["164,6", "76,1"], ["1.729", "674"])]
        >>> decimal_mark(examined, ";"), decimal_mark(examined[1:], ",")
        (TableMark(mark=',', evidence='shown'), TableMark(mark='.', evidence='assumed'))
    """
    columns = list(columns)
    marks = {column.marks for column in columns} | ({"."} if shows_point else set())
    if {".", ","} <= marks:
        return TableMark("", "assumed")
    if "," in marks or "." in marks:
        return TableMark("," if "," in marks else ".", "shown")
    has_commas = any(column.kind == "notation" for column in columns)
    return TableMark("," if delimiter == ";" and has_commas else ".", "assumed")


def finish(column: ExaminedColumn, table: TableMark, keeps_plain: bool = False) -> TypedColumn:
    """Return the typed column, given the decimal mark of its table; ``keeps_plain`` as in ``type_texts``.

    Columns that could be other numbers become numbers.
    """
    texts, notices, name = column.texts, column.notices, column.texts.name
    analysis, marks = column.analysis, column.marks
    mark = table.mark if table.mark and table.mark in marks else marks[:1] or "."
    if marks == BOTH and mark == ",":
        analysis = analyze(texts, ",")
    evidence = "none" if not marks else table.evidence if marks == BOTH else "shown"
    notation = Notation("" if analysis is None else analysis.unit, mark, marks or ".", evidence)
    if analysis is not None:
        notices = (*_read_notice(name, analysis), *notices)
        return TypedColumn(analysis.values.alias(name), texts, notation, notices)
    if column.kind == "text" or (keeps_plain and marks != BOTH):
        return TypedColumn(texts, notices=notices)
    if column.kind == "boolean":
        return TypedColumn((texts.str.to_lowercase() == "true").alias(name), notices=notices)
    is_integral = bool(texts.drop_nulls().str.contains(INTEGER).all())
    numbers = texts.str.strip_prefix("+").cast(pl.Int64 if is_integral else pl.Float64, strict=False)
    return TypedColumn(numbers, texts if marks == BOTH else None, notation if marks else None, notices)


def _read_notice(name: str, analysis: Analysis) -> tuple[Finding, ...]:
    if not analysis.examples:
        return ()
    pairs = [
        fact('"{text}" as {value}', text=text, value=number_text(value)) for text, value in analysis.examples
    ]
    facts = {"column": name, "examples": join_facts(", ", pairs, "beside")}
    return (Finding("read_as_numbers", "info", facts),)


def _word_notice(before: pl.Series, after: pl.Series) -> tuple[Finding, ...]:
    words = before.filter(after.is_null() & before.is_not_null())
    names = sorted(words.unique().to_list())
    if set(names) <= {"-", "NA", "na"}:  # as common as an empty cell
        return ()
    listed = '", "'.join(names[:5])
    return (Finding("missing_words", "info", {"column": before.name, "count": len(words), "words": listed}),)


def _mark_notice(texts: pl.Series) -> tuple[Finding, ...]:
    present = texts.drop_nulls()
    marks = present.filter(present.is_in(["NA", "-", "--", "---"]))
    if marks.is_empty():
        return ()
    facts = {"column": texts.name, "count": len(marks), "text": marks[0]}
    return (Finding("kept_marks", "info", facts),)


def error_notices(source: str, counts: Mapping[tuple[str, str], int]) -> tuple[Finding, ...]:
    """Return the notice about cells with an error of a spreadsheet.

    Args:
        source: the name of the table.
        counts: the number of cells by column and error.

    Example:
        >>> print(*error_notices("sales.csv", {("price", "#REF!"): 2}))
        2 cells of sales.csv contain an error (#REF! in column "price") and are read as missing
    """
    if not counts:
        return ()
    pairs = sorted(counts, key=lambda pair: -counts[pair])[:LISTED_ERRORS]
    examples = [fact('{error} in column "{column}"', error=error, column=column) for column, error in pairs]
    facts = {"source": source, "count": sum(counts.values()), "example": join_facts(", ", examples, "beside")}
    return (Finding("error_cells", "warning", facts),)


def limit(notices: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the notices with at most ``SHOWN`` of each kind, and the number of the others.

    Example:
        >>> [notice.code for notice in limit([Finding("constant", facts={"column": "c"})] * 12)][9:]
        ['constant', 'more_columns']
    """
    counts: dict[str, int] = {}
    listed = []
    for notice in notices:
        counts[notice.code] = counts.get(notice.code, 0) + 1
        if counts[notice.code] <= SHOWN:
            listed.append(notice)
    more = sum(max(0, count - SHOWN) for count in counts.values())
    return (*listed, *([Finding("more_columns", "info", {"count": more})] if more else []))


def tabulate(
    columns: Sequence[TypedColumn], source: str, lines: np.ndarray | None = None, target: str | None = None
) -> Table:
    """Return the table of typed columns, with their notices; other arguments as in ``Table``."""
    originals = {c.values.name: c.original for c in columns if c.original is not None}
    notations = {c.values.name: c.notation for c in columns if c.notation is not None}
    notices = limit(notice for column in columns for notice in column.notices)
    frame = pl.DataFrame([column.values for column in columns])
    return Table(frame, source, target, lines, notices=notices, originals=originals, notations=notations)


def type_frame(
    frame: pl.DataFrame, source: str, target: str | None = None, declared: frozenset[str] = frozenset()
) -> Table:
    """Return the table of a frame: its columns of texts in a notation of numbers become numbers.

    Args:
        frame: columns of numbers, booleans, texts or dates.
        source, target: as in ``Table``.
        declared: columns that are declared as categories; their cells stay as they are.

    Example:
        >>> type_frame(pl.DataFrame({"price": ["$3,004.89", "$5"], "zip": ["7", "8"]}), "frame").frame.rows()
        [(3004.89, '7'), (5.0, '8')]
    """
    columns = frame.get_columns()
    texts = [column for column in columns if column.dtype == pl.String and column.name not in declared]
    typed = dict(zip((c.name for c in texts), type_texts(texts, "", keeps_plain=True), strict=True))
    table = tabulate([typed.get(c.name, TypedColumn(c)) for c in columns], source, None, target)
    return replace(table, declared=declared) if declared else table
