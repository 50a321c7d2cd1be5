"""Straight lines: ridge regression and logistic regression, with scikit-learn's defaults.

Both are small enough to be written out: ridge regression is one system of equations, logistic regression a
convex function that L-BFGS takes to its only minimum. A law holds them to scikit-learn's answers; loading
scikit-learn for them would take longer than fitting them.

Reference: Hoerl and Kennard (1970) ridge regression; Cox (1958) logistic regression; Nocedal (1980) L-BFGS.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.records import frozen

STRENGTH = 1.0  # of the squared weights, beside the sum over the rows
ROUNDS, TOLERANCE = 1000, 1e-5  # steps at most; the largest slope that counts as none
MEMORY = 10  # steps that L-BFGS remembers
Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]


@frozen
class Line:
    """z = x W + b.

    Args:
        weight: (F, K).
        bias: (K,).
    """

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The scores or values: (N, K)."""
        return x @ self.weight + self.bias


def ridge(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> Line:
    """The line through values with the least squared errors and squared weights.

    Formula: W = (X^T X + I)^-1 X^T y, with X and y less their means

    Args:
        x: (N, F) inputs.
        y: (N,) values.
        weights: (N,) how much each row counts.

    Example:
        >>> line = ridge(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]))
        >>> line.weight.round(4).item(), line.bias.round(4).item()
        (1.3333, 1.6667)
    """
    x, y = x.astype(np.float64), y.astype(np.float64)
    root = np.sqrt(np.ones(len(x)) if weights is None else weights)
    x_mean, y_mean = np.average(x, axis=0, weights=root**2), np.average(y, weights=root**2)
    a, b = (x - x_mean) * root[:, None], (y - y_mean) * root
    if len(a) < a.shape[1]:  # the smaller of two systems with one solution
        weight = a.T @ np.linalg.solve(a @ a.T + STRENGTH * np.eye(len(a)), b)
    else:
        weight = np.linalg.solve(a.T @ a + STRENGTH * np.eye(a.shape[1]), a.T @ b)
    return Line(weight[:, None], np.array([y_mean - x_mean @ weight]))


def logistic(x: np.ndarray, y: np.ndarray, classes: int, weights: np.ndarray | None = None) -> Line:
    """The line whose scores give the classes their likeliest probabilities, less what large weights cost.

    Formula: the sum over rows of -log p(y | x), p the softmax of the scores, + (W^2) / 2. Of two classes
    there is one score, and p its sigmoid.

    Args:
        x: (N, F) inputs.
        y: (N,) class numbers 0 .. classes - 1.
        classes: how many, at least 2.
        weights: (N,) how much each row counts.

    Example:
        >>> line = logistic(np.array([[-1.0], [1.0]]), np.array([0, 1]), 2)
        >>> line.weight.round(3).item()
        0.675
    """
    x = x.astype(np.float64)
    counts = np.ones(len(x)) if weights is None else weights.astype(np.float64)
    columns, total = (1 if classes == 2 else classes), counts.sum()
    hit = (y == 1)[:, None] if classes == 2 else y[:, None] == np.arange(classes)  # (N, K)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        both = flat.reshape(-1, columns)
        line = Line(both[:-1], both[-1])
        score = line(x)
        whole = np.logaddexp(0, score) if classes == 2 else _logsumexp(score)
        loss = counts @ (whole - (score * hit).sum(axis=1, keepdims=True))[:, 0]
        dscore = (np.exp(score - whole) - hit) * counts[:, None]
        slope = np.vstack([x.T @ dscore + STRENGTH * line.weight, dscore.sum(axis=0)])
        cost = loss + STRENGTH * (line.weight**2).sum() / 2
        return float(cost / total), slope.reshape(-1) / total

    both = minimum(objective, np.zeros((x.shape[1] + 1) * columns)).reshape(-1, columns)
    return Line(both[:-1], both[-1])


def _logsumexp(score: np.ndarray) -> np.ndarray:
    top = score.max(axis=1, keepdims=True)
    return top + np.log(np.exp(score - top).sum(axis=1, keepdims=True))


def minimum(objective: Objective, start: np.ndarray) -> np.ndarray:
    """Where a smooth convex function is smallest, by L-BFGS with halved steps.

    Args:
        objective: gives the value and the gradient at a place.
        start: where to begin.

    Example:
        >>> minimum(lambda x: (float(((x - 3.0) ** 2).sum()), 2.0 * (x - 3.0)), np.zeros(2)).round(4).tolist()
        [3.0, 3.0]
    """
    place, steps = start, []
    value, slope = objective(place)
    for _ in range(ROUNDS):
        if np.abs(slope).max(initial=0.0) <= TOLERANCE:
            break
        way = -_turned(slope, steps)
        length, gain = 1.0 if steps else 1.0 / max(1.0, float(np.linalg.norm(slope))), float(way @ slope)
        after, turn = objective(place + length * way)
        while after > value + 1e-4 * length * gain and length > 1e-12:
            length /= 2
            after, turn = objective(place + length * way)
        if length <= 1e-12:
            break  # no step lowers it any more: as low as numbers of this kind can tell
        moved, bent = length * way, turn - slope
        if moved @ bent > 0:
            steps = [*steps[1 - MEMORY :], (moved, bent)]
        place, value, slope = place + moved, after, turn
    return place


def _turned(slope: np.ndarray, steps: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The slope times the inverse curvature, as far as the last steps tell it."""
    left, shares = slope, []
    for moved, bent in reversed(steps):
        shares.append((moved @ left) / (moved @ bent))
        left = left - shares[-1] * bent
    if steps:
        moved, bent = steps[-1]
        left = left * ((moved @ bent) / (bent @ bent))
    for (moved, bent), share in zip(steps, reversed(shares), strict=True):
        left = left + (share - (bent @ left) / (moved @ bent)) * moved
    return left
