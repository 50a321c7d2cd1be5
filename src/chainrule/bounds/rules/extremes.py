"""Maxima and minima: over axes, of two values.

Below a maximum lies each of its elements, of which the one with the largest lower bound is used. The maximum
*is* that element if no other can exceed it; otherwise a constant lies above.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.bounds.interval import TINY, UNIT, Interval
from chainrule.bounds.rule import BoundRule, Relaxation
from chainrule.ops.operation_card import Card


class Reduced(BoundRule):
    """The largest or the smallest value over axes.

    Args:
        sign: 1 for the largest, -1 for the smallest.
    """

    def __init__(self, sign: int) -> None:
        self.sign = sign

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        return Interval(op.evaluate(inputs[0].lower), op.evaluate(inputs[0].upper))

    def open_elements(self, inputs: Sequence[Interval]) -> tuple[np.ndarray, ...]:
        return (np.zeros(inputs[0].lower.shape, bool),)  # a pixel is in several windows: too expensive

    def relax(self, op: Card, y: Interval, inputs: Sequence[Interval]) -> Relaxation | None:
        (x,) = inputs
        axes = op.attributes["axes"]
        lower, upper = (x.lower, x.upper) if self.sign > 0 else (-x.upper, -x.lower)
        chosen = _first_largest(lower, axes)
        others = np.where(chosen, -np.inf, upper).max(axis=axes, keepdims=True)
        own = np.where(chosen, lower, -np.inf).max(axis=axes, keepdims=True)
        wins = own >= others
        near = np.where(np.isfinite(own), chosen.astype(np.float64), np.nan)
        far = np.where(wins, near, 0.0)
        bound = y.upper if self.sign > 0 else y.lower
        constant = np.where(wins.reshape(bound.shape), 0.0, bound)
        factors = ((near,), (far,)) if self.sign > 0 else ((far,), (near,))
        zero = np.zeros_like(bound)
        constants = (zero, constant) if self.sign > 0 else (constant, zero)
        is_kept = op.attributes["keepdims"]
        return Relaxation(*factors, *constants, spread=lambda a: a if is_kept else np.expand_dims(a, axes))


def _first_largest(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return where the largest element over axes is: exactly one for each result."""
    moved = np.moveaxis(array, axes, range(-len(axes), 0))
    flat = moved.reshape(*moved.shape[: array.ndim - len(axes)], -1)
    mask = np.zeros(flat.shape, bool)
    np.put_along_axis(mask, flat.argmax(-1)[..., None], True, -1)
    return np.moveaxis(mask.reshape(moved.shape), range(-len(axes), 0), axes)


class Paired(BoundRule):
    """The larger or the smaller of two values: ``b + relu(a - b)`` with the chord of relu above.

    Args:
        sign: 1 for the larger, -1 for the smaller.
    """

    def __init__(self, sign: int) -> None:
        self.sign = sign

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        a, b = inputs
        return Interval(op.evaluate(a.lower, b.lower), op.evaluate(a.upper, b.upper))

    def relax(self, op: Card, y: Interval, inputs: Sequence[Interval]) -> Relaxation | None:
        a, b = inputs
        size = a.magnitude + b.magnitude
        low, high = (a.lower - b.upper, a.upper - b.lower)
        if self.sign < 0:
            low, high = -high, -low
        margin = 4.0 * UNIT * size + TINY
        low, high = low - margin, high + margin
        is_open = (low < 0) & (high > 0)
        certain = np.where(low >= 0, 1.0, np.where(high <= 0, 0.0, np.nan))  # NaN: no bound
        share = np.where(is_open, high / np.where(is_open, high - low, 1.0), certain)
        near = np.where(is_open, np.where(high > -low, 1.0, 0.0), share)
        # The chord of relu over [low, high] is share * d + rise; the other factor 1 - share is rounded.
        rise = np.where(
            is_open, np.maximum(-share * low, high - share * high) + 8.0 * UNIT * size + TINY, 0.0
        )
        far, zero = (share, 1.0 - share), np.zeros_like(rise)
        close = (near, 1.0 - near)
        if self.sign > 0:
            return Relaxation(close, far, zero, rise)
        return Relaxation(far, close, -rise, zero)


RULES: dict[str, BoundRule] = {
    "max": Reduced(1),
    "min": Reduced(-1),
    "maximum": Paired(1),
    "minimum": Paired(-1),
}
