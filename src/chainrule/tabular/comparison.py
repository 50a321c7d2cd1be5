"""Compare models on the same rows: their scores, which is better, and whether more rows would help.

The rows are test rows, or the training rows with *out-of-fold* predictions, each from a model that was not
trained on the row. Everything here is a function of arrays, so both are scored alike.

A difference of two scores has no meaning without its uncertainty. Both models predict the same rows, so the
differences of their losses, row by row, are averaged: what makes a row hard for every model cancels, and the
standard error of the mean is smaller than that of either score (``chainrule.metrics.mean_difference``). That
of one test set is of its rows alone: a training on other rows would differ as well. That of a
cross-validation is larger, since its trainings share rows.

A *learning curve* is the loss for a growing number of training rows. The network is trained on an eighth, a
quarter, half and all of them; each set contains the one before. All are evaluated on the same other rows, so
that the gain of the last doubling has a standard error from paired losses. The cost is less than that of a
second training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.memoization import cached_property
from chainrule.messages import Texts, translated
from chainrule.metrics import Difference, Predictions, compare, mean_difference, score
from chainrule.metrics.calibration import Reliability, reliability
from chainrule.metrics.interval import Interval, score_intervals
from chainrule.notation.number_format import short
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen

TOO_GOOD = 0.999  # R² from which inputs probably contain the target


@frozen(eq=False)
class Scores:
    """Targets, and the predictions of several models.

    Args:
        task: ``"classification"`` or ``"regression"``.
        target: (N,) class indices, or (N, 1) values in the units of the target column.
        outputs: of each model by name: (N, K) probabilities, or (N, 1) values.
        weights: (N,) sample weights.
        labels: the K classes; empty for regression.
        groups: (N,) the group of each row, whose rows resemble each other; ``None``: rows are independent.
        folds: the number of folds of a cross-validation that predicted the rows; 0: they are test rows.
        balance: (N,) weights with which the classes count equally in the verdict, as in a training with class
            weights; ``None``: as ``weights``.

    Example:
        >>> outputs = {"net": np.array([[0.9, 0.1], [0.2, 0.8]]), "trivial": np.full((2, 2), 0.5)}
        >>> scores = Scores("classification", np.array([0, 1]), outputs)
        >>> scores.metrics("net", ["accuracy"])
        {'accuracy': 1.0}
    """

    task: str
    target: np.ndarray
    outputs: Mapping[str, np.ndarray]
    weights: np.ndarray | None = None
    labels: tuple = ()
    groups: np.ndarray | None = None
    folds: int = 0
    balance: np.ndarray | None = None

    def predictions(self, model: str = "net") -> Predictions:
        """Return targets and predictions of one model, for metrics."""
        return Predictions(self.target, self.outputs[model], self.weights, self.task)

    def metrics(self, model: str = "net", names: Sequence[str] | None = None) -> dict[str, float]:
        """Return the metrics of one model by name; by default the default metrics of the task."""
        return score(self.predictions(model), names)

    def intervals(self, names: Sequence[str], model: str = "net") -> dict[str, Interval]:
        """Return the 95 % interval of each metric of one model."""
        return score_intervals(self.predictions(model), names, groups=self.groups)

    @cached_property
    def class_scores(self) -> tuple[ClassScore, ...]:
        """Recall and precision of each class by the network; empty for regression."""
        return class_scores(self.predictions(), self.labels) if self.labels else ()

    @cached_property
    def reliability(self) -> Reliability | None:
        """The calibration table of the network; ``None`` for regression."""
        return reliability(self.predictions()) if self.task == "classification" else None

    @cached_property
    def losses(self) -> dict[str, np.ndarray]:
        """The loss of each row, (N,), by model."""
        return {name: row_losses(self.task, self.target, output) for name, output in self.outputs.items()}

    @cached_property
    def too_good(self) -> float | None:
        """The largest R² of the models if it is too good to be true (above ``TOO_GOOD``), else ``None``."""
        if self.task == "classification":
            return None
        r2 = max(self.metrics(model, ["r2"])["r2"] for model in self.outputs)
        return r2 if r2 > TOO_GOOD else None

    @cached_property
    def verdict(self) -> Verdict | None:
        """The network compared with the best other model; see ``comparison.verdict``."""
        weights = self.weights if self.balance is None else self.balance
        result = verdict(self.task, self.losses, weights, groups=self.groups, folds=self.folds)
        return result if result is None or self.balance is None else replace(result, metric="balanced")


NAMES: Texts = {
    "net": "the network",
    "boosting": "gradient boosting",
    "linear": "the linear model",
    "trivial": "the constant prediction",
}
SENTENCES: Texts = {
    "better": (
        "{first} is better than {second}: {metric} {best} against {other}, {errors} standard errors apart."
    ),
    "open": (
        "No clear winner: {first} has {metric} {best}, {second} {other}, only {errors} standard errors "
        "apart; more test rows could decide."
    ),
    "equal": "{first} and {second} are equally good: {metric} {best}.",
}
METRIC_NAMES: Texts = {
    "classification": "log-loss",
    "regression": "RMSE",
    "balanced": "log-loss of balanced classes",
}


def row_losses(task: str, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Return the loss of each row, (N,): -log p of the true class, or the squared error.

    Args:
        task: ``"classification"`` or ``"regression"``.
        target: (N,) class indices, or (N, 1) values.
        prediction: (N, K) probabilities, or (N, 1) values.

    Example:
        >>> row_losses("regression", np.array([[1.0], [5.0]]), np.array([[1.5], [3.0]])).tolist()
        [0.25, 4.0]
    """
    if task == "regression":
        return ((prediction.astype(np.float64) - target) ** 2).reshape(len(target), -1).mean(axis=1)
    p = prediction[np.arange(len(target)), target]
    epsilon = np.finfo(p.dtype).eps if p.dtype.kind == "f" else np.finfo(np.float64).eps
    return -np.log(np.clip(p.astype(np.float64), epsilon, 1 - epsilon))


