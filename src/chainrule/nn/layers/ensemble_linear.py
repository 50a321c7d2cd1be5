"""Linear models of an ensemble, fitted to convergence before the training, for more features than rows.

A step of Adam changes each weight by about the learning rate. Where a row has thousands of features, one step
therefore changes a linear output by tens, whatever the rows say, and early stopping on a few rows chooses
between such states. A linear model needs neither: with an L2 penalty its loss has one minimum, which L-BFGS
finds.

The minimum is searched in as many dimensions as there are rows. The weights at the minimum are a sum of rows,
so with the singular value decomposition X = U S V' of the scaled rows, it is that of the same problem for the
rows U S, of length n at most, and the weights are V times its solution. The penalty is chosen by
cross-validation inside the rows of the member: none of the rows that stop or score the member takes part.

Rejected: gradient descent with early stopping, which needs validation rows; one penalty for all members,
chosen on their validation rows, which would use the rows that they are scored on.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.nn.initializer import ZEROS
from chainrule.nn.layer import Layer, Sample, layer
from chainrule.nn.layers.ensemble import MEANS, require_features, rows_of_members
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.validation import require_choice, require_integer

PENALTIES = tuple(10.0 ** (-step / 2) for step in range(-2, 15))  # from 10 down to 1e-7
INNER_FOLDS = 4
BIAS_PENALTY = 1e-6  # so that the bias of a class without rows is finite
SMALLEST_VALUE = 1e-10  # of an eigenvalue beside the largest one
MAX_STEPS = 1000
GRADIENT, DECREASE = (
    1e-9,
    1e-15,
)  # largest derivative, and relative decrease of the loss, at which the search ends
MEMORY = 20  # steps from which L-BFGS estimates the curvature
Penalized = Callable[[np.ndarray], tuple[float, np.ndarray]]


@frozen(eq=False)
class Problem:
    """A linear model of some rows.

    Args:
        rows: (n, R).
        target: (n, C): numbers, or a probability for each class.
        weights: (n,) with sum 1.
        mode: as of ``EnsembleLinearModel``.
    """

    rows: np.ndarray
    target: np.ndarray
    weights: np.ndarray
    mode: str

    def part(self, chosen: np.ndarray) -> Problem:
        """Return the problem of the ``chosen`` rows, (n,) of bool."""
        weights = self.weights[chosen]
        return Problem(self.rows[chosen], self.target[chosen], weights / weights.sum(), self.mode)

    def loss(self, coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean loss and its gradient by the outputs, (n, C).

        Args:
            coefficients: (R + 1, C), of which the last row is the bias.
        """
        z, y = self.rows @ coefficients[:-1] + coefficients[-1], self.target  # (n, R) (R, C) -> (n, C)
        if self.mode == "value":
            terms, gradient = np.square(z - y) / 2.0, z - y
        elif self.mode == "sigmoid":
            terms, gradient = np.logaddexp(0.0, z) - y * z, 1.0 / (1.0 + np.exp(-np.clip(z, -700, 700))) - y
        else:
            shifted = z - z.max(1, keepdims=True)
            log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
            terms, gradient = -y * log_p, np.exp(log_p) * y.sum(1, keepdims=True) - y
        return float((terms.sum(1) * self.weights).sum()), gradient * self.weights[:, None]

    def solved(self, penalty: float, start: np.ndarray) -> np.ndarray:
        """Return the coefficients, (R + 1, C), with the smallest penalized loss."""
        penalties = np.full((len(start), 1), penalty)
        penalties[-1] = BIAS_PENALTY

        def penalized(flat: np.ndarray) -> tuple[float, np.ndarray]:
            own = flat.reshape(start.shape)
            loss, gradient = self.loss(own)
            slope = np.concatenate([self.rows.T @ gradient, gradient.sum(0, keepdims=True)])  # (R + 1, C)
            return loss + float((penalties * np.square(own)).sum()) / 2.0, (slope + penalties * own).ravel()

        return _lbfgs(penalized, start.ravel()).reshape(start.shape)

    def path(self, penalties: tuple[float, ...]) -> list[np.ndarray]:
        """Return the coefficients of each penalty, strongest first, each search starting at the last."""
        solutions, current = [], np.zeros((self.rows.shape[1] + 1, self.target.shape[1]))
        for penalty in penalties:
            current = self.solved(penalty, current)
            solutions.append(current)
        return solutions


