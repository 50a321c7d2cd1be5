"""How good answers are: scikit-learn's metrics under the field's names.

Every number that is not a derivative comes from scikit-learn; this file only says which one, on what, for
which task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn import metrics as sk

from chainrule.errors import UsageError, nearest


@dataclass(frozen=True)
class Answers:
    """Targets beside answers, ready to be judged.

    Args:
        target: (N,) class numbers, or (N, O) values.
        answer: (N, K) probabilities, or (N, O) values.
        weights: (N,) or ``None``.
        task: ``"classification"`` or ``"regression"``.
    """

    target: np.ndarray
    answer: np.ndarray
    weights: np.ndarray | None
    task: str

    @property
    def chosen(self) -> np.ndarray:
        """The class of the largest probability."""
        return np.argmax(self.answer, axis=1)

    @property
    def present(self) -> np.ndarray:
        """The class numbers that occur among the targets."""
        return np.unique(self.target)


def _average(a: Answers) -> str:
    return "binary" if a.answer.shape[1] == 2 else "macro"


def _roc_auc(a: Answers) -> float:
    if len(a.present) < 2:
        return float("nan")
    if a.answer.shape[1] == 2:
        return float(sk.roc_auc_score(a.target, a.answer[:, 1], sample_weight=a.weights))
    return _over_classes(a, lambda hit, score: sk.roc_auc_score(hit, score, sample_weight=a.weights))


def _pr_auc(a: Answers) -> float:
    if a.answer.shape[1] == 2:
        if not (a.target == 1).any():
            return float("nan")
        return float(sk.average_precision_score(a.target == 1, a.answer[:, 1], sample_weight=a.weights))
    return _over_classes(
        a, lambda hit, score: sk.average_precision_score(hit, score, sample_weight=a.weights)
    )


def _over_classes(a: Answers, score: Callable[[np.ndarray, np.ndarray], float]) -> float:
    """The mean over the classes that occur, each against the rest."""
    if len(a.present) < 2:
        return float("nan")
    return float(np.mean([score(a.target == k, a.answer[:, k]) for k in a.present]))


def _with_zero(function: Callable[..., float], a: Answers) -> float:
    return float(function(a.target, a.chosen, average=_average(a), sample_weight=a.weights, zero_division=0))


def _balanced_accuracy(a: Answers) -> float:
    """The mean recall of the classes that occur: what ``balanced_accuracy_score`` gives, without warnings."""
    recall = {"average": "macro", "labels": a.present, "zero_division": 0}
    return float(sk.recall_score(a.target, a.chosen, sample_weight=a.weights, **recall))


Metric = Callable[[Answers], float]

CLASSIFICATION: dict[str, Metric] = {
    "accuracy": lambda a: float(sk.accuracy_score(a.target, a.chosen, sample_weight=a.weights)),
    "balanced_accuracy": _balanced_accuracy,
    "precision": lambda a: _with_zero(sk.precision_score, a),
    "recall": lambda a: _with_zero(sk.recall_score, a),
    "f1": lambda a: _with_zero(sk.f1_score, a),
    "roc_auc": _roc_auc,
    "pr_auc": _pr_auc,
}
REGRESSION: dict[str, Metric] = {
    "mae": lambda a: float(sk.mean_absolute_error(a.target, a.answer, sample_weight=a.weights)),
    "rmse": lambda a: float(sk.root_mean_squared_error(a.target, a.answer, sample_weight=a.weights)),
    "r2": lambda a: (
        float(sk.r2_score(a.target, a.answer, sample_weight=a.weights)) if len(a.target) > 1 else np.nan
    ),
}
METRICS = {"classification": CLASSIFICATION, "regression": REGRESSION}
FIRST = {"classification": "accuracy", "regression": "r2"}


def known_metrics(names: Sequence[str] | None, task: str) -> tuple[str, ...]:
    """The names, once it is known that each is a metric of the task; all of the task for ``None``.

    Fails:
        UsageError E101: no such metric for this task.
    """
    known = METRICS[task]
    for name in names or ():
        if name not in known:
            raise UsageError(
                "E101", where=f"metrics of {task}", name=name, expected=", ".join(known), received=name,
                fix=f'metrics=["{nearest(name, known) or FIRST[task]}"]',
            )  # fmt: skip
    return tuple(known) if names is None else tuple(names)


def score(answers: Answers, names: Sequence[str] | None = None) -> dict[str, float]:
    """The metrics by name; NaN for all where an answer is not finite, since then none can be said.

    Example:
        >>> answers = Answers(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), None, "classification")
        >>> score(answers, ["accuracy", "roc_auc"])
        {'accuracy': 0.5, 'roc_auc': 1.0}
    """
    known = known_metrics(names, answers.task)
    if not np.isfinite(answers.answer).all():
        return dict.fromkeys(known, float("nan"))
    return {name: METRICS[answers.task][name](answers) for name in known}
