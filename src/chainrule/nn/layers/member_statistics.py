"""Statistics of the training rows of each member of an ensemble: centers, scales and intervals of features.

All are computed in float64 with NumPy from the rows whose weight is not 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

NORMAL_RANGE = 1.3489795003921634  # the interquartile range of a standard normal distribution
MIN_STD = 0.1  # of an encoded interval, so that a rare one is not scaled up to dominate the others
INTERVAL_SCALE = 0.5  # the standard deviation of an encoded interval: several of them encode one number
LARGE = 1 << 18  # rows from which quantiles are computed of every n-th row only


def rows_of_members(x: np.ndarray, weights: np.ndarray | None, members: int) -> Iterator[np.ndarray]:
    """The rows (n, F) that each member is trained on, member by member; all rows where there are none.

    Args:
        x: all training rows, (N, F).
        weights: (N, K) for each member, (N,) for all of them, or ``None``.
        members: K.
    """
    for member in range(members):
        own = weights if weights is None or weights.ndim == 1 else weights[:, member]
        rows = x if own is None else x[own > 0]
        rows = x if not len(rows) else rows
        yield np.asarray(rows[:: -(-len(rows) // LARGE)], np.float64)


def center_and_scale(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The center and the scale of each feature, (F,) each.

    A feature with two values (one-hot features, indicators, yes and no) keeps its values: center 0, scale 1.
    Any other has its median as center, and the inverse of the standard deviation that a normal distribution
    with the same interquartile range has as scale. Where both quartiles are equal, it is the inverse of half
    the range. A feature with one value has scale 0.

    Args:
        rows: (n, F), n >= 1.

    Example:
        >>> rows = np.array([[0.0, 0.0, 3.0], [1.0, 2.0, 3.0], [0.0, 4.0, 3.0], [1.0, 6.0, 3.0]])
        >>> center, scale = center_and_scale(rows)
        >>> center.tolist(), scale.round(3).tolist()
        ([0.0, 3.0, 3.0], [1.0, 0.45, 0.0])
    """
    low, high = rows.min(0), rows.max(0)
    lower, middle, upper = np.quantile(rows, (0.25, 0.5, 0.75), axis=0)
    spread = np.where(upper > lower, (upper - lower) / NORMAL_RANGE, (high - low) / 2.0)
    is_constant = high == low
    is_binary = ~is_constant & (low == 0.0) & (high == 1.0) & ((rows == 0.0) | (rows == 1.0)).all(0)
    scale = np.where(is_constant, 0.0, 1.0 / np.where(is_constant, 1.0, spread))
    return np.where(is_binary, 0.0, middle), np.where(is_binary, 1.0, scale)


def interval_states(rows: np.ndarray, intervals: int) -> dict[str, np.ndarray]:
    """The states of ``EnsemblePiecewiseLinear`` for one member, (F, Q) each.

    The limits of the Q intervals are quantiles, so all contain about equally many rows.

    Args:
        rows: (n, F), n >= 1.
        intervals: Q.

    Example:
        >>> states = interval_states(np.array([[0.0], [1.0], [2.0], [3.0], [4.0]]), 2)
        >>> states["lower"].tolist(), states["rate"].tolist()
        ([[0.0, 2.0]], [[0.5, 0.5]])
    """
    limits = np.quantile(rows, np.linspace(0.0, 1.0, intervals + 1), axis=0).T  # (F, Q + 1)
    lower, width = limits[:, :-1], np.diff(limits)  # (F, Q)
    has_width = width > 0.0
    rate = np.where(has_width, 1.0 / np.where(has_width, width, 1.0), 0.0)
    center, std = np.zeros_like(lower), np.zeros_like(lower)
    for interval in range(intervals):  # one interval of all features at a time, to bound the memory
        t = np.clip((rows - lower[:, interval]) * rate[:, interval], 0.0, 1.0)  # (n, F)
        center[:, interval], std[:, interval] = t.mean(0), t.std(0)
    scale = np.where(has_width, INTERVAL_SCALE / np.maximum(std, MIN_STD), 0.0)
    return {"lower": lower, "rate": rate, "center": center, "scale": scale}
