"""Targets beside answers, brought to the two forms that every metric reads.

Whatever a net gives, what is judged is a list of rows. *One of several* is a class number for each row
beside a probability for each class; everything else is a table of numbers beside a table of the same shape.
Places of a sequence (B, T) or pixels of an image (B, H, W) are rows of their own, each with the weight of its
sample; the last axis stays.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from chainrule.records import frozen

ROUNDING = 1e-12  # relative; sums of weights that are nearer to each other are equal
TASKS = ("classification", "multilabel", "distribution", "regression")
UNJUDGED = "unjudged"  # targets that are no answers, such as texts without times: for metrics of one's own


@frozen
class Answers:
    """Targets beside answers, ready to be judged.

    Args:
        target: (N,) class numbers; for other tasks (N, O) yes and no as 1 and 0, shares, or values.
        answer: (N, K) probabilities; for other tasks in the form of the target.
        weights: (N,) or ``None``.
        task: ``"classification"`` (one class for each row), ``"multilabel"`` (several yes/no answers),
            ``"distribution"`` (the target is shares of classes) or ``"regression"``.

    Example:
        >>> Answers(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), None, "classification").chosen
        array([0, 0])
    """

    target: np.ndarray
    answer: np.ndarray
    weights: np.ndarray | None
    task: str

    @staticmethod
    def of(
        target: np.ndarray,
        answer: np.ndarray,
        weights: np.ndarray | None,
        task: str,
        ignored: int | None = None,
    ) -> Answers:
        """The same with a row for each place.

        Args:
            target, answer: batch first, with any places between it and the last axis.
            weights: (B,), one for each sample, or one for each of its places.
            task: see ``Answers``.
            ignored: the number that stands where there is no class.
        """
        if task == UNJUDGED:
            if weights is not None and weights.ndim > 1:
                weights = weights.reshape(len(weights), -1).mean(axis=1)
            return Answers(target, answer, weights, task)
        if task == "classification":
            y = target.reshape(-1).astype(np.int64)  # (B, T) -> (B T,)
            p = answer.reshape(len(y), -1)  # (B, T, K) -> (B T, K)
        else:
            last = target.shape[-1] if target.ndim > 2 else target.size // max(len(target), 1)
            y, p = target.reshape(-1, last), answer.reshape(-1, last)  # (B, T, O) -> (B T, O)
        if weights is not None and weights.ndim > 1:
            one = weights.reshape(len(weights), -1)
            weights = one.reshape(-1) if one.size == len(y) else one.mean(axis=1)
        if weights is not None and len(y) != len(weights):
            weights = np.repeat(weights, len(y) // len(weights))
        if task == "classification" and ignored is not None:
            known = y != ignored
            y, p, weights = y[known], p[known], None if weights is None else weights[known]
        return Answers(y, p, weights, task)

    @cached_property
    def can_be_judged(self) -> bool:
        """Whether a number can be said at all: there are rows, forms that agree, and finite answers."""
        fits = self.task in ("classification", UNJUDGED) or self.target.shape == self.answer.shape
        return fits and len(self.target) > 0 and bool(np.isfinite(self.answer).all())

    @cached_property
    def chosen(self) -> np.ndarray:
        """The class of the largest probability, or of each yes/no answer whether it is yes."""
        return self.answer > 0.5 if self.task == "multilabel" else np.argmax(self.answer, axis=1)

    @cached_property
    def wanted(self) -> np.ndarray:
        """What should have been chosen."""
        if self.task == "multilabel":
            return self.target > 0.5
        return np.argmax(self.target, axis=1) if self.task == "distribution" else self.target

    @cached_property
    def present(self) -> np.ndarray:
        """The class numbers that occur among the targets of rows with a positive weight."""
        return np.unique(self.target if self.weights is None else self.target[self.weights > 0])

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes, of which the second is the one that is looked for."""
        return self.task == "classification" and self.answer.shape[1] == 2

    @cached_property
    def counts(self) -> Counts:
        """How often each class was right, said and meant."""
        return Counts.of(self)

    @cached_property
    def problems(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Yes/no questions with a score each: of two classes the second, of several each against the rest."""
        y, p = self.target, self.answer
        if self.task == "multilabel":
            return [(self.wanted[:, o], p[:, o]) for o in range(p.shape[1])]
        if self.is_binary:
            return [(y == 1, p[:, 1])]
        return [(y == k, p[:, k]) for k in self.present] if len(self.present) > 1 else []

    @cached_property
    def error(self) -> np.ndarray:
        """answer - target, in float64: (N, O)."""
        return self.answer.astype(np.float64) - self.target

    def mean(self, each: np.ndarray) -> np.ndarray:
        """The weighted mean over the rows: (N,) -> (), (N, O) -> (O,)."""
        return np.average(each, axis=0, weights=self.weights)


@frozen
class Counts:
    """How often each class was right, said and meant; rows counted by their weights.

    Args:
        hits: rows of the class that were taken for it.
        said: rows that were taken for the class.
        meant: rows of the class.
        whole: all rows.
    """

    hits: np.ndarray
    said: np.ndarray
    meant: np.ndarray
    whole: float

    @staticmethod
    def of(a: Answers) -> Counts:
        """The counts of each class (K,), or of each yes/no answer (O,)."""
        whole = float(len(a.answer) if a.weights is None else a.weights.sum(dtype=np.float64))
        if a.task == "multilabel":
            w = np.ones((len(a.answer), 1)) if a.weights is None else a.weights[:, None].astype(np.float64)
            hits, said, meant = ((w * part).sum(axis=0) for part in (a.chosen & a.wanted, a.chosen, a.wanted))
            return Counts(hits, said, meant, whole)
        classes = max(a.answer.shape[1], int(a.wanted.max(initial=0)) + 1)

        def count(numbers: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
            return np.bincount(numbers, weights, classes).astype(np.float64)

        is_hit = a.wanted == a.chosen
        hits = count(a.wanted[is_hit], None if a.weights is None else a.weights[is_hit])
        return Counts(hits, count(a.chosen, a.weights), count(a.wanted, a.weights), whole)

    @property
    def missed(self) -> np.ndarray:
        """Rows of the class that were taken for another."""
        return self._less(self.meant, self.hits)

    @property
    def mistaken(self) -> np.ndarray:
        """Rows of other classes that were taken for it."""
        return self._less(self.said, self.hits)

    @property
    def others(self) -> np.ndarray:
        """Rows of other classes."""
        return self._less(self.whole, self.meant)

    @property
    def rejected(self) -> np.ndarray:
        """Rows of other classes that were not taken for it."""
        return self._less(self.others, self.mistaken)

    def _less(self, a: np.ndarray | float, b: np.ndarray) -> np.ndarray:
        """a - b; sums of weights that differ by rounding alone are equal."""
        left = a - b
        return np.where(np.abs(left) > ROUNDING * self.whole, left, 0.0)

    @property
    def summed(self) -> Counts:
        """All classes as one."""
        hits, said, meant = (part.sum(keepdims=True) for part in (self.hits, self.said, self.meant))
        return Counts(hits, said, meant, self.whole * len(self.hits))


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole; 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole != 0)
