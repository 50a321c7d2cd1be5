"""Intervals of scores: how far a metric would vary with other rows, or other folds.

A score of 100 test rows is an estimate. The accuracy is a share of the rows, whose interval has a formula; so
has that of the RMSE. For any other metric, and where rows have weights, the *bootstrap* samples as many rows
with replacement many times and computes the metric of each sample; the middle 95 % of the values are the
interval. The scores of the *folds* of a cross-validation vary as well, with the training rows too, but they
share training rows, so that their mean varies more than their spread suggests: the variance of the mean of K
folds is multiplied by 1 + K / (K - 1) (Nadeau and Bengio 2003, for K folds of equal size).

The rows of a group (the visits of a patient) resemble each other, and new rows are of other groups: the
bootstrap then samples complete groups (Field and Welsh 2007).

References: Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 13; Nadeau and Bengio
(2003), Inference for the generalization error, Machine Learning 52, section 4; Field and Welsh (2007),
Bootstrapping clustered data, JRSS B 69(3).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.metrics import Predictions, resolve_metrics
from chainrule.prng import bits_of_keys, fold, folds, key_of
from chainrule.records import frozen

LEVEL = 0.95
SAMPLES, MIN_SAMPLES, MAX_ROWS = 200, 40, 1_000_000  # rows of all samples together
TOGETHER = 2**14  # random numbers, so that they stay in the cache
_Z = 1.959963984540054  # the 97.5 % quantile of the normal distribution
_STREAM = 0x424F4F54  # "BOOT"


@frozen
class Interval:
    """A 95 % interval of a score."""

    low: float
    high: float


def score_intervals(
    predictions: Predictions, names: Sequence[str], seed: int = 0, groups: np.ndarray | None = None
) -> dict[str, Interval]:
    """Return the interval of each metric for other test rows of the same kind.

    Args:
        groups: (N,) the group of each row; ``None``: the rows are independent.

    Returns:
        by the name of the metric; NaN where it is not defined.

    Example:
        >>> y, p = np.arange(100) % 2, np.tile([[0.9, 0.1], [0.4, 0.6]], (50, 1))
        >>> score_intervals(Predictions(y, p, None, "classification"), ["accuracy"])["accuracy"].high
        1.0
    """
    labels = [metric.label for metric in resolve_metrics(names, [predictions.task])]
    is_simple = predictions.weights is None and groups is None
    exact = {label: _by_formula(predictions, label) for label in labels if is_simple}
    sampled = [label for label in labels if not exact.get(label)]
    intervals = {**exact, **(bootstrap(predictions, sampled, seed, groups) if sampled else {})}
    return {label: intervals[label] for label in labels}


def _by_formula(a: Predictions, metric: str) -> Interval | None:
    """Return the interval of a metric that has a formula; ``None`` for any other."""
    if metric == "accuracy" and a.task == "classification" and len(a.target):
        return share_interval(int((a.predicted == a.target).sum()), len(a.target))
    if metric == "rmse" and a.prediction.shape[1:] == (1,) and len(a.target) > 1:
        return rmse_interval(a.prediction[:, 0] - a.target.reshape(-1))
    return None


def share_interval(successes: int, rows: int) -> Interval:
    """Return the interval of a share.

    Formula: (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), with the share p of n rows.

    Args:
        successes: the rows that count.
        rows: all rows, at least 1.

    Example:
        >>> interval = share_interval(209, 262)
        >>> round(interval.low, 3), round(interval.high, 3)
        (0.745, 0.842)

    Reference: Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    p, z2 = successes / rows, _Z * _Z / rows
    middle, half = p + z2 / 2, math.sqrt(z2 * (p * (1 - p) + z2 / 4))
    return Interval(max(0.0, (middle - half) / (1 + z2)), min(1.0, (middle + half) / (1 + z2)))


def rmse_interval(errors: np.ndarray) -> Interval:
    """Return the interval of the root of the mean squared error, by the standard error of the mean.

    Args:
        errors: (N,) the errors of the rows, N >= 2.

    Example:
        >>> interval = rmse_interval(np.array([1.0, -1.0, 2.0, -2.0] * 25))
        >>> round(interval.low, 2), round(interval.high, 2)
        (1.48, 1.67)
    """
    squares = np.asarray(errors, np.float64) ** 2
    mean, half = squares.mean(), _Z * squares.std(ddof=1) / math.sqrt(len(squares))
    return Interval(math.sqrt(max(0.0, mean - half)), math.sqrt(mean + half))


