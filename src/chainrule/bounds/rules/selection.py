"""Comparisons, selections, and functions of scores, most of which have constant bounds only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.bounds.interval import TINY, Arithmetic, Interval, gamma
from chainrule.bounds.rule import BoundRule, Relaxation
from chainrule.ops.operation_card import Card

TERMS = 2**20  # exponentials that are computed at once
WIDEST = 40.0  # an interval of scores; chords of wider exponentials are of no use


class Comparison(BoundRule):
    """``a < b`` and the like: surely true (``lower``), possibly true (``upper``).

    Args:
        is_ascending: whether a larger ``a`` makes it true.
    """

    def __init__(self, is_ascending: bool) -> None:
        self.is_ascending = is_ascending

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        a, b = inputs if self.is_ascending else reversed(inputs)
        pairs = (a.lower, b.upper), (a.upper, b.lower)
        sure, possible = (op.evaluate(*(p if self.is_ascending else p[::-1])) for p in pairs)
        return Interval(sure, possible | np.isnan(a.upper) | np.isnan(b.lower))  # NaN: no bound


class Monotone(BoundRule):
    """A function that does not decrease in any input and is not rounded."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        return Interval(op.evaluate(*(x.lower for x in inputs)), op.evaluate(*(x.upper for x in inputs)))


class Not(BoundRule):
    """The negation of a truth value."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        return Interval(op.evaluate(inputs[0].upper), op.evaluate(inputs[0].lower))


class Equality(BoundRule):
    """``a == b``: surely true of two equal points, possibly true where the intervals overlap."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        a, b = inputs
        is_sure = (a.lower == a.upper) & (b.lower == b.upper) & (a.lower == b.lower)
        return Interval(is_sure, ~((a.upper < b.lower) | (b.upper < a.lower)))


class Inequality(Equality):
    """``a != b``."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        equal = super().interval(op, inputs, terms)
        return Interval(~equal.upper, ~equal.lower)


class Finite(BoundRule):
    """The finiteness of a number; surely true if both bounds are finite."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        (x,) = inputs
        is_sure = np.isfinite(x.lower) & np.isfinite(x.upper)
        return Interval(is_sure, np.ones_like(is_sure))


