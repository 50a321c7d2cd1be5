"""Prediction intervals of a regression: ranges that contain a new value with a chosen probability.

They need no assumption about the distribution of the errors, only that the new row is exchangeable with the
rows of the residuals, and that these rows were not used to train the network that predicts them.

*Split-conformal*: residuals of rows that were not used in the training. The half width is the k-th smallest
absolute residual of n, k = ceil((n + 1) level); the interval covers a new value with at least that
probability.

*Conformalized quantile regression*: with the quantiles q_low(x) and q_high(x) of rows that they were not
fitted to, the score of a row is max(q_low(x) - y, y - q_high(x)), and the interval of a new row is
q_low(x) - c to q_high(x) + c, with the same quantile c of the scores. The coverage is the same; the width
follows the row.

*Groups*: where the rows of a group resemble each other and the new row is of another group, the groups are
exchangeable, not their rows. Every group has the same share of the distribution of the residuals, and the new
group one that is infinitely far away.

*CV+*: out-of-fold residuals of all rows; none are set aside. Row i in fold k(i) has the residual R_i of the
network that was trained without that fold. The ends of the interval of a new row x are quantiles of
mu_k(i)(x) - R_i and mu_k(i)(x) + R_i over all rows i. The coverage is at least 2 level - 1 in theory and
close to ``level`` in practice.

References: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-free predictive inference for
regression, JASA 113, section 2.2; Romano, Patterson and Candès (2019), Conformalized quantile regression,
NeurIPS 32; Barber, Candès, Ramdas and Tibshirani (2021), Predictive inference with the
jackknife+, Annals of Statistics 49, section 3; Tibshirani, Barber, Candès and Ramdas (2019), Conformal
prediction under covariate shift, NeurIPS 32, for weights; Lee, Barber and Willett (2023), Distribution-free
inference with hierarchical data, arXiv:2306.06342, for groups.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np

IntervalMethod = Literal["quantile", "constant"]
INTERVAL_METHODS: tuple[IntervalMethod, ...] = get_args(IntervalMethod)
LEVEL = 0.9
_BLOCK = 1 << 22  # values sorted at once


def half_width(
    residuals: np.ndarray,
    level: float = LEVEL,
    weights: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> float:
    """Return the half width of split-conformal intervals; infinite if there are too few residuals for the
    level.

    Args:
        residuals: (n,) target minus prediction, of rows that were not used in the training.
        level: the probability that an interval contains the value, above 0 and below 1.
        weights: (n,) sample weights, at least 0 and not all 0; the new row is assumed to have their mean. By
            default all are equal.
        groups: (n,) the group of each row; the new row is of another one. ``None``: rows are independent.

    Example:
        >>> half_width(np.array([-1.0, 2.0, -3.0, 4.0, 5.0, 6.0, 7.0, -8.0, 9.0]))
        9.0
        >>> half_width(np.array([1.0, 1.0, 1.0, 1.0, 2.0, 3.0]), 0.75, groups=np.array([0, 0, 0, 0, 1, 2]))
        3.0
    """
    return conformal_quantile(np.abs(np.asarray(residuals, np.float64)), level, weights, groups)


def conformal_quantile(
    scores: np.ndarray,
    level: float = LEVEL,
    weights: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> float:
    """Return the k-th smallest of n scores, k = ceil((n + 1) level); infinite if there are too few for the
    level.

    The score of a new row is at most this number with a probability of at least ``level``, if it is
    exchangeable with the others.

    Args:
        scores: (n,) how badly each row fits, such as absolute residuals; negative ones are allowed.
        level, weights, groups: as for ``half_width``.

    Example:
        >>> conformal_quantile(np.arange(9.0) - 4)
        4.0
    """
    sizes = np.asarray(scores, np.float64)
    shares = np.ones(len(sizes)) if weights is None else np.asarray(weights, np.float64)
    used = shares > 0
    sizes, shares = sizes[used], shares[used] / shares[used].mean()
    count = len(sizes)  # of what is exchangeable
    if groups is not None:
        codes = np.unique(np.asarray(groups)[used], return_inverse=True)[1]
        totals = np.bincount(codes, shares)
        shares, count = shares / totals[codes], len(totals)
    order = np.argsort(sizes, kind="stable")
    rank = int(np.searchsorted(np.cumsum(shares[order]), (count + 1) * level - 1e-9))
    return float(sizes[order[rank]]) if rank < len(sizes) else math.inf


def cv_plus(
    residuals: np.ndarray, fold: np.ndarray, predictions: np.ndarray, level: float = LEVEL
) -> tuple[np.ndarray, np.ndarray]:
    """Return the CV+ intervals of new rows.

    Args:
        residuals: (n,) target minus out-of-fold prediction.
        fold: (n,) the fold of each of these rows, in 0 .. K - 1.
        predictions: (K, M) of the M new rows by the network that was trained without fold k.
        level: the probability that an interval contains the value.

    Returns:
        the lower and the upper ends, (M,) each.

    Example:
        >>> low, high = cv_plus(np.ones(40), np.arange(40) % 2, np.array([[5.0], [6.0]]))
        >>> low.tolist(), high.tolist()
        ([4.0], [7.0])
    """
    size, n = np.abs(np.asarray(residuals, np.float64)), len(residuals)
    rank = math.ceil((n + 1) * level - 1e-9)
    points = predictions.shape[1]
    if rank > n:
        return np.full(points, -np.inf), np.full(points, np.inf)
    low, high = np.empty(points), np.empty(points)
    step = max(1, _BLOCK // n)
    for start in range(0, points, step):
        part = slice(start, start + step)
        center = predictions[fold, part].astype(np.float64)  # (K, M) -> (n, m)
        low[part] = -np.partition(size[:, None] - center, rank - 1, axis=0)[rank - 1]
        high[part] = np.partition(center + size[:, None], rank - 1, axis=0)[rank - 1]
    return low, high


def coverage(low: np.ndarray, high: np.ndarray, values: np.ndarray) -> float:
    """Return the share of values inside their intervals.

    Example:
        >>> coverage(np.array([0.0, 0.0]), np.array([1.0, 1.0]), np.array([0.5, 2.0]))
        0.5
    """
    return float(np.mean((low <= values) & (values <= high)))
