"""Reductions as functions of nodes, and those that are composed of others: mean, variance."""

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
    """The axes meant, each counted from the front, ascending; all for ``None``.

    Raises:
        ShapeError E205: an axis does not exist or is named twice.
    """
    if axis is None:
        return tuple(range(x.rank))
    named = (axis,) if isinstance(axis, int) else tuple(axis)
    found = sorted(a + x.rank if a < 0 else a for a in named)
    for a in found:
        if not 0 <= a < x.rank or found.count(a) > 1:
            raise ShapeError(
                "E205",
                axis=axis,
                expected=fact("{first} to {last}, each once", first=-x.rank, last=x.rank - 1),
                received=axis,
            )
    return tuple(found)


def _folded(kind: type[reduction.Reduction], x: Node, axis: Over, keepdims: bool) -> Node:
    axes = axes_of(x, axis)
    return make(kind(axes, keepdims), x) if axes else x


def sum(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """The sum over ``axis``; over all axes by default."""
    return _folded(reduction.ReduceSum, x, axis, keepdims)


def max(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """The largest value over ``axis``."""
    return _folded(reduction.ReduceMax, x, axis, keepdims)


def min(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """The smallest value over ``axis``."""
    return _folded(reduction.ReduceMin, x, axis, keepdims)


def prod(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """The product over ``axis``, axis by axis."""
    axes = axes_of(x, axis)
    for a in reversed(axes):
        x = make(reduction.ReduceProd((a,), keepdims), x)
    return x


def argmax(x: Node, axis: int = -1, keepdims: bool = False) -> Node:
    """The index of the largest value along ``axis``."""
    return make(reduction.ArgMax(axes_of(x, axis), keepdims), x)


def mean(x: Node, axis: Over = None, keepdims: bool = False) -> Node:
    """The mean over ``axis``: the sum divided by the count, which may be the batch size.

    Formula: y = sum(x)/n, with n the numbers along the axes; each of them gets dy/n back.

    Args:
        x: numbers of any shape.
        axis: one axis, several, or ``None`` for all.
        keepdims: whether the axes stay, 1 long.

    Numerics: NaN over an empty axis.
    """
    return sum(x, axis, keepdims) / extent(x, axes_of(x, axis))


def variance(x: Node, axis: Over = None, keepdims: bool = False, correction: int = 0) -> Node:
    """The mean squared distance from the mean.

    Formula: y = sum((x - m)^2)/(n - correction), with m the mean of the n numbers along the axes.

    Args:
        x, axis, keepdims: as in ``mean``.
        correction: what is taken from the count: 0 for the variance of these numbers, 1 for an unbiased
            estimate of the variance of what they were drawn from.

    Numerics: two passes, so no cancellation when the mean is large. For any s at all the variance is
        mean((x - s)^2) - (mean(x) - s)^2. Here s is the mean as it stands, and counts as a constant: nothing
        is taken away then, and on the way back nothing has to be added up over the squares a second time.
    """
    axes, center = axes_of(x, axis), mean(x, axis, keepdims=True)
    still = stop_gradient(center)
    total = sum(FUNCTIONS["square"](x - still), axis, keepdims)
    count = extent(x, axes)
    apart = FUNCTIONS["square"](reshape(center - still, total.shape)) * count  # 0, but not its derivatives
    return (total - apart) / (count - float(correction))


def logsumexp(x: Node, axis: Over = -1, keepdims: bool = False) -> Node:
    """The logarithm of the sum of exponentials over ``axis``, axis by axis."""
    for a in reversed(axes_of(x, axis)):
        folded = make(LogSumExp(a), x)
        x = reshape(folded, (*x.shape[:a], 1, *x.shape[a + 1 :])) if keepdims else folded
    return x


def softmax(x: Node, axis: int = -1) -> Node:
    """Probabilities along ``axis``."""
    return make(Softmax(axes_of(x, axis)[0]), x)


def log_softmax(x: Node, axis: int = -1) -> Node:
    """Log-probabilities along ``axis``."""
    return make(LogSoftmax(axes_of(x, axis)[0]), x)
