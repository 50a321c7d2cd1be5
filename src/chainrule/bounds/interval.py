"""Values of a node for all inputs of a box: an interval for each element."""

from __future__ import annotations

import numpy as np

from chainrule.memo import cached_property
from chainrule.records import frozen


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
