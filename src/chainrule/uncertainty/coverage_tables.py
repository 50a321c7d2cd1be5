"""How often prediction sets contain the true class: overall, by class, and by the size of the set."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.uncertainty.conformal_sets import SetMethod, prediction_sets, set_thresholds

PARTS = 5
LARGE = 3  # classes of a set, from which sizes are counted together
_STREAM = 0x434F5645  # "COVE"


@frozen(eq=False)
class SetCoverage:
    """The measured coverage of prediction sets.

    Args:
        share: of the rows whose set contains the true class.
        size: the mean number of classes in a set.
        by_class: (K,) the share of the rows of each class; NaN for a class without rows.
        rows_of_class: (K,) their number.
        by_size: the share and the number of the rows with sets of 1, 2 and at least 3 classes, by size.
    """

    share: float
    size: float
    by_class: np.ndarray
    rows_of_class: np.ndarray
    by_size: Mapping[int, tuple[float, int]]

    @staticmethod
    def of(inside: np.ndarray, y: np.ndarray) -> SetCoverage:
        """Count the rows whose set contains the true class.

        Args:
            inside: (N, K) whether each class is in the set of each row.
            y: (N,) class indices.

        Example:
            >>> inside = np.array([[True, False], [True, True], [False, True]])
            >>> measured = SetCoverage.of(inside, np.array([0, 1, 0]))
            >>> round(measured.share, 2), measured.by_class.tolist(), measured.by_size
            (0.67, [0.5, 1.0], {1: (0.5, 2), 2: (1.0, 1)})
        """
        covered, classes = inside[np.arange(len(y)), y], inside.shape[1]
        counts, hits = np.bincount(y, minlength=classes), np.bincount(y, covered, classes)
        sizes = np.minimum(inside.sum(axis=1), LARGE)
        by_size = {
            int(size): (float(covered[sizes == size].mean()), int((sizes == size).sum()))
            for size in np.unique(sizes)
        }
        by_class = np.divide(hits, counts, out=np.full(classes, np.nan), where=counts > 0)
        return SetCoverage(float(covered.mean()), float(inside.sum(axis=1).mean()), by_class, counts, by_size)


def set_coverage(
    probabilities: np.ndarray, y: np.ndarray, level: float, method: SetMethod = "threshold", seed: int = 0
) -> SetCoverage:
    """Return the coverage of sets whose thresholds are from other rows.

    The rows are divided at random into five parts; the sets of a part have the thresholds of the other four.

    Args:
        probabilities: (N, K) of rows outside the training, N at least 5.
        y: (N,) class indices.
        level, method: of the sets.
        seed: of the parts.
    """
    part = np.zeros(len(y), np.int64)
    part[permutation(fold(key_of(seed), _STREAM), len(y))] = np.arange(len(y)) % PARTS
    inside = np.zeros(probabilities.shape, bool)
    for number in range(PARTS):
        others, own = part != number, part == number
        thresholds = set_thresholds(probabilities[others], y[others], level, method)
        inside[own] = prediction_sets(probabilities[own], thresholds, method)
    return SetCoverage.of(inside, y)
