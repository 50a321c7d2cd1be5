"""The weights of the groups of an ensemble, chosen on the validation rows of its members.

An ensemble may consist of groups of different networks, such as linear ones beside deep ones. Which of them
is best depends on the data, so each group has a weight in the mean: the weights, at least 0 with sum 1, for
which the loss of the weighted mean is smallest on the validation rows, each predicted by the members that are
not trained on it. It is the log-loss of probabilities or the squared error of values, whatever loss the
members are trained with. With few rows the choice stays near the initial weights: they count as ``PRIOR``
further rows. A group with a weight below ``MIN_WEIGHT`` is left out: a row is predicted by one member of each
group here and by all of them later, whose mean is better than one member where the members differ, so small
weights are too large for groups whose members are alike.

Where the initial weights are known to be good, ``EnsembleMean(min_gain=2)`` keeps them unless the chosen
ones are better by two standard errors of the difference on the rows: the epoch of a member is chosen on
the same rows, so the loss of deep members there is too small.

The minimum is found by moving a share of the weight from one group to another as long as this decreases the
loss, with shares from 1/2 down to 1/1024. The loss is convex, so this ends within 1/1024 of the minimum, at
multiples of 1/1024, which rounding changes only where two of them are equally good.

Reference: Wolpert (1992), Stacked generalization, Neural Networks 5; van der Laan, Polley and Hubbard (2007),
Super learner, Statistical Applications in Genetics and Molecular Biology 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from chainrule.data import Arrays
from chainrule.nn import EnsembleMean
from chainrule.records import frozen
from chainrule.train.evaluation.member_rows import group_predictions
from chainrule.train.network import Network

UNIT = 1024  # the weights are multiples of its inverse
GAIN_DIGITS = 9  # decimal places to which equal gains of copies agree
MAX_ROWS = 1 << 14  # on which the weights are chosen; of more rows every n-th
PRIOR = 1.0  # rows that the initial weights count for
MIN_WEIGHT = 0.1  # of a group that is part of the mean
SMALLEST = 1e-7  # of a probability


@frozen(eq=False)
class GroupPredictions:
    """What each group of an ensemble predicts for rows that none of the predicting members is trained on.

    Args:
        initial: (G,) the weights of the groups before the choice.
        rows: (J,) the number of the row of each prediction.
        weights: (J,) its weight.
        values: (J, G) predicted values, or probabilities of what was observed.
        target: (J,) the values to predict; ``None`` for probabilities.
        min_gain: standard errors by which other weights must be better to replace the initial ones.
    """

    initial: np.ndarray
    rows: np.ndarray
    weights: np.ndarray
    values: np.ndarray
    target: np.ndarray | None
    min_gain: float = 0.0

    def best_weights(self, chosen: np.ndarray | None = None) -> np.ndarray:
        """Return the weights of the groups, (G,), with the smallest loss on the ``chosen`` predictions (J,).

        Without rows they are the initial ones.
        """
        part = np.flatnonzero(self.weights > 0 if chosen is None else chosen & (self.weights > 0))
        if not len(part):
            return self.initial
        values, weights = self.values[part], self.weights[part]
        if self.target is None:
            loss = log_loss(values, weights)
        else:
            error = squared_error(values, self.target[part], weights)
            scale = 2.0 * error(self.initial)
            loss = error if scale <= 0 else lambda w: error(w) / scale
        share = self.initial * (PRIOR / (PRIOR + weights.sum(dtype=np.float64)))
        is_preferred = share > 0

        def penalized(w: np.ndarray) -> float:
            return loss(w) - float((share * np.log(np.maximum(w, SMALLEST)))[is_preferred].sum())

        best = smallest(penalized, self.initial)
        best[best < MIN_WEIGHT] = 0.0
        if not best.any() or not self._is_better(part, best / best.sum()):
            return self.initial
        return best / best.sum()

    def _is_better(self, part: np.ndarray, weights: np.ndarray) -> bool:
        """Return whether weights (G,) are better than the initial ones by ``min_gain``.

        Copies of a row, which have the same gain, are one row with the sum of their weights.
        """
        if not self.min_gain:
            return True
        share = self.weights[part] / self.weights[part].sum()
        gains = self._losses(part, self.initial) - self._losses(part, weights)  # (n,)
        gains, unit = np.unique(np.round(gains, GAIN_DIGITS), return_inverse=True)
        share = np.bincount(unit.reshape(-1), share)
        mean = float((share * gains).sum())
        error = float(np.sqrt((np.square(share * (gains - mean))).sum()))
        return mean > self.min_gain * error

    def _losses(self, part: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the loss of each prediction, (n,), of the mean with weights (G,)."""
        mean = (self.values[part].astype(np.float64) * weights).sum(1)
        if self.target is None:
            return -np.log(np.maximum(mean, SMALLEST))
        return np.square(mean - self.target[part])


def squared_error(
    predictions: np.ndarray, target: np.ndarray, weights: np.ndarray
) -> Callable[[np.ndarray], float]:
    """Return the mean squared error of a weighted mean of groups as a function of their weights (G,).

    Args:
        predictions: (J, G).
        target: (J,).
        weights: (J,) of the predictions, with a sum above 0.
    """
    share, errors = weights / weights.sum(), predictions.astype(np.float64) - target[:, None]  # (J, G)
    products = np.stack([(share[:, None] * errors * error[:, None]).sum(0) for error in errors.T])  # (G, G)
    return lambda w: float((products * w * w[:, None]).sum())


