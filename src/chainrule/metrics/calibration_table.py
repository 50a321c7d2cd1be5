"""Reliability: whether a predicted probability of 80 % comes true in 80 % of the rows.

The rows are divided into bins of equal width by their predicted probability: that of the positive class with
two classes, otherwise that of the predicted class. In each bin the mean probability is compared with the
share of rows for which it comes true. The *expected calibration error* is the mean of the differences, each
weighted by its rows (Guo, Pleiss, Sun and Weinberger 2017, section 2). The observed share of
a bin with few rows varies by chance, so its count and standard error are part of the table.
"""

from __future__ import annotations

import numpy as np

from chainrule.metrics import Predictions
from chainrule.records import frozen

BINS = 10


@frozen
class Bin:
    """The rows whose probability is in one range.

    Args:
        low, high: the range; the lower end is excluded except in the first bin.
        predicted: their mean probability.
        observed: the share of them for which it comes true.
    """

    low: float
    high: float
    rows: int
    predicted: float
    observed: float

    @property
    def standard_error(self) -> float:
        """Of ``observed``, if the probabilities were right."""
        return float(np.sqrt(self.predicted * (1 - self.predicted) / self.rows))


@frozen
class Reliability:
    """The bins that have rows, and the expected calibration error."""

    bins: tuple[Bin, ...]
    error: float


def reliability(predictions: Predictions, bins: int = BINS) -> Reliability:
    """Return the calibration table of a classification.

    Args:
        predictions: class indices and probabilities.
        bins: number of bins of equal width.

    Example:
        >>> p = np.tile([[0.8, 0.2], [0.3, 0.7]], (5, 1))
        >>> table = reliability(Predictions(np.array([0, 1] * 4 + [1, 1]), p, None, "classification"))
        >>> [(b.rows, round(b.predicted, 2), b.observed) for b in table.bins], round(table.error, 2)
        ([(5, 0.2, 0.2), (5, 0.7, 1.0)], 0.15)
    """
    p, y = predictions.prediction.astype(np.float64), predictions.target
    if predictions.is_binary:
        probability, event = p[:, 1], y == 1
    else:
        probability, event = p.max(axis=1), p.argmax(axis=1) == y
    w = np.ones(len(y)) if predictions.weights is None else predictions.weights.astype(np.float64)
    index = np.clip(np.ceil(probability * bins).astype(np.int64) - 1, 0, bins - 1)
    rows, mass = np.bincount(index, minlength=bins), np.bincount(index, w, bins)
    predicted, observed = (np.bincount(index, w * value, bins) for value in (probability, event))
    table = [
        Bin(
            i / bins,
            (i + 1) / bins,
            int(rows[i]),
            float(predicted[i] / mass[i]),
            float(observed[i] / mass[i]),
        )
        for i in np.flatnonzero(mass > 0).tolist()
    ]
    return Reliability(tuple(table), float(np.abs(predicted - observed).sum() / mass.sum()))
