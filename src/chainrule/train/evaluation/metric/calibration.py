"""Metrics of probabilities: whether 0.9 is said where nine of ten are right.

A probability of exactly 0 for what happened would cost infinity, so the smallest one that the number kind can
tell from 0 next to 1 (1.2e-7 in float32) stands for less, as in scikit-learn.
"""

from __future__ import annotations

import numpy as np

from chainrule.train.evaluation.metric.classification import EACH, ONE
from chainrule.train.evaluation.metric.inputs import Answers
from chainrule.train.evaluation.metric.metric import Metric

_BINS = 15


def _clipped(p: np.ndarray) -> np.ndarray:
    least = np.finfo(p.dtype).eps if p.dtype.kind == "f" else np.finfo(np.float64).eps
    return np.clip(p.astype(np.float64), least, 1 - least)


def _log_loss(a: Answers) -> float:
    p = _clipped(a.answer)
    if a.task == "classification":
        return float(-a.mean(np.log(p[np.arange(len(p)), a.target])))
    if a.task == "distribution":
        return float(-a.mean((a.target * np.log(p)).sum(axis=1)))
    return float(-a.mean(np.where(a.wanted, np.log(p), np.log(1 - p))).mean())


def _brier(a: Answers) -> float:
    p = a.answer.astype(np.float64)
    if a.is_binary:
        return float(a.mean((p[:, 1] - a.target) ** 2))
    if a.task == "multilabel":
        return float(a.mean((p - a.wanted) ** 2).mean())
    meant = np.eye(p.shape[1])[a.target] if a.task == "classification" else a.target
    return float(a.mean(((p - meant) ** 2).sum(axis=1)))


def _divergence(a: Answers) -> float:
    y = a.target.astype(np.float64)
    each = np.where(y > 0, y * (np.log(np.where(y > 0, y, 1.0)) - np.log(_clipped(a.answer))), 0.0)
    return float(a.mean(each.sum(axis=1)))


def _calibration_error(a: Answers) -> float:
    sure = a.answer.max(axis=1).astype(np.float64)
    bins = np.clip(np.ceil(sure * _BINS).astype(np.int64) - 1, 0, _BINS - 1)
    weights = np.ones(len(sure)) if a.weights is None else a.weights.astype(np.float64)
    gaps = np.bincount(bins, weights * ((a.chosen == a.wanted) - sure), _BINS)
    return float(np.abs(gaps).sum() / weights.sum())


PROBABILITIES = (
    Metric(
        "log_loss",
        _log_loss,
        (*EACH, "distribution"),
        "probabilities",
        "-sum_i w_i log p_i(y_i) / sum_i w_i",
        "The cross-entropy: minus the mean logarithm of the probability that was given to what happened.",
        ("对数损失（交叉熵）", "真实类别所得概率的负对数的平均。"),
        larger=False,
        sklearn="log_loss",
        keras="BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy",
    ),
    Metric(
        "brier",
        _brier,
        (*EACH, "distribution"),
        "probabilities",
        "sum_i w_i |p_i - y_i|^2 / sum_i w_i",
        "The squared distance between the probabilities and what happened.",
        ("布里尔分数", "概率与实际结果之差的平方的平均。"),
        larger=False,
        sklearn="brier_score_loss",
        note="Of two classes only the second's probability counts; of several, all do. Brier (1950).",
    ),
    Metric(
        "calibration_error",
        _calibration_error,
        ONE,
        "probabilities",
        "sum_b |hits_b - sum of confidence_b| / n",
        "How far the confidence is from the share of right answers, over 15 bins of confidence.",
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
        "How far the probabilities are from the shares that were wanted; 0 only where they are the same.",
        ("KL 散度", "预测概率与目标分布之间的差异。"),
        larger=False,
        keras="KLDivergence",
    ),
)
