"""Randomized smoothing: a classifier that is certified by sampling.

The smoothed classifier predicts the class that the network predicts most often for a sample with Gaussian
noise of standard deviation s. If it predicts that class with probability at least p > 1/2, no change of
Euclidean length below s Phi^-1(p) changes the smoothed prediction. p is a lower confidence limit from
counts (Clopper and Pearson), so the statement about a sample is wrong with at most the stated probability.
It is about the smoothed classifier, not about the network.

Reference: Cohen, Rosenfeld and Kolter (2019), Certified adversarial robustness via randomized smoothing
(ICML), theorem 1 and section 3.2; Clopper and Pearson (1934), The use of confidence or fiducial limits
illustrated in the case of the binomial (Biometrika 26).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import betaincinv, ndtri

from chainrule.records import frozen
from chainrule.robustness.stream import Stream

SELECTION = 100  # noisy samples that choose the class
BATCH = 4096  # noisy samples that are classified at once


@frozen(eq=False)
class Smoothed:
    """Predictions of the smoothed classifier.

    Args:
        classes: the index of the class of each sample.
        radii: the certified radius of each; 0 where it abstains.
    """

    classes: np.ndarray
    radii: np.ndarray


def smoothed(
    classify: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    sigma: np.ndarray,
    samples: int,
    failure: float,
    stream: Stream,
) -> Smoothed:
    """Classify samples by the smoothed classifier, with radii in units of ``sigma``'s unit 1.

    Args:
        classify: from inputs (m, ...) to class indices (m,).
        x: the samples, (n, ...).
        sigma: the standard deviation of the noise of each element, broadcast to a sample.
        samples: noisy samples for the confidence limit.
        failure: probability with which the statement about a sample may be wrong.

    Returns:
        classes and radii, as multiples of ``sigma``.
    """
    classes, radii = np.zeros(len(x), np.int64), np.zeros(len(x))
    for i, row in enumerate(x):
        first = np.bincount(_noisy_classes(classify, row, sigma, SELECTION, stream))
        classes[i] = int(first.argmax())
        count = int((_noisy_classes(classify, row, sigma, samples, stream) == classes[i]).sum())
        limit = lower_limit(count, samples, failure)
        radii[i] = ndtri(limit) if limit > 0.5 else 0.0
    return Smoothed(classes, radii)


def lower_limit(count: int, samples: int, failure: float) -> float:
    """Return the lower confidence limit of a probability, from the number of times that it occurred.

    Example:
        >>> lower_limit(100, 100, 0.001) == 0.001 ** 0.01  # all: the limit solves p^100 = 0.001
        True
        >>> lower_limit(0, 100, 0.001)
        0.0
    """
    if count == 0:
        return 0.0
    if count == samples:
        return failure ** (1.0 / samples)
    return float(betaincinv(count, samples - count + 1, failure))


def _noisy_classes(
    classify: Callable[[np.ndarray], np.ndarray],
    row: np.ndarray,
    sigma: np.ndarray,
    count: int,
    stream: Stream,
) -> np.ndarray:
    """Return the classes of one sample with noise, (count,)."""
    parts = []
    for first in range(0, count, BATCH):
        noise = stream.normal((min(BATCH, count - first), *row.shape)) * sigma
        parts.append(classify((row + noise).astype(row.dtype)))
    return np.concatenate(parts)
