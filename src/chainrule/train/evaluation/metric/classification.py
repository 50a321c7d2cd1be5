"""Metrics of the decision: which class was said, and which was meant.

All of them are counts of four kinds of rows, class by class: hits (of the class, taken for it), missed (of
the class, taken for another), mistaken (taken for it, of another) and rejected (neither). Of two classes the
second is the one that is looked for, and its score is the answer; of several, and of several yes/no answers,
the answer is the plain mean of the scores (macro), or, by name, that of all counts put together (``_micro``)
or weighed by how often each class occurs (``_weighted``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.train.evaluation.metric.inputs import ROUNDING, Answers, Counts, share
from chainrule.train.evaluation.metric.metric import Metric, Option

ONE, EACH = ("classification",), ("classification", "multilabel")
Score = Callable[..., np.ndarray]


def _macro(score: Score) -> Callable[..., float]:
    """The score of class 1 of two; of several, the mean over those that occur or were said."""

    def measure(a: Answers, *value: float) -> float:
        scores = score(a.counts, *value)
        if a.is_binary:
            return float(scores[1])
        return float(
            scores.mean() if a.task == "multilabel" else scores[np.union1d(a.wanted, a.chosen)].mean()
        )

    return measure


def _micro(score: Score) -> Callable[..., float]:
    """The score of all counts put together."""
    return lambda a, *value: float(score(a.counts.summed, *value)[0])


def _weighted(score: Score) -> Callable[..., float]:
    """The mean of the scores, each weighed by how often its class was meant."""

    def measure(a: Answers, *value: float) -> float:
        meant = a.counts.meant
        return float((score(a.counts, *value) * meant).sum() / meant.sum()) if meant.sum() else 0.0

    return measure


def _precision(c: Counts) -> np.ndarray:
    return share(c.hits, c.said)


def _recall(c: Counts) -> np.ndarray:
    return share(c.hits, c.meant)


def _specificity(c: Counts) -> np.ndarray:
    return share(c.rejected, c.others)


def _f1(c: Counts) -> np.ndarray:
    return share(2 * c.hits, c.said + c.meant)


def _fbeta(c: Counts, beta: float) -> np.ndarray:
    return share((1 + beta**2) * c.hits, c.said + beta**2 * c.meant)


def _overlap(c: Counts) -> np.ndarray:
    return share(c.hits, c.said + c.meant - c.hits)


def _accuracy(a: Answers) -> float:
    return float(a.mean(a.wanted == a.chosen).mean())


def _exact_match(a: Answers) -> float:
    return float(a.mean((a.wanted == a.chosen).all(axis=1)))


def _top_k(a: Answers, k: float) -> float:
    """Ties go to the smaller class number, so that the first of one is the class chosen."""
    rows, wanted = np.arange(len(a.wanted)), a.wanted[:, None]
    own = a.answer[rows, a.wanted][:, None]
    before = (a.answer > own) | ((a.answer == own) & (np.arange(a.answer.shape[1]) < wanted))  # (N, K)
    return float(a.mean(before.sum(axis=1) < k))


def _balanced(a: Answers) -> float:
    return float(_recall(a.counts)[a.present].mean())


def _iou(a: Answers, of: float | None) -> float:
    if of is None:
        return _macro(_overlap)(a)
    scores = _overlap(a.counts)
    return float(scores[int(of)]) if of < len(scores) else float("nan")


def _mean_iou(a: Answers) -> float:
    c = a.counts
    own, either = c.hits, c.said + c.meant - c.hits
    if a.task == "multilabel":  # yes and no are two classes of each answer
        own, either = np.append(own, c.rejected), np.append(either, c.others + c.missed)
    return float(share(own, either)[either > 0].mean())


def _matthews(a: Answers) -> float:
    c = a.counts
    together = c.hits.sum() * c.whole - (c.said * c.meant).sum()
    said, meant = (1.0 - ((part / c.whole) ** 2).sum() for part in (c.said, c.meant))
    return float(together / c.whole**2 / np.sqrt(said * meant)) if min(said, meant) > ROUNDING else 0.0


def _kappa(a: Answers) -> float:
    c = a.counts
    by_chance = (c.said * c.meant).sum() / c.whole**2
    if by_chance > 1 - ROUNDING:
        return float("nan")
    return float((c.hits.sum() / c.whole - by_chance) / (1 - by_chance))


def _sum(kind: str) -> Callable[[Answers], float]:
    """How many rows there are of one kind: of class 1 of two, else over all classes."""

    def measure(a: Answers) -> float:
        counts = getattr(a.counts, kind)
        return float(counts[1] if a.is_binary else counts.sum())

    return measure


_BETA = Option("beta", 2.0, 0.0, 1e6)
_F = "(1 + beta^2) precision recall / (beta^2 precision + recall)"
_SCORES: dict[str, tuple[Score, dict[str, Any]]] = {
    "precision": (_precision, {"formula": "hits / said", "keras": "Precision", "sklearn": "precision_score"}),
    "recall": (_recall, {"formula": "hits / meant", "keras": "Recall", "sklearn": "recall_score"}),
    "f1": (_f1, {"formula": "2 hits / (said + meant)", "keras": "F1Score", "sklearn": "f1_score"}),
    "fbeta": (_fbeta, {"formula": _F, "keras": "FBetaScore", "sklearn": "fbeta_score", "option": _BETA}),
}
_WORDS = {
    "precision": (
        "Of the rows taken for a class, the share that is of it",
        "精确率",
        "判为某类的样本中确属该类的比例",
    ),
    "recall": ("Of the rows of a class, the share that was taken for it", "召回率", "某类样本中被找出的比例"),
    "f1": (
        "The harmonic mean of precision and recall; of areas it is the Dice coefficient",
        "F1 值",
        "精确率与召回率的调和平均；对区域而言即 Dice 系数",
    ),
    "fbeta": (
        "The F score in which recall counts beta times as much as precision",
        "F-beta 值",
        "召回率的权重为精确率 beta 倍的 F 值",
    ),
}
_AVERAGES = {
    "": (_macro, "", "", ""),
    "_micro": (_micro, ", over all classes put together", "（微平均）", "；所有类别合并计数"),
    "_weighted": (
        _weighted,
        ", the classes weighed by how often they occur",
        "（加权平均）",
        "；按类别出现次数加权",
    ),
}


def _averaged(name: str, average: str) -> Metric:
    """One of precision, recall and F scores, with one way to average it."""
    score, facts = _SCORES[name]
    (how, words, zh, zh_words), (says, title, sentence) = _AVERAGES[average], _WORDS[name]
    chinese = (f"{title}{zh}", f"{sentence}{zh_words}。")
    usual = not average and name != "fbeta"
    says, name = f"{says}{words}.", f"{name}{average}"
    return Metric(name, how(score), EACH, "classes", says=says, chinese=chinese, usual=usual, **facts)


ACCURACIES = (
    Metric(
        "accuracy",
        _accuracy,
        (*EACH, "distribution"),
        "classes",
        "sum_i w_i [said_i = meant_i] / sum_i w_i",
        "The share of answers that are right.",
        ("准确率", "答对的比例。"),
        usual=True,
        sklearn="accuracy_score",
        keras="Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy",
        note="Of several yes/no answers each one counts; exact_match counts rows. Targets that are shares "
        "mean their largest.",
    ),
    Metric(
        "balanced_accuracy",
        _balanced,
        ONE,
        "classes",
        "mean over the classes that occur of hits / meant",
        "The accuracy as it would be if all classes were equally frequent.",
        ("平衡准确率", "各类别同样常见时的准确率：召回率的平均。"),
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
        "sum_i w_i [all of said_i = meant_i] / sum_i w_i",
        "The share of rows of which every yes/no answer is right.",
        ("完全匹配率", "所有标签都答对的样本比例。"),
        sklearn="accuracy_score",
    ),
    Metric(
        "hamming_loss",
        lambda a: 1.0 - _accuracy(a),
        EACH,
        "classes",
        "1 - accuracy",
        "The share of answers that are wrong.",
        ("汉明损失", "答错的比例。"),
        larger=False,
        sklearn="hamming_loss",
    ),
    Metric(
        "top_k_accuracy",
        _top_k,
        (*ONE, "distribution"),
        "probabilities",
        "sum_i w_i [rank of y_i <= k] / sum_i w_i",
        "The share of rows whose class is among the k likeliest.",
        ("前 k 准确率", "正确类别位于概率最高的 k 个之中的比例。"),
        option=Option("k", 5, 1, 1e6, is_whole=True),
        sklearn="top_k_accuracy_score",
        keras="TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy",
        note="Of equal probabilities the smaller class number is first: top_k_accuracy_1 is accuracy.",
    ),
    *(_averaged(name, average) for name in _SCORES for average in ("_micro", "_weighted")),
    Metric(
        "specificity",
        _macro(_specificity),
        EACH,
        "classes",
        "rejected / others",
        "Of the rows that are not of a class, the share that was not taken for it.",
        ("特异度", "非某类样本中未被误判为该类的比例。"),
    ),
    Metric(
        "mcc",
        _matthews,
        ONE,
        "classes",
        "(n sum hits - sum said meant) / sqrt((n^2 - sum said^2) (n^2 - sum meant^2))",
        "The correlation of what was said with what was meant: 1 right, 0 as good as chance, -1 reversed.",
        ("马修斯相关系数", "预测与真实类别的相关系数；1 全对，0 如同随机。"),
        sklearn="matthews_corrcoef",
        note="0 where only one class was said or meant. Matthews (1975); of several, Gorodkin (2004).",
    ),
    Metric(
        "cohen_kappa",
        _kappa,
        ONE,
        "classes",
        "(accuracy - e) / (1 - e), e = sum said meant / n^2",
        "The accuracy beyond what guessing with the same frequencies would reach.",
        ("科恩 kappa 系数", "扣除随机一致后的一致程度。"),
        sklearn="cohen_kappa_score",
        note="Cohen (1960).",
    ),
    Metric(
        "iou",
        _iou,
        EACH,
        "classes",
        "hits / (said + meant - hits)",
        "Of the rows of a class or taken for it, the share that is both: area in common over area of either.",
        ("交并比", "两区域交集与并集之比。"),
        option=Option("class", None, 0, 1e6, is_whole=True),
        sklearn="jaccard_score",
        keras="IoU, OneHotIoU",
        note="Averaged as precision is; iou_3 is that of class 3 alone.",
    ),
    Metric(
        "mean_iou",
        _mean_iou,
        EACH,
        "classes",
        "mean over all classes of hits / (said + meant - hits)",
        "The overlap averaged over all classes, the background too: the usual figure of segmentation.",
        ("平均交并比", "所有类别（含背景）交并比的平均。"),
        keras="MeanIoU, OneHotMeanIoU, BinaryIoU",
        note="A class that neither occurs nor was said is left out. Yes and no are two classes.",
    ),
    *(
        Metric(
            name,
            _sum(kind),
            EACH,
            "classes",
            formula,
            says,
            (zh, zh_says),
            larger,
            keras=keras,
            sklearn="confusion_matrix",
            note="Of class 1 of two; of several, summed over all.",
        )
        for name, kind, formula, says, zh, zh_says, larger, keras in (
            (
                "true_positives",
                "hits",
                "hits",
                "How many rows of the class were found.",
                "真正例数",
                "正确判为该类的样本数。",
                True,
                "TruePositives",
            ),
            (
                "false_positives",
                "mistaken",
                "said - hits",
                "How many rows were wrongly taken for the class.",
                "假正例数",
                "误判为该类的样本数。",
                False,
                "FalsePositives",
            ),
            (
                "true_negatives",
                "rejected",
                "all - said - meant + hits",
                "How many rows of others were not taken for the class.",
                "真负例数",
                "正确排除的样本数。",
                True,
                "TrueNegatives",
            ),
            (
                "false_negatives",
                "missed",
                "meant - hits",
                "How many rows of the class were missed.",
                "假负例数",
                "漏判的该类样本数。",
                False,
                "FalseNegatives",
            ),
        )
    ),
)
