"""Partial dependence: the mean prediction if a column had the same value in every row.

For each value, the column is set to it in all rows, and the predictions are averaged. The result shows how
the prediction depends on the column, whatever the other columns contain. It is a property of the model: it
shows what was learned, not what causes the target. Where columns are correlated, it includes combinations of
values that never occur. The quartiles over the rows show how far the dependence differs between rows.

Reference: Friedman (2001), Greedy function approximation, section 8.2; Goldstein et al. (2015), Peeking
inside the black box.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from chainrule.records import frozen

LOW, HIGH = 0.25, 0.75  # quantiles of the predictions over the rows


@frozen(eq=False)
class PartialDependence:
    """The predictions for each value of a column.

    Args:
        mean: (points, K) the mean over the rows.
        low, high: (points, K) the first and third quartile over the rows.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def partial_dependence(
    predict: Callable[[Iterator[np.ndarray]], Iterable[np.ndarray]],
    x: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
) -> PartialDependence:
    """Return the predictions when some elements of every row are set to the same values.

    Args:
        predict: maps several copies (N, F) of the rows to the (N, K) predictions of each.
        x: (N, F) the rows.
        indices: (n,) the elements that are set, such as all features of a column.
        values: (points, n) their values, one row for each point.

    **Cost** One pass over the rows for each point.

    Example:
        >>> x = np.array([[0.0, 1.0], [2.0, 3.0]])
        >>> totals = lambda copies: (rows.sum(axis=1, keepdims=True) for rows in copies)
        >>> partial_dependence(totals, x, np.array([0]), np.array([[10.0], [20.0]])).mean.tolist()
        [[12.0], [22.0]]
    """
    means, lows, highs = [], [], []
    for prediction in predict(_changed_copies(x, indices, values)):
        means.append(prediction.mean(axis=0, dtype=np.float64))
        low, high = np.quantile(prediction, (LOW, HIGH), axis=0)
        lows.append(low)
        highs.append(high)
    return PartialDependence(np.array(means), np.array(lows), np.array(highs))


def _changed_copies(x: np.ndarray, indices: np.ndarray, values: np.ndarray) -> Iterator[np.ndarray]:
    """A copy of the rows for each point, in which the elements have its values."""
    for point in values:
        changed = x.copy()
        changed[:, indices] = point
        yield changed
