"""All combinations of allowed cells of a row, where they are few enough to be tried one by one.

A search along gradients and columns can miss a cell between its starting points. Where a row has at most
``MAX_COMBINATIONS``, such as 7 ages times 4 cities, each of them is tried, so none is missed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chainrule.records import frozen
from chainrule.robustness.problem import Problem
from chainrule.robustness.tables import Change, ChangedRows, NumberChange

MAX_COMBINATIONS = 1000  # of the cells of one row


@frozen(eq=False)
class _Choices:
    """The allowed cells of a column for one row; the first one is the present cell.

    Args:
        change: the column.
        cells: the numbers, or the indices of the levels, -1 for the own one.
        encoded: (C, F) their prepared inputs.
    """

    change: Change
    cells: np.ndarray
    encoded: np.ndarray


def try_all(problem: Problem, changes: Sequence[Change], best: ChangedRows, rows: np.ndarray) -> bool:
    """Replace rows by the combination with the largest margin, where all of them can be tried.

    Args:
        problem: the prepared rows.
        changes: what may change.
        best: the rows after the search, which are replaced.
        rows: (m,) the rows that no change has broken.

    Returns:
        whether every combination of every row was tried.
    """
    is_complete = True
    for row in rows.tolist():
        choices = [_choices(problem, change, row) for change in changes]
        if any(one is None for one in choices):
            is_complete = False
            continue
        columns = [one for one in choices if one is not None]
        count = math.prod(len(one.cells) for one in columns)
        if count > MAX_COMBINATIONS:
            is_complete = False
            continue
        _try(problem, columns, count, best, row)
    return is_complete


def _choices(problem: Problem, change: Change, row: int) -> _Choices | None:
    """Return the allowed cells of a row; ``None`` if they are too many to be listed."""
    own = problem.x[row, change.features]
    if isinstance(change, NumberChange):
        cells = change.all_cells(row, MAX_COMBINATIONS)
        return None if cells is None else _Choices(change, cells, _encoded(change, cells, own))
    levels = np.arange(-1, len(change.levels))
    return _Choices(change, levels, np.concatenate([own[None], change.encoded]))


def _encoded(change: NumberChange, cells: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return the prepared inputs of numbers (C,), (C, 1); a missing one keeps its own."""
    return np.where(np.isnan(cells)[:, None], own, change.encoded(cells))


def _try(problem: Problem, columns: Sequence[_Choices], count: int, best: ChangedRows, row: int) -> None:
    """Try the combinations of the cells of a row."""
    index = np.unravel_index(np.arange(count), [len(one.cells) for one in columns])
    points = np.repeat(problem.x[row][None], count, axis=0)
    for one, chosen in zip(columns, index, strict=True):
        points[:, one.change.features] = one.encoded[chosen]
    top = int(problem.margins_at(points, np.full(count, row)).argmax())
    best.x[row] = points[top]
    for one, chosen in zip(columns, index, strict=True):
        own = best.numbers if isinstance(one.change, NumberChange) else best.levels
        own[one.change.column][row] = one.cells[chosen[top]]
