"""Metrics of predicted probabilities: cross-entropy, Brier score, calibration error, divergence.

The logarithm of a probability of 0 is minus infinity. Probabilities are therefore clipped to [eps, 1 - eps],
where eps is the machine epsilon of their dtype (1.2e-7 in float32), as in scikit-learn.

Reliability: whether a predicted probability of 80 % comes true in 80 % of the rows.

The rows are divided into bins of equal width by their predicted probability: that of the positive class with
two classes, otherwise that of the predicted class. In each bin the mean probability is compared with the
share of rows for which it comes true. The *expected calibration error* is the mean of the differences, each
weighted by its rows (Guo, Pleiss, Sun and Weinberger 2017, section 2). The observed share of
a bin with few rows varies by chance, so its count and standard error are part of the table.
"""

from __future__ import annotations

import numpy as np

from chainrule.metrics.classification import CLASS_TASKS, CLASSIFICATION
from chainrule.metrics.inputs import Predictions
from chainrule.metrics.metric import Metric
from chainrule.records import frozen

_BINS = 15


def _clipped(p: np.ndarray) -> np.ndarray:
    epsilon = np.finfo(p.dtype).eps if p.dtype.kind == "f" else np.finfo(np.float64).eps
    return np.clip(p.astype(np.float64), epsilon, 1 - epsilon)


def _log_loss(a: Predictions) -> float:
    p = _clipped(a.prediction)
    if a.task == "classification":
        return float(-a.mean(np.log(p[np.arange(len(p)), a.target])))
    if a.task == "distribution":
        return float(-a.mean((a.target * np.log(p)).sum(axis=1)))
    return float(-a.mean(np.where(a.actual, np.log(p), np.log(1 - p))).mean())


def _brier(a: Predictions) -> float:
    p = a.prediction.astype(np.float64)
    if a.is_binary:
        return float(a.mean((p[:, 1] - a.target) ** 2))
    if a.task == "multilabel":
        return float(a.mean((p - a.actual) ** 2).mean())
    y = np.eye(p.shape[1])[a.target] if a.task == "classification" else a.target
    return float(a.mean(((p - y) ** 2).sum(axis=1)))


def _divergence(a: Predictions) -> float:
    y = a.target.astype(np.float64)
    terms = np.where(y > 0, y * (np.log(np.where(y > 0, y, 1.0)) - np.log(_clipped(a.prediction))), 0.0)
    return float(a.mean(terms.sum(axis=1)))


def _calibration_error(a: Predictions) -> float:
    confidence = a.prediction.max(axis=1).astype(np.float64)
    bins = np.clip(np.ceil(confidence * _BINS).astype(np.int64) - 1, 0, _BINS - 1)
    weights = np.ones(len(confidence)) if a.weights is None else a.weights.astype(np.float64)
    gaps = np.bincount(bins, weights * ((a.predicted == a.actual) - confidence), _BINS)
    return float(np.abs(gaps).sum() / weights.sum())


PROBABILITIES = (
    Metric(
        "log_loss",
        _log_loss,
        (*CLASS_TASKS, "distribution"),
        "probabilities",
        "-sum_i w_i log p_i(y_i) / sum_i w_i",
        "The cross-entropy: the negative mean logarithm of the predicted probability of the true class.",
        ("对数损失（交叉熵）", "真实类别所得概率的负对数的平均。"),
        larger=False,
        sklearn="log_loss",
        keras="BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy",
    ),
    Metric(
        "brier",
        _brier,
        (*CLASS_TASKS, "distribution"),
        "probabilities",
        "sum_i w_i |p_i - y_i|^2 / sum_i w_i",
        "The mean squared distance between the predicted probabilities and the true classes.",
        ("布里尔分数", "预测概率与真实类别之差的平方的平均。"),
        larger=False,
        sklearn="brier_score_loss",
        note="With two classes, the probability of the second; with more, of all classes. Brier (1950).",
    ),
    Metric(
        "calibration_error",
        _calibration_error,
        CLASSIFICATION,
        "probabilities",
        "sum_b |correct_b - sum of confidence_b| / n",
        "The mean difference between confidence and accuracy, over 15 bins of confidence.",
        ("校准误差", "置信度与实际准确率之差，按 15 个置信区间统计。"),
        larger=False,
        note="Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks (ECE).",
    ),
    Metric(
        "kl_divergence",
        _divergence,
        ("distribution",),
        "probabilities",
        "sum_i w_i sum_k y_ik log(y_ik / p_ik) / sum_i w_i",
        "The divergence of the predicted from the target distribution; 0 only where they are equal.",
        ("KL 散度", "预测分布与目标分布之间的差异；仅当二者相同时为 0。"),
        larger=False,
        keras="KLDivergence",
    ),
)


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
