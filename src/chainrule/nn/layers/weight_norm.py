"""Wrappers that normalize the weights of a layer: weight and spectral normalization.

What is learned stays one array for each weight, requested and drawn by the layer inside as usual. The layer
around passes it a scope that returns a different node: the weight computed from the array. So every layer
with weights can be inside, and the gradient by what is learned follows from the formula.

All parameters of two axes or more inside are treated, each as the table (O, the rest); biases are not.
"""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.initializer import Initializer
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.containers import require_layer
from chainrule.nn.safe_norms import defined, require_epsilon, to_unit_length
from chainrule.nn.scope import Parameter, Scope, stream_of
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape, bound
from chainrule.validation import out_of_range, require_integer, require_number

WARM_UP = 15  # power iterations before the first step, as PyTorch has it


@layer
class WeightNorm(Layer):
    """Weight normalization: separate parameters for length and direction of the weights of each unit.

    Shapes: those of the layer inside.

    Formula: W[o] = gain[o] V[o] / |V[o]|; V is drawn as W would be, and gain begins as its lengths, so that
    the network begins as without.

    Args:
        inner: the layer whose weights are meant.

    Raises:
        UsageError E102: the layer inside has no weight of two axes or more.
        UsageError E104: no layer.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> print(WeightNorm(Dense(3)))
        WeightNorm(Dense(3))

    Reference: Salimans and Kingma (2016), Weight normalization (NeurIPS).
    """

    chinese = ("权重规范化", "分开学习每个单元权重的长度和方向。")
    inner: Layer

    def check(self) -> None:
        require_layer("WeightNorm", self.inner)

    def __call__(self, x: Any, scope: Scope) -> Any:
        return _run_inside(self, self.inner, x, scope, _with_gain)


def _with_gain(place: Scope, name: str, known: Parameter) -> Node:
    table = _table(known.node)  # (O, the rest)
    first = RowLengths(known.initializer, known.spec.shape, stream_of(place.named(name)))
    gain = place.parameter(f"{name}_gain", table.shape[:1], first)
    scaled = to_unit_length(table) * F.reshape(gain, (*gain.shape, 1))
    return F.reshape(scaled, known.spec.shape)


@layer
class SpectralNorm(Layer):
    """Spectral normalization: divides weights by their largest singular value.

    Shapes: those of the layer inside.

    Formula: W' = W / s, s = u^T W v the largest singular value. In training u <- W v and v <- W^T u, each
    scaled to length 1, follow the direction v that is lengthened most (power iteration); v is carried from
    step to step, and no gradient passes through u and v. In inference s = |W v|.

    Args:
        inner: the layer whose weights are meant.
        power_iterations: power iterations in each step of training, at least 1.
        epsilon: the least length that is divided by, above 0.

    Cost: 4 O I flops a power iteration.

    Raises:
        UsageError E102: the layer inside has no weight of two axes or more; a setting out of its range.
        UsageError E104: no layer.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> print(SpectralNorm(Dense(3)))
        SpectralNorm(Dense(3))

    Reference: Miyato, Kataoka, Koyama and Yoshida (2018), Spectral normalization for generative adversarial
    networks (ICLR).
    """

    chinese = ("谱规范化", "除以权重的最大拉伸倍数，使该层不拉长任何向量。")
    inner: Layer
    _: KW_ONLY
    power_iterations: int = 1
    epsilon: float = 1e-12

    def check(self) -> None:
        require_layer("SpectralNorm", self.inner)
        require_integer(self, "power_iterations", 1, fix="power_iterations=1")
        require_number(self, "epsilon", above=0)

    def __call__(self, x: Any, scope: Scope) -> Any:
        return _run_inside(self, self.inner, x, scope, self._divided)

    def _divided(self, place: Scope, name: str, known: Parameter) -> Node:
        table = _table(known.node)  # (O, the rest)
        require_epsilon(self, table.dtype, power=2)
        first = TopDirection(known.initializer, known.spec.shape, stream_of(place.named(name)))
        v = place.state(f"{name}_direction", table.shape[1:], first)  # (the rest,)
        if not place.training:
            return known.node / _length(table @ v)
        still = F.stop_gradient(table)
        u = to_unit_length(still @ v, self.epsilon**2)  # (O,)
        for _ in range(self.power_iterations - 1):
            u = to_unit_length(still @ to_unit_length(still.T @ u), self.epsilon**2)
        place.update(f"{name}_direction", to_unit_length(still.T @ u, self.epsilon**2))
        return known.node / _length(table.T @ u)  # = u^T W v


def _length(x: Node) -> Node:
    squared = F.sum(F.square(x), -1)
    return defined(F.sqrt(squared), squared)


@frozen
class _FromWeight(Initializer):
    """Initial values that follow from those of a weight, drawn again by the same key and stream."""

    weight_initializer: Initializer
    shape: Shape
    stream: int

    def table(self, key: Node, dtype: str) -> Node:
        """Return the weight's initial values as a table (O, the rest)."""
        return _table(self.weight_initializer(key, self.shape, dtype, self.stream))


class RowLengths(_FromWeight):
    """The length of each row of a weight."""

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        return _length(self.table(key, dtype))


class TopDirection(_FromWeight):
    """The direction of the largest singular value of a weight, by power iteration from a random vector."""

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        table, v = self.table(key, dtype), to_unit_length(F.normal(key, shape, dtype, stream))
        for _ in range(WARM_UP):
            v = to_unit_length(table.T @ (table @ v))
        return v


def _table(weight: Node) -> Node:
    """Return a weight (O, ...) as a table (O, the rest)."""
    rows, *rest = bound(weight.shape)
    return F.reshape(weight, (rows, -1 if rest else 1))


def _run_inside(owner: Layer, inner: Layer, x: Any, scope: Scope, change: Any) -> Any:
    """Run a layer whose weights are changed; refuse one that has none."""
    changed: list[str] = []

    def rewrite(place: Scope, name: str, known: Parameter) -> Node:
        if known.spec.rank < 2:
            return known.node
        changed.append(place.named(name))
        return change(place, name, known)

    result = scope.rewriting(rewrite).run(inner, x)
    if not changed:
        expected = fact("a layer with a weight of two axes or more")
        raise out_of_range(inner, "inner", type(owner).__name__, expected, fix="cr.Dense(10)")
    return result
