"""What a network has to beat: an answer that looks at nothing, and a straight line.

A net's accuracy says little by itself: 0.95 is a feat where classes are even, and a failure where 99 rows of
100 are of one class. So two cheap answers are judged on the same held-out rows. The *trivial* one always says
the most frequent class, or the mean. The *linear* one is logistic or ridge regression, as scikit-learn has
them, on the very inputs the net sees. A net that does not beat the second is not worth its cost.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.records import frozen
from chainrule.train.evaluation.linear import logistic, ridge


@frozen
class Baseline:
    """A fitted answer to compare with.

    Args:
        name: ``"trivial"`` or ``"linear"``.
        answer: from inputs (N, F) to probabilities (N, K), or values (N, 1).
    """

    name: str
    answer: Callable[[np.ndarray], np.ndarray]


def baselines(
    x: np.ndarray, y: np.ndarray, classes: int, weights: np.ndarray | None = None
) -> list[Baseline]:
    """The trivial and the linear answer, learned from training rows.

    Args:
        x: (N, F) prepared inputs.
        y: (N,) class numbers, or values.
        classes: how many classes there are; 0 for values.
        weights: (N,) how much each row counts for the linear answer.

    Example:
        >>> x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 1, 1])
        >>> [b.answer(x[:1]).argmax(axis=1).item() for b in baselines(x, y, classes=2)]
        [1, 1]
    """
    usual = np.bincount(y, minlength=classes) / len(y) if classes else np.array([y.mean(dtype=np.float64)])
    linear = _classes(x, y, classes, weights) if classes else ridge(x, y, weights)
    return [Baseline("trivial", lambda x: np.tile(usual, (len(x), 1))), Baseline("linear", linear)]


def _classes(
    x: np.ndarray, y: np.ndarray, classes: int, weights: np.ndarray | None
) -> Callable[[np.ndarray], np.ndarray]:
    """The probabilities of logistic regression; 0 for classes that no row has."""
    present, numbers = np.unique(y, return_inverse=True)
    line = logistic(x, numbers, len(present), weights) if len(present) > 1 else None

    def answer(x: np.ndarray) -> np.ndarray:
        found = np.zeros((len(x), classes))
        if line is None:
            found[:, present] = 1.0
            return found
        score = line(x)
        both = np.hstack([np.zeros_like(score), score]) if len(present) == 2 else score
        chance = np.exp(both - both.max(axis=1, keepdims=True))
        found[:, present] = chance / chance.sum(axis=1, keepdims=True)
        return found

    return answer