def log_loss(probabilities: np.ndarray, weights: np.ndarray) -> Callable[[np.ndarray], float]:
    """Return the log-loss of a weighted mean of groups as a function of their weights (G,).

    Args:
        probabilities: (J, G) of what was observed.
        weights: (J,) of the predictions, with a sum above 0.
    """
    share = weights / weights.sum()
    known = np.maximum(probabilities.astype(np.float64), SMALLEST)
    return lambda w: -float((np.log((known * w).sum(1)) * share).sum())


def smallest(loss: Callable[[np.ndarray], float], initial: np.ndarray) -> np.ndarray:
    """Return the weights (G,) for which a convex loss is smallest.

    Args:
        loss: a function of weights (G,).
        initial: (G,) the weights to start from.

    Example:
        >>> smallest(lambda w: float((w[0] - 0.25) ** 2 + w[2] ** 2), np.array([0.5, 0.0, 0.5])).tolist()
        [0.25, 0.75, 0.0]
    """
    counts = np.floor(initial * UNIT).astype(np.int64)
    counts[np.argmax(counts)] += UNIT - counts.sum()
    best, step = loss(counts / UNIT), UNIT // 2
    while step:
        moved = [(value, after) for after in _moves(counts, step) if (value := loss(after / UNIT)) < best]
        if moved:
            best, counts = min(moved, key=lambda move: move[0])
        else:
            step //= 2
    return counts / UNIT


def _moves(counts: np.ndarray, step: int) -> list[np.ndarray]:
    """Return the weights after moving ``step`` from any group that has as much to any other."""
    amounts = np.eye(len(counts), dtype=counts.dtype) * step
    sources = np.flatnonzero(counts >= step)
    return [counts - amounts[i] + amounts[j] for i in sources for j in range(len(counts)) if i != j]


def weighted_mean(network: Network) -> tuple[str, EnsembleMean] | None:
    """Return path and layer that average groups with weights; ``None`` if there is none."""
    layers = network.inference.book.layers
    means = ((path, layer) for path, layer in layers.items() if isinstance(layer, EnsembleMean))
    return next(((path, layer) for path, layer in means if layer.initial_weights), None)


def predictions_of_groups(
    network: Network, rows: Arrays, variables: Mapping[str, np.ndarray], weights: np.ndarray
) -> GroupPredictions | None:
    """Return what the groups predict for the validation rows of their members.

    Args:
        network: the graphs of an ensemble.
        rows: encoded rows with targets.
        variables: the parameters and states, by path.
        weights: (N, K), not 0 where a row is a validation row of a member.

    Returns:
        ``None`` for members without groups, and for a loss that is not of the mean's kind.
    """
    averaging = weighted_mean(network)
    if averaging is None or len(network.losses) != 1:
        return None
    layer, (coded,) = averaging[1], _targets(rows)
    is_value = layer.mode == "value"
    if is_value != (next(iter(network.losses.values())).task == "regression"):
        return None
    initial = np.array(layer.initial_weights, np.float64)
    numbers = np.flatnonzero((weights != 0).any(1))
    part = np.zeros(len(weights), bool)
    part[numbers[:: -(-len(numbers) // MAX_ROWS) or 1]] = True
    numbers, values = group_predictions(network, rows, variables, weights * part[:, None], len(initial))
    totals = weights[numbers].sum(1, dtype=np.float64) / len(initial)
    predictions = _observed(initial, numbers, totals, values, coded[numbers], layer.mode)
    return replace(predictions, min_gain=layer.min_gain)


def _targets(rows: Arrays) -> list[np.ndarray]:
    assert isinstance(rows.y, dict)
    return list(rows.y.values())


def _observed(
    initial: np.ndarray,
    numbers: np.ndarray,
    totals: np.ndarray,
    values: np.ndarray,
    coded: np.ndarray,
    mode: str,
) -> GroupPredictions:
    """Return the predictions (n, G, C) of values, or of the classes that occurred."""
    outputs = values.shape[2]
    if mode == "softmax" and coded.ndim == 1:  # numbers of classes
        observed = np.take_along_axis(values, coded[:, None, None], axis=2)[:, :, 0]  # (n, G)
        return GroupPredictions(initial, numbers, totals, observed, None)
    flat = np.moveaxis(values, 1, 2).reshape(-1, len(initial))  # (n C, G)
    repeated, weights = np.repeat(numbers, outputs), np.repeat(totals, outputs) / outputs
    y = coded.reshape(-1).astype(np.float64)
    if mode == "value":
        return GroupPredictions(initial, repeated, weights, flat, y)
    if mode == "softmax":  # probabilities of classes as targets
        return GroupPredictions(initial, repeated, weights * y * outputs, flat, None)
    rows = np.tile(repeated, 2)
    values = np.concatenate([flat, 1.0 - flat])
    return GroupPredictions(initial, rows, np.concatenate([weights * y, weights * (1.0 - y)]), values, None)


def with_group_weights(
    network: Network, rows: Arrays, parameters: Mapping[str, np.ndarray], states: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the states with the weights of the groups that are best on validation rows; see the module.

    ``rows`` have weights (N, K).
    """
    averaging, weights = weighted_mean(network), rows.weights
    if averaging is None or weights is None:
        return states
    predictions = predictions_of_groups(network, rows, {**parameters, **states}, weights)
    if predictions is None:
        return states
    path = f"{averaging[0]}.weights"
    return {**states, path: predictions.best_weights().astype(states[path].dtype)}
