"""Layers of an ensemble: several networks of the same form, computed as one network.

The members of an ensemble are trained on different rows and averaged. As K separate networks they would need
K graphs, K files and K explanations. Here each parameter has a leading axis of K members, and values have the
shape (B, K, I): ``EnsembleNormalization`` gives each member its own copy of the inputs, ``EnsembleDense`` has
a weight for each member, ``EnsembleMean`` averages their predictions. No parameter is shared, so the gradient
of a member depends on the loss of that member alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY
from itertools import pairwise

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant
from chainrule.nn.activation import activated
from chainrule.nn.initializer import ZEROS, Fill, Initializer
from chainrule.nn.initializer.initializer import axes_of
from chainrule.nn.layer import Layer, Sample, layer
from chainrule.nn.layers.linear import FullyConnected
from chainrule.nn.scope import Scope, stream_of
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape, bound, shape_text
from chainrule.validation import require, require_choice, require_integer, require_number, tupled

# Statistics of the training rows of each member of an ensemble: centers, scales and intervals of features.
#
# All are computed in float64 with NumPy from the rows whose weight is not 0. A weight counts as a number of
# copies of a row.

NORMAL_RANGE = 1.3489795003921634  # the interquartile range of a standard normal distribution
MIN_STD = 0.1  # of an encoded interval, so that a rare one is not scaled up to dominate the others
INTERVAL_SCALE = 0.5  # the standard deviation of an encoded interval: several of them encode one number
ROUNDING = 1e-9  # of a share of the weights
LARGE = 1 << 18  # rows from which quantiles are computed of every n-th row only


def rows_of_members(
    x: np.ndarray, weights: np.ndarray | None, members: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows (n, F) that each member is trained on, and their weights (n,), member by member.

    Args:
        x: all training rows, (N, F).
        weights: (N, K) for each member, (N,) for all of them, or ``None``.
        members: K.
    """
    for member in range(members):
        own = np.ones(len(x)) if weights is None else weights if weights.ndim == 1 else weights[:, member]
        rows = np.flatnonzero(own > 0)
        if not len(rows):
            rows, own = np.arange(len(x)), np.ones(len(x))
        rows = rows[:: -(-len(rows) // LARGE)]
        yield np.asarray(x[rows], np.float64), np.asarray(own[rows], np.float64)


def quantiles(rows: np.ndarray, weights: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Return weighted quantiles of each feature, (Q, F): the smallest value with the share of rows up to it.

    A row with weight 2 counts as two rows with weight 1.

    Args:
        rows: (n, F), n >= 1.
        weights: (n,) above 0.
        shares: Q numbers from 0 to 1.

    Example:
        >>> quantiles(np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 1.0, 2.0]), (0.5, 1.0)).tolist()
        [[2.0], [4.0]]
    """
    order = np.argsort(rows, axis=0, kind="stable")  # (n, F)
    totals = np.cumsum(weights[order], axis=0) / weights.sum()
    values = np.take_along_axis(rows, order, axis=0)
    places = [np.minimum((totals < share - ROUNDING).sum(0), len(rows) - 1) for share in shares]
    return np.stack([np.take_along_axis(values, place[None], axis=0)[0] for place in places])


def center_and_scale(rows: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the center and the scale of each feature, (F,) each.

    A feature with two values 0 and 1 (one-hot features, indicators, yes and no) keeps its values: center 0,
    scale 1. Any other has its median as center, and the inverse of the standard deviation that a normal
    distribution with the same interquartile range has as scale. Where both quartiles are equal, it is the
    inverse of half the range. A feature with one value has scale 0.

    Args:
        rows: (n, F), n >= 1.
        weights: (n,) above 0.

    Example:
        >>> rows = np.array([[0.0, 0.0, 3.0], [1.0, 2.0, 3.0], [0.0, 4.0, 3.0], [1.0, 6.0, 3.0]])
        >>> center, scale = center_and_scale(rows, np.ones(4))
        >>> center.tolist(), scale.round(3).tolist()
        ([0.0, 2.0, 3.0], [1.0, 0.337, 0.0])
    """
    low, high = rows.min(0), rows.max(0)
    lower, middle, upper = quantiles(rows, weights, (0.25, 0.5, 0.75))
    spread = np.where(upper > lower, (upper - lower) / NORMAL_RANGE, (high - low) / 2.0)
    is_constant = high == low
    is_binary = ~is_constant & (low == 0.0) & (high == 1.0) & ((rows == 0.0) | (rows == 1.0)).all(0)
    scale = np.where(is_constant, 0.0, 1.0 / np.where(is_constant, 1.0, spread))
    return np.where(is_binary, 0.0, middle), np.where(is_binary, 1.0, scale)


def interval_states(rows: np.ndarray, weights: np.ndarray, intervals: int) -> dict[str, np.ndarray]:
    """Return the states of ``EnsemblePiecewiseLinear`` for one member, (F, Q) each.

    The limits of the Q intervals are quantiles, so all contain about equally many rows.

    Args:
        rows: (n, F), n >= 1.
        weights: (n,) above 0.
        intervals: Q.

    Example:
        >>> rows = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]])
        >>> states = interval_states(rows, np.ones(5), 2)
        >>> states["lower"].tolist(), states["slope"].tolist()
        ([[0.0, 2.0]], [[0.5, 0.5]])
    """
    limits = quantiles(rows, weights, np.linspace(0.0, 1.0, intervals + 1).tolist()).T  # (F, Q + 1)
    lower, width = limits[:, :-1], np.diff(limits)  # (F, Q)
    has_width = width > 0.0
    slope = np.where(has_width, 1.0 / np.where(has_width, width, 1.0), 0.0)
    center, std = np.zeros_like(lower), np.zeros_like(lower)
    share = (weights / weights.sum())[:, None]  # (n, 1)
    for interval in range(intervals):  # one interval of all features at a time, to bound the memory
        t = np.clip((rows - lower[:, interval]) * slope[:, interval], 0.0, 1.0)  # (n, F)
        center[:, interval] = (t * share).sum(0)
        std[:, interval] = np.sqrt((np.square(t - center[:, interval]) * share).sum(0))
    scale = np.where(has_width, INTERVAL_SCALE / np.maximum(std, MIN_STD), 0.0)
    return {"lower": lower, "slope": slope, "center": center, "scale": scale}


MAX_RUNS = 32  # up to which features are selected by slices, beyond by a product with a matrix of 0 and 1
MEANS = ["value", "softmax", "sigmoid"]
SMALLEST = 1e-30  # weight of a group, so that its logarithm is finite


@frozen
class EachMember(Initializer):
    """Samples the parameter of each member of an ensemble independently.

    The variance of a random weight then depends on the inputs and outputs of one member.

    Args:
        inner: the initializer of one member's parameter.
    """

    chinese = ("逐成员初始化", "集成的每个成员的参数分别初始化。")
    member_axes = 1
    inner: Initializer

    def check(self) -> None:
        require(
            self, "inner", isinstance(self.inner, Initializer), fact("an initializer such as cr.Scaled()")
        )

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        members, *own = axes_of(shape)
        streams = [stream_of(f"{stream} {member}") for member in range(members)]
        return F.stack([self.inner(key, tuple(own), dtype, own_stream) for own_stream in streams])


@frozen
class EachValue(Initializer):
    """Sets the elements of a parameter with one axis to these numbers.

    Args:
        values: a number for each element.
    """

    chinese = ("逐值初始化", "各元素设为给定的数。")
    values: tuple[float, ...]

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        return constant(np.array(self.values), dtype)


@layer
class EnsembleNormalization(Layer):
    """Gives each member of an ensemble its own scaled copy of the inputs.

    Center and scale of each feature are computed before the training from the rows that the member is trained
    on, those whose weight is not 0: the median and the inverse of the spread. A feature that has one value in
    these rows has scale 0 and is ignored by that member.

    Shapes: (B, F) -> (B, K, F) for K members; (B, K, F), with rows of its own for each member, -> the same.

    Formula: z = (x - center) scale; y = z / sqrt(1 + (z / limit)^2).

    Args:
        members: K, the number of members.
        limit: bound of the absolute value of y, so that an outlier does not dominate; ``None``: y = z.

    Raises:
        ShapeError E208: the input is neither (B, F) nor (B, K, F).
        UsageError E102: fewer than one member; a limit that is not above 0.

    Example:
        >>> print(EnsembleNormalization(8))
        EnsembleNormalization(8)

    Reference: the smooth clipping is that of Holzmüller, Grinsztajn and Steinwart (2024), Better by default:
    strong pre-tuned MLPs and boosted trees on tabular data (NeurIPS).
    """

    chinese = ("集成标准化层", "给集成的每个成员一份按自己的训练行缩放的输入。")
    takes_one = True
    samples = (Sample((4,), {"members": 3}), Sample((2,), {"members": 2, "limit": None}))
    members: int
    _: KW_ONLY
    limit: float | None = 3.0

    def check(self) -> None:
        require_integer(self, "members", 1, fix="cr.EnsembleNormalization(8)")
        if self.limit is not None:
            require_number(self, "limit", above=0)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, F) or (B, K, F) -> (B, K, F)
        shape = (self.members, require_features(self, self.members, x))
        scope.fit_states(x)
        center, scale = scope.state("center", shape, ZEROS), scope.state("scale", shape, Fill(1.0))  # (K, F)
        wide = x if x.rank == 3 else F.reshape(x, (x.shape[0], 1, x.shape[1]))  # (B, 1, F) or (B, K, F)
        z = (wide - center) * scale  # (B, K, F)
        return z if self.limit is None else z / F.sqrt(F.square(z * (1.0 / self.limit)) + 1.0)

    def fitted_states(self, x: np.ndarray, weights: np.ndarray | None) -> dict[str, np.ndarray]:
        parts = [center_and_scale(*rows) for rows in rows_of_members(x, weights, self.members)]
        center, scale = (np.stack(part) for part in zip(*parts, strict=True))  # (K, F)
        return {"center": center, "scale": scale}


