"""Cells that a preparation cannot encode, and tables without them.

One such cell refuses a table by default. For predictions, the other rows are often wanted: either the rows
with damaged cells are left out, or their damaged cells count as missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import CELL_FACTS, short_cell
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.preparation import Preparation
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact
from chainrule.records import frozen

CODES = tuple(CELL_FACTS)
LISTED = 10  # cells that an error lists


@frozen(eq=False)
class DamagedCells:
    """The cells of a column that cannot be encoded.

    Args:
        code: the error code of the reason.
        is_damaged: (N,) whether the cell of a row is damaged.
    """

    column: str
    code: str
    is_damaged: np.ndarray


def damaged_cells(preparation: Preparation, table: Table) -> tuple[DamagedCells, ...]:
    """Return the cells of a table that a preparation cannot encode, by column and reason.

    Raises:
        DataError E326: missing columns.

    Example:
        >>> from chainrule.data import describe, read_table
        >>> table = read_table({"age": [18.0, 70.0], "y": ["no", "yes"]})
        >>> preparation = Preparation.fit(table, describe(table, "y"), "y", "classification")
        >>> cells = damaged_cells(preparation, read_table({"age": ["old", "31"]}))
        >>> [(c.column, c.code, c.is_damaged.tolist()) for c in cells]
        [('age', 'E311', [True, False])]
    """
    faults = preparation.faults(table)
    return tuple(DamagedCells(column, code, mask) for code, column, mask in faults.masks)


def damaged_rows(cells: Sequence[DamagedCells]) -> np.ndarray:
    """Return which rows have a damaged cell, (N,)."""
    return np.logical_or.reduce([c.is_damaged for c in cells])


def without_damaged(table: Table, cells: Sequence[DamagedCells]) -> Table:
    """Return the table with all damaged cells missing."""
    frame = table.frame
    for c in cells:
        empty = pl.when(pl.Series(c.is_damaged)).then(None).otherwise(pl.col(c.column))
        frame = frame.with_columns(empty.alias(c.column))
    return replace(table, frame=frame)


def reasons(table: Table, cells: Sequence[DamagedCells], lang: str) -> list[str | None]:
    """Return for each row the reason of its damaged cells, ``None`` without one."""
    texts: dict[int, list[str]] = {}
    for row, c in _places(cells, table.rows):
        facts = {"column": c.column, "value": short_cell(table.frame[c.column][row])}
        texts.setdefault(row, []).append(Finding(f"damaged_{c.code}", facts=facts).render(lang))
    return ["; ".join(texts[row]) if row in texts else None for row in range(table.rows)]


def refusal(table: Table, cells: Sequence[DamagedCells]) -> DataError:
    """Return the error that lists the first damaged cells, in the order of the rows."""
    count, rows = sum(int(c.is_damaged.sum()) for c in cells), int(damaged_rows(cells).sum())
    listed = _places(cells, LISTED)[:LISTED]
    where = [fact('{place}, column "{column}"', place=table.place(row), column=c.column) for row, c in listed]
    values = [short_cell(table.frame[c.column][row]) for row, c in listed]
    notes = [
        fact('{place}: "{value}"', place=place, value=value)
        for place, value in zip(where[1:], values[1:], strict=True)
    ]
    if count > len(listed):
        notes.append(fact("{count} such cells in {rows} rows", count=count, rows=rows))
    notes.append(fact("--damaged missing: predict these rows as if the cells were empty"))
    first = listed[0][1]
    return DataError(
        first.code,
        where=where[0],
        expected=CELL_FACTS[first.code][0],
        received=f'"{values[0]}"',
        notes=notes,
        fix="--damaged skip",
        value=values[0],
        column=first.column,
    )


def _places(cells: Sequence[DamagedCells], limit: int) -> list[tuple[int, DamagedCells]]:
    """Return the damaged cells in the order of the rows, from the first ``limit`` of each column."""
    pairs = [(row, i) for i, c in enumerate(cells) for row in np.flatnonzero(c.is_damaged)[:limit].tolist()]
    pairs.sort()
    return [(row, cells[i]) for row, i in pairs]