@frozen
class Verdict:
    """The comparison of the network with the best other model.

    Args:
        task: ``"classification"`` or ``"regression"``.
        first, second: the names of the two models, the better one first.
        losses: their mean losses.
        errors: the difference in standard errors, not negative.
        is_clear: whether the difference is more than chance; see ``chainrule.metrics.compare``.
        metric: a key of ``METRIC_NAMES``; by default the task.

    Example:
        >>> print(Verdict("classification", "net", "linear", (0.25, 0.3), 3.14159, True).render("en"))
        The network is better than the linear model: log-loss 0.25 against 0.3, 3.1 standard errors apart.
    """

    task: str
    first: str
    second: str
    losses: tuple[float, float]
    errors: float
    is_clear: bool
    metric: str = ""

    def render(self, lang: str = "en") -> str:
        """Return the sentence in English (``"en"``) or Chinese (``"zh"``)."""
        key = "better" if self.is_clear else "open" if self.errors > 0 else "equal"
        best, other = self.losses if self.task == "classification" else map(math.sqrt, self.losses)
        first, second = (translated(NAMES[name], lang, name) for name in (self.first, self.second))
        metric = translated(METRIC_NAMES[self.metric or self.task], lang)
        errors = f"{self.errors:.1f}" if self.errors < 100 else ">100"
        text = translated(SENTENCES[key], lang, key).format(
            first=first, second=second, metric=metric, best=short(best), other=short(other), errors=errors
        )
        return text[0].upper() + text[1:]