@layer
class EnsemblePiecewiseLinear(Layer):
    """Encodes each number of the inputs by its position in intervals, which each member of an ensemble has of
    its own.

    A number is replaced by one value for each interval: 0 below the interval, 1 above it, and the position
    between 0 and 1 inside. A linear layer on these values is a piecewise linear function of the number, with
    a slope of its own in each interval, so a network finds steps and bends more easily. The limits of the
    intervals are computed before the training: quantiles of the rows that the member is trained on, those
    whose weight is not 0. So are means and scales of the values. An interval without width is ignored.

    Shapes: (B, F) -> (B, K, N Q) for K members, N features and Q intervals; (B, K, F), with rows of its own
    for each member, -> the same.

    Formula: t = min(max((x - lower) slope, 0), 1); y = (t - center) scale, for each interval of each feature.

    Args:
        members: K, the number of members.
        features: the N indices of the encoded features.
        intervals: Q, the number of intervals of each feature.

    Raises:
        ShapeError E208: the input is neither (B, F) nor (B, K, F), or has no feature of such an index.
        UsageError E102: fewer than one member or interval; no indices.

    Example:
        >>> print(EnsemblePiecewiseLinear(8, features=(0, 3), intervals=6))
        EnsemblePiecewiseLinear(8, features=(0, 3), intervals=6)

    Reference: Gorishniy, Rubachev and Babenko (2022), On embeddings for numerical features in tabular deep
    learning (NeurIPS), section 3.2.
    """

    chinese = ("集成分段线性编码层", "把每个数变为它在各区间中的位置，集成的每个成员有自己的区间。")
    takes_one = True
    samples = (Sample((4,), {"members": 2, "features": (0, 2), "intervals": 3}),)
    members: int
    _: KW_ONLY
    features: tuple[int, ...]
    intervals: int = 8

    def check(self) -> None:
        require_integer(self, "members", 1, fix="cr.EnsemblePiecewiseLinear(8, features=(0, 1))")
        require_integer(self, "intervals", 1)
        object.__setattr__(self, "features", tupled(self.features))
        fits = isinstance(self.features, tuple) and bool(self.features)
        is_valid = fits and all(type(i) is int and i >= 0 for i in self.features)
        require(self, "features", is_valid, fact("the indices of features, from 0"), "features=(0, 1)")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, F) or (B, K, F) -> (B, K, N Q)
        require_features(self, self.members, x, 1 + max(self.features))
        values = _selected(x, self.features)  # (B, F) -> (B, N), (B, K, F) -> (B, K, N)
        scope.fit_states(values)
        members = 1 if x.rank == 2 else self.members
        values = F.reshape(values, (x.shape[0], members, len(self.features), 1))  # -> (B, 1 or K, N, 1)
        shape = (self.members, len(self.features), self.intervals)  # (K, N, Q)
        lower, center = (scope.state(name, shape, ZEROS) for name in ("lower", "center"))
        slope, scale = (scope.state(name, shape, Fill(1.0)) for name in ("slope", "scale"))
        y = (F.clip((values - lower) * slope, 0.0, 1.0) - center) * scale  # (B, K, N, Q)
        width = len(self.features) * self.intervals
        return F.reshape(y, (x.shape[0], self.members, width))  # (B, K, N, Q) -> (B, K, N Q)

    def fitted_states(self, x: np.ndarray, weights: np.ndarray | None) -> dict[str, np.ndarray]:
        parts = [interval_states(*rows, self.intervals) for rows in rows_of_members(x, weights, self.members)]
        return {name: np.stack([part[name] for part in parts]) for name in parts[0]}  # (K, N, Q)


