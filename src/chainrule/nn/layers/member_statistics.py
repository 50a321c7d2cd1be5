"""Statistics of the training rows of each member of an ensemble: centers, scales and intervals of features.

All are computed in float64 with NumPy from the rows whose weight is not 0. A weight counts as a number of
copies of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

NORMAL_RANGE = 1.3489795003921634  # the interquartile range of a standard normal distribution
MIN_STD = 0.1  # of an encoded interval, so that a rare one is not scaled up to dominate the others
INTERVAL_SCALE = 0.5  # the standard deviation of an encoded interval: several of them encode one number
ROUNDING = 1e-9  # of a share of the weights
LARGE = 1 << 18  # rows from which quantiles are computed of every n-th row only


def rows_of_members(
    x: np.ndarray, weights: np.ndarray | None, members: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows (n, F) that each member is trained on, and their weights (n,), member by member.

    Args:
        x: all training rows, (N, F).
        weights: (N, K) for each member, (N,) for all of them, or ``None``.
        members: K.
    """
    for member in range(members):
        own = np.ones(len(x)) if weights is None else weights if weights.ndim == 1 else weights[:, member]
        rows = np.flatnonzero(own > 0)
        if not len(rows):
            rows, own = np.arange(len(x)), np.ones(len(x))
        rows = rows[:: -(-len(rows) // LARGE)]
        yield np.asarray(x[rows], np.float64), np.asarray(own[rows], np.float64)


def quantiles(rows: np.ndarray, weights: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Weighted quantiles of each feature, (Q, F): the smallest value whose rows up to it have the share.

    A row with weight 2 counts as two rows with weight 1.

    Args:
        rows: (n, F), n >= 1.
        weights: (n,) above 0.
        shares: Q numbers from 0 to 1.

    Example:
        >>> quantiles(np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 1.0, 2.0]), (0.5, 1.0)).tolist()
        [[2.0], [4.0]]
    """
    order = np.argsort(rows, axis=0, kind="stable")  # (n, F)
    totals = np.cumsum(weights[order], axis=0) / weights.sum()
    values = np.take_along_axis(rows, order, axis=0)
    places = [np.minimum((totals < share - ROUNDING).sum(0), len(rows) - 1) for share in shares]
    return np.stack([np.take_along_axis(values, place[None], axis=0)[0] for place in places])


def center_and_scale(rows: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The center and the scale of each feature, (F,) each.

    A feature with two values 0 and 1 (one-hot features, indicators, yes and no) keeps its values: center 0,
    scale 1. Any other has its median as center, and the inverse of the standard deviation that a normal
    distribution with the same interquartile range has as scale. Where both quartiles are equal, it is the
    inverse of half the range. A feature with one value has scale 0.

    Args:
        rows: (n, F), n >= 1.
        weights: (n,) above 0.

    Example:
        >>> rows = np.array([[0.0, 0.0, 3.0], [1.0, 2.0, 3.0], [0.0, 4.0, 3.0], [1.0, 6.0, 3.0]])
        >>> center, scale = center_and_scale(rows, np.ones(4))
        >>> center.tolist(), scale.round(3).tolist()
        ([0.0, 2.0, 3.0], [1.0, 0.337, 0.0])
    """
    low, high = rows.min(0), rows.max(0)
    lower, middle, upper = quantiles(rows, weights, (0.25, 0.5, 0.75))
    spread = np.where(upper > lower, (upper - lower) / NORMAL_RANGE, (high - low) / 2.0)
    is_constant = high == low
    is_binary = ~is_constant & (low == 0.0) & (high == 1.0) & ((rows == 0.0) | (rows == 1.0)).all(0)
    scale = np.where(is_constant, 0.0, 1.0 / np.where(is_constant, 1.0, spread))
    return np.where(is_binary, 0.0, middle), np.where(is_binary, 1.0, scale)


def interval_states(rows: np.ndarray, weights: np.ndarray, intervals: int) -> dict[str, np.ndarray]:
    """The states of ``EnsemblePiecewiseLinear`` for one member, (F, Q) each.

    The limits of the Q intervals are quantiles, so all contain about equally many rows.

    Args:
        rows: (n, F), n >= 1.
        weights: (n,) above 0.
        intervals: Q.

    Example:
        >>> rows = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]])
        >>> states = interval_states(rows, np.ones(5), 2)
        >>> states["lower"].tolist(), states["slope"].tolist()
        ([[0.0, 2.0]], [[0.5, 0.5]])
    """
    limits = quantiles(rows, weights, np.linspace(0.0, 1.0, intervals + 1).tolist()).T  # (F, Q + 1)
    lower, width = limits[:, :-1], np.diff(limits)  # (F, Q)
    has_width = width > 0.0
    slope = np.where(has_width, 1.0 / np.where(has_width, width, 1.0), 0.0)
    center, std = np.zeros_like(lower), np.zeros_like(lower)
    share = (weights / weights.sum())[:, None]  # (n, 1)
    for interval in range(intervals):  # one interval of all features at a time, to bound the memory
        t = np.clip((rows - lower[:, interval]) * slope[:, interval], 0.0, 1.0)  # (n, F)
        center[:, interval] = (t * share).sum(0)
        std[:, interval] = np.sqrt((np.square(t - center[:, interval]) * share).sum(0))
    scale = np.where(has_width, INTERVAL_SCALE / np.maximum(std, MIN_STD), 0.0)
    return {"lower": lower, "slope": slope, "center": center, "scale": scale}
