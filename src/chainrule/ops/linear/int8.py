"""Numbers as integers of 8 bits, and products of them that every engine computes exactly.

A weight is a factor times an integer from -127 to 127; the numbers of a *group* (the weights of an output
channel, or a block of neighbors in an exported file) share a factor. An input is a factor times an integer;
255 steps cover the range that was measured, which includes 0, so that zeros of padding and of relu are exact.

The products are computed in float32 by the kernels of any engine. They are exact there: a product of integers
of 8 bits is below 2^15, and at most ``MOST_TERMS`` of them are added, so every partial sum is an integer
below 2^24. The order of additions then does not matter, and all engines return the same bits.

Reference: Jacob et al. (2018), Quantization and training of neural networks for efficient
integer-arithmetic-only inference (CVPR); Krishnamoorthi (2018), Quantizing deep convolutional networks for
efficient inference (arXiv:1806.08342).
"""

from __future__ import annotations

import numpy as np

from chainrule.graph import Node, constant, make
from chainrule.ops.array.slicing import slice_axis
from chainrule.ops.elementwise.broadcasting_functions import add, clip, floor, multiply
from chainrule.ops.linear.convolution import Convolution
from chainrule.ops.linear.matmul import Matmul
from chainrule.ops.operation_card import card

LARGEST_WEIGHT, STEPS = 127, 255
MOST_TERMS = 2**24 // (LARGEST_WEIGHT * STEPS)  # 518
SMALLEST_FACTOR = 2.0**-126  # its reciprocal is a float32; inputs of a smaller range are 0


@card
class ExactConvolution(Convolution):
    """A convolution of integers, whose sums must be exact: engines add products only, without transforms."""


@card
class IntegerMatmul(Matmul):
    """The product of matrices of integers of 8 bits, whose sums are exact: engines may add them as integers.

    Shapes: (..., I, K) @ (..., K, J) -> (..., I, J), with equal leading axes; float32. K is at most
        ``MOST_TERMS``.

    Args:
        first: the smallest integer of the left factor, whose largest is ``first`` + 255; those of the right
            one are from -127 to 127.
    """

    first: int = 0


def symmetric_int8(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the integers and the factor of each group; group = factor * integers, up to rounding.

    Args:
        groups: (G, N) float32.

    Returns:
        (G, N) integers from -127 to 127, as float32; (G,) factors, 0 for a group of zeros.

    Example:
        >>> [part.tolist() for part in symmetric_int8(np.array([[0.0, 127.0, -63.5]], np.float32))]
        [[[0.0, 127.0, -64.0]], [1.0]]
    """
    factors = np.abs(groups).max(axis=1, initial=0.0) / np.float32(LARGEST_WEIGHT)
    integers = np.rint(groups / np.where(factors > 0, factors, 1)[:, None])
    return integers.astype(np.float32), factors.astype(np.float32)


def input_scale(low: float, high: float) -> tuple[float, int]:
    """Return the factor of the integers of an input with this range, and the smallest integer.

    Example:
        >>> input_scale(0.0, 510.0), input_scale(-64.0, 191.0)
        ((2.0, 0), (1.0, -64))
    """
    low, high = min(low, 0.0), max(high, 0.0)
    factor = float(np.float32((high - low) / STEPS))
    factor = factor if factor >= SMALLEST_FACTOR else 1.0
    return factor, -min(STEPS, int(np.rint(-low / factor)))


def to_integers(x: Node, low: float, high: float) -> Node:
    """Return the integers of an input, as float32; numbers outside its range become the nearest end.

    Args:
        x: a node of any shape, float32.
        low, high: the range.
    """
    factor, first = input_scale(low, high)
    nearest = floor(add(multiply(x, 1.0 / factor), 0.5))
    return clip(nearest, float(first), float(first + STEPS))


def integer_product(node: Node, x: Node, integers: np.ndarray, first: int) -> Node | None:
    """Return a product of integers, as a sum of exact ones; ``None`` where a single sum is too long.

    Args:
        node: the matrix product, or the convolution, of floating-point numbers.
        x: the integers of its input.
        integers: those of its weights, in the layout of its second factor.
        first: the smallest integer of the input.
    """
    if isinstance(node.op, Matmul):
        depth, axis, step, cut = integers.shape[-2], x.rank - 1, MOST_TERMS, integers.ndim - 2
        make_op = lambda: IntegerMatmul(first)  # noqa: E731
    else:
        taps = int(np.prod(integers.shape[1:-1]))
        depth, axis, cut = integers.shape[-1], x.rank - 1, integers.ndim - 1
        step = MOST_TERMS // taps
        make_op = lambda: ExactConvolution(**node.op.attributes)  # noqa: E731
        if depth > step and (node.op.attributes["groups"] > 1 or not step):
            return None
    total: Node | None = None
    for start in range(0, depth, step):
        stop = min(start + step, depth)
        part = x if depth <= step else slice_axis(x, axis, start, stop)
        weights = np.ascontiguousarray(np.take(integers, range(start, stop), cut))
        term = make(make_op(), part, constant(weights))
        total = term if total is None else add(total, term)
    return total


def channel_groups(node: Node, weights: np.ndarray) -> np.ndarray:
    """Return the weights of a product with a row for each output channel."""
    if isinstance(node.op, Matmul):
        return np.swapaxes(weights, -1, -2).reshape(-1, weights.shape[-2])
    return weights.reshape(len(weights), -1)


def quantized(node: Node, x: Node, weights: np.ndarray, low: float, high: float) -> Node | None:
    """Return a product with its input and its weights in 8 bits, as floating-point numbers.

    Args:
        node: the matrix product or the convolution, whose second factor are the weights.
        x: its input.
        weights: the values of the weights, in the layout of the second factor.
        low, high: the range of the input.

    Returns:
        ``None`` where the product cannot be exact: a kernel of more cells than a sum may have terms.
    """
    groups, factors = symmetric_int8(channel_groups(node, weights))
    if isinstance(node.op, Matmul):
        shape = (*weights.shape[:-2], weights.shape[-1], weights.shape[-2])
        integers = np.swapaxes(groups.reshape(shape), -1, -2)
        scales = factors.reshape(*weights.shape[:-2], 1, weights.shape[-1])
    else:
        integers, scales = groups.reshape(weights.shape), factors
    total = integer_product(node, to_integers(x, low, high), integers, input_scale(low, high)[1])
    if total is None:
        return None
    return multiply(total, constant(scales * np.float32(input_scale(low, high)[0])))
