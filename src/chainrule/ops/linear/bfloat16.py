"""Matrix products whose factors are rounded to bfloat16: the operations that a graph in that precision has.

A bfloat16 is the upper half of a float32: 8 binary digits and its exponents. The product of two of them is
exact in float32, so a product of matrices in this precision is a sum, in float32, of exact products of
rounded factors. ``plan/passes/bfloat16_products.py`` puts these operations into a graph; no network is
written with them, so they are not in ``CARDS``.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from chainrule.graph import Node, make, order
from chainrule.ops.array.shape import Broadcast, Reshape, Transpose
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.linear.convolution import Convolution, ConvolutionInput, ConvolutionWeight
from chainrule.ops.linear.matmul import Matmul
from chainrule.ops.operation_card import Flat, Says, card
from chainrule.ops.scan.scan import Scan

PRODUCTS = (Matmul, Convolution, ConvolutionInput, ConvolutionWeight)
MOVES = (Broadcast, Reshape, Transpose)  # operations that move numbers and change none
SMALLEST = np.uint32(0x00800000)  # bits of the smallest normal number


def to_bfloat16(x: np.ndarray) -> np.ndarray:
    """Return float32 numbers rounded to the nearest bfloat16, ties to even.

    Numerics: a subnormal number becomes 0 of its sign, as in the instructions of processors; a number above
        the largest bfloat16 becomes infinite where that is nearer than the largest.

    Args:
        x: (...) float32.

    Returns:
        (...) float32, whose lower 16 bits are 0.

    Example:
        >>> to_bfloat16(np.float32([1.0, 1.00390625, 1.01171875, 3.4e38])).tolist()
        [1.0, 1.0, 1.015625, inf]
    """
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    rounded = (bits + np.uint32(0x7FFF) + odd) & np.uint32(0xFFFF0000)
    magnitude = bits & np.uint32(0x7FFFFFFF)
    nan = (bits | np.uint32(0x00400000)) & np.uint32(0xFFFF0000)
    rounded = np.where(magnitude > 0x7F800000, nan, rounded)
    rounded = np.where(magnitude < SMALLEST, bits & np.uint32(0x80000000), rounded)
    return rounded.astype(np.uint32).view(np.float32).reshape(np.shape(x))


@card
class RoundToBfloat16(Elementwise):
    """The value rounded to the nearest bfloat16, as a float32.

    Numerics: ties to even; subnormal numbers become 0.
    """

    name = "round_to_bfloat16"
    chinese = "舍入到 bfloat16"
    arguments = ("x",)
    formula = "x"
    pullbacks = {"x": Flat("rounding is piecewise constant")}
    takes = "floating-point"
    says = Says(
        "rounds to bfloat16",
        "舍入到 bfloat16",
        "passes no gradient: rounding is piecewise constant",
        "不传梯度：舍入处处平坦",
    )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return to_bfloat16(x)


@card
class Bfloat16Matmul(Matmul):
    """The product of two matrices, or of two stacks of matrices, with factors rounded to bfloat16.

    Shapes: (..., I, K) @ (..., K, J) -> (..., I, J), with equal leading axes.

    Numerics: the sums are float32; engines add in different orders.
    """

    pullbacks = {"a": Flat("rounding is piecewise constant"), "b": Flat("rounding is piecewise constant")}

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.matmul(to_bfloat16(a), to_bfloat16(b))

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Flat, ...]:
        return (Flat("rounding is piecewise constant"),) * 2


def round_to_bfloat16(x: Node) -> Node:
    """Return float32 numbers rounded to bfloat16; see ``to_bfloat16``.

    Args:
        x: a node of any shape.
    """
    return make(RoundToBfloat16(), x)


def is_product(node: Node) -> bool:
    """Return whether a node is a product whose factors are rounded in bfloat16."""
    return isinstance(node.op, PRODUCTS) and node.dtype == "float32"


def has_rounded_factors(node: Node) -> bool:
    """Return whether the factors of a product were rounded before."""
    return all(isinstance(_source(x).op, RoundToBfloat16) for x in node.inputs)


def factors(nodes: Iterable[Node]) -> set[Node]:
    """Return the factors of the products that some nodes need, without operations that only move numbers.

    A loop over time multiplies the values that are the same at every step, such as weights, if its step does.
    """
    multiplied: set[Node] = set()
    for node in order(nodes):
        if isinstance(node.op, Scan):
            body, givens = node.op.body, node.inputs[-len(node.op.body.givens) :]
            inside = factors((*body.updates, node.op.emit))
            multiplied |= {x for leaf, x in zip(body.givens, givens, strict=False) if leaf in inside}
        elif isinstance(node.op, PRODUCTS):
            multiplied.update(node.inputs)
    return {_source(node) for node in multiplied}


def _source(node: Node) -> Node:
    while isinstance(node.op, MOVES):
        (node,) = node.inputs
    return node
