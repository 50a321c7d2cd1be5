"""Functions that round: they never decrease, and differ from their argument by a bounded error.

A value therefore lies between the values at the ends of its interval, and between two lines of slope 1. They
make proofs hold for networks whose factors are rounded to bfloat16, or to integers of 8 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from chainrule.bounds.interval import TINY, UNIT, Interval
from chainrule.bounds.rule import BoundRule, Relaxation
from chainrule.ops.operation_card import Card
from chainrule.records import frozen

Errors = Callable[[np.ndarray], "tuple[np.ndarray | float, np.ndarray | float]"]


@frozen(eq=False)
class Step(BoundRule):
    """A function that rounds.

    Args:
        errors: by how much a value is at most below and above an argument of at most some magnitude.
        takes_float32: whether it is defined for float32 numbers alone; the ends of an interval are then
            replaced by the float32 numbers outside it that are nearest.
    """

    errors: Errors
    takes_float32: bool = False

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        (x,) = inputs
        low, high = x.lower, x.upper
        if self.takes_float32:
            low, high = _float32_below(low), -_float32_below(-high)
        return Interval(*(op.evaluate(end).astype(np.float64) for end in (low, high)))

    def relax(self, op: Card, y: Interval, inputs: Sequence[Interval]) -> Relaxation | None:
        (x,) = inputs
        size = x.magnitude
        below, above = self.errors(size)
        is_open = (y.lower < y.upper) & np.isfinite(size)  # elsewhere the value is constant
        margin = 8.0 * UNIT * size + TINY
        factor = np.where(is_open, 1.0, 0.0)
        low = np.where(is_open, -below - margin, y.lower)
        return Relaxation((factor,), (factor,), low, np.where(is_open, above + margin, y.upper))


def _float32_below(x: np.ndarray) -> np.ndarray:
    """Return the largest float32 number that is not above each number."""
    with np.errstate(over="ignore"):
        near = x.astype(np.float32)
    return np.where(near > x, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)


def _half_unit(size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest error of bfloat16: half a unit in the last of 8 places; subnormals become 0."""
    _, exponent = np.frexp(size)  # size < 2**exponent
    error = np.ldexp(1.0, np.maximum(exponent - 9, -126)) + 2.0**-24 * size  # of float32
    return error, error


RULES: dict[str, BoundRule] = {
    "floor": Step(lambda size: (1.0, 0.0)),
    "round_to_bfloat16": Step(_half_unit, takes_float32=True),
}
