"""Value at risk: the loss that is exceeded with a small probability, and a test of how often it is.

A forecast of the value at risk at 1 % is right if losses exceed it on 1 % of the days. Kupiec's test compares
the number of breaches with a binomial distribution by the ratio of likelihoods. It does not test whether
breaches come in clusters.

Reference: Kupiec (1995), Techniques for verifying the accuracy of risk measurement models, J. of Derivatives
3(2); Barone-Adesi, Giannopoulos and Vosper (1999), VaR without correlations for portfolios of derivative
securities, J. of Futures Markets 19, for the quantile of standardized returns.
"""

from __future__ import annotations

import math

import numpy as np


def kupiec_test(breaches: int, days: int, probability: float) -> float:
    """The p-value of the hypothesis that each day is a breach with this probability.

    Formula: with x breaches in n days, LR = -2 ln[(1-p)^(n-x) p^x] + 2 ln[(1-x/n)^(n-x) (x/n)^x], which has
    one degree of freedom: P = erfc(sqrt(LR/2)).

    Args:
        breaches: the number of days with a larger loss than predicted.
        days: the number of days, at least 1.
        probability: of a breach on a day, between 0 and 1.

    Example:
        >>> round(kupiec_test(9, 255, 0.01), 4), kupiec_test(5, 500, 0.01)
        (0.0016, 1.0)
    """
    if not 0 <= breaches <= days or days < 1 or not 0 < probability < 1:
        raise ValueError("breaches are a part of the days, and the probability is between 0 and 1")
    share = breaches / days
    ratio = 2 * (_term(days - breaches, 1 - share, 1 - probability) + _term(breaches, share, probability))
    return math.erfc(math.sqrt(max(ratio, 0.0) / 2))


def _term(count: int, share: float, probability: float) -> float:
    """``count`` times the log of share over probability; 0 for none."""
    return count * math.log(share / probability) if count else 0.0


def value_at_risk(
    known: np.ndarray, known_scale: np.ndarray, scale: np.ndarray, probability: float
) -> np.ndarray:
    """The loss that a return falls below with a probability, as a positive number, (N,).

    The quantile is that of past returns over their predicted standard deviations, so that no distribution is
    assumed.

    Args:
        known: (M,) past returns.
        known_scale: (M,) standard deviations that were predicted for them, in any unit.
        scale: (N,) predicted standard deviations, in the same unit.
        probability: of a breach.

    Example:
        >>> known = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
        >>> value_at_risk(known, np.ones(5), np.array([1.0, 3.0]), 0.25).tolist()
        [1.0, 3.0]
    """
    return -np.quantile(known / known_scale, probability) * scale
