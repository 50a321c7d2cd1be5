"""Intervals of the values of a node, rounded outward."""

from __future__ import annotations

import numpy as np

from chainrule.memoization import cached_property
from chainrule.records import frozen

# Rounding errors of float64 arithmetic, bounded outward.
#
# The bounds of this package are computed in float64 and hold in exact arithmetic. For a sum of ``n``
# products, added in any order and with or without fused multiply-add, the computed value differs from the
# exact one by at most ``gamma(n)`` times the sum of the absolute products. So every linear operation carries
# an error term: ``gamma(n)`` times the same operation on absolute values. ``docs/decisions/0053-certified-
# bounds.md`` has the proof that the terms used here suffice.
#
# Reference: Higham (2002), Accuracy and Stability of Numerical Algorithms, 2nd edition, sections 3.1 and 3.5.

UNIT = 2.0**-53  # unit roundoff of float64
TINY = 1e-290  # above the sum of all underflow errors
SAFETY = 1.0 + 1e-6  # for error terms, which are rounded as well: relative error below 1e-6


@frozen
class Arithmetic:
    """The floating-point numbers that a network computes in.

    Args:
        unit: unit roundoff.
        tiny: above what an underflow changes, also where subnormal numbers are replaced by 0.
        largest: the largest number; beyond it nothing is stated.
        relative, absolute: error of exp, tanh and similar functions: ``relative |y| + absolute``, at least 30
            times what NumPy's, onnxruntime's and the engines' differ by from the exact value.
    """

    unit: float
    tiny: float
    largest: float
    relative: float
    absolute: float


ARITHMETICS = {
    "float32": Arithmetic(2.0**-24, 1e-36, 3.4e38, 2.0**-17, 4e-6),
    "float64": Arithmetic(UNIT, TINY, 1.7e308, 2.0**-40, 1e-12),
}


def gamma(count: int, unit: float = UNIT) -> float:
    """Return the relative error of a sum of ``count`` products; some roundings of its use are included.

    Example:
        >>> 50 * UNIT < gamma(50) < 70 * UNIT
        True
    """
    n = (count + 16) * unit
    return n / (1.0 - n) if n < 0.5 else np.inf


def widened(array: np.ndarray, relative: float) -> np.ndarray:
    """Return values that are not below ``array``, which is 0 or above and has this relative error."""
    return array * (1.0 + relative) + TINY


def middle(lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the center and the radius of intervals; the ball contains the interval."""
    center = 0.5 * lower + 0.5 * upper
    return center, np.maximum(upper - center, center - lower) * (1.0 + 4.0 * UNIT)


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sum of products over all axes but the first: (R, ...) and (R or 1, ...) -> (R,)."""
    rows = len(a)
    if not rows:
        return np.zeros(0)
    flat = np.broadcast_to(b, a.shape).reshape(rows, -1)
    return np.vecdot(a.reshape(rows, -1), flat)


@frozen(eq=False)
class Interval:
    """Bounds of the value of a node, elementwise and inclusive.

    Args:
        lower, upper: the bounds: floating-point numbers in float64, truth values or integers as they are.
        slack: for a linear function of earlier nodes, how much a linear function that is passed back through
            it may change, for a coefficient of 1 (elementwise, 0 or above); else ``None``.
    """

    lower: np.ndarray
    upper: np.ndarray
    slack: np.ndarray | None = None

    @cached_property
    def magnitude(self) -> np.ndarray:
        """The largest absolute value; 0 for the padding of max pooling, whose coefficient is 0."""
        size = np.maximum(np.abs(self.lower), np.abs(self.upper))
        return np.where(self.upper == -np.inf, 0.0, size)

    @property
    def is_point(self) -> bool:
        """Whether every element has a single value."""
        return self.lower is self.upper or bool(np.array_equal(self.lower, self.upper))

    def with_slack(self, slack: np.ndarray | None) -> Interval:
        return Interval(self.lower, self.upper, slack)

    @staticmethod
    def point(value: np.ndarray) -> Interval:
        """Return the interval of a single value; floats are converted to float64, which is exact."""
        value = value.astype(np.float64) if value.dtype.kind == "f" else value
        return Interval(value, value)
