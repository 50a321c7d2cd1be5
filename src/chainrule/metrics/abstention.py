"""Abstention: the error of a classifier on the rows that it is most certain about."""

from __future__ import annotations

import numpy as np

from chainrule.records import frozen

CONFIDENCE = 0.95


@frozen(eq=False)
class RiskCoverage:
    """The share of errors for every share of decided rows.

    Rows are decided in the order of the probability of their predicted class, the most certain first. Of rows
    with equal probabilities, which no threshold separates, each has the mean error of all of them, so that
    the curve does not depend on the order of the rows.

    Args:
        confidence: (N,) the probabilities, descending: the lowest one that is still decided.
        risk: (N,) the share of errors among the decided rows.

    Reference: El-Yaniv and Wiener (2010), On the foundations of noise-free selective classification, JMLR 11.
    """

    confidence: np.ndarray
    risk: np.ndarray

    @property
    def coverage(self) -> np.ndarray:
        """(N,) the share of decided rows."""
        return np.arange(1, len(self.risk) + 1) / len(self.risk)

    @property
    def area(self) -> float:
        """The mean risk over all coverages (AURC); lower is better."""
        return float(self.risk.mean())

    def at(self, coverage: float) -> tuple[float, float]:
        """Return the lowest confidence and the risk at a share of decided rows, above 0 and at most 1."""
        index = max(0, round(coverage * len(self.risk)) - 1)
        return float(self.confidence[index]), float(self.risk[index])

    def confidence_for(self, risk: float) -> float | None:
        """Return the lowest confidence at which the error is at most ``risk`` with a confidence of 95 %.

        The bound of Clopper and Pearson is computed for the confidences that shares of 1, 0.8, 0.64, ... of
        the rows reach, with all rows that reach them, and holds for all of them together.

        Args:
            risk: the share of errors that is allowed.

        Returns:
            ``None`` if there are too few rows, or the error is too high for every share.

        Reference: Geifman and El-Yaniv (2017), Selective classification for deep neural networks (NeurIPS).
        """
        from scipy.special import betaincinv  # noqa: PLC0415  # slow, and not needed to predict

        sizes = [len(self.risk)]
        while sizes[-1] > 1:
            sizes.append(sizes[-1] * 4 // 5)
        limit = 1.0 - (1.0 - CONFIDENCE) / len(sizes)
        for size in sizes:
            confidence = self.confidence[size - 1]
            reached = int(np.searchsorted(-self.confidence, -confidence, "right"))  # with equal ones
            errors = round(float(self.risk[reached - 1]) * reached)
            bound = 1.0 if errors == reached else float(betaincinv(errors + 1, reached - errors, limit))
            if bound <= risk:
                return float(confidence)
        return None


def risk_coverage(
    probabilities: np.ndarray, y: np.ndarray, predicted: np.ndarray | None = None
) -> RiskCoverage:
    """Return the curve of labeled rows.

    Args:
        probabilities: (N, K), N >= 1.
        y: (N,) class indices.
        predicted: (N,) class indices; by default those of the largest probabilities.

    Example:
        >>> curve = risk_coverage(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]), np.array([0, 0, 0]))
        >>> curve.confidence.tolist(), curve.risk.round(3).tolist()
        ([0.9, 0.7, 0.6], [0.0, 0.0, 0.333])
    """
    classes = probabilities.argmax(axis=1) if predicted is None else predicted
    confidence, is_wrong = probabilities[np.arange(len(y)), classes], classes != y
    levels, level = np.unique(-confidence.astype(np.float64), return_inverse=True)  # the most certain first
    rows = np.bincount(level, minlength=len(levels))
    errors = np.bincount(level, is_wrong, len(levels))
    ranks = np.arange(1, len(y) + 1)
    risk = np.interp(ranks, np.append(0, np.cumsum(rows)), np.append(0.0, np.cumsum(errors))) / ranks
    return RiskCoverage(np.repeat(-levels, rows), risk)
