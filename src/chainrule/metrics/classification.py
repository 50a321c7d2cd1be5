"""Metrics of the predicted class, computed from the confusion matrix.

For each class, the rows are true positives (TP: of the class and predicted as it), false positives (FP),
false negatives (FN) or true negatives (TN). With two classes, a metric is that of the second, positive class.
With more classes or with several labels, it is the unweighted mean over the classes (macro average); the
suffix ``_micro`` adds up the counts of all classes first, and ``_weighted`` weights the mean by the number of
rows of each class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.metrics.inputs import ROUNDING, Counts, Predictions, ratio
from chainrule.metrics.metric import Metric, Option

CLASSIFICATION, CLASS_TASKS = ("classification",), ("classification", "multilabel")
Score = Callable[..., np.ndarray]


def _macro(score: Score) -> Callable[..., float]:
    """Return the score of class 1 of two classes; of more, the mean over those that occur."""

    def measure(a: Predictions, *value: float) -> float:
        scores = score(a.counts, *value)
        if a.is_binary:
            return float(scores[1])
        return float(
            scores.mean() if a.task == "multilabel" else scores[np.union1d(a.actual, a.predicted)].mean()
        )

    return measure


def _micro(score: Score) -> Callable[..., float]:
    """Return the score of the counts added up over the classes."""
    return lambda a, *value: float(score(a.counts.summed, *value)[0])


def _weighted(score: Score) -> Callable[..., float]:
    """Return the mean of the scores, weighted by the number of rows of each class."""

    def measure(a: Predictions, *value: float) -> float:
        actual = a.counts.actual
        return float((score(a.counts, *value) * actual).sum() / actual.sum()) if actual.sum() else 0.0

    return measure


def _precision(c: Counts) -> np.ndarray:
    return ratio(c.true_positives, c.predicted)


def _recall(c: Counts) -> np.ndarray:
    return ratio(c.true_positives, c.actual)


def _specificity(c: Counts) -> np.ndarray:
    return ratio(c.true_negatives, c.negatives)


def _f1(c: Counts) -> np.ndarray:
    return ratio(2 * c.true_positives, c.predicted + c.actual)


def _fbeta(c: Counts, beta: float) -> np.ndarray:
    return ratio((1 + beta**2) * c.true_positives, c.predicted + beta**2 * c.actual)


def _overlap(c: Counts) -> np.ndarray:
    return ratio(c.true_positives, c.predicted + c.actual - c.true_positives)


def _accuracy(a: Predictions) -> float:
    return float(a.mean(a.actual == a.predicted).mean())


def _exact_match(a: Predictions) -> float:
    return float(a.mean((a.actual == a.predicted).all(axis=1)))


def _top_k(a: Predictions, k: float) -> float:
    """Return the top-k accuracy; of equal probabilities the smaller class index is ranked first."""
    rows, actual = np.arange(len(a.actual)), a.actual[:, None]
    p = a.prediction
    p_actual = p[rows, a.actual][:, None]
    before = (p > p_actual) | ((p == p_actual) & (np.arange(p.shape[1]) < actual))  # (N, K)
    return float(a.mean(before.sum(axis=1) < k))


def _balanced(a: Predictions) -> float:
    return float(_recall(a.counts)[a.present].mean())


def _iou(a: Predictions, index: float | None) -> float:
    if index is None:
        return _macro(_overlap)(a)
    scores = _overlap(a.counts)
    return float(scores[int(index)]) if index < len(scores) else float("nan")


def _mean_iou(a: Predictions) -> float:
    c = a.counts
    common, union = c.true_positives, c.predicted + c.actual - c.true_positives
    if a.task == "multilabel":  # 0 and 1 are two classes of each label
        common, union = np.append(common, c.true_negatives), np.append(union, c.negatives + c.false_negatives)
    return float(ratio(common, union)[union > 0].mean())


def _matthews(a: Predictions) -> float:
    c = a.counts
    covariance = c.true_positives.sum() * c.total - (c.predicted * c.actual).sum()
    p, y = (1.0 - ((part / c.total) ** 2).sum() for part in (c.predicted, c.actual))  # variances
    return float(covariance / c.total**2 / np.sqrt(p * y)) if min(p, y) > ROUNDING else 0.0


def _kappa(a: Predictions) -> float:
    c = a.counts
    by_chance = (c.predicted * c.actual).sum() / c.total**2
    if by_chance > 1 - ROUNDING:
        return float("nan")
    return float((c.true_positives.sum() / c.total - by_chance) / (1 - by_chance))


def _sum(entry: str) -> Callable[[Predictions], float]:
    """Return an entry of the confusion matrix: of class 1 of two, otherwise the sum over the classes."""

    def measure(a: Predictions) -> float:
        counts = getattr(a.counts, entry)
        return float(counts[1] if a.is_binary else counts.sum())

    return measure


_BETA = Option("beta", 2.0, 0.0, 1e6)
_P, _R, _F1 = "TP / (TP + FP)", "TP / (TP + FN)", "2 TP / (2 TP + FP + FN)"
_F = "(1 + beta^2) precision recall / (beta^2 precision + recall)"
_SCORES: dict[str, tuple[Score, dict[str, Any]]] = {
    "precision": (_precision, {"formula": _P, "keras": "Precision", "sklearn": "precision_score"}),
    "recall": (_recall, {"formula": _R, "keras": "Recall", "sklearn": "recall_score"}),
    "f1": (_f1, {"formula": _F1, "keras": "F1Score", "sklearn": "f1_score"}),
    "fbeta": (_fbeta, {"formula": _F, "keras": "FBetaScore", "sklearn": "fbeta_score", "option": _BETA}),
}
_WORDS = {
    "precision": (
        "The fraction of the rows predicted as a class that belong to it",
        "精确率",
        "判为某类的样本中确属该类的比例",
    ),
    "recall": (
        "The fraction of the rows of a class that are predicted as it",
        "召回率",
        "某类样本中被正确预测的比例",
    ),
    "f1": (
        "The harmonic mean of precision and recall; for segmentation, the Dice coefficient",
        "F1 值",
        "精确率与召回率的调和平均；在图像分割中即 Dice 系数",
    ),
    "fbeta": (
        "The weighted harmonic mean of precision and recall, in which recall counts beta times as much",
        "F-beta 值",
        "召回率的权重为精确率 beta 倍的 F 值",
    ),
}
_AVERAGES = {
    "": (_macro, "", "", ""),
    "_micro": (
        _micro,
        "; micro average: the counts summed over the classes",
        "（微平均）",
        "；所有类别合并计数",
    ),
    "_weighted": (
        _weighted,
        "; weighted average: the classes weighted by their number of rows",
        "（加权平均）",
        "；按类别出现次数加权",
    ),
}


def _averaged(name: str, average: str) -> Metric:
    """Return precision, recall or an F score with a given average over the classes."""
    score, fields = _SCORES[name]
    (reduce, suffix, zh, zh_suffix), (summary, title, sentence) = _AVERAGES[average], _WORDS[name]
    chinese = (f"{title}{zh}", f"{sentence}{zh_suffix}。")
    usual = not average and name != "fbeta"
    summary, name = f"{summary}{suffix}.", f"{name}{average}"
    return Metric(
        name, reduce(score), CLASS_TASKS, "classes", summary=summary, chinese=chinese, usual=usual, **fields
    )


ACCURACIES = (
    Metric(
        "accuracy",
        _accuracy,
        (*CLASS_TASKS, "distribution"),
        "classes",
        "sum_i w_i [predicted_i = y_i] / sum_i w_i",
        "The fraction of correct predictions.",
        ("准确率", "预测正确的比例。"),
        usual=True,
        sklearn="accuracy_score",
        keras="Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy",
        note="With several labels each one counts; exact_match counts rows. Of a target distribution the "
        "most probable class counts.",
        example=([0, 1, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]], 0.75),
    ),
    Metric(
        "balanced_accuracy",
        _balanced,
        CLASSIFICATION,
        "classes",
        "mean of TP / (TP + FN) over the classes in the targets",
        "The mean of the recall over the classes: the accuracy if all classes were equally frequent.",
        ("平衡准确率", "各类别召回率的平均：各类别同样常见时的准确率。"),
        usual=True,
        sklearn="balanced_accuracy_score",
    ),
    *(_averaged(name, "") for name in _SCORES),
)
CLASSES = (
    Metric(
        "exact_match",
        _exact_match,
        ("multilabel",),
        "classes",
        "sum_i w_i [predicted_i = y_i for all labels] / sum_i w_i",
        "The fraction of rows whose labels are all predicted correctly.",
        ("完全匹配率", "所有标签都预测正确的样本比例。"),
        sklearn="accuracy_score",
    ),
    Metric(
        "hamming_loss",
        lambda a: 1.0 - _accuracy(a),
        CLASS_TASKS,
        "classes",
        "1 - accuracy",
        "The fraction of wrong predictions.",
        ("汉明损失", "预测错误的比例。"),
        larger=False,
        sklearn="hamming_loss",
    ),
    Metric(
        "top_k_accuracy",
        _top_k,
        (*CLASSIFICATION, "distribution"),
        "probabilities",
        "sum_i w_i [rank of y_i <= k] / sum_i w_i",
        "The fraction of rows whose class is among the k most probable ones.",
        ("前 k 准确率", "正确类别位于概率最高的 k 个之中的比例。"),
        option=Option("k", 5, 1, 1e6, is_integer=True),
        sklearn="top_k_accuracy_score",
        keras="TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy",
        note="Of equal probabilities the smaller class index ranks first: top_k_accuracy_1 is accuracy.",
    ),
    *(_averaged(name, average) for name in _SCORES for average in ("_micro", "_weighted")),
    Metric(
        "specificity",
        _macro(_specificity),
        CLASS_TASKS,
        "classes",
        "TN / (TN + FP)",
        "The fraction of the rows of other classes that are not predicted as the class.",
        ("特异度", "非某类样本中未被误判为该类的比例。"),
    ),
    Metric(
        "mcc",
        _matthews,
        CLASSIFICATION,
        "classes",
        "(n sum_k TP_k - sum_k p_k t_k) / sqrt((n^2 - sum_k p_k^2) (n^2 - sum_k t_k^2))",
        "The correlation of predicted and true classes: 1 perfect, 0 chance, -1 total disagreement.",
        ("马修斯相关系数", "预测与真实类别的相关系数；1 全对，0 如同随机。"),
        sklearn="matthews_corrcoef",
        note="p_k rows are predicted as class k, t_k rows are of class k. 0 if only one class is predicted "
        "or present. Matthews (1975); with more than two classes, Gorodkin (2004).",
    ),
    Metric(
        "cohen_kappa",
        _kappa,
        CLASSIFICATION,
        "classes",
        "(accuracy - e) / (1 - e), e = sum_k p_k t_k / n^2",
        "The accuracy corrected for the agreement expected by chance.",
        ("科恩 kappa 系数", "扣除随机一致后的一致程度。"),
        sklearn="cohen_kappa_score",
        note="p_k rows are predicted as class k, t_k rows are of class k. Cohen (1960).",
    ),
    Metric(
        "iou",
        _iou,
        CLASS_TASKS,
        "classes",
        "TP / (TP + FP + FN)",
        "Intersection over union: the rows of a class predicted as it, relative to the union of both.",
        ("交并比", "两区域交集与并集之比。"),
        option=Option("class", None, 0, 1e6, is_integer=True),
        sklearn="jaccard_score",
        keras="IoU, OneHotIoU",
        note="Averaged like precision; iou_3 is that of class 3 alone.",
    ),
    Metric(
        "mean_iou",
        _mean_iou,
        CLASS_TASKS,
        "classes",
        "mean of TP / (TP + FP + FN) over all classes",
        "Intersection over union averaged over all classes, background included, as usual in segmentation.",
        ("平均交并比", "所有类别（含背景）交并比的平均。"),
        keras="MeanIoU, OneHotMeanIoU, BinaryIoU",
        note="A class in neither targets nor predictions is left out. 0 and 1 of a label are two classes.",
    ),
    *(
        Metric(
            name,
            _sum(entry),
            CLASS_TASKS,
            "classes",
            formula,
            summary,
            (zh, zh_summary),
            larger,
            keras=keras,
            sklearn="confusion_matrix",
            note="Of two classes, of class 1; of more, summed over all.",
        )
        for name, entry, formula, summary, zh, zh_summary, larger, keras in (
            (
                "true_positives",
                "true_positives",
                "TP",
                "The number of rows of the class that are predicted as it.",
                "真正例数",
                "正确判为该类的样本数。",
                True,
                "TruePositives",
            ),
            (
                "false_positives",
                "false_positives",
                "FP",
                "The number of rows of other classes that are predicted as the class.",
                "假正例数",
                "误判为该类的样本数。",
                False,
                "FalsePositives",
            ),
            (
                "true_negatives",
                "true_negatives",
                "TN",
                "The number of rows of other classes that are not predicted as the class.",
                "真负例数",
                "正确排除的样本数。",
                True,
                "TrueNegatives",
            ),
            (
                "false_negatives",
                "false_negatives",
                "FN",
                "The number of rows of the class that are predicted as another.",
                "假负例数",
                "漏判的该类样本数。",
                False,
                "FalseNegatives",
            ),
        )
    ),
)
