"""Metrics of a ranking: how well scores separate the rows of a class from the others, over all thresholds.

A threshold predicts the class for every row with at least that score, which determines a recall, a false
positive rate and a precision. Rows with equal scores always pass a threshold together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.metrics.classification import CLASS_TASKS
from chainrule.metrics.inputs import ROUNDING, Predictions, ratio
from chainrule.metrics.metric import Metric, Option


def _curve(
    is_hit: np.ndarray, score: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return true and false positives at each threshold, as sums of weights; the highest threshold first."""
    order = np.argsort(-score, kind="stable")
    weight = np.ones(len(score)) if weights is None else weights[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    true = np.cumsum(weight * is_hit[order])[last]
    return true, np.cumsum(weight)[last] - true


def _over(read: Callable[..., float]) -> Callable[..., float]:
    """Return the value of the positive class; with more than two, the mean over those where it is defined."""

    def measure(a: Predictions, *value: float) -> float:
        curves = (_curve(is_hit, score, a.weights) for is_hit, score in a.binary_problems)
        values = [v for true, false in curves if not np.isnan(v := read(true, false, *value))]
        return float(np.mean(values)) if values else float("nan")

    return measure


def _area_under_roc(true: np.ndarray, false: np.ndarray) -> float:
    """Return the area under recall over the false positive rate, by trapezoids."""
    true, false = np.append(0.0, true), np.append(0.0, false)
    total = true[-1] * false[-1]
    area = float((np.diff(false) * (true[1:] + true[:-1])).sum()) / 2
    return area / float(total) if total > 0 else float("nan")


def _average_precision(true: np.ndarray, false: np.ndarray) -> float:
    """Return the mean of the precision over the thresholds, weighted by the increase of the recall."""
    if not true[-1] > 0:
        return float("nan")
    return float((np.diff(true, prepend=0.0) * ratio(true, true + false)).sum() / true[-1])


def _precision_at_top(true: np.ndarray, false: np.ndarray, share: float) -> float:
    """Return the precision of the first rows of the ranking; rows with equal scores count in proportion."""
    total = true + false
    if not total[-1] > 0:
        return float("nan")
    mass = share * total[-1]
    return float(np.interp(mass, np.append(0.0, total), np.append(0.0, true)) / mass)


def _best(values: np.ndarray, where: np.ndarray) -> float:
    """Return the largest value where the condition is true; 0 if it never is."""
    return float(np.max(values, where=where, initial=0.0))


def _precision_at_recall(true: np.ndarray, false: np.ndarray, recall: float) -> float:
    if not true[-1] > 0:
        return float("nan")
    return _best(ratio(true, true + false), true / true[-1] >= recall - ROUNDING)


def _recall_at_precision(true: np.ndarray, false: np.ndarray, precision: float) -> float:
    if not true[-1] > 0:
        return float("nan")
    return _best(true / true[-1], ratio(true, true + false) >= precision - ROUNDING)


def _sensitivity_at_specificity(true: np.ndarray, false: np.ndarray, specificity: float) -> float:
    if not true[-1] * false[-1] > 0:
        return float("nan")
    return _best(true / true[-1], 1.0 - false / false[-1] >= specificity - ROUNDING)


def _specificity_at_sensitivity(true: np.ndarray, false: np.ndarray, sensitivity: float) -> float:
    if not true[-1] * false[-1] > 0:
        return float("nan")
    return _best(1.0 - false / false[-1], true / true[-1] >= sensitivity - ROUNDING)


def _largest_gap(true: np.ndarray, false: np.ndarray) -> float:
    if not true[-1] * false[-1] > 0:
        return float("nan")
    return float(np.abs(true / true[-1] - false / false[-1]).max())


def _at(name: str) -> Option:
    return Option(name, 0.9, 0.0, 1.0)


AREAS = (
    Metric(
        "roc_auc",
        _over(_area_under_roc),
        CLASS_TASKS,
        "probabilities",
        "P(score of a positive > score of a negative)",
        "The probability that a row of the class scores higher than one of another; a tie counts half.",
        ("ROC 曲线下面积", "该类样本得分高于他类样本的概率。"),
        usual=True,
        sklearn="roc_auc_score",
        keras='AUC(curve="ROC")',
        note="With more than two classes, the mean of each against the rest. Exact; Keras uses 200 "
        "thresholds.",
    ),
    Metric(
        "pr_auc",
        _over(_average_precision),
        CLASS_TASKS,
        "probabilities",
        "sum_n (R_n - R_(n-1)) P_n",
        "The area under the precision-recall curve (average precision); suited to rare classes.",
        ("PR 曲线下面积", "精确率-召回率曲线下的面积（平均精确率），适合罕见类别。"),
        usual=True,
        sklearn="average_precision_score",
        keras='AUC(curve="PR")',
        note="Keras interpolates between the steps.",
    ),
)
THRESHOLDS = (
    Metric(
        "precision_at_top",
        _over(_precision_at_top),
        CLASS_TASKS,
        "probabilities",
        "hits among the t n rows with the highest scores / (t n)",
        "The precision among the given share of the rows with the highest scores, such as the cases that "
        "there is time to investigate.",
        ("排名靠前部分的精确率", "得分最高的给定比例的行中的精确率，例如人手够调查的案例。"),
        option=Option("share", 0.05, 1e-9, 1.0),
        note="The expected value over all orders of rows with equal scores.",
        example=([1, 0, 1, 0], [0.9, 0.8, 0.3, 0.1], 1.0),
    ),
    Metric(
        "precision_at_recall",
        _over(_precision_at_recall),
        CLASS_TASKS,
        "probabilities",
        "max P_n over n with R_n >= r",
        "The highest precision at a recall of at least the given one.",
        ("给定召回率下的精确率", "召回率不低于给定值时可达到的最高精确率。"),
        option=_at("recall"),
        keras="PrecisionAtRecall",
    ),
    Metric(
        "recall_at_precision",
        _over(_recall_at_precision),
        CLASS_TASKS,
        "probabilities",
        "max R_n over n with P_n >= p",
        "The highest recall at a precision of at least the given one; 0 if no threshold reaches it.",
        ("给定精确率下的召回率", "精确率不低于给定值时可达到的最高召回率；达不到时为 0。"),
        option=_at("precision"),
        keras="RecallAtPrecision",
    ),
    Metric(
        "sensitivity_at_specificity",
        _over(_sensitivity_at_specificity),
        CLASS_TASKS,
        "probabilities",
        "max R_n over n with specificity_n >= s",
        "The highest sensitivity (recall) at a specificity of at least the given one.",
        ("给定特异度下的灵敏度", "特异度不低于给定值时可达到的最高灵敏度。"),
        option=_at("specificity"),
        keras="SensitivityAtSpecificity",
    ),
    Metric(
        "specificity_at_sensitivity",
        _over(_specificity_at_sensitivity),
        CLASS_TASKS,
        "probabilities",
        "max specificity_n over n with R_n >= r",
        "The highest specificity at a sensitivity (recall) of at least the given one.",
        ("给定灵敏度下的特异度", "灵敏度不低于给定值时可达到的最高特异度。"),
        option=_at("sensitivity"),
        keras="SpecificityAtSensitivity",
    ),
    Metric(
        "ks",
        _over(_largest_gap),
        CLASS_TASKS,
        "probabilities",
        "max_n |R_n - false positive rate_n|",
        "The largest distance between the score distributions of the class and of the others.",
        ("KS 统计量", "两类得分分布之间的最大距离，信用评分中常用。"),
    ),
)
