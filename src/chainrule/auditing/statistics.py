"""Statistics of a row from the output of a model: large where the model fits the row closely.

Formula: for classes, log p_y - log(1 - p_y) of the probability p_y of the true class, which is distributed
almost normally over trainings; for values, the residual f(x) - y.

Reference: Carlini et al. (2022), Membership inference attacks from first principles, section V.
"""

from __future__ import annotations

import numpy as np

TINY = 1e-12  # probabilities below count as this one


def fit_statistic(output: np.ndarray, y: np.ndarray, is_classification: bool) -> np.ndarray:
    """Return the statistic of each row, (n,), that a likelihood ratio compares over trainings.

    Args:
        output: (n, K) probabilities, or (n, 1) values.
        y: (n,) class indices, or values.
        is_classification: whether the outputs are probabilities.

    Example:
        >>> fit_statistic(np.array([[0.25, 0.75]]), np.array([1]), True).round(4).tolist()
        [1.0986]
    """
    values = np.asarray(output, np.float64).reshape(len(y), -1)
    if not is_classification:
        return values[:, 0] - y
    rows = np.arange(len(y))
    own = values[rows, y]
    values = values.copy()
    values[rows, y] = 0.0
    return np.log(np.maximum(own, TINY)) - np.log(np.maximum(values.sum(axis=1), TINY))


def closeness(statistic: np.ndarray, is_classification: bool) -> np.ndarray:
    """Return how closely a model fits each row, (n,): the order of the negative losses.

    Args:
        statistic: (n,) of ``fit_statistic``.
        is_classification: whether they are of classes.
    """
    return statistic if is_classification else -np.abs(statistic)
