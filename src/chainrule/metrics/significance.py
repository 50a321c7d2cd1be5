"""Whether one method scores better than another, or a difference of two scores is chance.

A score varies with the rows on which it is measured and, of a network, with the seed of its training. A
difference counts as clear if it would be so large in at most 5 % of the cases without any difference:

- one test set (``mean_difference``, ``sampled_difference``): both methods predict the same units (rows,
  images, utterances, groups of rows), so what makes a unit hard for both cancels. The variance over units is
  that of the mean difference, or, for a score that is not a mean, that of the difference in samples of the
  units with replacement (the bootstrap). An area under a curve depends on the few positive units as on a mean
  of so few: the units of each class are then sampled apart. The variance over the seeds is added;
- folds or other repeated divisions into training and test rows (``fold_difference``): the scores share
  training rows, so their mean varies more than their spread suggests. With J scores, the variance of the mean
  is s^2 (1/J + test rows / training rows) instead of s^2 / J, and so it is for the losses of their rows;
- one score of each and nothing else: undecided.

``compare`` then names the best method of two groups, such as networks and baselines. The best of k methods of
a group that do not differ clearly among themselves seems better than it is, because it was chosen by its
score: its difference is clear at a level of 5 % / k, and it has to be clear from each method of the other.

References: Efron and Tibshirani (1993), An introduction to the bootstrap, chapters 8 and 16; Nadeau and
Bengio (2003), Inference for the generalization error, Machine Learning 52, section 4; Bouckaert and Frank
(2004), Evaluating the replicability of significance tests for comparing learning algorithms (PAKDD), for
repeated folds; Satterthwaite (1946), An approximate distribution of estimates of variance components,
Biometrics Bulletin 2; Berger (1982), Multiparameter hypothesis testing and acceptance sampling, Technometrics
24, for "better than each".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from chainrule.metrics.interval import rows_of_groups, samples_of
from chainrule.records import frozen

LEVEL = 0.05  # probability of a clear difference where there is none
SAMPLES, MIN_SAMPLES, MAX_UNITS = 400, 40, 4_000_000  # of the bootstrap; units of all samples together
MIN_CLASS_UNITS = 3  # two do not determine a variance well enough
_SEED = 0


@frozen
class Difference:
    """The mean difference of two scores or losses.

    Args:
        mean: the first minus the second.
        standard_error: of the mean.
        degrees: the degrees of freedom of the standard error.

    Example:
        >>> round(Difference(2.0, 1.0, 4.0).p_value, 3), round(Difference(2.0, 1.0).p_value, 3)
        (0.116, 0.046)
    """

    mean: float
    standard_error: float
    degrees: float = math.inf

    @property
    def errors(self) -> float:
        """The difference in standard errors; 0 for equal scores, infinite where it is the same everywhere.

        NaN for a difference that is not a number.
        """
        if math.isnan(self.mean) or math.isnan(self.standard_error):
            return math.nan
        if self.standard_error > 0:
            return self.mean / self.standard_error
        return math.copysign(math.inf, self.mean) if self.mean else 0.0

    @property
    def p_value(self) -> float:
        """The probability of such a difference, in either direction, without a true one (Student's t)."""
        size = abs(self.errors)
        if math.isnan(size):
            return 1.0
        if math.isinf(self.degrees) or math.isinf(size):
            return math.erfc(size / math.sqrt(2))
        from scipy.special import stdtr  # noqa: PLC0415, needed only here

        return 2 * float(stdtr(self.degrees, -size))

    @property
    def is_clear(self) -> bool:
        """Whether it is more than chance, at a level of 5 %."""
        return self.p_value <= LEVEL


def mean_difference(
    first: np.ndarray,
    second: np.ndarray,
    weights: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    folds: int = 0,
) -> Difference:
    """Return the mean difference of the losses of two models on the same rows.

    Formula: d_i = l_i - m_i for losses l and m of row i with weight w_i; the difference is
    D = sum_i w_i d_i / sum_i w_i, and its standard error sqrt(n / (n - 1) sum_i w_i^2 (d_i - D)^2) /
    sum_i w_i, which for equal weights is the standard deviation of the d_i divided by sqrt(n). The rows of a
    group are not independent: w_i (d_i - D) is then summed over the rows of each group, and n is the number
    of groups. There are n - 1 degrees of freedom. Models of K folds share training rows: the
    variance is multiplied by 1 + K / (K - 1), as in ``fold_difference``.

    Args:
        first, second: (N,) losses, at least 2 rows.
        weights: (N,) sample weights.
        groups: (N,) the group of each row; ``None``: the rows are independent.
        folds: the number of folds, K, of a cross-validation; below 2: the rows are those of one test set.

    Example:
        >>> mean_difference(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0]))
        Difference(mean=0.0, standard_error=0.5773502691896257, degrees=2.0)
    """
    d = first.astype(np.float64) - second
    w = np.ones(len(d)) if weights is None else weights.astype(np.float64)
    total, n = w.sum(), np.count_nonzero(w)
    mean = float(w @ d / total)
    deviations = w * (d - mean)
    if groups is not None:
        deviations = np.bincount(np.unique(groups, return_inverse=True)[1], deviations)
        n = len(deviations)
    spread = deviations @ deviations * n / max(n - 1, 1) * (1 + folds / (folds - 1) if folds > 1 else 1)
    return Difference(mean, float(np.sqrt(spread) / total), float(max(n - 1, 1)))


def fold_difference(first: Sequence[float], second: Sequence[float], test_ratio: float) -> Difference | None:
    """Return the difference of the scores of two methods on the same divisions (corrected resampled t-test).

    Args:
        first, second: (J,) scores of each division.
        test_ratio: test rows per training row; 1 / (K - 1) for K folds.

    Returns:
        ``None`` for fewer than 2 divisions, or where a score is not defined.

    Example:
        >>> gap = fold_difference([0.9, 0.8, 0.7, 0.8, 0.9], [0.8, 0.8, 0.6, 0.7, 0.9], 1 / 4)
        >>> round(gap.mean, 3), round(gap.errors, 2), gap.is_clear  # 2.45 if the folds were independent
        (0.06, 1.63, False)

    Reference: Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52.
    """
    d = np.subtract(first, second, dtype=np.float64)
    if len(d) < 2 or not np.isfinite(d).all():
        return None
    return Difference(
        float(d.mean()), float(d.std(ddof=1) * math.sqrt(1 / len(d) + test_ratio)), float(len(d) - 1)
    )


@frozen(eq=False)
class SampledScore:
    """A score of the units of a test set that can be computed for any of them.

    Args:
        statistic: computes the score of some units from their arrays.
        arrays: (N, ...) for each unit what the statistic reads, such as targets and predictions.
        classes: (N,) the class of each unit, for a score that compares those of one class with those of
            another, such as an area under a curve: few units of a class are then little evidence, however
            many units there are; ``None``: the units are alike.

    Example:
        >>> rms = SampledScore(lambda y, p: np.sqrt(np.mean((y - p) ** 2)), (np.zeros(3), np.arange(3.0)))
        >>> round(rms.value, 2), float(rms.of(np.array([0, 0, 1, 1])).round(2))
        (1.29, 0.71)
    """

    statistic: Callable[..., float]
    arrays: tuple[np.ndarray, ...]
    classes: np.ndarray | None = None

    @property
    def units(self) -> int:
        """The number of units."""
        return len(self.arrays[0])

    @property
    def value(self) -> float:
        """The score of all units."""
        return float(self.statistic(*self.arrays))

    def of(self, index: np.ndarray) -> float:
        """Return the score of the units with these numbers, which may repeat."""
        return self.statistic(*(array[index] for array in self.arrays))


def mean_score(values: np.ndarray, groups: np.ndarray | None = None) -> SampledScore:
    """Return the mean of the values of rows, (N,), as a score.

    Args:
        values: of each row.
        groups: (N,) the group of each row, whose rows resemble each other: the units are then the groups;
            ``None``: the rows are independent.

    Example:
        >>> mean_score(np.array([True, False, True, True])).value
        0.75
    """
    return ratio_score(values, np.ones(len(values)), groups)


def ratio_score(part: np.ndarray, total: np.ndarray, groups: np.ndarray | None = None) -> SampledScore:
    """Return the sum of ``part`` over rows divided by that of ``total``, such as wrong words and words.

    Args:
        part, total: (N,) of each row.
        groups: as for ``mean_score``.

    Example:
        >>> errors, words, speakers = np.array([0, 1, 2]), np.array([4, 4, 2]), np.array(["a", "b", "b"])
        >>> rate = ratio_score(errors, words, speakers)
        >>> rate.value, rate.units
        (0.3, 2)
    """
    codes = np.arange(len(part)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums = tuple(np.bincount(codes, np.asarray(values, np.float64)) for values in (part, total))
    return SampledScore(_ratio, sums)


def _ratio(part: np.ndarray, total: np.ndarray) -> float:
    denominator = float(total.sum())
    return float(part.sum()) / denominator if denominator else math.nan


def sampled_difference(first: Sequence[SampledScore], second: Sequence[SampledScore]) -> Difference | None:
    """Return the difference of the mean scores of two methods that were trained with several seeds.

    The variance is that over samples of the units, or the sum of those over samples of the units of each
    class, plus that over the seeds of each method with several; the degrees of freedom are those of the sum
    (Satterthwaite).

    Args:
        first, second: for each seed the score on the same units; one of a method without a seed.

    Returns:
        ``None`` for fewer than 2 units, fewer than 3 of a class, or where the score of most samples is not
        defined.

    Example:
        >>> a, b = mean_score(np.array([1, 1, 1, 0] * 25)), mean_score(np.array([1, 0, 1, 0] * 25))
        >>> gap = sampled_difference([a], [b])
        >>> gap.mean, round(gap.standard_error, 2)  # sqrt(3/16 / 100) = 0.043
        (0.25, 0.04)
    """
    everything = np.arange(first[0].units)
    classes = first[0].classes

    def gap(index: np.ndarray) -> float:
        return float(np.mean([s.of(index) for s in first]) - np.mean([s.of(index) for s in second]))

    parts = []
    for units in [everything] if classes is None else rows_of_groups(classes):
        part = _variance_over_samples(gap, everything, units)
        if part is None:
            return None
        parts.append(part)
    for scores in (first, second):
        if len(scores) > 1:
            spread = float(np.var([score.value for score in scores], ddof=1))
            parts.append((spread / len(scores), len(scores) - 1))
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return Difference(gap(everything), 0.0, float(min(n for _, n in parts)))
    degrees = variance**2 / sum(part**2 / n for part, n in parts)
    return Difference(gap(everything), math.sqrt(variance), float(degrees))


def _variance_over_samples(
    gap: Callable[[np.ndarray], float], everything: np.ndarray, units: np.ndarray
) -> tuple[float, int] | None:
    """Return the variance of a difference over samples of some units beside the others, and its degrees."""
    n = len(units)
    if n < (2 if n == len(everything) else MIN_CLASS_UNITS):
        return None
    count = int(np.clip(MAX_UNITS // len(everything), MIN_SAMPLES, SAMPLES))
    others = np.setdiff1d(everything, units, assume_unique=True)
    samples = np.array([gap(np.append(others, units[i])) for i in samples_of(n, count, _SEED)])
    samples = samples[np.isfinite(samples)]
    if len(samples) < count / 2:
        return None
    return float(samples.var(ddof=1)) * n / (n - 1), min(n, len(samples)) - 1


@frozen
class Comparison:
    """The best of two groups of methods.

    Args:
        first: the method with the best score.
        second: the best of the other group; where the difference is not clear, the one that it is not clear
            from.
        difference: the first minus the second; ``None``: how much of it is chance is unknown.
        is_clear: whether the first is better than every method of the other group, by more than chance.
    """

    first: str
    second: str
    difference: Difference | None
    is_clear: bool


def compare(
    scores: Mapping[str, float],
    own: Collection[str],
    difference: Callable[[str, str], Difference | None],
    larger_is_better: bool = True,
) -> Comparison:
    """Compare the best method with every method of the other group.

    Args:
        scores: of each method.
        own: the methods of one group, such as the networks; the others are the other group. Both have
            members.
        difference: computes the difference of two methods, the first minus the second; ``None``: unknown.
        larger_is_better: whether larger scores are better.

    Example:
        >>> a, b = np.array([1.0, 1.0, 0.0, 1.0] * 9), np.array([0.0, 1.0, 0.0, 0.0] * 9)
        >>> rows = {"net": a, "linear": b}
        >>> means = {name: values.mean() for name, values in rows.items()}
        >>> result = compare(means, ["net"], lambda x, y: mean_difference(rows[x], rows[y]))
        >>> result.first, result.is_clear
        ('net', True)
    """
    sign = 1.0 if larger_is_better else -1.0
    order = sorted(scores, key=lambda name: -sign * scores[name])
    first = order[0]
    rivals = [name for name in order if (name in own) != (first in own)]
    gaps = {name: difference(first, name) for name in order[1:]}
    p = {name: 1.0 if gap is None or sign * gap.mean <= 0 else gap.p_value for name, gap in gaps.items()}
    equals = sum(p[name] > LEVEL for name in gaps if name not in rivals)
    level = LEVEL / (1 + equals)
    is_clear = max(p[name] for name in rivals) <= level
    second = rivals[0] if is_clear or p[rivals[0]] > level else max(rivals, key=lambda name: p[name])
    return Comparison(first, second, gaps[second], is_clear)