def _selected(x: Node, features: tuple[int, ...]) -> Node:  # (B, ..., F) -> (B, ..., N)
    """Return the features of these indices, in this order."""
    starts = [0, *(i for i in range(1, len(features)) if features[i] != features[i - 1] + 1), len(features)]
    if len(starts) > MAX_RUNS:
        choice = np.zeros((bound(x.shape[-1:])[0], len(features)))
        choice[list(features), range(len(features))] = 1.0
        return x @ constant(choice, x.dtype)  # (B, ..., F) (F, N) -> (B, ..., N)
    runs = [features[start:end] for start, end in pairwise(starts)]
    return F.concatenate([x[..., run[0] : run[-1] + 1] for run in runs], -1)


@layer
class EnsembleDense(FullyConnected):
    """A fully connected layer for each member of an ensemble: ``a_k = g(x_k W_k^T + b_k)``.

    Shapes: (B, K, I) -> (B, K, O) for K members.

    Formula: z_k = x_k W_k^T + b_k, a_k = g(z_k), for member k; W ``(K, O, I)``, b ``(K, O)``.

    Args:
        units: O, the number of outputs of each member.
        activation, bias, weight_initializer, bias_initializer, penalty: as in ``Dense``; the initializers
            sample the parameters of one member, (O, I) and (O,).

    Cost: 2 B K I O flops forward, 4 B K I O backward.

    Raises:
        ShapeError E208: the input is not (B, K, I).
        UsageError E101: unknown activation or initializer.
        UsageError E102: fewer than one unit.

    Example:
        >>> print(EnsembleDense(64, "relu"))
        EnsembleDense(64, activation='relu')
    """

    chinese = ("集成全连接层", "集成的每个成员各有一个全连接层。")
    samples = (
        Sample((3, 4), {"units": 2}),
        Sample((2, 3), {"units": 3, "activation": "tanh", "weight_initializer": "he"}),
    )

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, K, I) -> (B, K, O)
        require_members(self, x)
        members, inputs = bound(x.shape[1:])
        shape, first = (members, self.units, inputs), EachMember(self.first_weights)
        weight = scope.parameter("weight", shape, first, self.penalty)  # (K, O, I)
        by_member = F.transpose(x, (1, 0, 2))  # (B, K, I) -> (K, B, I)
        z = F.matmul(by_member, F.transpose(weight, (0, 2, 1)))  # (K, B, I) (K, I, O) -> (K, B, O)
        z = F.transpose(z, (1, 0, 2))  # (K, B, O) -> (B, K, O)
        if self.bias:
            z = z + scope.parameter("bias", (members, self.units), EachMember(self.first_bias))
        return activated(z, self.activation, scope)


