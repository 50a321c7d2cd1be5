"""What a network has to beat: an answer that looks at nothing, and a straight line.

A net's accuracy says little by itself: 0.95 is a feat where classes are even, and a failure where 99 rows of
100 are of one class. So two cheap answers are judged on the same held-out rows. The *trivial* one always says
the most frequent class, or the mean. The *linear* one is scikit-learn's logistic or ridge regression on the
very inputs the net sees. A net that does not beat the second is not worth its cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge

ROUNDS = 1000  # of the logistic regression's solver: enough for standardised inputs


@dataclass(frozen=True)
class Baseline:
    """A fitted answer to compare with.

    Args:
        name: ``"trivial"`` or ``"linear"``.
        estimator: scikit-learn's object.
        classes: how many classes there are; 0 for values.
    """

    name: str
    estimator: Any
    classes: int

    def answer(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (N, K), or values (N, 1)."""
        if not self.classes:
            return np.asarray(self.estimator.predict(x), np.float64).reshape(-1, 1)  # (N,) -> (N, 1)
        answer = np.zeros((len(x), self.classes))
        answer[:, self.estimator.classes_] = self.estimator.predict_proba(
            x
        )  # a class may be absent from the rows
        return answer


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
    trivial = DummyClassifier(strategy="prior") if classes else DummyRegressor()
    linear = LogisticRegression(max_iter=ROUNDS) if classes else Ridge()
    trivial.fit(x, y)
    linear.fit(x, y, sample_weight=weights)
    return [Baseline("trivial", trivial, classes), Baseline("linear", linear, classes)]
