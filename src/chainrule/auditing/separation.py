"""How well a score separates members from others: ROC area, and detection at few false alarms.

Intervals are exact where that is possible. The number of detected members has the interval of Clopper and
Pearson (1934). The area has the interval of DeLong on the logit scale; a perfect separation has no variance,
so there the m = min(members, others) disjoint pairs, all in the right order, give an exact lower limit.

Reference: Carlini, Chien, Nasr, Song, Terzis and Tramer (2022), Membership inference attacks from first
principles, IEEE S&P, section IV (why the detection rate at few false alarms); DeLong, DeLong and
Clarke-Pearson (1988), Comparing the areas under two or more correlated receiver operating characteristic
curves, Biometrics 44.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import betaincinv, expit, logit, ndtri

from chainrule.records import frozen


@frozen
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float


@frozen
class Detection:
    """The members that a score detects at a limited share of false alarms.

    Args:
        limit: the share of others that may be taken for members.
        share: the share of detected members; NaN where the others are too few for this limit.
        detected: the number of detected members.
        false_alarms: the share of others above the threshold.
    """

    limit: float
    share: Estimate
    detected: int
    false_alarms: Estimate

    @property
    def is_measurable(self) -> bool:
        """Whether the others suffice for this limit."""
        return not math.isnan(self.share.value)


def proportion(count: int, total: int, level: float = 0.95) -> Estimate:
    """Return a share with the interval of Clopper and Pearson.

    Args:
        count: the events, from 0 to ``total``.
        total: the trials, at least 1.
        level: the probability that the interval contains the true share.

    Example:
        >>> share = proportion(9, 10)
        >>> share.value, round(share.low, 4), round(share.high, 4)
        (0.9, 0.555, 0.9975)
    """
    tail = (1.0 - level) / 2.0
    low = 0.0 if count == 0 else float(betaincinv(count, total - count + 1, tail))
    high = 1.0 if count == total else float(betaincinv(count + 1, total - count, 1.0 - tail))
    return Estimate(count / total, low, high)


def area(members: np.ndarray, others: np.ndarray, level: float = 0.95) -> Estimate:
    """Return the area under the ROC curve: the probability that a member has the larger score.

    Args:
        members: (m,) their scores, m >= 1.
        others: (n,) their scores, n >= 1.
        level: the probability that the interval contains the true area.

    Example:
        >>> area(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0])).value.__round__(3)
        0.778
    """
    won, lost = _wins(members, others), 1.0 - _wins(others, members)  # (m,), (n,)
    value = float(won.mean())
    variance = _variance_of_mean(won) + _variance_of_mean(lost)
    if variance == 0.0 or not 0.0 < value < 1.0:
        return _degenerate(value, min(len(members), len(others)), level)
    half = float(ndtri((1.0 + level) / 2.0)) * math.sqrt(variance) / (value * (1.0 - value))
    low, high = (float(expit(logit(value) + sign * half)) for sign in (-1.0, 1.0))
    return Estimate(value, low, high)


def _wins(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the share of others below each score, equal ones counted half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, scores, side="left")
    upto = np.searchsorted(ordered, scores, side="right")
    return (below + upto) / (2.0 * len(others))


def _variance_of_mean(values: np.ndarray) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.25


def _degenerate(value: float, pairs: int, level: float) -> Estimate:
    """Return the interval of an area without variance, from disjoint pairs of a member and another row."""
    wins = round(value * pairs)
    exact = proportion(wins, pairs, level)
    return Estimate(value, min(exact.low, value), max(exact.high, value))


def detection(members: np.ndarray, others: np.ndarray, limit: float, level: float = 0.95) -> Detection:
    """Return the share of members above the threshold that at most ``limit`` of the others exceed.

    Args:
        members: (m,) their scores.
        others: (n,) their scores; with n < 1 / limit nothing can be measured.
        limit: the share of false alarms.
        level: of the intervals.

    Example:
        >>> detection(np.array([3.0, 4.0]), np.arange(4.0), 0.25).share.value
        1.0
    """
    allowed = math.floor(limit * len(others) * (1.0 + 1e-12))
    if allowed < 1:
        unknown = Estimate(math.nan, 0.0, 1.0)
        return Detection(limit, unknown, 0, unknown)
    threshold = np.sort(others)[len(others) - 1 - allowed]
    detected, alarms = int((members > threshold).sum()), int((others > threshold).sum())
    share, false_alarms = proportion(detected, len(members), level), proportion(alarms, len(others), level)
    return Detection(limit, share, detected, false_alarms)
