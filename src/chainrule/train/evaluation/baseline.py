"""Baselines: the majority class or the mean, a linear model, and gradient boosting.

A metric of a network has no meaning without a comparison: an accuracy of 0.95 is high where the classes are
balanced and low where 99 of 100 rows have the same class. Other models are therefore evaluated on the same
rows. The *trivial* baseline always predicts the class frequencies of the training rows, or their
mean. The *linear* baseline is logistic or ridge regression with scikit-learn's defaults, on the inputs of the
network. *Boosting* is gradient boosting of trees with scikit-learn's defaults. A network that is not better
than these does not justify its cost.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.records import frozen
from chainrule.train.evaluation.boosting import TreeColumns, boosting, is_affordable
from chainrule.train.evaluation.linear import logistic, ridge

Predict = Callable[[np.ndarray], np.ndarray]


@frozen
class Baseline:
    """A fitted baseline.

    Args:
        name: ``"trivial"``, ``"linear"`` or ``"boosting"``.
        predict: maps inputs (N, F) to probabilities (N, K), or to values (N, 1).
    """

    name: str
    predict: Predict


def baselines(
    x: np.ndarray,
    y: np.ndarray,
    classes: int,
    weights: np.ndarray | None = None,
    columns: TreeColumns | None = None,
) -> list[Baseline]:
    """Fit the baselines to training rows: trivial, linear, and boosting unless the table is too large for it.

    Args:
        x: (N, F) prepared inputs.
        y: (N,) class indices, or values.
        classes: number of classes; 0 for regression.
        weights: (N,) sample weights of the linear baseline and of boosting.
        columns: the columns that the features belong to, for boosting.

    Example:
        >>> x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 1, 1])
        >>> [b.predict(x[:1]).argmax(axis=1).item() for b in baselines(x, y, classes=2)]
        [1, 1, 1]
    """
    prior = np.bincount(y, minlength=classes) / len(y) if classes else np.array([y.mean(dtype=np.float64)])
    linear = _classifier(x, y, classes, weights) if classes else ridge(x, y, weights)
    fitted = [Baseline("trivial", lambda x: np.tile(prior, (len(x), 1))), Baseline("linear", linear)]
    if is_affordable(len(x), x.shape[1], classes):
        fitted.append(Baseline("boosting", boosting(x, y, classes, weights, columns)))
    return fitted


def _classifier(x: np.ndarray, y: np.ndarray, classes: int, weights: np.ndarray | None) -> Predict:
    """Logistic regression as a function of inputs; classes without a row get probability 0."""
    present, indices = np.unique(y, return_inverse=True)
    model = logistic(x, indices, len(present), weights) if len(present) > 1 else None

    def predict(x: np.ndarray) -> np.ndarray:
        probabilities = np.zeros((len(x), classes))
        if model is None:
            probabilities[:, present] = 1.0
            return probabilities
        scores = model(x)
        logits = np.hstack([np.zeros_like(scores), scores]) if len(present) == 2 else scores
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities[:, present] = powers / powers.sum(axis=1, keepdims=True)
        return probabilities

    return predict
