"""Prediction sets: the classes of which one is the true one with a chosen probability.

Each class of a row has a *conformity*, a number from 0 to 1 that is high where the class fits the row. A
set contains the classes whose conformity is at least a threshold: the k-th largest of the n conformities of
the true classes of labeled rows, k = ceil((n + 1) level). The only assumption is that a new row is
exchangeable with these rows, none of which was used to train or calibrate the network. A threshold is one of
the conformities, bit by bit, and is compared with conformities that the same function computes, so rows with
equal probabilities are all in or all out, and the coverage holds whatever the ties.

=============  ====================================================  ========================================
method         conformity of class k                                 what it promises
=============  ====================================================  ========================================
``threshold``  p_k                                                   coverage, with the smallest sets
``adaptive``   the sum of p_j over p_j < p_k,                        coverage, with larger sets where the
               plus u times the sum of p_j over p_j = p_k            network is less certain
``class``      p_k, with one threshold for each class from its rows  coverage of every class
=============  ====================================================  ========================================

u in [0, 1) is a function of the probabilities of the row: without it, certain rows would be covered too
often, at the expense of the others. Example of ``adaptive``: p = (0.6, 0.3, 0.1) and u = 0.5 give 0.7, 0.25
and 0.05; with the threshold 0.2 the set contains the first two classes.

References: Sadinle, Lei and Wasserman (2019), Least ambiguous set-valued classifiers with bounded error
levels, JASA 114 (``threshold``; section 4: ``class``); Romano, Sesia and Candès (2020), Classification with
valid and adaptive coverage (NeurIPS), section 2.1, whose score is 1 minus this conformity (``adaptive``);
Vovk (2012), Conditional validity of inductive conformal predictors (ACML), for ``class``.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np

from chainrule.prng import fold, key_of, threefry
from chainrule.validation import choice

SetMethod = Literal["threshold", "adaptive", "class"]
SET_METHODS: tuple[SetMethod, ...] = get_args(SetMethod)
_STREAM = 0x53455453  # "SETS"


def conformities(probabilities: np.ndarray, method: SetMethod = "threshold") -> np.ndarray:
    """Return how well each class fits each row, (N, K); see the formulas of the module.

    Args:
        probabilities: (N, K).
        method: of the sets.

    Raises:
        UsageError E101: no such method.

    Example:
        >>> conformities(np.array([[0.6, 0.3, 0.1]]), "threshold").tolist()
        [[0.6, 0.3, 0.1]]
        >>> mass = conformities(np.array([[0.6, 0.3, 0.1]]), "adaptive")[0]
        >>> bool(0.4 <= mass[0] < 1 and 0.1 <= mass[1] < 0.4 and mass[2] < 0.1)
        True
    """
    choice(method, SET_METHODS, "method", "sets", example="threshold")
    p = np.asarray(probabilities, np.float64)
    return _masses(p) if method == "adaptive" else p


def _masses(p: np.ndarray) -> np.ndarray:
    """Return the conformities of ``adaptive``, (N, K)."""
    order = np.argsort(p, axis=1, kind="stable")
    ordered = np.take_along_axis(p, order, 1)
    total = np.cumsum(ordered, axis=1)
    position = np.arange(p.shape[1])
    is_first = np.diff(ordered, axis=1, prepend=-1.0) > 0  # of classes with equal probabilities
    first = np.maximum.accumulate(np.where(is_first, position, 0), axis=1)
    is_last = np.diff(ordered, axis=1, append=2.0) > 0
    last = np.minimum.accumulate(np.where(is_last, position, position[-1])[:, ::-1], axis=1)[:, ::-1]
    below = np.take_along_axis(np.pad(total, ((0, 0), (1, 0))), first, 1)  # the sum over p_j < p_k
    upto = np.take_along_axis(total, last, 1)
    mass = below + _uniform(p)[:, None] * (upto - below)
    result = np.empty_like(p)
    np.put_along_axis(result, order, np.minimum(mass, 1.0), 1)
    return result


def _uniform(p: np.ndarray) -> np.ndarray:
    """Return a number in [0, 1) for each row, (N,): a random-looking function of its probabilities."""
    words = np.ascontiguousarray(p + 0.0).view(np.uint32).reshape(len(p), -1)  # + 0.0: -0.0 is 0.0
    key = fold(key_of(_STREAM), p.shape[1])
    high, low = np.zeros(len(p), np.uint32), np.zeros(len(p), np.uint32)
    for k in range(0, words.shape[1], 2):
        high, low = threefry(key, high ^ words[:, k], low ^ words[:, k + 1])
    return high * 2.0**-32


def set_thresholds(
    probabilities: np.ndarray, y: np.ndarray, level: float = 0.9, method: SetMethod = "threshold"
) -> np.ndarray:
    """Return the lowest conformity of each class in a set, (K,).

    Formula: the k-th largest of the n conformities of the true classes, k = ceil((n + 1) level); the same
    for all classes, except that those of ``"class"`` are from the rows of each class alone.

    Args:
        probabilities: (n, K) of rows outside the training.
        y: (n,) class indices.
        level: the probability that a set contains the true class, above 0 and below 1.
        method: ``"threshold"`` (the smallest sets), ``"adaptive"`` (larger where the network is less
            certain) or ``"class"`` (the coverage holds for every class).

    Returns:
        the thresholds; 0, so that sets contain the class, where there are too few rows for the level.

    Raises:
        UsageError E101: no such method.

    Example:
        >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]] * 5)
        >>> set_thresholds(p, np.array([0, 0, 1, 1] * 5), 0.9).tolist()
        [0.4, 0.4]
        >>> set_thresholds(p, np.array([0, 0, 1, 1] * 5), 0.9, "class").tolist()
        [0.8, 0.4]
    """
    own = conformities(probabilities, method)[np.arange(len(y)), y]
    classes = probabilities.shape[1]
    if method == "class":
        return np.array([_kth_largest(own[y == k], level) for k in range(classes)])
    return np.full(classes, _kth_largest(own, level))


def _kth_largest(values: np.ndarray, level: float) -> float:
    rank = math.ceil((len(values) + 1) * level - 1e-9)
    return float(np.sort(values)[len(values) - rank]) if 0 < rank <= len(values) else 0.0


def prediction_sets(
    probabilities: np.ndarray, thresholds: np.ndarray | float, method: SetMethod = "threshold"
) -> np.ndarray:
    """Return whether each class is in the set of each row, (N, K).

    A set is never empty: it contains the most likely class, which can only raise the coverage.

    Args:
        probabilities: (N, K).
        thresholds: (K,) of ``set_thresholds``, or one number for all classes.
        method: of the thresholds.

    Raises:
        UsageError E101: no such method.
    """
    inside = conformities(probabilities, method) >= np.asarray(thresholds, np.float64)
    inside[np.arange(len(inside)), np.argmax(probabilities, axis=1)] = True
    return inside
