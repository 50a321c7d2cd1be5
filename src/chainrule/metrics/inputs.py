"""Targets with their predictions, in the two forms that metrics read.

Metrics read rows. For single-label classification, a row is a class index and a probability for each class;
for all other tasks, targets and predictions are arrays of the same shape. Positions of a sequence (B, T) and
pixels of an image (B, H, W) become rows, each with the weight of its sample; the last axis stays.
"""

from __future__ import annotations

import numpy as np

from chainrule.memoization import cached_property
from chainrule.records import frozen

ROUNDING = 1e-12  # relative tolerance below which sums of weights are equal
TASKS = ("classification", "multilabel", "distribution", "regression")
UNSCORED = "unscored"  # targets that only custom metrics can compare, such as texts without alignment


@frozen
class Predictions:
    """Targets with their predictions, as rows.

    Args:
        target: (N,) class indices; for other tasks (N, O) labels 0 and 1, class shares, or values.
        prediction: (N, K) probabilities; for other tasks (N, O).
        weights: (N,) sample weights or ``None``.
        task: ``"classification"`` (one class for each row), ``"multilabel"`` (several binary labels),
            ``"distribution"`` (the target is a distribution over classes) or ``"regression"``.
        threshold: from which probability the second of two classes is predicted; ``None``: the likelier one.

    Example:
        >>> p = np.array([[0.9, 0.1], [0.6, 0.4]])
        >>> Predictions(np.array([0, 1]), p, None, "classification").predicted
        array([0, 0])
    """

    target: np.ndarray
    prediction: np.ndarray
    weights: np.ndarray | None
    task: str
    threshold: float | None = None

    @staticmethod
    def of(
        target: np.ndarray,
        prediction: np.ndarray,
        weights: np.ndarray | None,
        task: str,
        ignored: int | None = None,
    ) -> Predictions:
        """Reshape arrays of a batch to rows.

        Args:
            target, prediction: batch first, with any position axes between it and the last axis.
            weights: (B,), one for each sample, or (B, T), one for each position.
            task: see ``Predictions``.
            ignored: the class index of positions that are left out.
        """
        if task == UNSCORED:
            if weights is not None and weights.ndim > 1:
                weights = weights.reshape(len(weights), -1).mean(axis=1)
            return Predictions(target, prediction, weights, task)
        if task == "classification":
            y = target.reshape(-1).astype(np.int64)  # (B, T) -> (B T,)
            p = prediction.reshape(len(y), -1)  # (B, T, K) -> (B T, K)
        else:
            last = target.shape[-1] if target.ndim > 2 else target.size // max(len(target), 1)
            y, p = target.reshape(-1, last), prediction.reshape(-1, last)  # (B, T, O) -> (B T, O)
        if weights is not None and weights.ndim > 1:
            by_sample = weights.reshape(len(weights), -1)  # (B, T)
            weights = by_sample.reshape(-1) if by_sample.size == len(y) else by_sample.mean(axis=1)
        if weights is not None and len(y) != len(weights):
            weights = np.repeat(weights, len(y) // len(weights))
        if task == "classification" and ignored is not None:
            counted = y != ignored
            y, p, weights = y[counted], p[counted], None if weights is None else weights[counted]
        return Predictions(y, p, weights, task)

    @staticmethod
    def of_classes(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> Predictions:
        """Return class indices with probabilities, as for a metric.

        Args:
            y: (N,) class indices, or whether each row is positive.
            p: (N, K) probabilities, or (N,) those of class 1.
            weights: (N,) sample weights.

        Example:
            >>> Predictions.of_classes(np.array([True, False]), np.array([0.75, 0.5])).prediction.tolist()
            [[0.25, 0.75], [0.5, 0.5]]
        """
        shares = p if p.ndim > 1 else np.stack([1.0 - p, p], axis=1)  # (N,) -> (N, 2)
        return Predictions(np.asarray(y).astype(np.int64), shares, weights, "classification")

    @cached_property
    def is_measurable(self) -> bool:
        """Whether metrics are defined: at least one row, equal shapes, and finite predictions."""
        fits = self.task in ("classification", UNSCORED) or self.target.shape == self.prediction.shape
        return fits and len(self.target) > 0 and bool(np.isfinite(self.prediction).all())

    @cached_property
    def predicted(self) -> np.ndarray:
        """The predicted class (N,); with several labels, which of them are predicted (N, O)."""
        if self.threshold is not None and self.is_binary:
            return (self.prediction[:, 1].astype(np.float64) >= self.threshold).astype(np.int64)
        return self.prediction > 0.5 if self.task == "multilabel" else np.argmax(self.prediction, axis=1)

    @cached_property
    def actual(self) -> np.ndarray:
        """The true class (N,), or true labels (N, O), in the form of ``predicted``."""
        if self.task == "multilabel":
            return self.target > 0.5
        return np.argmax(self.target, axis=1) if self.task == "distribution" else self.target

    @cached_property
    def present(self) -> np.ndarray:
        """The class indices among the targets of rows with a positive weight."""
        return np.unique(self.target if self.weights is None else self.target[self.weights > 0])

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes; the second is the positive one."""
        return self.task == "classification" and self.prediction.shape[1] == 2

    @cached_property
    def counts(self) -> Counts:
        """The entries of the confusion matrix of each class."""
        return Counts.of(self)

    @cached_property
    def binary_problems(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Labels and scores of binary problems: of the positive class, or of each class against the rest."""
        y, p = self.target, self.prediction
        if self.task == "multilabel":
            return [(self.actual[:, o], p[:, o]) for o in range(p.shape[1])]
        if self.is_binary:
            return [(y == 1, p[:, 1])]
        return [(y == k, p[:, k]) for k in self.present] if len(self.present) > 1 else []

    @cached_property
    def error(self) -> np.ndarray:
        """prediction - target, in float64: (N, O)."""
        return self.prediction.astype(np.float64) - self.target

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return the weighted mean over the rows: (N,) -> (), (N, O) -> (O,)."""
        return np.average(values, axis=0, weights=self.weights)


@frozen
class Counts:
    """The entries of the confusion matrix of each class, as sums of sample weights.

    Args:
        true_positives: rows of the class that are predicted as it, (K,).
        predicted: rows that are predicted as the class, (K,).
        actual: rows of the class, (K,).
        total: all rows.
    """

    true_positives: np.ndarray
    predicted: np.ndarray
    actual: np.ndarray
    total: float

    @staticmethod
    def of(a: Predictions) -> Counts:
        """Return the counts of each class (K,), or of each binary label (O,)."""
        total = float(len(a.prediction) if a.weights is None else a.weights.sum(dtype=np.float64))
        if a.task == "multilabel":
            w = np.ones(len(a.prediction)) if a.weights is None else a.weights.astype(np.float64)
            parts = (a.predicted & a.actual, a.predicted, a.actual)
            hits, predicted, actual = ((w[:, None] * part).sum(axis=0) for part in parts)
            return Counts(hits, predicted, actual, total)
        classes = max(a.prediction.shape[1], int(a.actual.max(initial=0)) + 1)

        def count(indices: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
            return np.bincount(indices, weights, classes).astype(np.float64)

        is_hit = a.actual == a.predicted
        hits = count(a.actual[is_hit], None if a.weights is None else a.weights[is_hit])
        return Counts(hits, count(a.predicted, a.weights), count(a.actual, a.weights), total)

    @property
    def false_negatives(self) -> np.ndarray:
        """Rows of the class that are predicted as another."""
        return self._less(self.actual, self.true_positives)

    @property
    def false_positives(self) -> np.ndarray:
        """Rows of other classes that are predicted as it."""
        return self._less(self.predicted, self.true_positives)

    @property
    def negatives(self) -> np.ndarray:
        """Rows of other classes."""
        return self._less(self.total, self.actual)

    @property
    def true_negatives(self) -> np.ndarray:
        """Rows of other classes that are not predicted as it."""
        return self._less(self.negatives, self.false_positives)

    def _less(self, a: np.ndarray | float, b: np.ndarray) -> np.ndarray:
        """Return a - b; 0 where the sums of weights differ only by rounding."""
        difference = a - b
        return np.where(np.abs(difference) > ROUNDING * self.total, difference, 0.0)

    @property
    def summed(self) -> Counts:
        """The counts of all classes added up, as for a micro average."""
        parts = (self.true_positives, self.predicted, self.actual)
        hits, predicted, actual = (part.sum(keepdims=True) for part in parts)
        return Counts(hits, predicted, actual, self.total * len(self.true_positives))


def ratio(part: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return part / total; 0 where the total is 0."""
    return np.divide(part, total, out=np.zeros_like(part, dtype=np.float64), where=total != 0)
