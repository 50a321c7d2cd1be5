"""The partial dependence of the prediction on the most important columns, in the units of the columns.

The values at which a column is set are those of actual rows: of a number, a date or a duration, evenly spaced
quantiles of its cells, of a category, its most frequent levels. Texts, which hardly repeat, have none. All
features of the column are copied from such a row, so that the points are correct for any encoding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.attribution.permutation_importance_and_partial_dependence import (
    PartialDependence,
    partial_dependence,
)
from chainrule.data import Preparation
from chainrule.data.tables.columns import Faults, number_cells
from chainrule.records import frozen
from chainrule.tabular.report.column_importance import features_of, outputs_of_copies, sampled
from chainrule.tabular.report.evaluation_rows import EvaluationRows

MAX_COLUMNS = 6
MAX_ROWS = 500  # whose predictions are averaged
POINTS = 15  # of a number
TAIL = 0.02  # share of cells beyond the first and the last point
LEVELS = 10  # of a category


@frozen(eq=False)
class ColumnEffect:
    """The prediction by the value of a column.

    Args:
        numbers: (points,) its values; empty for a category.
        levels: its levels, or dates and durations as they are written, with the number of their rows; empty
            for a number.
        dependence: the probabilities of the classes, or the values in the units of the target.
    """

    column: str
    numbers: np.ndarray
    levels: tuple[tuple[str, int], ...]
    dependence: PartialDependence


def column_effects(
    rows: EvaluationRows, preparation: Preparation, columns: Sequence[str]
) -> list[ColumnEffect]:
    """Return the partial dependence on columns; those with a single value in these rows are left out.

    Args:
        rows: rows that the model did not learn from.
        columns: columns, the most important first; at most ``MAX_COLUMNS`` are used.
    """
    indices, kinds = features_of(preparation), {e.column: e.kind for e in preparation.encodings}
    chosen = sampled(len(rows.y), MAX_ROWS)

    def predict(copies: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for output in outputs_of_copies(rows, chosen, copies):
            yield rows.to_predictions(rows.y[chosen], output).prediction

    effects = []
    for column in columns:
        own = indices[column]
        numbers, levels, sources = _POINTS.get(kinds[column], _levels)(rows, column, own)
        if len(sources) < 2 or len(effects) == MAX_COLUMNS:
            continue
        values = rows.x[sources][:, own]
        effects.append(
            ColumnEffect(column, numbers, levels, partial_dependence(predict, rows.x[chosen], own, values))
        )
    return effects


Points = tuple[np.ndarray, tuple[tuple[str, int], ...], np.ndarray]
"""Numbers, levels, and the rows that have them."""


def _points(rows: EvaluationRows, column: str, own: np.ndarray) -> Points:
    """Return evenly spaced quantiles of the numbers of a column, or all of them if they are few."""
    cells = number_cells(rows.table, column, Faults())
    present = np.flatnonzero(cells.is_not_null().to_numpy())
    values = cells.to_numpy()[present].astype(np.float64)
    distinct, first = np.unique(values, return_index=True)
    if len(distinct) > POINTS:
        order = np.argsort(values, kind="stable")
        at = np.round(np.linspace(TAIL, 1 - TAIL, POINTS) * (len(order) - 1)).astype(np.int64)
        distinct, position = np.unique(values[order[at]], return_index=True)
        first = order[at][position]
    return distinct, (), present[first]


def _levels(rows: EvaluationRows, column: str, own: np.ndarray) -> Points:
    """Return the most frequent levels of a category."""
    cells = rows.table.frame[column]
    texts = ["" if cell is None else str(cell) for cell in cells.to_list()]
    first: dict[str, int] = {}
    counts: dict[str, int] = {}
    for i, text in enumerate(texts):
        first.setdefault(text, i)
        counts[text] = counts.get(text, 0) + 1
    frequent = sorted(counts, key=lambda text: (-counts[text], text))[:LEVELS]
    sources = np.array([first[text] for text in frequent], np.int64)
    return np.zeros(0), tuple((text, counts[text]) for text in frequent), sources


def _moments(rows: EvaluationRows, column: str, own: np.ndarray) -> Points:
    """Return evenly spaced quantiles of dates, times or durations, ascending by their first feature."""
    cells, values = rows.table.words(column), rows.x[:, own[0]]
    present = np.flatnonzero(cells.is_not_null().to_numpy())
    order = present[np.argsort(values[present], kind="stable")]
    if len(order) > LEVELS:
        order = order[np.round(np.linspace(0, len(order) - 1, LEVELS)).astype(np.int64)]
    _, first = np.unique(values[order], return_index=True)
    sources = order[first]
    counts = [int((values == values[i]).sum()) for i in sources]
    return np.zeros(0), tuple((str(cells[int(i)]), n) for i, n in zip(sources, counts, strict=True)), sources


def _no_points(rows: EvaluationRows, column: str, own: np.ndarray) -> Points:
    return np.zeros(0), (), np.zeros(0, np.int64)


_POINTS = {"number": _points, "date": _moments, "time": _moments, "duration": _moments, "text": _no_points}