def bootstrap(
    predictions: Predictions, names: Sequence[str], seed: int = 0, groups: np.ndarray | None = None
) -> dict[str, Interval]:
    """Return the interval of each metric, by samples of the rows, or of the groups with all of their rows.

    The samples of large tables are fewer; their interval is the mean plus and minus 1.96 standard deviations.

    Args:
        predictions, names, groups: as for ``score_intervals``.

    Returns:
        by the name of the metric; NaN where it is not defined, and of a single row or group.

    Example:
        >>> y, p = np.arange(100) % 2, np.tile([[0.9, 0.1], [0.4, 0.6]], (50, 1))
        >>> bootstrap(Predictions(y, p, None, "classification"), ["f1"])
        {'f1': Interval(low=1.0, high=1.0)}
    """
    rows = len(predictions.target)
    count = int(np.clip(MAX_ROWS // max(rows, 1), MIN_SAMPLES, SAMPLES))
    metrics = resolve_metrics(names, [predictions.task])
    parts = None if groups is None else rows_of_groups(groups)
    units = rows if parts is None else len(parts)
    if units < 2:  # all samples would be equal
        return {metric.label: Interval(np.nan, np.nan) for metric in metrics}
    values: dict[str, list[float]] = {metric.label: [] for metric in metrics}
    for index in samples_of(units, count, seed):
        index = index if parts is None else np.concatenate([parts[i] for i in index.tolist()])
        sample = _take(predictions, index)
        for metric in metrics:
            values[metric.label].append(metric.of(sample))
    return {name: _interval(np.array(scores), count) for name, scores in values.items()}


def samples_of(units: int, count: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the numbers of the units of each sample: as many as there are, with replacement.

    Example:
        >>> [len(index) for index in samples_of(3, 2, seed=0)]
        [3, 3]
    """
    keys = folds(fold(key_of(seed), _STREAM), np.arange(count))
    at_once = max(1, TOGETHER // max(units, 1))
    for first in range(0, count, at_once):
        yield from bits_of_keys(keys[first : first + at_once], units) % max(units, 1)


def rows_of_groups(groups: np.ndarray) -> list[np.ndarray]:
    """Return the numbers of the rows of each group.

    Example:
        >>> [part.tolist() for part in rows_of_groups(np.array(["b", "a", "b"]))]
        [[1], [0, 2]]
    """
    _, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])


def _take(a: Predictions, index: np.ndarray) -> Predictions:
    weights = None if a.weights is None else a.weights[index]
    return Predictions(a.target[index], a.prediction[index], weights, a.task)


def _interval(values: np.ndarray, count: int) -> Interval:
    values = values[np.isfinite(values)]
    if len(values) < count / 2:  # such as the AUC of rows that are nearly all of one class
        return Interval(np.nan, np.nan)
    if count >= SAMPLES:
        low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Interval(float(low), float(high))
    half = _Z * values.std(ddof=1)
    return Interval(float(values.mean() - half), float(values.mean() + half))


def fold_interval(values: np.ndarray) -> Interval:
    """Return the interval of the mean score of a cross-validation, by its folds.

    Formula: mean -+ t s sqrt(1/(K S) + 1/(K - 1)), with the variance s^2 of the K folds, averaged over S
    seeds, and the 97.5 % quantile t of Student's distribution with K - 1 degrees of freedom. More seeds do
    not reduce the term 1/(K - 1), since all seeds have the same rows.

    Args:
        values: (K,) the score of each fold, or (S, K) for several seeds.

    Example:
        >>> interval = fold_interval(np.array([0.8, 0.82, 0.78, 0.81, 0.79]))
        >>> round(interval.low, 3), round(interval.high, 3)
        (0.771, 0.829)
    """
    from scipy.special import stdtrit  # noqa: PLC0415  # needed only here

    scores = np.atleast_2d(np.asarray(values, np.float64))  # (S, K)
    seeds, k = scores.shape
    mean, variance = scores.mean(), scores.var(axis=1, ddof=1).mean()
    half = float(stdtrit(k - 1, (1 + LEVEL) / 2) * np.sqrt(variance * (1 / (k * seeds) + 1 / (k - 1))))
    return Interval(float(mean - half), float(mean + half))
