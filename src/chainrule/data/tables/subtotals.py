"""Rows that contain subtotals of the rows above them, as reports and pivot tables have them.

    region  shop  sales
    North   A      1200
    North   B      1476
    Summe Nord     2676        a subtotal
    South   C       950

A network that is trained on them learns each sale twice. A row is one of subtotals if a text in it has a word
for a total beside a name (``Summe Nord``, ``North total``, ``小计``), and if it has no cell in a column in
which the other rows have one, or a number that is the sum of the rows since the last such row. A product
that is named ``Total`` is none.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table

MAX_ROWS = 1_000_000  # of a report
MAX_SHARE = 0.35  # of the rows of a table that are subtotals
SUM_ERROR = 1e-6  # relative, of numbers that were rounded when they were written
FILLED = 0.9  # share of the other rows that have a cell in a column
_WORDS = (
    "total|totals|subtotal|sub-total|sub total|grand total|sum|summe|zwischensumme|teilsumme|gesamtsumme|"
    "gesamt|ergebnis|gesamtergebnis|sous-total|somme|suma|subtotale|totale|soma|totaal|subtotaal|итого|всего"
)
_CHINESE = "小计|合计|总计|小計|合計|総計"
_PATTERN = rf"(?i)^(?:{_WORDS})(?:\s|:|$)|\s(?:{_WORDS})$|^(?:{_CHINESE})|(?:{_CHINESE})$"


def without_subtotals(table: Table) -> Table:
    """Return the table without its rows of subtotals, with a notice that names the first of them.

    Example:
        >>> from chainrule.data import read_table
        >>> region = ["North", "North", "Total North", "South", "South", "Total South"]
        >>> shop, sales = ["a", "b", None, "c", "d", None], [1.0, 2.0, 3.0, 4.0, 5.0, 9.0]
        >>> without_subtotals(read_table({"region": region, "shop": shop, "sales": sales})).rows
        4
    """
    if table.rows > MAX_ROWS:
        return table
    named = _named_rows(table)
    if not 0 < named.sum() <= MAX_SHARE * table.rows:
        return table
    is_total = named & (_has_gap(table, named) | _is_sum(table, named))
    if not is_total.any():
        return table
    first = int(is_total.argmax())
    cells = [str(cell) for cell in table.frame.row(first) if cell is not None]
    facts = {"source": table.source, "count": int(is_total.sum()), "place": table.place(first)}
    notice = Finding("subtotal_rows", "warning", {**facts, "example": " ".join(cells)[:40]})
    others = table.take(np.flatnonzero(~is_total))
    return replace(others, notices=(*table.notices, notice))


def _named_rows(table: Table) -> np.ndarray:
    """Return whether each row has a text with a word for a total, (N,)."""
    named = np.zeros(table.rows, bool)
    for cells in table.frame.get_columns():
        if cells.dtype != pl.String or cells.name in table.images:
            continue
        distinct = cells.unique().drop_nulls()
        words = distinct.filter(distinct.str.strip_chars().str.contains(_PATTERN))
        if len(words):
            named |= cells.is_in(words.to_list()).fill_null(value=False).to_numpy()
    return named


def _has_gap(table: Table, named: np.ndarray) -> np.ndarray:
    """Return whether each row, (N,), lacks a cell in a column in which the rows without a word have one."""
    gaps = np.zeros(table.rows, bool)
    for cells in table.frame.get_columns():
        is_missing = cells.is_null().to_numpy()
        if is_missing[named].all() and is_missing[~named].mean() <= 1 - FILLED:
            gaps |= is_missing
    return gaps


def _is_sum(table: Table, named: np.ndarray) -> np.ndarray:
    """Return whether each row, (N,), has the sum of the rows since the last such row, or of all above."""
    sums = np.zeros(table.rows, bool)
    columns = [cells for cells in table.frame.get_columns() if cells.dtype.is_numeric()]
    for cells in columns:
        values = np.nan_to_num(cells.cast(pl.Float64).to_numpy())
        start, block, above = 0, 0.0, 0.0
        for row in np.flatnonzero(named):
            block = float(values[start:row].sum())
            above += block
            bound = SUM_ERROR * max(abs(above), 1.0)
            is_present = row - start > 1 and values[row] != 0
            if is_present and min(abs(values[row] - block), abs(values[row] - above)) <= bound:
                sums[row] = True
            start = row + 1
    return sums
