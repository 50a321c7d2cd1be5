"""The importance of each column: how much worse predictions become when its values are shuffled.

Importances are measured on rows that the model did not learn from. Their cost is bounded: of many rows,
evenly spaced ones are used, fewer for wide tables; a table that is still too wide has no importances.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from chainrule.attribution.permutation_importance_and_partial_dependence import shuffled_copies
from chainrule.data import Preparation
from chainrule.metrics import score
from chainrule.plotting.style import evenly_spaced
from chainrule.records import frozen
from chainrule.tabular.report.evaluation_rows import EvaluationRows

MEASURES = {"classification": ("log_loss", "accuracy"), "regression": ("rmse", "r2")}
"""The measure of importance, which must fall, and the score of a sentence about it, which must rise."""
REPEATS, SEED = 5, 0
MAX_ROWS, MIN_ROWS = 1000, 100
MAX_VALUES = 4e8  # inputs of all predictions together, some seconds at most
MAX_AT_ONCE = 1 << 22  # inputs of the copies of the rows that are predicted together
STRONG = 2.0  # a column matters if its mean exceeds this many standard deviations
NOTICEABLE = 1e-3  # increase of the measure, as a part of it, below which a column does not matter


@frozen(eq=False)
class ColumnImportance:
    """The importance of the columns of a table, the most important first.

    Args:
        increases: (C,) the mean increase of the measure over the repeats.
        spreads: (C,) its standard deviation.
        drops: (C,) the mean decrease of the score.
        measure, score: the names of both metrics.
        before: measure and score of the rows as they are.
        rows, repeats: how many rows were shuffled, and how often.
    """

    columns: tuple[str, ...]
    increases: np.ndarray
    spreads: np.ndarray
    drops: np.ndarray
    measure: str
    score: str
    before: tuple[float, float]
    rows: int
    repeats: int

    @property
    def matters(self) -> np.ndarray:
        """(C,) whether the importance of a column exceeds its spread clearly, and a part of the measure."""
        low = NOTICEABLE * abs(self.before[0])
        return (self.increases > STRONG * self.spreads) & (self.increases > low)

    @property
    def strongest(self) -> tuple[str, ...]:
        """The columns that matter, the most important first."""
        return tuple(name for name, matters in zip(self.columns, self.matters, strict=True) if matters)


def features_of(preparation: Preparation) -> dict[str, np.ndarray]:
    """Return the indices of the features of each column, in the order of the inputs."""
    indices: dict[str, list[int]] = {}
    for i, feature in enumerate(preparation.features):
        indices.setdefault(feature.column, []).append(i)
    return {column: np.array(positions) for column, positions in indices.items()}


def sampled(rows: int, limit: int) -> np.ndarray:
    """Return the indices of at most ``limit`` evenly spaced rows."""
    return np.asarray(evenly_spaced(rows, limit), np.int64)


def column_importance(rows: EvaluationRows, preparation: Preparation) -> ColumnImportance | None:
    """Return the importance of each column; ``None`` for images, too few rows and very wide tables."""
    if rows.x.ndim != 2 or len(rows.y) < 2:
        return None
    groups = features_of(preparation)
    limit = int(MAX_VALUES / (REPEATS * len(groups) * rows.x.shape[1]))
    if limit < min(MIN_ROWS, len(rows.y)):
        return None
    chosen = sampled(len(rows.y), min(limit, MAX_ROWS))
    names = MEASURES[rows.predictions.task]

    def measure(output: np.ndarray) -> np.ndarray:
        values = score(rows.to_predictions(rows.y[chosen], output), names)
        return np.array([-values[names[0]], values[names[1]]])

    x = rows.x[chosen]
    before = measure(rows.predict(x.copy(), chosen))
    outputs = outputs_of_copies(rows, chosen, shuffled_copies(x, list(groups.values()), REPEATS, SEED))
    decreases = np.array([before - measure(output) for output in outputs]).reshape(len(groups), REPEATS, 2)
    if not np.isfinite(decreases).all():
        return None
    means, spreads = decreases.mean(axis=1), decreases.std(axis=1)[:, 0]
    order = np.argsort(-means[:, 0], kind="stable")
    return ColumnImportance(
        _ordered(tuple(groups), order),
        means[order, 0],
        spreads[order],
        means[order, 1],
        *names,
        (-float(before[0]), float(before[1])),
        len(chosen),
        REPEATS,
    )


def outputs_of_copies(
    rows: EvaluationRows, chosen: np.ndarray, copies: Iterable[np.ndarray]
) -> Iterator[np.ndarray]:
    """Yield the output of the model for each of several changed copies of the same rows, (n, K) each.

    Several copies are predicted at once, which takes less time than one after the other.

    Args:
        rows: rows that the model did not learn from.
        chosen: (n,) the indices of the rows.
        copies: inputs (n, F) of these rows, with other values.
    """
    remaining = iter(copies)
    count = max(1, MAX_AT_ONCE // max(1, len(chosen) * rows.x.shape[1]))
    while batch := list(islice(remaining, count)):
        output = rows.predict(np.concatenate(batch), np.tile(chosen, len(batch)))
        yield from np.split(output, len(batch))


def _ordered(names: Sequence[Any], order: np.ndarray) -> tuple[Any, ...]:
    return tuple(names[i] for i in order)
