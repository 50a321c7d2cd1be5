"""Reductions over axes: sum, max, min, product, argmax, and those composed of them: mean, variance."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import ClassVar, TypeAlias

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, make
from chainrule.notation.tree import Apply, Element, Number, Product, Sum, Tree
from chainrule.ops.array.shape import broadcast_to, reshape
from chainrule.ops.array.softmax import LogSoftmax, LogSumExp, Softmax
from chainrule.ops.elementwise.cast_and_stop_gradient import extent, stop_gradient
from chainrule.ops.elementwise.elementwise import same_kind
from chainrule.ops.functions_by_name import FUNCTIONS
from chainrule.ops.operation_card import (
    Apart,
    Axes,
    BatchRule,
    Card,
    NoGradient,
    Pulled,
    Reduced,
    Sample,
    Says,
    Shared,
    Whole,
    card,
    draw,
)
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape, Spec

_INDEX = NoGradient("an index is an integer")


@frozen
class Reduction(Card):
    """Base of the reductions.

    Args:
        axes: the axes to reduce, each 0 or above, ascending (C1).
        keepdims: whether a reduced axis stays with length 1.
    """

    axes: tuple[int, ...] = (0,)
    keepdims: bool = False
    arguments: ClassVar = ("x",)
    constraints: ClassVar = {
        "C1": "every axis exists and is named once",
        "C2": "the dtype is supported by the operation",
    }
    takes: ClassVar[str] = "floating-point or whole"
    joins: ClassVar[str] = ""

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        for axis in self.axes:
            if not 0 <= axis < x.rank or self.axes.count(axis) > 1:
                expected = fact("0 to {last}, each once", last=x.rank - 1)
                raise ShapeError("E205", axis=axis, expected=expected, received=self.axes)
        same_kind(self.name, specs, self.takes)
        return Spec(self.shape_of(x.shape), x.dtype)

    def shape_of(self, shape: Shape, keepdims: bool | None = None) -> Shape:
        """Return the shape of the result for an input of shape ``shape``."""
        keep = self.keepdims if keepdims is None else keepdims
        return tuple(1 if i in self.axes else n for i, n in enumerate(shape) if keep or i not in self.axes)

    def widen(self, value: Node, x: Node) -> Node:
        """Return a result, or its cotangent, broadcast over the reduced axes to the shape of ``x``."""
        return broadcast_to(reshape(value, self.shape_of(x.shape, keepdims=True)), x.shape)

    def folded(self, index: tuple[int, ...], x: np.ndarray) -> list[Element]:
        """Return the elements of ``x`` that are reduced to the result at ``index``."""
        rest = iter(index)
        ranges: list[Iterable[int]] = []
        for i, length in enumerate(x.shape):
            if i in self.axes:
                ranges.append(range(length))
                if self.keepdims:
                    next(rest)
            else:
                ranges.append((next(rest),))
        return [Element(0, where) for where in product(*ranges)]

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        (axis,) = axes
        if axis is None:
            return Shared()
        if axis in self.axes:
            return Reduced(self.joins) if self.joins else Whole(f"{self.name} compares all samples")
        return Apart(axis if self.keepdims else axis - len([a for a in self.axes if a < axis]))

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        x = draw(4, 3, 2, low=0.4, high=1.9)
        return (
            Sample(cls((1,)), (x,), batch=(0,)),
            Sample(cls((0,)), (x,), batch=(0,)),
            Sample(cls((0, 2), keepdims=True), (x,), batch=(1,)),
            Sample(cls((0, 1, 2)), (draw(4, 3, 2),)),
            Sample(cls((0,)), (np.array([3.0]),)),
            Sample(cls((0,)), (np.ones((3, 0)),)),
            Sample(cls((0,)), (np.array([[2.0, -1.0], [2.0, 1e30]]),), smooth=False),
            Sample(cls((3,)), (x,), breaks="C1"),
            Sample(cls((-1,)), (x,), breaks="C1"),
            Sample(cls((1,)), (x > 1,), breaks="C2"),
        )


@card
class ReduceSum(Reduction):
    """The sum over axes.

    Numerics: NumPy sums pairwise, so the rounding error grows with the logarithm of the count.
    """

    name = "sum"
    chinese = "求和"
    formula = "sum(k, x[k])"
    pullbacks = {"x": "dy"}
    joins = "sum"
    says = Says(
        "adds up over an axis",
        "沿轴求和",
        "passes the gradient to every addend",
        "把传来的梯度原样分发给每个加数",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.sum(x, axis=self.axes, keepdims=self.keepdims, dtype=x.dtype)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return (self.widen(dy, inputs[0]),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        return Sum(tuple(self.folded(index, inputs[0])))


class Extreme(Reduction):
    """Base of the extremes over axes. At a tie the gradient is divided equally among the extreme elements."""

    pullbacks = {"x": "dy * where(x[k] == y, 1, 0)"}
    constraints: ClassVar = {**Reduction.constraints, "C3": "a reduced axis is not empty"}

    def infer(self, *specs: Spec) -> Spec:
        result = super().infer(*specs)
        for axis in self.axes:
            if specs[0].shape[axis] == 0:
                raise ShapeError(
                    "E208", op=self.name, constraint=fact("a reduced axis that is not empty (C3)"), received=0
                )
        return result

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        (x,) = inputs
        wins = FUNCTIONS["equal"](x, self.widen(y, x)).astype(x.dtype)
        share = dy / make(ReduceSum(self.axes, self.keepdims), wins)
        return (self.widen(share, x) * wins,)

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        usual = tuple(s for s in super().samples() if s.inputs[0].shape != (3, 0))
        empty = Sample(cls((1,)), (np.ones((0, 3)),))
        return (*usual, empty, Sample(cls((1,)), (np.ones((3, 0)),), breaks="C3"))


@card
class ReduceMax(Extreme):
    """The largest value over axes.

    Numerics: NaN if any value is NaN. At a tie the gradient is divided equally among the extreme elements.
    """

    name = "max"
    chinese = "最大值"
    formula = "max(k, x[k])"
    joins = "max"
    says = Says(
        "keeps the largest over an axis",
        "沿轴取最大值",
        "passes the gradient to the largest element",
        "选通：梯度只传给最大者",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.max(x, axis=self.axes, keepdims=self.keepdims)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        return Apply("max", tuple(self.folded(index, inputs[0])))


@card
class ReduceMin(Extreme):
    """The smallest value over axes.

    Numerics: NaN if any value is NaN. At a tie the gradient is divided equally among the extreme elements.
    """

    name = "min"
    chinese = "最小值"
    formula = "min(k, x[k])"
    joins = "min"
    says = Says(
        "keeps the smallest over an axis",
        "沿轴取最小值",
        "passes the gradient to the smallest element",
        "选通：梯度只传给最小者",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.min(x, axis=self.axes, keepdims=self.keepdims)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        return Apply("min", tuple(self.folded(index, inputs[0])))


@card
class ReduceProd(Reduction):
    """The product over one axis.

    Numerics: exact at zeros, to every order: the gradient multiplies the other factors instead of dividing by
        the element.

    Cost: n elements forward, n * n backward.
    """

    name = "prod"
    chinese = "连乘"
    formula = "prod(k, x[k])"
    pullbacks = {"x": "dy * prod(j, x[j])"}
    joins = "prod"
    constraints: ClassVar = {**Reduction.constraints, "C3": "one axis of fixed length at a time"}
    says = Says(
        "multiplies over an axis",
        "沿轴连乘",
        "passes each factor the gradient times all other factors",
        "每个因子得到梯度乘以其余因子之积",
    )

    def infer(self, *specs: Spec) -> Spec:
        result = super().infer(*specs)
        if len(self.axes) != 1:
            raise ShapeError(
                "E208", op=self.name, constraint=fact("one axis at a time (C3)"), received=self.axes
            )
        return result

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.prod(x, axis=self.axes, keepdims=self.keepdims, dtype=x.dtype)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        (x,), (axis,) = inputs, self.axes
        length = x.shape[axis]
        if not isinstance(length, int):
            raise ShapeError(
                "E208", op=self.name, constraint=fact("an axis of fixed length (C3)"), received=length
            )
        before, after = x.shape[:axis], x.shape[axis + 1 :]
        square = (*before, length, length, *after)
        rows = broadcast_to(reshape(x, (*before, 1, length, *after)), square)
        own = FUNCTIONS["identity_like"](rows, axis)
        others = make(ReduceProd((axis + 1,)), FUNCTIONS["where"](own, 1.0, rows))
        return (self.widen(dy, x) * others,)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        return Product(tuple(self.folded(index, inputs[0])))

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        usual = tuple(s for s in super().samples() if len(s.op.attributes["axes"]) == 1)
        zeros = Sample(cls((0,)), (np.array([[0.0, 0.0, 2.0], [3.0, 0.0, 4.0], [1.5, 1.0, 0.5]]),))
        return (*usual, zeros, Sample(cls((0, 1)), (draw(3, 2),), breaks="C3"))


@card
class ArgMax(Extreme):
    """The index of the largest value along one axis; the first one at a tie."""

    name = "argmax"
    chinese = "最大值的位置"
    formula = "sum(k, where(x[k] == max(j, x[j]), k, 0))"
    pullbacks = {"x": _INDEX}
    constraints: ClassVar = {**Extreme.constraints, "C4": "one axis at a time"}
    joins = ""
    says = Says("finds where the largest value is", "找出最大值的位置", "passes no gradient", "不传梯度")

    def infer(self, *specs: Spec) -> Spec:
        if len(self.axes) != 1:
            raise ShapeError(
                "E208", op=self.name, constraint=fact("one axis at a time (C4)"), received=self.axes
            )
        return super().infer(*specs).with_dtype("int64")

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.argmax(x, axis=self.axes[0], keepdims=self.keepdims).astype(np.int64)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return (_INDEX,)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        return Number(int(self.evaluate(inputs[0])[index]))

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        usual = tuple(s for s in super().samples() if len(s.op.attributes["axes"]) == 1)
        return (*usual, Sample(cls((0, 1)), (draw(3, 2),), breaks="C4"))


CARDS = (ReduceSum, ReduceMax, ReduceMin, ReduceProd, ArgMax)


# Reductions as functions of nodes, with those composed of others: mean, variance.

Over: TypeAlias = "int | tuple[int, ...] | None"


def axes_of(x: Node, axis: Over) -> tuple[int, ...]:
    """Return the axes as non-negative numbers, ascending; all axes for ``None``.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    if axis is None:
        return tuple(range(x.rank))
    named = (axis,) if isinstance(axis, int) else tuple(axis)
    axes = sorted(a + x.rank if a < 0 else a for a in named)
    for a in axes:
        if not 0 <= a < x.rank or axes.count(a) > 1:
            expected = fact("{first} to {last}, each once", first=-x.rank, last=x.rank - 1)
            raise ShapeError("E205", axis=axis, expected=expected, received=axis)
    return tuple(axes)


