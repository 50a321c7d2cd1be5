"""Layers that compare or multiply two values, such as the two outputs of a siamese network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.initializer import XAVIER, ZEROS, Initializer, known_initializer
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.merge import several
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.safe_norms import require_epsilon, to_unit_length
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import bound, count, shape_text
from chainrule.validation import require, require_integer, require_number


@layer
class Dot(Layer):
    """Dot product of two values along one axis of each.

    Shapes: two values by name, (B, I) and (B, I) -> (B, 1); with more axes -> (B, the other axes of the
    first, then those of the second).

    Args:
        axes: which axis of each is summed over, counted as in NumPy; not that of the samples.
        normalize: whether the vectors along these axes are scaled to length 1 first: the cosine.

    Cost: 2 I flops for each number of the result.

    Raises:
        ShapeError E208: not two values; axes that do not exist or differ in length.
        UsageError E102: no pair of axes.

    Example:
        >>> print(Dot(normalize=True))
        Dot(normalize=True)
    """

    chinese = ("点积层", "把两个值沿各自一个轴相乘求和。")
    axes: tuple[int, int] = (-1, -1)
    _: KW_ONLY
    normalize: bool = False

    def check(self) -> None:
        if isinstance(self.axes, list):
            object.__setattr__(self, "axes", tuple(self.axes))
        fits = isinstance(self.axes, tuple) and len(self.axes) == 2 and all(type(n) is int for n in self.axes)
        expected = fact("two axes, neither that of the samples")
        require(self, "axes", fits and 0 not in self.axes, expected, "axes=(1, 1)")
        require(self, "normalize", isinstance(self.normalize, bool), fact("True or False"), "normalize=True")

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:
        values = several(self, x, 2)
        places = [
            axis % v.rank if -v.rank <= axis < v.rank else 0
            for v, axis in zip(values, self.axes, strict=True)
        ]
        lengths = {str(value.shape[place]) for value, place in zip(values, places, strict=True)}
        if 0 in places or len(lengths) > 1:
            raise ShapeError(
                "E208",
                op="Dot",
                constraint=fact("axes {axes} of one length", axes=self.axes),
                fix="axes=(-1, -1)",
                expected=fact("two such axes"),
                received=fact(
                    "{left} and {right}", left=shape_text(values[0].shape), right=shape_text(values[1].shape)
                ),
            )
        a, b = (_last(value, place) for value, place in zip(values, places, strict=True))
        if self.normalize:
            a, b = to_unit_length(a), to_unit_length(b)
        rest = (*a.shape[1:-1], *b.shape[1:-1])
        y = _flat(a) @ _flat(b).T  # (B, M, I) (B, I, N) -> (B, M, N)
        return F.reshape(y, (y.shape[0], *(rest or (1,))))


def _last(value: Node, axis: int) -> Node:
    """Return the axes in another order, one of them last."""
    return F.transpose(value, [*(i for i in range(value.rank) if i != axis), axis])


def _flat(value: Node) -> Node:
    """Return the axes between the first and the last as one: (B, ..., I) -> (B, M, I)."""
    return F.reshape(value, (value.shape[0], count(value.shape[1:-1]), value.shape[-1]))


@layer
class CosineSimilarity(Layer):
    """Cosine similarity of two vectors: 1 for equal directions, 0 for orthogonal, -1 for opposite ones.

    Shapes: two values by name, both (B, ..., C) -> (B, ..., 1).

    Formula: y = a b / (max(|a|, epsilon) max(|b|, epsilon)), all sums over the last axis.

    Args:
        epsilon: the least length that is divided by, above 0.

    Raises:
        ShapeError E201, E208: shapes that differ; not two values.
        UsageError E102: epsilon not above 0.

    Example:
        >>> print(CosineSimilarity())
        CosineSimilarity()
    """

    chinese = ("余弦相似度层", "两个向量方向有多一致：1 相同，0 垂直，−1 相反。")
    _: KW_ONLY
    epsilon: float = 1e-8

    def check(self) -> None:
        require_number(self, "epsilon", above=0)

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:
        values = _alike(self, x)
        require_epsilon(self, values[0].dtype, power=2)
        a, b = (to_unit_length(value, self.epsilon**2) for value in values)
        return F.sum(a * b, -1, keepdims=True)  # (B, ..., C) -> (B, ..., 1)


@layer
class PairwiseDistance(Layer):
    """The distance of two vectors.

    Shapes: two values by name, both (B, ..., C) -> (B, ..., 1).

    Formula: y = (sum |a - b + epsilon|^p)^(1/p), the sum over the last axis.

    Args:
        p: the norm: 2 is the straight line, 1 along the axes.
        epsilon: keeps the derivative finite where a = b, above 0.

    Raises:
        ShapeError E201, E208: shapes that differ; not two values.
        UsageError E102: a setting out of its range.

    Example:
        >>> print(PairwiseDistance(1.0))
        PairwiseDistance(p=1.0)
    """

    chinese = ("成对距离层", "两个向量相距多远。")
    p: float = 2.0
    _: KW_ONLY
    epsilon: float = 1e-6

    def check(self) -> None:
        require_number(self, "p", minimum=1)
        require_number(self, "epsilon", above=0)

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:
        a, b = _alike(self, x)
        return to_norm(a - b + self.epsilon, self.p)


@layer
class Bilinear(Layer):
    """Bilinear map of two values: a weighted sum of all products of their elements, for each unit.

    Shapes: two values by name, (B, ..., I) and (B, ..., J) -> (B, ..., units).

    Formula: y[o] = sum over i, j of a[i] W[o, i, j] b[j] + bias[o].

    Args:
        units: the number of outputs.
        bias: whether there is a bias.
        weight_initializer: initial values of W (units, I, J), a record or a name.
        penalty: the penalty on W.

    Cost: 2 B units I J flops forward.

    Raises:
        ShapeError E201, E208: leading axes that differ; not two values, or lengths that are not known.
        UsageError E101, E102: unknown initializer; fewer than one unit.

    Example:
        >>> print(Bilinear(3))
        Bilinear(3)

    Reference: Tenenbaum and Freeman (2000), Separating style and content with bilinear models (Neural
    Computation 12).
    """

    chinese = ("双线性层", "每个单元把两个值的数两两相乘再加权求和。")
    units: int
    _: KW_ONLY
    bias: bool = True
    weight_initializer: str | Initializer = XAVIER
    penalty: Penalty | None = None

    def check(self) -> None:
        require_integer(self, "units", 1, fix="cr.Bilinear(10)")
        require(self, "bias", isinstance(self.bias, bool), fact("True or False"), "bias=False")
        known_initializer(self.weight_initializer)
        require(
            self, "penalty", isinstance(self.penalty, Penalty | None), fact("a penalty such as cr.L2(1e-4)")
        )

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:
        a, b = several(self, x, 2)
        if a.rank < 2 or not all(isinstance(v.shape[-1], int) for v in (a, b)):
            raise ShapeError(
                "E208",
                op="Bilinear",
                constraint=fact("samples of known length"),
                expected=fact("(B, I) and (B, J)"),
                received=fact("{left} and {right}", left=shape_text(a.shape), right=shape_text(b.shape)),
                fix=fact("cr.Flatten() before it"),
            )
        _refuse_unlike(self, a.shape[:-1], b.shape[:-1])
        i, j = bound((a.shape[-1], b.shape[-1]))
        init = known_initializer(self.weight_initializer)
        weight = scope.parameter("weight", (self.units, i, j), init, self.penalty)
        table = F.reshape(F.transpose(weight, (1, 0, 2)), (i, self.units * j))
        met = F.reshape(a @ table, (*a.shape[:-1], self.units, j))  # (B, ..., I) -> (B, ..., O, J)
        y = F.sum(met * F.reshape(b, (*b.shape[:-1], 1, j)), -1)  # -> (B, ..., O)
        return y + scope.parameter("bias", (self.units,), ZEROS) if self.bias else y


def to_norm(x: Node, p: float) -> Node:
    """Return the p-norm over the last axis, which stays with length 1."""
    if p == 2:
        return F.sqrt(F.sum(F.square(x), -1, keepdims=True))
    return F.sum(F.abs(x) ** p, -1, keepdims=True) ** (1.0 / p)


def _alike(owner: Layer, x: Mapping[str, Node]) -> list[Node]:
    values = several(owner, x, 2)
    _refuse_unlike(owner, values[0].shape, values[1].shape)
    return values


def _refuse_unlike(owner: Layer, a: tuple, b: tuple) -> None:
    if a != b:
        raise ShapeError("E201", op=type(owner).__name__, expected=shape_text(a), received=shape_text(b))
