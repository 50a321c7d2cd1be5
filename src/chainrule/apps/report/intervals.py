"""Intervals of scores, from their variation over the rows."""

from __future__ import annotations

import math

import numpy as np

Z = 1.959963984540054  # the 97.5 % quantile of the normal distribution


def share_interval(successes: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of a share.

    Formula: (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), with the share p of n rows.

    Args:
        successes: the rows that count.
        rows: all rows, at least 1.

    Example:
        >>> [round(end, 3) for end in share_interval(209, 262)]
        [0.745, 0.842]

    Reference: Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    p, z2 = successes / rows, Z * Z / rows
    middle, half = p + z2 / 2, math.sqrt(z2 * (p * (1 - p) + z2 / 4))
    return max(0.0, (middle - half) / (1 + z2)), min(1.0, (middle + half) / (1 + z2))


def rmse_interval(errors: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the root of the mean squared error, by the standard error of the mean.

    Args:
        errors: (N,) the errors of the rows, N >= 2.

    Example:
        >>> [round(end, 2) for end in rmse_interval(np.array([1.0, -1.0, 2.0, -2.0] * 25))]
        [1.48, 1.67]
    """
    squares = np.asarray(errors, np.float64) ** 2
    mean, half = squares.mean(), Z * squares.std(ddof=1) / math.sqrt(len(squares))
    return math.sqrt(max(0.0, mean - half)), math.sqrt(mean + half)
