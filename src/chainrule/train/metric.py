"""How good answers are: the field's metrics, as scikit-learn defines them.

They are written out in NumPy, a few lines each, because they are asked after every epoch: loading
scikit-learn takes longer than most trainings of a table, and its checks of each call longer than the
counting. A law holds them to scikit-learn's numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

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

    @cached_property
    def chosen(self) -> np.ndarray:
        """The class of the largest probability."""
        return np.argmax(self.answer, axis=1)

    @cached_property
    def present(self) -> np.ndarray:
        """The class numbers that occur among the targets."""
        return np.unique(self.target)


@dataclass(frozen=True)
class Counts:
    """How often each class was right, said and meant; rows counted by their weights.

    Args:
        hits: rows of the class that were taken for it.
        said: rows that were taken for the class.
        meant: rows of the class.
    """

    hits: np.ndarray
    said: np.ndarray
    meant: np.ndarray

    @staticmethod
    def of(a: Answers) -> Counts:
        """The counts of each class: (K,) three times."""
        classes = max(a.answer.shape[1], int(a.target.max(initial=0)) + 1)

        def count(numbers: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
            return np.bincount(numbers, weights, classes).astype(np.float64)

        is_hit = a.target == a.chosen
        hits = count(a.target[is_hit], None if a.weights is None else a.weights[is_hit])
        return Counts(hits, count(a.chosen, a.weights), count(a.target, a.weights))

    def mean(self, scores: np.ndarray, a: Answers) -> float:
        """The score of class 1 of two; of several, the mean over those that occur or were said."""
        if a.answer.shape[1] == 2:
            return float(scores[1])
        return float(scores[np.union1d(a.target, a.chosen)].mean())


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole; 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


def _precision(a: Answers) -> float:
    """Of the rows taken for a class, the share that is of it."""
    c = Counts.of(a)
    return c.mean(_share(c.hits, c.said), a)


def _recall(a: Answers) -> float:
    """Of the rows of a class, the share that was taken for it."""
    c = Counts.of(a)
    return c.mean(_share(c.hits, c.meant), a)


def _f1(a: Answers) -> float:
    """The harmonic mean of precision and recall."""
    c = Counts.of(a)
    return c.mean(_share(2 * c.hits, c.said + c.meant), a)


def _accuracy(a: Answers) -> float:
    return float(np.average(a.target == a.chosen, weights=a.weights))


def _balanced_accuracy(a: Answers) -> float:
    """The mean recall of the classes that occur."""
    c = Counts.of(a)
    return float(_share(c.hits, c.meant)[a.present].mean())


def _curve(
    is_hit: np.ndarray, score: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Weight of the rows of the class and of the others that score at least each threshold, highest first.

    Rows of one score come in together: none of them can be told from the others.
    """
    order = np.argsort(-score, kind="stable")
    weight = np.ones(len(score)) if weights is None else weights[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    true = np.cumsum(weight * is_hit[order])[last]
    return true, np.cumsum(weight)[last] - true


def _area_under_roc(is_hit: np.ndarray, score: np.ndarray, weights: np.ndarray | None) -> float:
    """The area under recall over the false positive rate, by trapezoids."""
    true, false = (np.append(0.0, part) for part in _curve(is_hit, score, weights))
    whole = true[-1] * false[-1]
    area = float((np.diff(false) * (true[1:] + true[:-1])).sum()) / 2
    return area / float(whole) if whole > 0 else float("nan")


def _average_precision(is_hit: np.ndarray, score: np.ndarray, weights: np.ndarray | None) -> float:
    """The mean of the precision at each threshold, weighed by what it adds to the recall."""
    true, false = _curve(is_hit, score, weights)
    if not true[-1] > 0:
        return float("nan")
    return float((np.diff(true, prepend=0.0) * _share(true, true + false)).sum() / true[-1])


def _roc_auc(a: Answers) -> float:
    return _over_classes(a, _area_under_roc) if len(a.present) > 1 else float("nan")


def _pr_auc(a: Answers) -> float:
    return _over_classes(a, _average_precision)


def _over_classes(a: Answers, area: Callable[..., float]) -> float:
    """The area of class 1 of two; of several, the mean over the classes that occur, each against the rest."""
    if a.answer.shape[1] == 2:
        return area(a.target == 1, a.answer[:, 1], a.weights)
    if len(a.present) < 2:
        return float("nan")
    return float(np.mean([area(a.target == k, a.answer[:, k], a.weights) for k in a.present]))


def _mae(a: Answers) -> float:
    return float(np.average(np.abs(a.target - a.answer), axis=0, weights=a.weights).mean())


def _rmse(a: Answers) -> float:
    return float(np.sqrt(np.average((a.target - a.answer) ** 2, axis=0, weights=a.weights)).mean())


def _r2(a: Answers) -> float:
    """1 - the squared errors over those of the mean, the mean over the outputs; NaN for a single row."""
    if len(a.target) < 2:
        return float("nan")
    mean = np.average(a.target, axis=0, weights=a.weights)
    errors = np.average((a.target - a.answer) ** 2, axis=0, weights=a.weights)
    spread = np.average((a.target - mean) ** 2, axis=0, weights=a.weights)
    # Of an output that is always the same nothing can be explained: 1 where it is met, 0 where it is not.
    scores = np.where(spread > 0, 1.0 - _share(errors, spread), np.where(errors > 0, 0.0, 1.0))
    return float(scores.mean())


Metric = Callable[[Answers], float]

CLASSIFICATION: dict[str, Metric] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
    "roc_auc": _roc_auc,
    "pr_auc": _pr_auc,
}
REGRESSION: dict[str, Metric] = {"mae": _mae, "rmse": _rmse, "r2": _r2}
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
