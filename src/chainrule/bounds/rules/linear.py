"""Linear operations: sums, products with constants, rearrangements, convolutions.

Their backward rule is the pullback of the card: for ``y = L x + b`` the linear function ``<a, y>`` is
``<L^T a, x> + <a, b>``, and the pullback computes ``L^T a``. So an operation needs only the statement that it
is linear, and how its value is computed from absolute values (``absolute``), which gives radius and rounding
error:

    |computed - exact| <= gamma(n) * absolute(|x|, |w|)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from chainrule.bounds.interval import Arithmetic, Interval, gamma, middle, widened
from chainrule.bounds.rule import BoundRule, Relaxation
from chainrule.ops.operation_card import Card
from chainrule.symbolic_shape import FLOATS

Arrays: TypeAlias = "Sequence[np.ndarray]"


class Linear(BoundRule):
    """An operation that is linear in each input."""

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        """Return the value with all coefficients replaced by their absolute values."""
        return op.evaluate(*inputs)

    def is_linear(self, op: Card, variable: Sequence[bool]) -> bool:
        return True

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        centers, radii = zip(*(middle(x.lower, x.upper) for x in inputs), strict=True)
        center = op.evaluate(*centers)
        sizes = [x.magnitude for x in inputs]
        error = gamma(terms) * self.absolute(op, *sizes)
        radius = widened(self._radius(op, centers, radii) + error, gamma(terms))
        return Interval(center - radius, center + radius)

    def _radius(self, op: Card, centers: Arrays, radii: Arrays) -> np.ndarray:
        return self.absolute(op, *radii)

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        total = self.absolute(op, *(x.magnitude for x in inputs))
        return rounded_sum(total, self.summands(op, inputs, terms), arithmetic)

    def summands(self, op: Card, inputs: Sequence[Interval], terms: int) -> int:
        """Return the most numbers that are added up for an element of the value, at most ``terms``."""
        return terms

    def slack(self, op: Card, inputs: Sequence[Interval], variable: Sequence[bool], terms: int) -> np.ndarray:
        """Return how much passing a linear function back may change it, for coefficients of 1.

        It contains the slack of linear inputs, the rounding of the pullback, and the radius of constants.
        """
        sizes = [x.magnitude for x in inputs]
        total = self.absolute(op, *sizes)
        inherited = [
            x.slack if is_variable and x.slack is not None else np.zeros_like(x.magnitude)
            for x, is_variable in zip(inputs, variable, strict=True)
        ]
        error = gamma(terms) * total + self._inherited(op, inherited, sizes)
        for i, (x, is_variable) in enumerate(zip(inputs, variable, strict=True)):
            if not is_variable and not x.is_point:
                parts = [middle(x.lower, x.upper)[1] if j == i else size for j, size in enumerate(sizes)]
                error = error + self._of_constant(op, parts, i)
        return widened(error, 1e-9)

    def _inherited(self, op: Card, slacks: Arrays, sizes: Arrays) -> np.ndarray:
        return self.absolute(op, *slacks)

    def _of_constant(self, op: Card, parts: Arrays, i: int) -> np.ndarray:
        zeros = [part if j == i else np.zeros_like(part) for j, part in enumerate(parts)]
        return self.absolute(op, *zeros)

    def offset(self, op: Card, inputs: Arrays, variable: Sequence[bool]) -> np.ndarray | None:
        """Return the value at 0: the part that does not depend on the data; ``None`` if it is 0.

        Args:
            inputs: centers of constants; zeros for inputs that depend on the data.
            variable: which inputs do.
        """
        return None if all(variable) else op.evaluate(*inputs)


def rounded_sum(total: np.ndarray, terms: int, arithmetic: Arithmetic) -> np.ndarray:
    """Return the error of a sum of ``terms`` products whose absolute values add up to ``total``."""
    error = gamma(terms, arithmetic.unit) * total * (1.0 + 1e-9) + arithmetic.tiny * (terms + 2)
    return np.where(total < arithmetic.largest, error, np.inf)


class Rearrangement(Linear):
    """An operation that moves or repeats elements: exact, so bounds are moved as they are."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        lower = op.evaluate(*(x.lower for x in inputs))
        if all(x.lower is x.upper for x in inputs):
            return Interval(lower, lower)
        return Interval(lower, op.evaluate(*(x.upper for x in inputs)))

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        return 0.0


class Windows(Rearrangement):
    """The windows of an image; the padding has a fixed value, which may be minus infinity."""

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        return replace(op, fill=0.0).evaluate(*inputs)  # pyright: ignore[reportCallIssue]

    def offset(self, op: Card, inputs: Arrays, variable: Sequence[bool]) -> np.ndarray | None:
        fill = op.attributes["fill"]
        return None if fill == 0 else op.evaluate(*inputs)


class Addition(Linear):
    """``a + b``."""

    def summands(self, op: Card, inputs: Sequence[Interval], terms: int) -> int:
        return 1


class Difference(Addition):
    """``a - b``."""

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0] + inputs[1]


class Negative(Linear):
    """``-x``."""

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0]

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        return Interval(-inputs[0].upper, -inputs[0].lower)

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        return 0.0


class Conversion(Rearrangement):
    """A change of the dtype: between floats the value stays, as bounds hold in exact arithmetic."""

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0].astype(np.float64)

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        (x,), dtype = inputs, op.attributes["dtype"]
        if dtype in FLOATS:
            return Interval(x.lower.astype(np.float64), x.upper.astype(np.float64))
        if dtype == "bool":  # whether it is not 0; NaN, no bound, leaves both possible
            return Interval((x.lower > 0) | (x.upper < 0), ~((x.lower == 0) & (x.upper == 0)))
        info = np.iinfo(dtype)  # truncation does not decrease; beyond the range the value may be any
        is_inside = (x.lower >= info.min) & (x.upper < float(info.max))
        ends = (np.where(is_inside, end, 0).astype(dtype) for end in (x.lower, x.upper))
        extremes = np.array([info.min, info.max], dtype)
        return Interval(*(np.where(is_inside, end, e) for end, e in zip(ends, extremes, strict=True)))

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        return rounded_sum(inputs[0].magnitude.astype(np.float64), 1, arithmetic)

    def is_linear(self, op: Card, variable: Sequence[bool]) -> bool:
        return op.attributes["dtype"] in FLOATS


class Unchanged(BoundRule):
    """The value itself, where only the derivative differs, so the pullback cannot be used."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        return inputs[0].with_slack(None)

    def relax(self, op: Card, y: Interval, inputs: Sequence[Interval]) -> Relaxation | None:
        one, zero = np.ones_like(y.lower), np.zeros_like(y.lower)
        return Relaxation((one,), (one,), zero, zero)


_MOVES = Rearrangement()
RULES: dict[str, BoundRule] = {
    "add": Addition(),
    "subtract": Difference(),
    "negative": Negative(),
    "sum": Linear(),
    "transpose": _MOVES,
    "reshape": _MOVES,
    "broadcast": _MOVES,
    "slice": _MOVES,
    "pad": _MOVES,
    "concatenate": _MOVES,
    "patches": Windows(),
    "fold": Linear(),
    "cast": Conversion(),
    "stop_gradient": Unchanged(),
}