def verdict(
    task: str,
    losses: Mapping[str, np.ndarray],
    weights: np.ndarray | None = None,
    model: str = "net",
    groups: np.ndarray | None = None,
    folds: int = 0,
) -> Verdict | None:
    """Compare a model with the best of the other models; see ``chainrule.metrics.compare``.

    Args:
        task: ``"classification"`` or ``"regression"``.
        losses: (N,) losses of each model on the same rows, from ``row_losses``.
        weights: (N,) sample weights.
        model: the name of the model to compare.
        groups, folds: as for ``mean_difference``.

    Returns:
        ``None`` if there is no other model, fewer than 2 rows, or a loss that is not finite.

    Example:
        >>> losses = {"net": np.array([0.1, 0.3, 0.2]), "linear": np.array([0.5, 0.6, 0.7])}
        >>> v = verdict("classification", losses)
        >>> v.first, v.is_clear
        ('net', True)
    """
    means = {name: float(np.average(values, weights=weights)) for name, values in losses.items()}
    if len(losses) < 2 or len(losses[model]) < 2 or not all(map(math.isfinite, means.values())):
        return None

    def gap(first: str, second: str) -> Difference:
        return mean_difference(losses[first], losses[second], weights, groups, folds)

    result = compare(means, [model], gap, larger_is_better=False)
    first, second = result.first, result.second
    errors = abs(gap(first, second).errors)
    return Verdict(task, first, second, (means[first], means[second]), errors, result.is_clear)


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
    """Return the scores of each class.

    Args:
        predictions: class indices and probabilities.

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


FRACTIONS = (0.125, 0.25, 0.5)
_STREAM = 0x4C435256  # "LCRV"
CURVE_SENTENCES: Texts = {
    "helps": (
        "More rows would help: from {half:,} to {rows:,} training rows the loss fell by {gain}, {errors} "
        "standard errors."
    ),
    "flat": (
        "It is not clear that more rows would help: from {half:,} to {rows:,} training rows the loss "
        "changed by {gain}, only {errors} standard errors."
    ),
}


@frozen(eq=False)
class LearningCurve:
    """The losses of each number of training rows.

    Args:
        rows: the numbers of training rows, ascending.
        losses: (N,) losses of the evaluation rows, for each of these numbers.
        groups: (N,) the group of each evaluation row; ``None``: they are independent.
        weights: (N,) sample weights of the evaluation rows; ``None``: all are equal.
        folds: the number of folds of a cross-validation that predicted the rows; 0: they are test rows.
    """

    rows: tuple[int, ...]
    losses: tuple[np.ndarray, ...]
    groups: np.ndarray | None = None
    weights: np.ndarray | None = None
    folds: int = 0

    @property
    def means(self) -> tuple[float, ...]:
        """The mean loss of each number of rows."""
        return tuple(float(np.average(losses, weights=self.weights)) for losses in self.losses)

    @property
    def last_gain(self) -> Difference:
        """The loss of the last but one number of rows minus that of the last."""
        return mean_difference(self.losses[-2], self.losses[-1], self.weights, self.groups, self.folds)

    def render(self, lang: str = "en") -> str:
        """Return whether more rows would help, in English (``"en"``) or Chinese (``"zh"``)."""
        gain = self.last_gain
        errors = f"{abs(gain.errors):.1f}" if abs(gain.errors) < 100 else ">100"
        text = translated(CURVE_SENTENCES["helps" if gain.mean > 0 and gain.is_clear else "flat"], lang)
        size = short(float(f"{abs(gain.mean):.3g}"))
        return text.format(half=self.rows[-2], rows=self.rows[-1], gain=size, errors=errors)


def subsets(
    rows: int, labels: np.ndarray | None = None, seed: int = 0, fractions: Sequence[float] = FRACTIONS
) -> list[np.ndarray]:
    """Return nested random sets of row numbers, each ascending, with at least one row of each class.

    Args:
        rows: number of training rows, N.
        labels: (N,) class labels.
        fractions: the size of each set as a share of the rows, ascending.

    Example:
        >>> [len(index) for index in subsets(80, seed=1)]
        [10, 20, 40]
    """
    order = permutation(fold(key_of(seed), _STREAM), rows)
    first = np.zeros(0, np.int64)
    if labels is not None:
        first = order[np.unique(np.asarray(labels)[order], return_index=True)[1]]
    return [np.union1d(order[: max(2, round(rows * fraction))], first) for fraction in fractions]


def learning_curve(
    losses_of: Callable[[np.ndarray], np.ndarray],
    rows: int,
    full: np.ndarray,
    labels: np.ndarray | None = None,
    seed: int = 0,
) -> LearningCurve:
    """Measure a learning curve.

    Args:
        losses_of: trains on the rows with these numbers and returns the losses (M,) of the evaluation rows.
        rows: number of training rows.
        full: (M,) losses after the training on all rows.
        labels: (N,) class labels of the training rows.

    Example:
        >>> curve = learning_curve(lambda index: np.array([8.0, 9.0]) / len(index), 80, np.array([0.1, 0.12]))
        >>> curve.rows, [round(mean, 3) for mean in curve.means]
        ((10, 20, 40, 80), [0.85, 0.425, 0.213, 0.11])
    """
    sets = subsets(rows, labels, seed)
    losses = tuple(losses_of(index) for index in sets)
    return LearningCurve((*map(len, sets), rows), (*losses, full))