def _folded(kind: type[Reduction], x: Node, axis: Over, keepdims: bool) -> Node:
    axes = axes_of(x, axis)
    return make(kind(axes, keepdims), x) if axes else x


def sum(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """Return the sum over ``axis``; over all axes by default.

    Args:
        x: numbers of any shape.
        axis: one axis, several, or ``None`` for all.
        keepdims: whether the axes remain, with length 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return _folded(ReduceSum, x, axis, keepdims)


def max(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """Return the largest value over ``axis``.

    Args:
        x: numbers of any shape.
        axis: one axis, several, or ``None`` for all.
        keepdims: whether the axes remain, with length 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return _folded(ReduceMax, x, axis, keepdims)


def min(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """Return the smallest value over ``axis``.

    Args:
        x: numbers of any shape.
        axis: one axis, several, or ``None`` for all.
        keepdims: whether the axes remain, with length 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return _folded(ReduceMin, x, axis, keepdims)


def prod(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """Return the product over ``axis``.

    Args:
        x: floating-point numbers of any shape.
        axis: one axis, several, or ``None`` for all.
        keepdims: whether the axes remain, with length 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    axes = axes_of(x, axis)
    for a in reversed(axes):
        x = make(ReduceProd((a,), keepdims), x)
    return x


def argmax(x: Node, axis: int = -1, keepdims: bool = False) -> Node:
    """Return the index of the largest value along ``axis``.

    Args:
        x: numbers of any shape.
        axis: the axis.
        keepdims: whether the axis remains, with length 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return make(ArgMax(axes_of(x, axis), keepdims), x)


def argmin(x: Node, axis: int = -1, keepdims: bool = False) -> Node:
    """Return the index of the smallest value along ``axis``; the first one at a tie.

    Args:
        x: numbers of any shape.
        axis: the axis.
        keepdims: whether the axis remains, with length 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return argmax(-x, axis, keepdims)


def mean(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """Return the mean over ``axis``: the sum divided by the count, which may be the batch size.

    Formula: y = sum(x)/n, with n the number of elements along the axes; the gradient by each is dy/n.

    Args:
        x: a node of any shape.
        axis: one axis, several, or ``None`` for all.
        keepdims: whether the axes stay, with length 1.

    Numerics: NaN over an empty axis.
    """
    return sum(x, axis, keepdims) / extent(x, axes_of(x, axis))


def variance(x: Node, axis: Over = None, keepdims: bool = False, correction: int = 0) -> Node:
    """Return the mean squared distance from the mean.

    Formula: y = sum((x - m)^2)/(n - correction), with m the mean of the n elements along the axes.

    Args:
        x, axis, keepdims: as in ``mean``.
        correction: 0 for the variance of these elements, 1 for an unbiased estimate of the variance of the
            distribution they were sampled from (Bessel's correction).

    Numerics: two passes, so no cancellation if the mean is large. For any constant s the variance is
        mean((x - s)^2) - (mean(x) - s)^2. Here s is the mean itself, treated as a constant: the second term
        is 0, and the backward pass needs no second sum over the squares.
    """
    axes, center = axes_of(x, axis), mean(x, axis, keepdims=True)
    fixed_mean = stop_gradient(center)
    total = sum(FUNCTIONS["square"](x - fixed_mean), axis, keepdims)
    count = extent(x, axes)
    shift = FUNCTIONS["square"](reshape(center - fixed_mean, total.shape)) * count  # 0; derivatives are not
    return (total - shift) / (count - float(correction))


def std(x: Node, axis: Over = None, keepdims: bool = False, correction: int = 0) -> Node:
    """Return the standard deviation, the square root of ``variance``.

    Args:
        x, axis, keepdims, correction: as in ``variance``.

    Numerics: the derivative is infinite, or NaN, where all elements are equal.
    """
    return FUNCTIONS["sqrt"](variance(x, axis, keepdims, correction))


def logsumexp(x: Node, axis: Over = -1, keepdims: bool = False) -> Node:
    """Return the logarithm of the sum of exponentials over ``axis``.

    Args:
        x: floating-point numbers of any shape.
        axis: one axis, several, or ``None`` for all; the last one by default.
        keepdims: whether the axes remain, with length 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    for a in reversed(axes_of(x, axis)):
        folded = make(LogSumExp(a), x)
        x = reshape(folded, (*x.shape[:a], 1, *x.shape[a + 1 :])) if keepdims else folded
    return x


def softmax(x: Node, axis: int = -1) -> Node:
    """Return the softmax along ``axis``: probabilities with sum 1.

    Args:
        x: floating-point numbers of any shape.
        axis: the axis along which the probabilities add up to 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return make(Softmax(axes_of(x, axis)[0]), x)


def log_softmax(x: Node, axis: int = -1) -> Node:
    """Return the logarithm of the softmax along ``axis``.

    Args:
        x: floating-point numbers of any shape.
        axis: the axis of the classes.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return make(LogSoftmax(axes_of(x, axis)[0]), x)
