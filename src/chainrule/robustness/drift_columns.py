"""Tests whether a column of a new table has the distribution of the training rows.

The training rows are known by their profiles (``column_profile.py``) alone, so that a model file suffices:

    test      columns            null hypothesis                       statistic
    ks        numbers            the same distribution                 Kolmogorov-Smirnov D
    chi2      levels, few        the same shares of all levels         chi-squared; rare levels count together
              different numbers
    range     numbers            no value is outside more often than   values outside the training range
                                 chance explains
    missing   all                the same share of missing cells       Fisher's exact test

Each returns a p-value and an effect. Of n training and m new values of one distribution, m / (n + 1) are
expected above the largest training value; that the k largest of all are new ones has the probability
m / (n + m) * (m - 1) / (n + m - 1) * ..., k factors. Values are compared with that, not with 0.

A profile has at most ``MAX_KNOTS`` quantiles of a number: D is then taken at these, which makes it smaller
and the test conservative. With training rows as the reference, all values are used.

Reference: Yurdakul, B. (2018). Statistical properties of population stability index. Western Michigan
University.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.data.tables.column_profile import ColumnProfile
from chainrule.data.tables.drift import outside_probability
from chainrule.records import frozen

FEW_VALUES = 20  # different numbers up to which their shares are compared
RARE = 5  # expected cells of a level, below which it counts as rare
BINS = 10  # of numbers for the population stability index
EXAMPLES = 3
VANISHED = 0.5  # a smoothing count of the index, for empty bins


@frozen
class ColumnTest:
    """A test of one column.

    Args:
        column: its name.
        test: ``"ks"``, ``"chi2"``, ``"range"`` or ``"missing"``.
        statistic: D, chi-squared, the number of values outside, or the difference of shares.
        p_value: of the test alone.
        effect: the population stability index for ``ks`` and ``chi2``, otherwise the difference of shares.
        before, after: what differs most, in the training and in the new rows: the median, the share of a
            level, the number of values outside the range that chance explains and that there are, the share
            of missing cells.
        example: the level, or the most extreme value; empty for others.
        adjusted: the p-value after the correction for the number of tests.
    """

    column: str
    test: str
    statistic: float
    p_value: float
    effect: float
    before: float
    after: float
    example: str = ""
    adjusted: float = 1.0


def column_tests(trained: ColumnProfile, new: ColumnProfile) -> Iterator[ColumnTest]:
    """The tests of a column; of no values, only that of missing cells.

    Args:
        trained: the column in the training rows.
        new: in the new rows, with all of its values.
    """
    if trained.missing or new.missing:
        yield _missing(trained, new)
    if new.rows == new.missing or trained.rows == trained.missing:
        return
    if trained.quantiles:
        values = np.unique([*trained.quantiles, *new.quantiles])
        if trained.is_complete and len(values) <= FEW_VALUES:
            yield _shares(trained, _counts_of(trained), _counts_of(new))
        else:
            yield _kolmogorov_smirnov(trained, new)
        if len(values) > 2:
            yield _range(trained, new)
    elif trained.levels and new.levels:
        pairs = (dict(zip(profile.levels, profile.counts, strict=True)) for profile in (trained, new))
        yield _shares(trained, *pairs)


def _missing(trained: ColumnProfile, new: ColumnProfile) -> ColumnTest:
    from scipy.stats import fisher_exact  # noqa: PLC0415  # takes long to import

    table = [[profile.missing, profile.rows - profile.missing] for profile in (trained, new)]
    result: Any = fisher_exact(table)
    p_value = float(result[1])
    before, after = trained.missing_share, new.missing_share
    return ColumnTest(trained.column, "missing", after - before, p_value, abs(after - before), before, after)


def _kolmogorov_smirnov(trained: ColumnProfile, new: ColumnProfile) -> ColumnTest:
    n, m = trained.cumulative[-1], new.cumulative[-1]
    grid = np.array(trained.quantiles if not trained.is_complete else [*trained.quantiles, *new.quantiles])
    differences = np.abs(_share_up_to(trained, grid) - _share_up_to(new, grid))
    statistic = float(differences.max())
    before, after = trained.quantile(0.5), new.quantile(0.5)
    p_value, effect = _ks_p_value(statistic, n, m), _stability_of(trained, new)
    return ColumnTest(trained.column, "ks", statistic, p_value, effect, before, after)


def _ks_p_value(statistic: float, n: int, m: int) -> float:
    """The two-sided p-value of D, as ``scipy.stats.ks_2samp`` with ``method="asymp"``."""
    from scipy.stats import kstwo  # noqa: PLC0415

    return float(np.clip(kstwo.sf(statistic, max(1, round(n * m / (n + m)))), 0, 1))


def _share_up_to(profile: ColumnProfile, grid: np.ndarray) -> np.ndarray:
    """The share of the values up to each point."""
    index = np.searchsorted(np.array(profile.quantiles), grid, side="right")
    return np.array([0, *profile.cumulative])[index] / profile.cumulative[-1]


def _range(trained: ColumnProfile, new: ColumnProfile) -> ColumnTest:
    """Values outside the range of the training rows, compared with the number that chance explains."""
    n, m = trained.cumulative[-1], new.cumulative[-1]
    low, high = trained.quantiles[0], trained.quantiles[-1]
    values, counts = np.array(new.quantiles), np.diff([0, *new.cumulative])
    below, above = int(counts[values < low].sum()), int(counts[values > high].sum())
    p_value = min(1.0, 2 * min(outside_probability(n, m, below), outside_probability(n, m, above)))
    extreme = max((low - new.quantiles[0], new.quantiles[0]), (new.quantiles[-1] - high, new.quantiles[-1]))
    example = f"{extreme[1]:.6g}" if below + above else ""
    count, expected = below + above, 2 * m / (n + 1)
    return ColumnTest(
        trained.column, "range", count, p_value, max(0.0, (count - expected) / m), expected, count, example
    )


def _counts_of(profile: ColumnProfile) -> dict[str, int]:
    """The number of cells of each of a few numbers."""
    counts = np.diff([0, *profile.cumulative]).tolist()
    return dict(zip(map("{:.6g}".format, profile.quantiles), counts, strict=True))


def _shares(trained: ColumnProfile, before: Mapping[str, int], after: Mapping[str, int]) -> ColumnTest:
    """The shares of levels: a chi-squared test, exact for two levels; rare levels count together."""
    from scipy.stats import chi2_contingency, fisher_exact  # noqa: PLC0415

    levels = list(dict.fromkeys([*before, *after]))
    counts = np.array([[part.get(level, 0) for level in levels] for part in (before, after)], float)
    shares = counts / counts.sum(axis=1, keepdims=True)
    all_counts, stability = counts, _stability(*counts)
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    is_rare = expected < RARE
    if is_rare.sum() > 1 or (is_rare.any() and len(levels) > 2):
        counts = np.concatenate([counts[:, ~is_rare], counts[:, is_rare].sum(axis=1, keepdims=True)], axis=1)
    if counts.shape[1] < 2:
        statistic, p_value = 0.0, 1.0
    elif counts.shape[1] == 2:
        result: Any = fisher_exact(counts)
        statistic, p_value = float(abs(shares[0] - shares[1]).max()), float(result[1])
    else:
        result = chi2_contingency(counts)
        statistic, p_value = float(result[0]), float(result[1])
    largest = int(_parts_of_stability(*all_counts).argmax())
    pair = (float(shares[0, largest]), float(shares[1, largest]))
    return ColumnTest(trained.column, "chi2", statistic, p_value, stability, *pair, levels[largest])


def _stability_of(trained: ColumnProfile, new: ColumnProfile) -> float:
    """The population stability index of numbers, in bins of equal training shares."""
    edges = np.unique([trained.quantile(share) for share in np.linspace(0, 1, BINS + 1)[1:-1]])
    counts = [
        np.diff([0.0, *_share_up_to(profile, edges), 1.0]) * profile.cumulative[-1]
        for profile in (trained, new)
    ]
    return _stability(*counts)


def _stability(before: np.ndarray, after: np.ndarray) -> float:
    """The population stability index of two rows of counts: sum of (q - p) log(q / p)."""
    return float(_parts_of_stability(before, after).sum())


def _parts_of_stability(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """What each bin or level adds to the index."""
    p, q = ((part + VANISHED) / (part + VANISHED).sum() for part in (before, after))
    return (q - p) * np.log(q / p)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """The p-values after Holm's correction: the probability of any false alarm is at most the level.

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    result = np.empty(len(p))
    result[order] = np.minimum(adjusted, 1.0)
    return result
