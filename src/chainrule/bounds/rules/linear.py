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

from chainrule.bounds.interval import Interval
from chainrule.bounds.rounding import gamma, middle, widened
from chainrule.bounds.rule import Relaxation, Rule
from chainrule.ops.card import Card
from chainrule.spec import FLOATS

Arrays: TypeAlias = "Sequence[np.ndarray]"


class Linear(Rule):
    """An operation that is linear in each input."""

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        """The value with all coefficients replaced by their absolute values."""
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

    def slack(self, op: Card, inputs: Sequence[Interval], variable: Sequence[bool], terms: int) -> np.ndarray:
        """How much passing a linear function back through the operation may change it, for coefficients of 1.

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
        """The value at 0: the part that does not depend on the data; ``None`` if it is 0.

        Args:
            op: the card.
            inputs: centers of constants; zeros for inputs that depend on the data.
            variable: which inputs do.
        """
        return None if all(variable) else op.evaluate(*inputs)


class Rearrangement(Linear):
    """An operation that moves or repeats elements: exact, so bounds are moved as they are."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        lower = op.evaluate(*(x.lower for x in inputs))
        if all(x.lower is x.upper for x in inputs):
            return Interval(lower, lower)
        return Interval(lower, op.evaluate(*(x.upper for x in inputs)))


class Windows(Rearrangement):
    """The windows of an image; the padding has a fixed value, which may be minus infinity."""

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        return replace(op, fill=0.0).evaluate(*inputs)  # pyright: ignore[reportCallIssue]

    def offset(self, op: Card, inputs: Arrays, variable: Sequence[bool]) -> np.ndarray | None:
        fill = op.attributes["fill"]
        return None if fill == 0 else op.evaluate(*inputs)


class Difference(Linear):
    """``a - b``."""

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0] + inputs[1]


class Negative(Linear):
    """``-x``."""

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0]

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        return Interval(-inputs[0].upper, -inputs[0].lower)


class Conversion(Rearrangement):
    """A change of the dtype: between floats the value stays, as bounds hold in exact arithmetic."""

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0].astype(np.float64)

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        (x,) = inputs
        if op.attributes["dtype"] not in FLOATS:  # truncation does not decrease
            return Interval(op.evaluate(x.lower), op.evaluate(x.upper))
        return Interval(x.lower.astype(np.float64), x.upper.astype(np.float64))

    def is_linear(self, op: Card, variable: Sequence[bool]) -> bool:
        return op.attributes["dtype"] in FLOATS


class Unchanged(Rule):
    """The value itself, where only the derivative differs, so the pullback cannot be used."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        return inputs[0].with_slack(None)

    def relax(self, op: Card, y: Interval, inputs: Sequence[Interval]) -> Relaxation | None:
        one, zero = np.ones_like(y.lower), np.zeros_like(y.lower)
        return Relaxation((one,), (one,), zero, zero)


_MOVES = Rearrangement()
RULES: dict[str, Rule] = {
    "add": Linear(),
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
