"""The search for counterfactuals: the smallest changes of one row that lead to the requested prediction.

"Had your income been 3,000 higher, the loan would have been granted." Counterfactuals should be *valid* (the
model gives this prediction), *close* (changes are small), *sparse* (few columns change), *feasible* (no
column leaves its range, a number of children is an integer, an age does not decrease) and *diverse*, since
not every change is possible for every applicant.

Wachter et al. minimize a penalty by gradient descent, which changes every column a little and yields
fractional categories. Here a beam search changes a few columns at a time: all single changes are evaluated in
one batch, then pairs that extend the most promising single changes, then triples. Every valid change is then
shrunk toward the row as far as the prediction allows, which also reverts unnecessary changes. No gradient is
needed, so integers and categories need no special treatment.

    distance = sum over the changed columns of |after - before| / scale,   1 for a changed category

Reference: Wachter, Mittelstadt and Russell (2017), Counterfactual explanations without opening the black box;
Mothilal, Sharma and Tan (2020), Explaining machine learning classifiers through diverse counterfactual
explanations (DiCE).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from chainrule.records import frozen

GRID_POINTS = 21  # values tried along a column
BEAM_WIDTH = 16  # partial changes that are extended
SHRINK_POINTS = 33  # values tried between a change and the row when it is shrunk, twice
CANDIDATES_PER_RESULT = 4  # changes that are shrunk per requested counterfactual
Margin: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""A function from points (n, C) to margins (n,), positive for the requested prediction."""


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
        return np.clip(values, self.low, self.high)

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


@frozen(eq=False)
class Search:
    """A beam search for changes of a row.

    Args:
        margin: the margin of the requested prediction at points.
        start: (C,) the row.
        axes: the columns.
    """

    margin: Margin
    start: np.ndarray
    axes: Sequence[Axis]

    def run(self, max_changes: int, count: int) -> list[np.ndarray]:
        """Return the changed rows, the nearest first; empty if there are none.

        Args:
            max_changes: the maximum number of changed columns in a row.
            count: the maximum number of rows; no two of them change the same columns.
        """
        best: dict[frozenset[int], np.ndarray] = {}
        beam = [self.start]
        for _ in range(max_changes):
            points = self._extended(beam)
            if not len(points):
                break
            margins = self.margin(points)
            for point in map(
                self.shrink, self._nearest(points[margins > 0])[: CANDIDATES_PER_RESULT * count]
            ):
                best.setdefault(self.changed(point), point)
            beam = self._promising(points[margins <= 0], margins[margins <= 0])
        return self._diverse(list(best.values()), count)

    def changed(self, point: np.ndarray) -> frozenset[int]:
        """Return the columns that differ from the row."""
        same = (point == self.start) | (np.isnan(point) & np.isnan(self.start))
        return frozenset(np.flatnonzero(~same).tolist())

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Return the distances of points (n, C) from the row: (n,)."""
        distances = [axis.distance(self.start[i], points[:, i]) for i, axis in enumerate(self.axes)]
        return np.sum(distances, axis=0)

    def _extended(self, beam: Sequence[np.ndarray]) -> np.ndarray:
        """Return every point of the beam with one more changed column."""
        points = []
        for point in beam:
            used = self.changed(point)
            for i, axis in enumerate(self.axes):
                if i in used:
                    continue
                values = axis.choices(self.start[i])
                more = np.repeat(point[None], len(values), axis=0)
                more[:, i] = values
                points.append(more)
        return np.concatenate(points) if points else np.zeros((0, len(self.start)))

    def _nearest(self, points: np.ndarray) -> list[np.ndarray]:
        """Return for each set of changed columns the point nearest to the row."""
        best: dict[frozenset[int], np.ndarray] = {}
        for i in np.argsort(self.distance(points), kind="stable") if len(points) else ():
            best.setdefault(self.changed(points[i]), points[i])
        return list(best.values())

    def _promising(self, points: np.ndarray, margins: np.ndarray) -> list[np.ndarray]:
        """Return the points to extend, one for each set of columns: those with the largest margins, and those
        with the largest gain of margin per distance.
        """
        gains = (margins - self.margin(self.start[None])) / self.distance(points)
        best: dict[frozenset[int], np.ndarray] = {}
        for size, order in ((BEAM_WIDTH // 2, np.argsort(-margins)), (BEAM_WIDTH, np.argsort(-gains))):
            for i in order:
                if len(best) >= size:
                    break
                best.setdefault(self.changed(points[i]), points[i])
        return list(best.values())

    def shrink(self, point: np.ndarray) -> np.ndarray:
        """Return the point with each change made as small as the prediction allows, the least efficient ones
        first.

        Unnecessary changes are reverted.
        """
        point = point.copy()
        for i in self._by_efficiency(point):
            axis, nearer = self.axes[i], self.start[i]
            for _ in range(2):  # first coarsely, then within the last interval
                values = axis.between(nearer, point[i])
                trial = np.repeat(point[None], len(values), axis=0)
                trial[:, i] = values
                reached = np.flatnonzero(self.margin(trial) > 0)
                first = int(reached[0]) if len(reached) else len(values) - 1
                nearer, point[i] = values[max(first - 1, 0)], values[first]
        return point

    def _by_efficiency(self, point: np.ndarray) -> list[int]:
        """Return the changed columns in ascending order of their gain of margin per distance."""
        changed = sorted(self.changed(point))
        without = np.repeat(point[None], len(changed), axis=0)
        without[range(len(changed)), changed] = self.start[changed]
        gains = self.margin(point[None]) - self.margin(without)
        distances = [float(self.axes[i].distance(self.start[i], point[i])) for i in changed]
        return [changed[k] for k in np.argsort(gains / distances, kind="stable")]

    def _diverse(self, points: list[np.ndarray], count: int) -> list[np.ndarray]:
        """Return the nearest points, preferring those that change other columns than the points chosen
        before.

        A point whose columns include those of another point is only considered if it is nearer.
        """
        chosen: list[np.ndarray] = []
        candidates = [(float(self.distance(point[None])[0]), point) for point in points]
        rest = [
            (distance, point)
            for distance, point in candidates
            if not any(
                self.changed(other) < self.changed(point) and other_distance <= distance
                for other_distance, other in candidates
            )
        ]
        while rest and len(chosen) < count:
            earlier = [self.changed(point) for point in chosen]
            costs = [distance * (1 + _overlap(self.changed(point), earlier)) for distance, point in rest]
            chosen.append(rest.pop(int(np.argmin(costs)))[1])
        return sorted(chosen, key=lambda point: float(self.distance(point[None])[0]))


def _overlap(columns: frozenset[int], earlier: Sequence[frozenset[int]]) -> float:
    """Return the largest share of these columns that an earlier choice includes."""
    return max((len(columns & other) / max(len(columns), 1) for other in earlier), default=0.0)
