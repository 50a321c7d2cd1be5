"""Products: elementwise, of matrices, convolutions, and quotients.

A product with a constant is linear (``linear.py``). A product of two values that depend on the data has
planes below and above it, elementwise (McCormick):

    (a - la) (b - lb) >= 0   gives   a b >= lb a + la b - la lb

and constant bounds where it is a sum of products, as in attention.

Reference: McCormick (1976), Computability of global solutions to factorable nonconvex programs, part I
(Mathematical Programming 10), equation 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chainrule.bounds.interval import TINY, UNIT, Arithmetic, Interval, middle
from chainrule.bounds.rule import BoundRule, Relaxation
from chainrule.bounds.rules.linear import Arrays, Linear, rounded_sum
from chainrule.ops.operation_card import Card


class BilinearProduct(Linear):
    """An operation that is linear in each of its two factors."""

    def is_linear(self, op: Card, variable: Sequence[bool]) -> bool:
        return sum(variable) <= 1

    def _radius(self, op: Card, centers: Arrays, radii: Arrays) -> np.ndarray:
        (a, b), (p, q) = (np.abs(centers[0]), np.abs(centers[1])), radii
        return self.absolute(op, p, b + q) + self.absolute(op, a, q)

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        sizes = [x.magnitude + 1e-30 for x in inputs]  # a factor may be replaced by 0 if it is subnormal
        return rounded_sum(self.absolute(op, *sizes), self.summands(op, inputs, terms), arithmetic)

    def _inherited(self, op: Card, slacks: Arrays, sizes: Arrays) -> np.ndarray:
        return self.absolute(op, slacks[0], sizes[1]) + self.absolute(op, sizes[0], slacks[1])

    def _of_constant(self, op: Card, parts: Arrays, i: int) -> np.ndarray:
        return self.absolute(op, *parts)

    def offset(self, op: Card, inputs: Arrays, variable: Sequence[bool]) -> np.ndarray | None:
        return None


class MatrixProduct(BilinearProduct):
    """``a @ b``."""

    def summands(self, op: Card, inputs: Sequence[Interval], terms: int) -> int:
        return inputs[0].lower.shape[-1]


class Convolution(BilinearProduct):
    """A convolution as sums of products; the error of Winograd's algorithm has no useful bound."""

    def summands(self, op: Card, inputs: Sequence[Interval], terms: int) -> int:
        return math.prod(inputs[1].lower.shape[1:])  # (O, *kernel, I)


class ElementwiseProduct(BilinearProduct):
    """``a * b``."""

    def summands(self, op: Card, inputs: Sequence[Interval], terms: int) -> int:
        return 1

    def relax(self, op: Card, y: Interval, inputs: Sequence[Interval]) -> Relaxation | None:
        a, b = inputs
        low = _plane(a.lower, b.lower, a, b), _plane(a.upper, b.upper, a, b)
        high = _plane(a.upper, b.lower, a, b), _plane(a.lower, b.upper, a, b)
        first = low[0][2] >= low[1][2]
        second = high[0][2] <= high[1][2]
        lower = tuple(np.where(first, p, q) for p, q in zip(low[0][:2], low[1][:2], strict=True))
        upper = tuple(np.where(second, p, q) for p, q in zip(high[0][:2], high[1][:2], strict=True))
        error = 8.0 * UNIT * a.magnitude * b.magnitude + TINY
        return Relaxation(lower, upper, -lower[0] * lower[1] - error, -upper[0] * upper[1] + error)


def _plane(at_a: np.ndarray, at_b: np.ndarray, a: Interval, b: Interval) -> tuple[np.ndarray, ...]:
    """Return the plane that touches the product along ``a = at_a`` and ``b = at_b``.

    Returns:
        the coefficients of ``a`` and ``b``, and the value in the middle of the box.
    """
    middle_a, middle_b = 0.5 * (a.lower + a.upper), 0.5 * (b.lower + b.upper)
    at_a, at_b = np.broadcast_arrays(at_a, at_b)
    return at_b, at_a, at_b * middle_a + at_a * middle_b - at_a * at_b


class Quotient(BilinearProduct):
    """``a / b``, for denominators that do not contain 0."""

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0] / inputs[1]

    def is_linear(self, op: Card, variable: Sequence[bool]) -> bool:
        return not variable[1]

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        a, b = inputs
        has_zero = (b.lower <= 0) & (b.upper >= 0)
        with np.errstate(all="ignore"):
            corners = [p / q for p in (a.lower, a.upper) for q in (b.lower, b.upper)]
        low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
        low = np.where(has_zero, -np.inf, low - 2.0 * UNIT * np.abs(low) - TINY)
        return Interval(low, np.where(has_zero, np.inf, high + 2.0 * UNIT * np.abs(high) + TINY))

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        return rounded_sum(y.magnitude, 1, arithmetic)

    def slack(self, op: Card, inputs: Sequence[Interval], variable: Sequence[bool], terms: int) -> np.ndarray:
        a, b = inputs
        center, radius = middle(b.lower, b.upper)
        distance = np.where(b.lower > 0, b.lower, np.where(b.upper < 0, -b.upper, 0.0))
        with np.errstate(all="ignore"):
            inherited = 0.0 if a.slack is None else a.slack / distance
            error = a.magnitude / distance * (4.0 * UNIT + radius / np.abs(center))
        return (inherited + error) * (1.0 + 1e-9) + TINY


RULES: dict[str, BoundRule] = {
    "multiply": ElementwiseProduct(),
    "divide": Quotient(),
    "matmul": MatrixProduct(),
    "convolution": Convolution(),
    "convolution_input": BilinearProduct(),
}
