"""Functions of one number: relu, sigmoid, tanh, exp, ...

For any slope ``s`` the line ``s x + t`` lies below ``f`` on an interval if ``t`` is the smallest value of
``f(x) - s x`` there, which is taken at an end, at a corner of ``f``, or where ``f'(x) = s``. So a slope can
be chosen freely, and the line is right by its intercept: of a few slopes (chord, tangents, the smaller of
the slopes at the ends) the line that is tightest in the middle is used.

Reference: Zhang, Weng, Chen, Hsieh and Daniel (2018), Efficient neural network robustness certification with
general activation functions (NeurIPS), table 2; the search over factors is our own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from chainrule.bounds.interval import TINY, UNIT, Arithmetic, Interval
from chainrule.bounds.rule import BoundRule, Relaxation
from chainrule.ops.operation_card import Card
from chainrule.records import frozen

ACCURACY = 2.0**-46  # relative error of NumPy's functions, which are within a few units in the last place
FLATTEST = 1e-8  # smaller factors are replaced by 0, so that points of equal slope are well conditioned
Numbers = Callable[[np.ndarray], np.ndarray]


@frozen(eq=False)
class Curve(BoundRule):
    """A function of one number.

    Args:
        derivative: its derivative; only the quality of the bounds depends on it.
        equal_slope: the points at which the derivative has this value, for smooth parts of the function.
        corners: the points where it is not smooth.
        turns: the points where it turns from decreasing to increasing or back.
        is_exact: whether its values are not rounded.
    """

    derivative: Numbers
    equal_slope: Callable[[np.ndarray], Sequence[np.ndarray]] | None = None
    corners: tuple[float, ...] = ()
    turns: tuple[float, ...] = ()
    is_exact: bool = False

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        (x,) = inputs
        with np.errstate(all="ignore"):
            values = [op.evaluate(p) for p in (x.lower, x.upper, *self._inside(op, x, self.turns))]
        low, high = np.minimum.reduce(values), np.maximum.reduce(values)
        if self.is_exact:
            return Interval(low, high)
        return Interval(low - ACCURACY * np.abs(low) - TINY, high + ACCURACY * np.abs(high) + TINY)

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        return 0.0 if self.is_exact else rounded_function(y, arithmetic)

    def relax(self, op: Card, y: Interval, inputs: Sequence[Interval]) -> Relaxation | None:
        (x,) = inputs
        with np.errstate(all="ignore"):
            fixed = [x.lower, x.upper, *self._inside(op, x, (*self.corners, *self._corners_of(op)))]
            values = [op.evaluate(p) for p in fixed]
            lines = [self._line(op, x, slope, fixed, values) for slope in self._directions(op, x, values)]
        lines.append((np.zeros_like(x.lower), y.lower, y.upper))
        center = 0.5 * x.lower + 0.5 * x.upper
        below, low = _best([(s, t) for s, t, _ in lines], center, 1.0)
        above, high = _best([(s, t) for s, _, t in lines], center, -1.0)
        return Relaxation((below,), (above,), low, high)

    def _corners_of(self, op: Card) -> tuple[float, ...]:
        return ()

    def _inside(self, op: Card, x: Interval, points: Sequence[float]) -> list[np.ndarray]:
        return [np.clip(np.full_like(x.lower, p), x.lower, x.upper) for p in points]

    def _directions(self, op: Card, x: Interval, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the slopes to try."""
        left, right = self.derivative(x.lower), self.derivative(x.upper)
        chord = (values[1] - values[0]) / (x.upper - x.lower)
        chord = np.where(np.isfinite(chord), chord, left)
        tangent = self.derivative(0.5 * x.lower + 0.5 * x.upper)
        return [chord, tangent, np.minimum(left, right)]

    def _line(
        self, op: Card, x: Interval, slope: np.ndarray, fixed: list[np.ndarray], values: list[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the slope, and the intercepts of the lines with it below and above the function."""
        slope = np.where(np.isfinite(slope) & (np.abs(slope) >= FLATTEST), slope, 0.0)
        tangents = () if self.equal_slope is None else self.equal_slope(slope)
        tangents = [np.where(np.isnan(p), x.lower, np.clip(p, x.lower, x.upper)) for p in tangents]
        offsets = [v - slope * p for p, v in zip(fixed, values, strict=True)]
        offsets += [op.evaluate(p) - slope * p for p in tangents]
        size = np.maximum.reduce([np.abs(v) for v in values]) + np.abs(slope) * x.magnitude
        error = (8.0 * UNIT if self.is_exact else ACCURACY) * size + TINY
        return slope, np.minimum.reduce(offsets) - error, np.maximum.reduce(offsets) + error


def rounded_function(y: Interval, arithmetic: Arithmetic) -> np.ndarray:
    """Return the error of a function that is computed with a few units in the last place."""
    error = arithmetic.relative * y.magnitude + arithmetic.absolute
    return np.where(y.magnitude < arithmetic.largest, error, np.inf)


def _best(
    lines: Sequence[tuple[np.ndarray, np.ndarray]], center: np.ndarray, sign: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return elementwise the slope and intercept of the line highest (``sign`` 1) or lowest in the middle."""
    with np.errstate(all="ignore"):
        heights = np.stack([sign * (slope * center + t) for slope, t in lines])
    heights = np.where(np.isfinite(heights), heights, -np.inf)
    index = np.argmax(heights, axis=0)[None]
    factors, intercepts = (np.stack([line[i] for line in lines]) for i in (0, 1))
    return np.take_along_axis(factors, index, 0)[0], np.take_along_axis(intercepts, index, 0)[0]


class Relu(BoundRule):
    """``max(x, 0)``: the chord above, and below the line through 0 with slope 0 or 1."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        return Interval(np.maximum(inputs[0].lower, 0.0), np.maximum(inputs[0].upper, 0.0))

    def open_elements(self, inputs: Sequence[Interval]) -> tuple[np.ndarray, ...]:
        return ((inputs[0].lower < 0) & (inputs[0].upper > 0),)

    def relax(self, op: Card, y: Interval, inputs: Sequence[Interval]) -> Relaxation | None:
        (x,) = inputs
        (is_open,) = self.open_elements(inputs)
        positive = np.where(x.lower >= 0, 1.0, np.where(x.upper <= 0, 0.0, np.nan))  # NaN: no bound
        width = np.where(is_open, x.upper - x.lower, 1.0)
        above = np.where(is_open, x.upper / width, positive)
        below = np.where(is_open, np.where(x.upper > -x.lower, 1.0, 0.0), positive)
        size = np.where(is_open, 8.0 * UNIT * x.magnitude + TINY, 0.0)
        rise = np.maximum(-above * x.lower, x.upper - above * x.upper)
        return Relaxation((below,), (above,), np.zeros_like(below), np.where(is_open, rise + size, 0.0))


class Clip(Curve):
    """The value limited to an interval; the limits are attributes of the card."""

    def _corners_of(self, op: Card) -> tuple[float, ...]:
        return (op.attributes["low"], op.attributes["high"])


class Wave(BoundRule):
    """Sine and cosine.

    Args:
        top: the place of a maximum.
    """

    def __init__(self, top: float) -> None:
        self.top = top

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        (x,) = inputs
        ends = op.evaluate(x.lower), op.evaluate(x.upper)
        margin = 1e-12 * (1.0 + x.magnitude)
        low = np.where(self._contains(x, self.top + np.pi), -1.0, np.minimum(*ends) - margin)
        high = np.where(self._contains(x, self.top), 1.0, np.maximum(*ends) + margin)
        return Interval(np.maximum(low, -1.0), np.minimum(high, 1.0))

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        return rounded_function(y, arithmetic)

    def _contains(self, x: Interval, place: float) -> np.ndarray:
        """Return whether the place, plus a multiple of the period, is in the interval or close to it."""
        margin, period = 1e-9 * (1.0 + x.magnitude), 2.0 * np.pi
        first = np.ceil((x.lower - margin - place) / period) * period + place
        return ~(first > x.upper + margin)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def _both(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x, -x


_ROOT_PI = float(np.sqrt(np.pi))
RULES: dict[str, BoundRule] = {
    "relu": Relu(),
    "exp": Curve(np.exp, lambda s: (np.log(s),)),
    "log": Curve(lambda x: 1.0 / x, lambda s: (1.0 / s,)),
    "sqrt": Curve(lambda x: 0.5 / np.sqrt(x), lambda s: (0.25 / (s * s),)),
    "square": Curve(lambda x: 2.0 * x, lambda s: (0.5 * s,), turns=(0.0,)),
    "abs": Curve(np.sign, corners=(0.0,), turns=(0.0,), is_exact=True),
    "tanh": Curve(lambda x: 1.0 - np.tanh(x) ** 2, lambda s: _both(np.arctanh(np.sqrt(1.0 - s)))),
    "sigmoid": Curve(
        lambda x: _sigmoid(x) * _sigmoid(-x), lambda s: _both(2.0 * np.arctanh(np.sqrt(1.0 - 4.0 * s)))
    ),
    "softplus": Curve(_sigmoid, lambda s: (np.log(s) - np.log1p(-s),)),
    "erf": Curve(
        lambda x: 2.0 / _ROOT_PI * np.exp(-x * x), lambda s: _both(np.sqrt(-np.log(0.5 * _ROOT_PI * s)))
    ),
    "clip": Clip(np.zeros_like, is_exact=True),
    "sin": Wave(0.5 * np.pi),
    "cos": Wave(0.0),
}