def _lbfgs(function: Penalized, start: np.ndarray) -> np.ndarray:
    minimize: Any = import_module("scipy.optimize").minimize
    options = {"maxiter": MAX_STEPS, "gtol": GRADIENT, "ftol": DECREASE, "maxcor": MEMORY}
    return minimize(function, start, jac=True, method="L-BFGS-B", options=options).x


def fit_linear_model(
    x: np.ndarray, target: np.ndarray, weights: np.ndarray, mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (C, F) and biases (C,) of the linear model with the best L2 penalty.

    Args:
        x: (n, F), n >= 1.
        target: (n, C): numbers, or a probability for each class.
        weights: (n,) above 0.
        mode: ``"value"``, ``"softmax"`` or ``"sigmoid"``.

    Example:
        >>> x = np.arange(8.0)[:, None]
        >>> weight, bias = fit_linear_model(x, 5.0 * x + 2.0, np.ones(8), "value")
        >>> weight.round(2).tolist(), bias.round(2).tolist()
        ([[5.0]], [2.0])
    """
    x, target, weights = _distinct(x, target, weights)
    share = weights / weights.sum()
    center = share @ x
    rows, scale = _scaled(x - center, x, share)
    products, vectors = np.linalg.eigh(rows @ rows.T)
    is_nonzero = products > SMALLEST_VALUE * max(float(products[-1]), 1e-300)
    lengths, vectors = np.sqrt(products[is_nonzero]), vectors[:, is_nonzero]  # S and U
    problem = Problem(vectors * lengths, target, share, mode)
    best = _best_penalty(problem, _inner_folds(x, target, mode))
    coefficients = problem.path(PENALTIES[: best + 1])[-1]  # (R + 1, C)
    weight = ((rows.T @ (vectors / lengths)) @ coefficients[:-1]).T * scale  # V times the solution, (C, F)
    return weight, coefficients[-1] - weight @ center


def _distinct(
    x: np.ndarray, target: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the different rows in a fixed order, with the sums of their weights: two equal rows are one of
    twice the weight.
    """
    rows, unit = np.unique(np.concatenate([x, target], axis=1), axis=0, return_inverse=True)
    return rows[:, : x.shape[1]], rows[:, x.shape[1] :], np.bincount(unit.reshape(-1), weights)


def _scaled(centered: np.ndarray, x: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows with a mean squared length of 1, (n, F), and the factor of each feature, (F,).

    Numbers have equal variances, and features of 0 and 1 keep theirs; a constant feature becomes 0.
    """
    deviation = np.sqrt(share @ np.square(centered))
    is_constant = np.ptp(x, axis=0) == 0
    is_binary = ((x == 0.0) | (x == 1.0)).all(0)
    scale = np.where(
        is_constant, 0.0, 1.0 / np.where(is_constant | is_binary | (deviation == 0), 1.0, deviation)
    )
    length = float(np.sqrt(share @ np.square(centered * scale).sum(1))) or 1.0
    return centered * (scale / length), scale / length


def _inner_folds(x: np.ndarray, target: np.ndarray, mode: str) -> np.ndarray:
    """Return the fold of each row, (n,): every fourth of the different rows of a class, in their order.

    The order is that of the values, so that the order of the table has no influence.
    """
    unit = np.unique(x, axis=0, return_inverse=True)[1].reshape(-1)
    label = np.zeros(len(x), np.int64) if mode == "value" else target.argmax(1) + (target.max(1) > 0.5)
    first = np.full(int(unit.max()) + 1, len(x))
    np.minimum.at(first, unit, label)  # of equal rows with several classes, the first class
    order = np.argsort(first, kind="stable")
    fold = np.empty(len(first), np.int64)
    fold[order] = np.arange(len(first)) % INNER_FOLDS
    return fold[unit]


def _best_penalty(problem: Problem, fold: np.ndarray) -> int:
    """Return the index of the penalty with the smallest loss on rows that are not fitted."""
    losses = np.zeros(len(PENALTIES))
    for own in np.unique(fold):
        outside = fold != own
        if not outside.any():
            return PENALTIES.index(1.0)
        held_out, share = problem.part(~outside), float(problem.weights[~outside].sum())
        for number, coefficients in enumerate(problem.part(outside).path(PENALTIES)):
            losses[number] += share * held_out.loss(coefficients)[0]
    return int(losses.argmin())


@layer
class EnsembleLinearModel(Layer):
    """A linear model for each member of an ensemble, fitted to convergence before the training.

    Weights and biases are states: L-BFGS computes them from the rows that the member is trained on, those
    whose weight is not 0, and the optimizer of the training does not change them. The L2 penalty is chosen by
    cross-validation with four folds inside these rows. It is for tables with more columns than rows, where
    steps of an optimizer on all weights are too coarse.

    Shapes: (B, F) -> (B, K, C) for K members and C outputs; (B, K, F), with rows of its own for each member,
    -> the same.

    Formula: y_k = x W_k^T + b_k, for member k; W ``(K, C, F)``, b ``(K, C)``. W_k and b_k minimize the mean
    loss of the member's rows plus (penalty / 2) times the squared weights of the scaled features.

    Args:
        members: K, the number of members.
        units: C, the outputs of a member.
        mode: the loss: ``"value"`` for squared errors, ``"softmax"`` for one of C classes, ``"sigmoid"`` for
            C independent yes/no outputs; as of ``EnsembleMean``.

    Cost: n^2 F + n^3 flops before the training for each member with n rows; 2 B K C F forward.

    Raises:
        ShapeError E208: the input is neither (B, F) nor (B, K, F).
        UsageError E101: unknown mode.
        UsageError E102: fewer than one member or output; in training, several targets.

    Example:
        >>> print(EnsembleLinearModel(8, 3, "softmax"))
        EnsembleLinearModel(8, 3, 'softmax')

    Reference: the solution in the space of the rows is that of Hastie and Tibshirani (2004), Efficient
    quadratic regularization for expression arrays, Biostatistics 5; L-BFGS is that of Byrd, Lu, Nocedal and
    Zhu (1995), A limited memory algorithm for bound constrained optimization, SIAM Journal on Scientific
    Computing 16.
    """

    chinese = ("集成线性模型层", "集成的每个成员是一个在训练前求解到收敛的线性模型。")
    takes_one = True
    fits_targets = True
    samples = (Sample((4,), {"members": 3, "units": 2, "mode": "softmax"}),)
    members: int
    units: int
    mode: str

    def check(self) -> None:
        require_integer(self, "members", 1, fix='cr.EnsembleLinearModel(8, 3, "softmax")')
        require_integer(self, "units", 1)
        require_choice(self, "mode", MEANS)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, F) or (B, K, F) -> (B, K, C)
        features = require_features(self, self.members, x)
        scope.fit_states(x)
        weight = scope.state("weight", (self.members, self.units, features), ZEROS)  # (K, C, F)
        bias = scope.state("bias", (self.members, self.units), ZEROS)  # (K, C)
        if x.rank == 2:
            flat = F.reshape(weight, (self.members * self.units, features))  # (K, C, F) -> (K C, F)
            z = F.matmul(x, F.transpose(flat, (1, 0)))  # (B, F) (F, K C) -> (B, K C)
            return F.reshape(z, (x.shape[0], self.members, self.units)) + bias  # -> (B, K, C)
        by_member = F.transpose(x, (1, 0, 2))  # (B, K, F) -> (K, B, F)
        z = F.matmul(by_member, F.transpose(weight, (0, 2, 1)))  # (K, B, F) (K, F, C) -> (K, B, C)
        return F.transpose(z, (1, 0, 2)) + bias  # (K, B, C) -> (B, K, C)

    def fitted_to_targets(
        self, x: np.ndarray, target: np.ndarray, weights: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        coded = self._coded(target)  # (N, C)
        is_known = np.isfinite(coded.sum(1))
        own = np.ones(len(x)) if weights is None else weights
        own = own * (is_known if own.ndim == 1 else is_known[:, None])
        numbers, models = np.arange(len(x), dtype=np.float64)[:, None], []
        for member, (rows, share) in enumerate(rows_of_members(numbers, own, self.members)):
            chosen = rows[:, 0].astype(np.int64)
            values = np.asarray((x if x.ndim == 2 else x[:, member])[chosen], np.float64)  # (n, F)
            models.append(fit_linear_model(values, coded[chosen], share, self.mode))
        weight, bias = (np.stack(part) for part in zip(*models, strict=True))  # (K, C, F), (K, C)
        return {"weight": weight, "bias": bias}

    def _coded(self, target: np.ndarray) -> np.ndarray:
        """Return the targets as numbers, (N, C); a class that is ignored is NaN."""
        if self.mode == "softmax" and target.ndim == 1:
            coded = np.equal(target[:, None], np.arange(self.units)).astype(np.float64)  # (N, C)
            return np.where(coded.sum(1, keepdims=True) > 0, coded, np.nan)
        return np.asarray(target, np.float64).reshape(len(target), self.units)