@layer
class EnsembleMean(Layer):
    """Averages the predictions of the members of an ensemble.

    In training the layer returns its input: every member has a loss of its own, and ``sample_weight`` may
    have a weight for each member, (N, K), such as 0 for the rows that a member is not trained on.

    The members may form groups of equal size, one after the other, such as networks of several kinds. Each
    group has a weight, which its members share equally. A training with validation rows of each member,
    ``validation=(x, y, weights)`` with weights (N, K), ends with a choice of the weights: those for which the
    loss of the weighted mean is smallest on these rows.

    ``"softmax"`` returns logits whose probabilities are the weighted mean of those of the members, and
    ``"sigmoid"`` the same for independent yes/no outputs. Without groups all weights w_k are 1/K.

    Shapes: (B, K, C) -> (B, C) for K members; in training the same.

    Formula: ``"value"``: y = sum_k w_k x_k. ``"softmax"``: y = log sum_k w_k softmax(x_k). ``"sigmoid"``:
    y = logit(sum_k w_k sigmoid(x_k)).

    Args:
        mode: what is averaged: ``"value"``, ``"softmax"`` or ``"sigmoid"``.
        initial_weights: the weight of each group before the choice, at least 0 with sum 1; empty: all members
            always have the same weight.
        min_gain: standard errors by which other weights must be better to replace the initial ones.

    Numerics: ``"sigmoid"`` is computed as log sum_k w_k sigmoid(x_k) - log sum_k w_k sigmoid(-x_k), without
    overflow.

    Raises:
        ShapeError E208: the input is not (B, K, C), or K is not a multiple of the number of groups.
        UsageError E101: unknown mode. UsageError E102: weights below 0, or with another sum than 1.

    Example:
        >>> print(EnsembleMean("softmax"))
        EnsembleMean('softmax')
    """

    chinese = ("集成平均层", "对集成各成员的预测取平均：数值，或概率。")
    takes_one = True
    mode: str
    _: KW_ONLY
    initial_weights: tuple[float, ...] = ()
    min_gain: float = 0.0

    def check(self) -> None:
        require_choice(self, "mode", MEANS)
        require_number(self, "min_gain", minimum=0)
        object.__setattr__(self, "initial_weights", tupled(self.initial_weights))
        are_numbers = isinstance(self.initial_weights, tuple) and all(
            isinstance(weight, int | float) and weight >= 0 for weight in self.initial_weights
        )
        fits = are_numbers and (
            not self.initial_weights or math.isclose(sum(self.initial_weights), 1.0, abs_tol=1e-6)
        )
        fix = "initial_weights=(0.5, 0.5)"
        require(self, "initial_weights", fits, fact("numbers, at least 0, with sum 1"), fix)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, K, C) -> (B, C)
        require_members(self, x, max(1, len(self.initial_weights)))
        groups, members = len(self.initial_weights), bound(x.shape[1:2])[0]
        of_group = scope.state("weights", (groups,), EachValue(self.initial_weights)) if groups else None
        if scope.training:
            return x
        weight = None if of_group is None else _of_members(of_group, members)  # (K, 1)
        if self.mode == "value":
            return F.mean(x, 1) if weight is None else F.sum(x * weight, 1)
        if self.mode == "softmax":
            return _log_mean(F.log_softmax(x), weight)
        return _log_mean(-F.softplus(-x), weight) - _log_mean(-F.softplus(x), weight)


