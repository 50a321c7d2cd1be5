"""The likelihood ratio attack (LiRA): is the statistic of a row that of trainings with it, or without it?

Shadow models are trained in the same way on random halves of the rows. For each row, those whose half has it
give a normal distribution of its statistic *in* a training, the others one *out* of it. The score of the row
is the logarithm of the ratio of both densities at the statistic of the attacked model (online variant). Where
the model's other rows were never in a half there is no *in* distribution, and the score is the distance from
the *out* distribution in standard deviations (offline variant).

Few shadow models estimate a mean for each row, but no variance; below ``MANY`` on a side one variance is
shared by all rows (section VI of the paper).

Example: a row has the statistic 5 in the attacked model. Shadows trained on it gave 4.8 and 5.2, the others
1.9 and 2.1: the row was in the training.

Reference: Carlini, Chien, Nasr, Song, Terzis and Tramer (2022), Membership inference attacks from first
principles, IEEE S&P, algorithms 1 and 2.
"""

from __future__ import annotations

import numpy as np

MANY = 32  # observations of a row from which it has a variance of its own
SMALLEST = 1e-6  # of a variance


def online_ratio(target: np.ndarray, shadows: np.ndarray, included: np.ndarray) -> np.ndarray:
    """Return the logarithm of the likelihood ratio of each row, (n,): positive for members.

    Args:
        target: (n,) the statistics of the attacked model.
        shadows: (S, n) those of the shadow models.
        included: (S, n) whether each was trained on each row; each row at least once in and once out.

    Example:
        >>> shadows = np.array([[4.8, 2.0], [1.9, 5.1], [5.2, 2.2], [2.1, 4.9]])
        >>> included = np.array([[True, False], [False, True]] * 2)
        >>> (online_ratio(np.array([5.0, 2.1]), shadows, included) > 0).tolist()
        [True, False]
    """
    inside, outside = (_log_density(target, shadows, mask) for mask in (included, ~included))
    return inside - outside


def offline_distance(target: np.ndarray, shadows: np.ndarray, excluded: np.ndarray) -> np.ndarray:
    """Return the distance of each row from the models without it, in standard deviations, (n,).

    Args:
        target: (n,) the statistics of the attacked model.
        shadows: (S, n) those of the shadow models.
        excluded: (S, n) the observations that count, of trainings without the row.
    """
    mean, variance = _moments(shadows, excluded)
    return (target - mean) / np.sqrt(variance)


def _log_density(target: np.ndarray, shadows: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the logarithm of the normal density of each target, up to a constant."""
    mean, variance = _moments(shadows, mask)
    return -0.5 * ((target - mean) ** 2 / variance + np.log(variance))


def _moments(shadows: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each row, (n,), and the variance of another observation of it, (n,)."""
    count = mask.sum(axis=0)  # (n,)
    mean = np.where(mask, shadows, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = (np.where(mask, shadows - mean, 0.0) ** 2).sum(axis=0)
    free = np.maximum(count - 1, 0)
    shared = squares.sum() / free.sum() if free.sum() else float(np.var(shadows))
    own = np.divide(squares, free, out=np.full(len(mean), shared), where=free > 0)
    variance = np.where(count >= MANY, own, shared)
    return mean, np.maximum(variance, SMALLEST) * (1.0 + 1.0 / np.maximum(count, 1))
