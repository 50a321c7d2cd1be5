"""How a table writes decimals and dates: what the user sets, what training cells had, what remains unclear.

``1.234`` is 1.234 or 1234, and ``03/12/2024`` is in March or in December. A column has one convention,
decided from all of its cells; where these do not decide, it is assumed, and a finding names a cell with both
numbers. Precedence, highest first:

1. a cell that has one meaning only (``0,5``, ``25/12/2024``);
2. the options ``decimal`` and ``day_first``;
3. the convention of the training cells, which a preparation stores;
4. the assumption, with a notice.

The decimal mark is decided when texts become numbers (``typed_columns.py``); ambiguous columns keep their
texts, so that this module can read them again. Dates are read later (``tables/dates``); this module records
the option only.
"""

from __future__ import annotations

from dataclasses import replace

from chainrule.data.cells.number_notation import BOTH, analyze, number_text
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table


def with_conventions(table: Table, decimal: str = "", day_first: bool | None = None) -> Table:
    """Return the table with its ambiguous cells read as the user states.

    Args:
        decimal: the decimal mark, ``"."`` or ``","``; empty: as detected.
        day_first: whether 05/11/2020 is in November; ``None``: as detected.

    Example:
        >>> from chainrule.data import read_table
        >>> with_conventions(read_table({"sold": ["950", "1.234"]}), decimal=",").frame["sold"].to_list()
        [950.0, 1234.0]
    """
    if day_first is not None:
        table = replace(table, day_first=day_first)
    if not decimal:
        return table
    for name, notation in table.notations.items():
        if notation.marks == BOTH:
            table = _read_again(table, name, decimal, "chosen")
        elif notation.evidence == "shown" and notation.mark != decimal:
            facts = {"column": name, "mark": notation.mark, "chosen": decimal}
            table = replace(table, notices=(*table.notices, Finding("other_decimal", "warning", facts)))
    return table


def mark_of(table: Table, column: str) -> tuple[str, str]:
    """Return the decimal mark of a column and its evidence; without any in the column, what the table shows.

    Example:
        >>> from chainrule.data import read_table
        >>> table = read_table({"length": ["1,5", "2,25"], "count": [1, 2]})
        >>> mark_of(table, "count")
        (',', 'shown')
    """
    own = table.notations.get(column)
    if own is not None and own.evidence != "none":
        return own.mark, own.evidence
    marks = {notation.mark for notation in table.notations.values() if notation.evidence == "shown"}
    return (marks.pop(), "shown") if len(marks) == 1 else (".", "none")


def ambiguity(table: Table, column: str, code: str = "ambiguous_numbers") -> tuple[Finding, ...]:
    """Return the warning about numbers that could be others, with one of them and both readings.

    Example:
        >>> from chainrule.data import read_table
        >>> table = read_table({"sold": ["950", "1.234"]})
        >>> [(f.facts["text"], f.facts["value"], f.facts["other"]) for f in ambiguity(table, "sold")]
        [('1.234', '1.234', '1234')]
    """
    notation = table.notations.get(column)
    if notation is None or notation.marks != BOTH:
        return ()
    texts = table.originals[column]
    other = "," if notation.mark == "." else "."
    cells = texts.filter(texts.str.contains("[.,]").fill_null(value=False)).head(1)
    value, others = (analyze(cells, mark, is_lenient=True).values for mark in (notation.mark, other))
    if not len(cells) or value[0] is None or others[0] is None:
        return ()
    facts = {"column": column, "text": cells[0], "mark": other}
    return (
        Finding(code, "warning", {**facts, "value": number_text(value[0]), "other": number_text(others[0])}),
    )


def as_trained(table: Table, column: str, mark: str, evidence: str) -> Table:
    """Return the table with a column of numbers read with the decimal mark of the training, if it has no own.

    Args:
        mark, evidence: of the training cells.

    Example:
        >>> from chainrule.data import read_table
        >>> later = read_table({"width": ["1,234"]})
        >>> later.frame["width"][0], as_trained(later, "width", ",", "shown").frame["width"][0]
        (1234.0, 1.234)
    """
    notation = table.notations.get(column)
    if notation is None:
        return table
    if notation.is_assumed and evidence == "none":
        notation = replace(notation, evidence="trained")
        table = replace(table, notices=(*table.notices, *ambiguity(table, column)))
        return replace(table, notations={**table.notations, column: notation})
    if notation.is_assumed:
        again = _read_again(table, column, mark, "trained")
        is_unclear = evidence == "assumed" or mark != notation.mark
        notices = ambiguity(again, column, "numbers_as_trained") if is_unclear else ()
        return replace(again, notices=(*again.notices, *notices))
    if evidence == "assumed" and notation.evidence == "shown" and notation.mark != mark:
        facts = {"column": column, "mark": notation.mark, "trained": mark}
        finding = Finding("other_mark", "warning", facts)
        return table if finding in table.notices else replace(table, notices=(*table.notices, finding))
    return table


def _read_again(table: Table, column: str, mark: str, evidence: str) -> Table:
    """Return the table with an ambiguous column read with this decimal mark."""
    values = analyze(table.originals[column], mark, is_lenient=True).values.alias(column)
    notation = replace(table.notations[column], mark=mark, evidence=evidence)
    stale = "read_as_numbers"  # names the earlier numbers
    notices = tuple(f for f in table.notices if f.code != stale or f.facts["column"] != column)
    frame = table.frame.with_columns(values)
    return replace(table, frame=frame, notices=notices, notations={**table.notations, column: notation})