def _of_members(weights: Node, members: int) -> Node:
    """Return the weight of each member, (G,) -> (K, 1): the members of a group share its weight."""
    groups = bound(weights.shape)[0]
    shares = F.reshape(weights * (groups / members), (groups, 1))
    return F.reshape(F.broadcast_to(shares, (groups, members // groups)), (members, 1))


def _log_mean(logs: Node, weight: Node | None) -> Node:  # (B, K, C) -> (B, C)
    """Return the logarithm of the mean over members of numbers of which the logarithms are given."""
    if weight is None:
        return F.logsumexp(logs, 1) - math.log(bound(logs.shape[1:2])[0])
    return F.logsumexp(logs + F.log(F.maximum(weight, SMALLEST)), 1)


def require_members(part: Layer, x: Node, groups: int = 1) -> None:
    """Require an input with an axis of members, in groups of equal size, and one of features.

    Raises:
        ShapeError E208: another shape.
    """
    if x.rank != 3 or not all(isinstance(length, int) for length in x.shape[1:]):
        constraint = fact("an axis of members and one of features")
    elif bound(x.shape[1:2])[0] % groups:
        constraint = fact("a multiple of {count} members", count=groups)
    else:
        return
    raise ShapeError(
        "E208",
        op=type(part).__name__,
        constraint=constraint,
        expected="(B, K, I)",
        received=shape_text(x.shape),
        fix="cr.EnsembleNormalization(8)",
    )


def require_features(part: Layer, members: int, x: Node, features: int = 1) -> int:
    """Require an input (B, F) or (B, K, F) with at least this number of features; returns F.

    Args:
        part: the layer, for the error.
        members: K.

    Raises:
        ShapeError E208: another shape.
    """
    fits = x.rank == 2 or (x.rank == 3 and x.shape[1] == members)
    if not fits or not isinstance(x.shape[-1], int) or x.shape[-1] < features:
        raise ShapeError(
            "E208",
            op=type(part).__name__,
            constraint=fact("samples of fixed length"),
            expected="(B, F)" if features == 1 else f"(B, F), F >= {features}",
            received=shape_text(x.shape),
            fix=fact("cr.Flatten() before it"),
        )
    return x.shape[-1]
