"""Weighted sums along an axis, rows by index, products over axes, powers, and functions of indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from chainrule.bounds.interval import TINY, Arithmetic, Interval, gamma
from chainrule.bounds.rule import BoundRule, reduced_axes
from chainrule.bounds.rules.linear import Linear, Rearrangement, rounded_sum
from chainrule.bounds.rules.monotone import ACCURACY, rounded_function
from chainrule.ops.operation_card import Card


class Resampling(Linear):
    """Weighted sums of a few elements along an axis."""

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        taps = tuple(tuple((cell, abs(weight)) for cell, weight in taps) for taps in op.attributes["taps"])
        return replace(op, taps=taps).evaluate(*inputs)  # pyright: ignore[reportCallIssue]


class TableRows(Rearrangement):
    """The rows of a table; if the index is not certain, every row between its bounds is possible."""

    def is_linear(self, op: Card, variable: Sequence[bool]) -> bool:
        return not variable[1]

    def absolute(self, op: Card, *inputs: np.ndarray) -> np.ndarray:
        return op.evaluate(inputs[0], inputs[1].astype(np.int64))

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        table, index = inputs
        last = table.lower.shape[0] - 1
        first, end = (np.clip(ends, 0, last).astype(np.int64) for ends in (index.lower, index.upper))
        lower, upper = table.lower[first], table.upper[first]
        for row in range(last + 1):
            is_possible = (first <= row) & (row <= end)
            is_possible = is_possible.reshape(*is_possible.shape, *[1] * (table.lower.ndim - 1))
            lower = np.where(is_possible, np.minimum(lower, table.lower[row]), lower)
            upper = np.where(is_possible, np.maximum(upper, table.upper[row]), upper)
        return Interval(lower, upper)


class Marked(BoundRule):
    """A 1 at the index, 0 elsewhere: certain if the index is."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        (index,) = inputs
        places = np.arange(op.attributes["depth"])
        first, last = index.lower[..., None], index.upper[..., None]
        is_possible = (first <= places) & (places <= last)
        is_sure = is_possible & (first == last)
        return Interval(is_sure.astype(np.float64), is_possible.astype(np.float64))


class Largest(BoundRule):
    """The index of the largest element: one of those that no lower bound of another exceeds."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        (x,), (axis,) = inputs, reduced_axes(op)
        is_possible = ~(x.upper < x.lower.max(axis, keepdims=True))  # NaN, no bound, is possible
        count = x.lower.shape[axis]
        last = count - 1 - np.flip(is_possible, axis).argmax(axis)
        shape = op.evaluate(x.lower).shape
        return Interval(is_possible.argmax(axis).reshape(shape), last.reshape(shape))


class Product(BoundRule):
    """The product over axes, element by element."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        (x,), axes = inputs, reduced_axes(op)
        moved = [np.moveaxis(end, axes, range(len(axes))) for end in (x.lower, x.upper)]
        rest = moved[0].shape[len(axes) :]
        lower, upper = (end.reshape(-1, *rest) for end in moved)
        low, high = np.ones(rest), np.ones(rest)
        with np.errstate(all="ignore"):
            for a, b in zip(lower, upper, strict=True):
                corners = [low * a, low * b, high * a, high * b]
                low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
        error = gamma(2 * len(lower))
        low, high = low - error * np.abs(low) - TINY, high + error * np.abs(high) + TINY
        shape = op.evaluate(x.lower).shape
        return Interval(low.reshape(shape), high.reshape(shape))

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        magnitude = inputs[0].magnitude
        partial = np.maximum(magnitude, 1.0).prod(reduced_axes(op)).reshape(y.lower.shape)
        return rounded_sum(partial, terms, arithmetic)


class Raised(BoundRule):
    """The power: monotone in each argument for bases above 0; for others only constant integer exponents."""

    def interval(self, op: Card, inputs: Sequence[Interval], terms: int) -> Interval:
        x, p = inputs
        with np.errstate(all="ignore"):
            corners = [np.power(a, b) for a in (x.lower, x.upper) for b in (p.lower, p.upper)]
            low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
        is_integer = (p.lower == p.upper) & (p.lower == np.floor(p.lower)) & (np.abs(p.lower) < 2**50)
        has_zero = (x.lower <= 0) & (x.upper >= 0)
        low = np.where(has_zero & is_integer & (p.lower > 0), np.minimum(low, 0.0), low)
        is_known = (x.lower > 0) | (is_integer & ((p.lower >= 0) | ~has_zero))
        margin = ACCURACY * np.maximum(np.abs(low), np.abs(high)) + TINY
        low, high = np.where(is_known, low - margin, np.nan), np.where(is_known, high + margin, np.nan)
        return Interval(low, high)

    def rounding(
        self, op: Card, y: Interval, inputs: Sequence[Interval], terms: int, arithmetic: Arithmetic
    ) -> np.ndarray | float:
        return rounded_function(y, arithmetic)


RULES: dict[str, BoundRule] = {
    "resample": Resampling(),
    "gather": TableRows(),
    "one_hot": Marked(),
    "argmax": Largest(),
    "prod": Product(),
    "power": Raised(),
}
