"""The recall and precision of each class, with the number of its rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.records import frozen
from chainrule.train.evaluation.metric import Predictions


@frozen
class ClassScore:
    """The scores of one class.

    Args:
        label: the class.
        rows: the number of its rows.
        recall: the share of them that are predicted as it; NaN without rows.
        precision: the share of the rows predicted as it that are of it; NaN without such rows.
    """

    label: Any
    rows: int
    recall: float
    precision: float


def class_scores(predictions: Predictions, labels: tuple[Any, ...]) -> tuple[ClassScore, ...]:
    """The scores of each class.

    Args:
        predictions: class indices and probabilities.
        labels: the classes.

    Example:
        >>> p = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
        >>> scores = class_scores(Predictions(np.array([0, 1, 1]), p, None, "classification"), ("no", "yes"))
        >>> [(s.label, s.rows, s.recall, s.precision) for s in scores]
        [('no', 1, 1.0, 0.5), ('yes', 2, 0.5, 1.0)]
    """
    counts, rows = predictions.counts, np.bincount(predictions.target, minlength=len(labels))
    with np.errstate(invalid="ignore"):
        recall = counts.true_positives / counts.actual
        precision = counts.true_positives / counts.predicted
    values = zip(labels, rows.tolist(), recall.tolist(), precision.tolist(), strict=True)
    return tuple(ClassScore(*part) for part in values)
