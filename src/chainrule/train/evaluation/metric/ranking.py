"""Metrics of an order: how well scores part the rows of a class from the others, over all thresholds.

Taking for the class whatever scores at least a threshold gives, for each threshold, a recall, a false
positive rate and a precision. Rows of one score come in together: none of them can be told from the others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.train.evaluation.metric.classification import EACH
from chainrule.train.evaluation.metric.inputs import ROUNDING, Answers, share
from chainrule.train.evaluation.metric.metric import Metric, Option


def _curve(
    is_hit: np.ndarray, score: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Weight of the rows of the class and of the others that score at least each threshold, highest first."""
    order = np.argsort(-score, kind="stable")
    weight = np.ones(len(score)) if weights is None else weights[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    true = np.cumsum(weight * is_hit[order])[last]
    return true, np.cumsum(weight)[last] - true


def _over(read: Callable[..., float]) -> Callable[..., float]:
    """The number of the class looked for; of several classes, the mean over those that have one."""

    def measure(a: Answers, *value: float) -> float:
        curves = (_curve(is_hit, score, a.weights) for is_hit, score in a.problems)
        found = [v for true, false in curves if not np.isnan(v := read(true, false, *value))]
        return float(np.mean(found)) if found else float("nan")

    return measure


def _area_under_roc(true: np.ndarray, false: np.ndarray) -> float:
    """The area under recall over the false positive rate, by trapezoids."""
    true, false = np.append(0.0, true), np.append(0.0, false)
    whole = true[-1] * false[-1]
    area = float((np.diff(false) * (true[1:] + true[:-1])).sum()) / 2
    return area / float(whole) if whole > 0 else float("nan")


def _average_precision(true: np.ndarray, false: np.ndarray) -> float:
    """The mean of the precision at each threshold, weighed by what it adds to the recall."""
    if not true[-1] > 0:
        return float("nan")
    return float((np.diff(true, prepend=0.0) * share(true, true + false)).sum() / true[-1])


def _best(of: np.ndarray, where: np.ndarray) -> float:
    """The largest number where something holds; 0 where it never does."""
    return float(np.max(of, where=where, initial=0.0))


def _precision_at_recall(true: np.ndarray, false: np.ndarray, recall: float) -> float:
    if not true[-1] > 0:
        return float("nan")
    return _best(share(true, true + false), true / true[-1] >= recall - ROUNDING)


def _recall_at_precision(true: np.ndarray, false: np.ndarray, precision: float) -> float:
    if not true[-1] > 0:
        return float("nan")
    return _best(true / true[-1], share(true, true + false) >= precision - ROUNDING)


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
        EACH,
        "probabilities",
        "P(score of a hit > score of another row)",
        "The chance that a row of the class scores higher than one of another; a tie is half a chance.",
        ("ROC 曲线下面积", "该类样本得分高于他类样本的概率。"),
        usual=True,
        sklearn="roc_auc_score",
        keras='AUC(curve="ROC")',
        note="Of several classes, the mean of each against the rest. Exact, where "
        "Keras takes 200 thresholds.",
    ),
    Metric(
        "pr_auc",
        _over(_average_precision),
        EACH,
        "probabilities",
        "sum_n (R_n - R_(n-1)) P_n",
        "The area under precision over recall, as steps (average precision): for classes that are rare.",
        ("PR 曲线下面积", "精确率-召回率曲线下的面积（平均精确率），适合罕见类别。"),
        usual=True,
        sklearn="average_precision_score",
        keras='AUC(curve="PR")',
        note="Keras interpolates between the steps.",
    ),
)
THRESHOLDS = (
    Metric(
        "precision_at_recall",
        _over(_precision_at_recall),
        EACH,
        "probabilities",
        "max P_n over n with R_n >= r",
        "The best precision at a threshold that still finds a given share of the class.",
        ("给定召回率下的精确率", "召回率不低于给定值时可达到的最高精确率。"),
        option=_at("recall"),
        keras="PrecisionAtRecall",
    ),
    Metric(
        "recall_at_precision",
        _over(_recall_at_precision),
        EACH,
        "probabilities",
        "max R_n over n with P_n >= p",
        "The largest share of the class found while finds are right often enough; 0 if there is none.",
        ("给定精确率下的召回率", "精确率不低于给定值时可达到的最高召回率。"),
        option=_at("precision"),
        keras="RecallAtPrecision",
    ),
    Metric(
        "sensitivity_at_specificity",
        _over(_sensitivity_at_specificity),
        EACH,
        "probabilities",
        "max R_n over n with specificity_n >= s",
        "The largest share of the class found while a given share of the others is left alone.",
        ("给定特异度下的灵敏度", "特异度不低于给定值时可达到的最高灵敏度。"),
        option=_at("specificity"),
        keras="SensitivityAtSpecificity",
    ),
    Metric(
        "specificity_at_sensitivity",
        _over(_specificity_at_sensitivity),
        EACH,
        "probabilities",
        "max specificity_n over n with R_n >= r",
        "The largest share of the others left alone while a given share of the class is found.",
        ("给定灵敏度下的特异度", "灵敏度不低于给定值时可达到的最高特异度。"),
        option=_at("sensitivity"),
        keras="SpecificityAtSensitivity",
    ),
    Metric(
        "ks",
        _over(_largest_gap),
        EACH,
        "probabilities",
        "max_n |R_n - false positive rate_n|",
        "The largest distance between the distributions of scores of the class and of the others.",
        ("KS 统计量", "两类得分分布之间的最大距离，信用评分中常用。"),
    ),
)
