"""Abstention: the error of a classifier on the rows that it is most certain about."""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv

from chainrule.records import frozen

CONFIDENCE = 0.95


@frozen(eq=False)
class RiskCoverage:
    """The share of errors for every share of decided rows.

    Rows are decided in the order of the probability of their predicted class, the most certain first.

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
        """The lowest confidence and the risk at a share of decided rows, above 0 and at most 1."""
        index = max(0, round(coverage * len(self.risk)) - 1)
        return float(self.confidence[index]), float(self.risk[index])

    def confidence_for(self, risk: float) -> float | None:
        """The lowest confidence at which the error is at most ``risk`` with a confidence of 95 %.

        The bound of Clopper and Pearson is computed for shares of 1, 0.8, 0.64, ..., and holds for all of
        them together.

        Args:
            risk: the share of errors that is allowed.

        Returns:
            ``None`` if there are too few rows, or the error is too high for every share.

        Reference: Geifman and El-Yaniv (2017), Selective classification for deep neural networks (NeurIPS).
        """
        count, sizes = len(self.risk), [len(self.risk)]
        while sizes[-1] > 1:
            sizes.append(sizes[-1] * 4 // 5)
        for size in sizes:
            if size < count and self.confidence[size - 1] == self.confidence[size]:
                continue  # a threshold cannot separate rows with the same confidence
            errors = round(float(self.risk[size - 1]) * size)
            limit = 1.0 - (1.0 - CONFIDENCE) / len(sizes)
            bound = 1.0 if errors == size else float(betaincinv(errors + 1, size - errors, limit))
            if bound <= risk:
                return float(self.confidence[size - 1])
        return None


def risk_coverage(probabilities: np.ndarray, y: np.ndarray) -> RiskCoverage:
    """The curve of labeled rows.

    Args:
        probabilities: (N, K), N >= 1.
        y: (N,) class indices.

    Example:
        >>> curve = risk_coverage(np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]), np.array([0, 0, 0]))
        >>> curve.confidence.tolist(), curve.risk.round(3).tolist()
        ([0.9, 0.7, 0.6], [0.0, 0.0, 0.333])
    """
    confidence, is_wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != y
    order = np.argsort(-confidence, kind="stable")
    risk = np.cumsum(is_wrong[order]) / np.arange(1, len(y) + 1)
    return RiskCoverage(confidence[order].astype(np.float64), risk)
