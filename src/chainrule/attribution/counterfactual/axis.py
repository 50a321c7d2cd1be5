"""The possible values of a column, and the distance of its changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.records import frozen

DIGITS = 6  # significant digits of a number that is printed
GRID_POINTS = 21  # values tried along a column
SHRINK_POINTS = 33  # values tried between a change and the row when it is shrunk


@frozen
class Axis:
    """The possible values of a column.

    Args:
        name: the column.
        low, high: the smallest and the largest number.
        scale: the change that has distance 1; a changed category always has distance 1.
        step: numbers are multiples of it; 0 for any number.
        is_category: whether values are indices of levels.
        allowed: the indices of the allowed levels of a category.
        is_fixed: whether the column does not change.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    scale: float = 1.0
    step: float = 0.0
    is_category: bool = False
    allowed: tuple[int, ...] = ()
    is_fixed: bool = False

    def choices(self, now: float) -> np.ndarray:
        """Return the values to try instead of the current one (NaN: missing)."""
        if self.is_fixed:
            return np.zeros(0)
        if self.is_category:
            values = np.array(self.allowed, np.float64)
        else:
            values = np.unique(self.snap(np.linspace(self.low, self.high, GRID_POINTS)))
        return values[values != now]

    def snap(self, values: np.ndarray) -> np.ndarray:
        """Return the nearest possible values of the column."""
        if self.step > 0:  # divided, not multiplied by 0.1: 3 / 10 is 0.3
            per_unit = round(1 / self.step) if self.step < 1 else 0
            values = (
                np.round(values * per_unit) / per_unit
                if per_unit
                else np.round(values / self.step) * self.step
            )
        elif self.low < self.high:
            values = np.round(values, self._decimals)
        return np.clip(values, self.low, self.high)

    @property
    def _decimals(self) -> int:
        """Decimals of a number without a step: those that are printed, ``DIGITS`` digits of the largest."""
        largest = max(abs(self.low), abs(self.high))
        return min(DIGITS - 1 - int(np.floor(np.log10(largest))), 300)

    def between(self, now: float, then: float) -> np.ndarray:
        """Return values from ``now`` to ``then``, including both."""
        if self.is_category or np.isnan(now):
            return np.array([now, then])
        values = self.snap(np.linspace(now, then, SHRINK_POINTS))
        values[[0, -1]] = now, then  # the value of the row may be outside the range
        return values

    def distance(self, now: float, then: np.ndarray) -> np.ndarray:
        """Return the size of a change of this column."""
        changed = ~((then == now) | (np.isnan(then) & np.isnan(now)))
        if self.is_category or np.isnan(now):
            return changed.astype(float)
        return np.abs(then - now) / (self.scale or 1.0)

    def toward(self, value: float, goal: float, part: float) -> float:
        """Return the value moved toward a goal by a part of the way, by one step at least."""
        if part == 1.0 or self.is_category or np.isnan(goal) or np.isnan(value):
            return float(goal)
        moved = float(self.snap(np.array([value + part * (goal - value)]))[0])
        if moved == value and self.step > 0:
            moved = float(self.snap(np.array([value + np.sign(goal - value) * self.step]))[0])
        return moved if abs(goal - moved) < abs(goal - value) else float(goal)

    def around(self, start: float, value: float, distance: float, count: int) -> np.ndarray:
        """Return values within a distance of a value, at most ``count`` of them for a number."""
        if self.is_fixed:
            return np.zeros(0)
        if self.is_category or np.isnan(value):
            return self.choices(start)
        reach = distance * (self.scale or 1.0)
        values = np.unique(self.snap(value + np.linspace(-reach, reach, count)))
        return values[values != value]


def distances(axes: Sequence[Axis], start: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the distances of points (n, C) from the row (C,): (n,)."""
    return np.sum([axis.distance(start[i], points[:, i]) for i, axis in enumerate(axes)], axis=0)


def changed_columns(start: np.ndarray, point: np.ndarray) -> frozenset[int]:
    """Return the columns of a point (C,) that differ from the row (C,)."""
    same = (point == start) | (np.isnan(point) & np.isnan(start))
    return frozenset(np.flatnonzero(~same).tolist())
