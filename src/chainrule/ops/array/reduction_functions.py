"""Reductions as functions of nodes, with those composed of others: mean, variance."""

from __future__ import annotations

from typing import TypeAlias

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, make
from chainrule.ops.array import reduction
from chainrule.ops.array.shape import reshape
from chainrule.ops.array.softmax import LogSoftmax, LogSumExp, Softmax
from chainrule.ops.elementwise.dtype import extent, stop_gradient
from chainrule.ops.formula_functions import FUNCTIONS

Over: TypeAlias = "int | tuple[int, ...] | None"


def axes_of(x: Node, axis: Over) -> tuple[int, ...]:
    """The axes as non-negative numbers, ascending; all axes for ``None``.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    if axis is None:
        return tuple(range(x.rank))
    named = (axis,) if isinstance(axis, int) else tuple(axis)
    axes = sorted(a + x.rank if a < 0 else a for a in named)
    for a in axes:
        if not 0 <= a < x.rank or axes.count(a) > 1:
            raise ShapeError(
                "E205",
                axis=axis,
                expected=fact("{first} to {last}, each once", first=-x.rank, last=x.rank - 1),
                received=axis,
            )
    return tuple(axes)


def _folded(kind: type[reduction.Reduction], x: Node, axis: Over, keepdims: bool) -> Node:
    axes = axes_of(x, axis)
    return make(kind(axes, keepdims), x) if axes else x


def sum(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """The sum over ``axis``; over all axes by default.

    Args:
        x: numbers of any shape.
        axis: one axis, several, or ``None`` for all.
        keepdims: whether the axes remain, with length 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return _folded(reduction.ReduceSum, x, axis, keepdims)


def max(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """The largest value over ``axis``.

    Args:
        x: numbers of any shape.
        axis: one axis, several, or ``None`` for all.
        keepdims: whether the axes remain, with length 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return _folded(reduction.ReduceMax, x, axis, keepdims)


def min(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """The smallest value over ``axis``.

    Args:
        x: numbers of any shape.
        axis: one axis, several, or ``None`` for all.
        keepdims: whether the axes remain, with length 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return _folded(reduction.ReduceMin, x, axis, keepdims)


def prod(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """The product over ``axis``.

    Args:
        x: floating-point numbers of any shape.
        axis: one axis, several, or ``None`` for all.
        keepdims: whether the axes remain, with length 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    axes = axes_of(x, axis)
    for a in reversed(axes):
        x = make(reduction.ReduceProd((a,), keepdims), x)
    return x


def argmax(x: Node, axis: int = -1, keepdims: bool = False) -> Node:
    """The index of the largest value along ``axis``.

    Args:
        x: numbers of any shape.
        axis: the axis.
        keepdims: whether the axis remains, with length 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return make(reduction.ArgMax(axes_of(x, axis), keepdims), x)


def mean(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """The mean over ``axis``: the sum divided by the count, which may be the batch size.

    Formula: y = sum(x)/n, with n the number of elements along the axes; the gradient by each is dy/n.

    Args:
        x: a node of any shape.
        axis: one axis, several, or ``None`` for all.
        keepdims: whether the axes stay, with length 1.

    Numerics: NaN over an empty axis.
    """
    return sum(x, axis, keepdims) / extent(x, axes_of(x, axis))


def variance(x: Node, axis: Over = None, keepdims: bool = False, correction: int = 0) -> Node:
    """The mean squared distance from the mean.

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


def logsumexp(x: Node, axis: Over = -1, keepdims: bool = False) -> Node:
    """The logarithm of the sum of exponentials over ``axis``.

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
    """Softmax along ``axis``: probabilities with sum 1.

    Args:
        x: floating-point numbers of any shape.
        axis: the axis along which the probabilities add up to 1.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return make(Softmax(axes_of(x, axis)[0]), x)


def log_softmax(x: Node, axis: int = -1) -> Node:
    """Logarithm of the softmax along ``axis``.

    Args:
        x: floating-point numbers of any shape.
        axis: the axis of the classes.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    return make(LogSoftmax(axes_of(x, axis)[0]), x)
