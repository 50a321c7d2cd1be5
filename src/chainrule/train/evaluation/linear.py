"""Linear models: ridge regression and logistic regression, with scikit-learn's defaults.

Ridge regression solves one linear system; logistic regression minimizes a convex function with L-BFGS. Both
are implemented with NumPy because importing scikit-learn takes longer than fitting them. Tests compare the
predictions with scikit-learn's.

Reference: Hoerl and Kennard (1970) ridge regression; Cox (1958) logistic regression; Nocedal (1980) L-BFGS.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.records import frozen

STRENGTH = 1.0  # factor of the squared weights, against the sum of the losses of the rows
MAX_ITERATIONS, TOLERANCE = 1000, 1e-5  # L-BFGS stops when no derivative exceeds the tolerance
HISTORY = 10  # updates from which L-BFGS estimates the curvature
Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]
Update = tuple[np.ndarray, np.ndarray]


@frozen
class LinearModel:
    """Affine map ``z = x W + b``.

    Args:
        weight: W, (F, K).
        bias: b, (K,).
    """

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The scores or values, (N, K), of inputs (N, F)."""
        return x @ self.weight + self.bias


def ridge(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> LinearModel:
    """Ridge regression: least squares with a penalty on the squared weights.

    Formula: W = (X^T X + I)^-1 X^T y, with X (``x``) and y centered.

    Args:
        x: (N, F) inputs.
        y: (N,) values.
        weights: (N,) sample weights.

    Example:
        >>> model = ridge(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]))
        >>> model.weight.round(4).item(), model.bias.round(4).item()
        (1.3333, 1.6667)
    """
    x, y = x.astype(np.float64), y.astype(np.float64)
    root = np.sqrt(np.ones(len(x)) if weights is None else weights)
    x_mean, y_mean = np.average(x, axis=0, weights=root**2), np.average(y, weights=root**2)
    a, b = (x - x_mean) * root[:, None], (y - y_mean) * root
    if len(a) < a.shape[1]:  # the dual system is smaller and has the same solution
        weight = a.T @ np.linalg.solve(a @ a.T + STRENGTH * np.eye(len(a)), b)
    else:
        weight = np.linalg.solve(a.T @ a + STRENGTH * np.eye(a.shape[1]), a.T @ b)
    return LinearModel(weight[:, None], np.array([y_mean - x_mean @ weight]))


def logistic(x: np.ndarray, y: np.ndarray, classes: int, weights: np.ndarray | None = None) -> LinearModel:
    """Logistic regression with an L2 penalty on the weights.

    Formula: minimizes sum_i w_i (-log p(y_i | x_i)) + |W|^2 / 2, where p is the softmax of the scores
    x W + b, and w the ``weights``. Two classes have a single score, and p is its sigmoid.

    Args:
        x: (N, F) inputs.
        y: (N,) class indices 0 to classes - 1.
        classes: number of classes, at least 2.
        weights: (N,) sample weights.

    Example:
        >>> model = logistic(np.array([[-1.0], [1.0]]), np.array([0, 1]), 2)
        >>> model.weight.round(3).item()
        0.675
    """
    x = x.astype(np.float64)
    counts = np.ones(len(x)) if weights is None else weights.astype(np.float64)
    columns, total = (1 if classes == 2 else classes), counts.sum()
    is_class = (y == 1)[:, None] if classes == 2 else y[:, None] == np.arange(classes)  # (N, K)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = flat.reshape(-1, columns)
        model = LinearModel(parameters[:-1], parameters[-1])
        score = model(x)
        log_sum = np.logaddexp(0, score) if classes == 2 else _logsumexp(score)
        loss = counts @ (log_sum - (score * is_class).sum(axis=1, keepdims=True))[:, 0]
        dscore = (np.exp(score - log_sum) - is_class) * counts[:, None]
        gradient = np.vstack([x.T @ dscore + STRENGTH * model.weight, dscore.sum(axis=0)])
        cost = loss + STRENGTH * (model.weight**2).sum() / 2
        return float(cost / total), gradient.reshape(-1) / total

    parameters = lbfgs(objective, np.zeros((x.shape[1] + 1) * columns)).reshape(-1, columns)
    return LinearModel(parameters[:-1], parameters[-1])


def _logsumexp(score: np.ndarray) -> np.ndarray:
    top = score.max(axis=1, keepdims=True)
    return top + np.log(np.exp(score - top).sum(axis=1, keepdims=True))


def lbfgs(objective: Objective, start: np.ndarray) -> np.ndarray:
    """Minimize a smooth convex function with L-BFGS and a backtracking line search.

    Args:
        objective: returns value and gradient at a point.
        start: the initial point, (D,).

    Returns:
        the minimizer, (D,).

    Example:
        >>> lbfgs(lambda x: (float(((x - 3.0) ** 2).sum()), 2.0 * (x - 3.0)), np.zeros(2)).round(4).tolist()
        [3.0, 3.0]
    """
    point, updates = start, list[Update]()
    value, gradient = objective(point)
    for _ in range(MAX_ITERATIONS):
        if np.abs(gradient).max(initial=0.0) <= TOLERANCE:
            break
        direction = -_inverse_hessian_product(gradient, updates)
        length = 1.0 if updates else 1.0 / max(1.0, float(np.linalg.norm(gradient)))
        slope = float(direction @ gradient)
        new_value, new_gradient = objective(point + length * direction)
        while new_value > value + 1e-4 * length * slope and length > 1e-12:
            length /= 2
            new_value, new_gradient = objective(point + length * direction)
        if length <= 1e-12:
            break  # no step decreases the value within the precision of float64
        step, change = length * direction, new_gradient - gradient
        if step @ change > 0:
            updates = [*updates[1 - HISTORY :], (step, change)]
        point, value, gradient = point + step, new_value, new_gradient
    return point


def _inverse_hessian_product(gradient: np.ndarray, updates: list[Update]) -> np.ndarray:
    """The inverse Hessian, estimated from the updates, times the gradient (two-loop recursion)."""
    product, factors = gradient, []
    for step, change in reversed(updates):
        factors.append((step @ product) / (step @ change))
        product = product - factors[-1] * change
    if updates:
        step, change = updates[-1]
        product = product * ((step @ change) / (change @ change))
    for (step, change), factor in zip(updates, reversed(factors), strict=True):
        product = product + (factor - (change @ product) / (step @ change)) * step
    return product
