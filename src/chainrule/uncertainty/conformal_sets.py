"""Prediction sets: the classes of which one is the true one with a chosen probability.

A set is small where the network is certain and large where it is not. The only assumption is that a new row
is exchangeable with the rows of the threshold, none of which was used to train or calibrate the network.
"""

from __future__ import annotations

import numpy as np

from chainrule.train.evaluation.conformal import half_width


def set_threshold(probabilities: np.ndarray, y: np.ndarray, level: float = 0.9) -> float:
    """The lowest probability of a class in a set.

    Formula: 1 - s, where s is the k-th smallest of the n numbers 1 - p_i(y_i), k = ceil((n + 1) level).

    Args:
        probabilities: (n, K) of rows outside the training.
        y: (n,) class indices.
        level: the probability that a set contains the true class, above 0 and below 1.

    Returns:
        the threshold; 0, so that sets contain all classes, if there are too few rows for the level.

    Example:
        >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]] * 5)
        >>> round(set_threshold(p, np.array([0, 0, 1, 1] * 5), 0.9), 3)
        0.4

    Reference: Sadinle, Lei and Wasserman (2019), Least ambiguous set-valued classifiers with bounded error
    levels, JASA 114.
    """
    missing = 1.0 - probabilities[np.arange(len(y)), y].astype(np.float64)
    return float(max(0.0, 1.0 - half_width(missing, level)))


def prediction_sets(probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Whether each class is in the set of each row, (N, K).

    A set is never empty: it contains the most likely class, which can only raise the coverage.

    Args:
        probabilities: (N, K).
        threshold: of ``set_threshold``.
    """
    inside = np.asarray(probabilities, np.float64) >= threshold
    inside[np.arange(len(inside)), np.argmax(probabilities, axis=1)] = True
    return inside