class Selected(BoundRule):
    """``where(condition, a, b)``: linear where the condition is certain."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        condition, a, b = inputs
        sure, possible = condition.lower, condition.upper
        low = np.where(sure, a.lower, np.where(possible, np.minimum(a.lower, b.lower), b.lower))
        return Interval(
            low, np.where(sure, a.upper, np.where(possible, np.maximum(a.upper, b.upper), b.upper))
        )

    def open_elements(self, inputs: Sequence[Interval]) -> tuple[np.ndarray, ...]:
        is_uncertain = inputs[0].lower != inputs[0].upper
        return tuple((x.lower < x.upper) & is_uncertain for x in inputs)

    def relax(self, op: Card, y: Interval, inputs: Sequence[Interval]) -> Relaxation | None:
        condition = inputs[0]
        sure, never = condition.lower, ~condition.upper
        factors = (None, np.where(sure, 1.0, 0.0), np.where(never, 1.0, 0.0))
        is_certain = sure | never
        return Relaxation(
            factors, factors, np.where(is_certain, 0.0, y.lower), np.where(is_certain, 0.0, y.upper)
        )


class Scores(BoundRule):
    """Softmax and its logarithm: ``1 / (1 + sum over the others of exp(x[k] - x[j]))``.

    Args:
        is_logarithm: whether the logarithm is taken.
    """

    def __init__(self, is_logarithm: bool) -> None:
        self.is_logarithm = is_logarithm

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        (x,), axis = inputs, op.attributes["axis"]
        lower, upper = np.moveaxis(x.lower, axis, -1), np.moveaxis(x.upper, axis, -1)
        low, high = self._value(lower, upper), self._value(upper, lower)
        error = gamma(lower.shape[-1]) * 64  # exp(d) has the relative error of |d| <= 745 roundings
        if self.is_logarithm:
            size = np.maximum(np.abs(lower), np.abs(upper)).max(-1, keepdims=True)
            low, high = (v + sign * error * (1.0 + np.abs(v) + size) for v, sign in ((low, -1), (high, 1)))
        else:
            low, high = low * (1.0 - error) - TINY, high * (1.0 + error) + TINY
        return Interval(np.moveaxis(low, -1, axis), np.moveaxis(high, -1, axis))

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        axis = op.attributes["axis"]
        return rounded_scores(y, inputs[0].magnitude.max(axis, keepdims=True), terms, arithmetic)

    def _value(self, own: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return the value with each score from ``own`` and the others from ``others``, some at a time."""
        size = own.shape[-1]
        step = max(TERMS // max(own.size, 1), 1)
        total = np.empty_like(own)
        for first in range(0, size, step):
            part = slice(first, min(first + step, size))
            with np.errstate(all="ignore"):
                terms = np.exp(others[..., None, :] - own[..., part, None])  # (..., K) -> (..., k, K)
            place = np.arange(part.start, part.stop)
            terms[..., place - first, place] = 0.0
            total[..., part] = terms.sum(-1)
        return -np.log1p(total) if self.is_logarithm else 1.0 / (1.0 + total)


class SmoothMaximum(BoundRule):
    """The logarithm of a sum of exponentials."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        (x,), axis = inputs, op.attributes["axis"]
        margin = gamma(x.lower.shape[axis]) * 64 * (1.0 + x.magnitude.max(axis))
        return Interval(op.evaluate(x.lower) - margin, op.evaluate(x.upper) + margin)

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        return rounded_scores(y, inputs[0].magnitude.max(op.attributes["axis"]), terms, arithmetic)

    def relax(self, op: Card, y: Interval, inputs: Sequence[Interval]) -> Relaxation | None:
        # Below: p x + H(p) with p = softmax of the middle; logsumexp is the largest of these planes.
        # Above: chords of the exponentials, then a tangent of the logarithm.
        (x,), axis = inputs, op.attributes["axis"]
        center = 0.5 * x.lower + 0.5 * x.upper
        top = np.expand_dims(op.evaluate(center), axis)
        share = np.exp(center - top)
        share = share / share.sum(axis, keepdims=True)
        entropy = -np.where(share > 0, share * np.log(np.where(share > 0, share, 1.0)), 0.0).sum(axis)
        low, high = np.exp(x.lower - top), np.exp(x.upper - top)
        width = x.upper - x.lower
        slope = np.where(width > 0, (high - low) / np.where(width > 0, width, 1.0), low)
        rest = np.maximum(low - slope * x.lower, high - slope * x.upper)
        total = (slope * center + rest).sum(axis, keepdims=True)  # at least 1, the sum of exp at the middle
        above = slope / total
        constant = (top + np.log(total) - 1.0 + rest.sum(axis, keepdims=True) / total).squeeze(axis)
        height = (above * center).sum(axis) + constant
        is_used = np.isfinite(height) & (height < y.upper) & (width.max(axis) < WIDEST)
        above = np.where(np.expand_dims(is_used, axis), above, 0.0)
        size = 2.0 + x.magnitude.max(axis) * (1.0 + above.sum(axis)) + (np.abs(rest) / total).sum(axis)
        margin = gamma(x.lower.shape[axis]) * 64 * size
        upper = np.where(is_used, constant + margin, y.upper)
        return Relaxation((share,), (above,), entropy - margin, upper, lambda a: np.expand_dims(a, axis))


def rounded_scores(y: Interval, size: np.ndarray, terms: int, arithmetic: Arithmetic) -> np.ndarray:
    """Return the error of a function of exponentials of scores up to ``size``."""
    error = (terms + 128) * 8 * arithmetic.unit * (1.0 + y.magnitude + size) + arithmetic.absolute
    return np.where(size < arithmetic.largest, error, np.inf)


RULES: dict[str, BoundRule] = {
    "greater": Comparison(True),
    "greater_equal": Comparison(True),
    "less": Comparison(False),
    "less_equal": Comparison(False),
    "equal": Equality(),
    "not_equal": Inequality(),
    "is_finite": Finite(),
    "logical_and": Monotone(),
    "logical_or": Monotone(),
    "logical_not": Not(),
    "where": Selected(),
    "floor": Monotone(),
    "sign": Monotone(),
    "softmax": Scores(False),
    "log_softmax": Scores(True),
    "logsumexp": SmoothMaximum(),
}
