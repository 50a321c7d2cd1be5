"""Row weights from a column of a table."""

from __future__ import annotations

import numpy as np

from chainrule.data.tables.columns import Faults, number_cells, require_columns, short_cell
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact


def row_weights(table: Table, name: str) -> np.ndarray:
    """Return the weight of each row from a column, (N,) float64.

    Args:
        name: the column; a row of weight 2 counts as two rows, one of weight 0 is ignored.

    Raises:
        DataError: E313 no such column; E334 a weight that is missing, negative, infinite or no number, or
            only zeros.

    Example:
        >>> from chainrule.data import read_table
        >>> row_weights(read_table({"w": [1, 0, 2.5]}), "w").tolist()
        [1.0, 0.0, 2.5]
    """
    require_columns(table, name)
    weights = number_cells(table, name, Faults()).fill_null(float("nan")).to_numpy()
    is_valid = (weights >= 0) & np.isfinite(weights)
    if is_valid.all() and weights.sum() > 0:
        return weights
    row = int(np.argmin(is_valid))
    value = table.frame[name][row]
    place = table.source if is_valid.all() else table.place(row)
    where = fact('{place}, column "{column}"', place=place, column=name)
    expected = fact("a number of at least 0 in every row, not all 0")
    received = fact("no value") if value is None else f'"{short_cell(value)}"'
    fix = fact("correct the weight, or set it to 0 to ignore the row")
    raise DataError("E334", where=where, column=name, expected=expected, received=received, fix=fix)
