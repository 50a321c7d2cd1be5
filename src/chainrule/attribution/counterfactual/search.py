"""The search for counterfactuals: the smallest changes to one row that bring the wanted answer.

"Had your income been 3,000 higher, the loan would have been granted." Such a sentence has to be *valid* (the
model really answers so), *near* (little is changed), *sparse* (few columns are changed), *possible* (no
column leaves its range, a number of children is whole, an age is not lowered) and there should be *several*,
since not everybody can do the same.

Wachter et al. descend a penalty along the gradient, which gives changes of every column by a little, and
categories that are half of each. Here the columns are searched, few at a time: all single changes are asked
in one batch, then pairs that begin with the most promising single ones, then triples. Every change found is
then drawn back towards the row as far as the answer allows, which also undoes what was not needed. No
gradient is asked for, so whole numbers and categories are as good as any other.

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

GRID = 21  # places tried along a column
BEAM = 16  # partial changes that are gone on with
FINER = 33  # places tried between a change and the row when it is drawn back, twice
MORE = 4  # times as many changes as are wanted are drawn back before the best are chosen
Margin: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""From points (n, C) to how far inside the wanted answer each is (n,): above 0 it is reached."""


@frozen
class Axis:
    """What a column may become.

    Args:
        name: the column.
        low, high: the least and the largest number.
        scale: what counts as a change of 1; a changed category always does.
        step: numbers are multiples of it; 0 where any number will do.
        is_category: whether points hold the number of a level, and not an amount.
        allowed: of a category the places of the levels it may have.
        is_fixed: whether it stays as it is.
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
        """The values that are tried in place of the present one (NaN: missing)."""
        if self.is_fixed:
            return np.zeros(0)
        if self.is_category:
            tried = np.array(self.allowed, np.float64)
        else:
            tried = np.unique(self.snap(np.linspace(self.low, self.high, GRID)))
        return tried[tried != now]

    def snap(self, values: np.ndarray) -> np.ndarray:
        """The nearest values the column may have."""
        if self.step > 0:  # divided, not multiplied by 0.1: 3 / 10 is 0.3
            per = round(1 / self.step) if self.step < 1 else 0
            values = np.round(values * per) / per if per else np.round(values / self.step) * self.step
        return np.clip(values, self.low, self.high)

    def between(self, now: float, then: float) -> np.ndarray:
        """Values from ``now`` to ``then``, both ends among them."""
        if self.is_category or np.isnan(now):
            return np.array([now, then])
        inner = self.snap(np.linspace(now, then, FINER))
        inner[[0, -1]] = now, then  # the row's own value may lie outside the range
        return inner

    def distance(self, now: float, then: np.ndarray) -> np.ndarray:
        """How large a change of this column is."""
        changed = ~((then == now) | (np.isnan(then) & np.isnan(now)))
        if self.is_category or np.isnan(now):
            return changed.astype(float)
        return np.abs(then - now) / (self.scale or 1.0)


@frozen(eq=False)
class Search:
    """A row, what its columns may become, and the answer that is wanted.

    Args:
        margin: how far inside the wanted answer points are.
        start: (C,) the row.
        axes: the columns.
    """

    margin: Margin
    start: np.ndarray
    axes: Sequence[Axis]

    def run(self, most: int, count: int) -> list[np.ndarray]:
        """The changed rows, the nearest first; empty where none was found.

        Args:
            most: how many columns may change in one.
            count: how many are wanted; no two change the same columns.
        """
        found: dict[frozenset[int], np.ndarray] = {}
        beam = [self.start]
        for _ in range(most):
            points = self._extended(beam)
            if not len(points):
                break
            margins = self.margin(points)
            for point in map(self.drawn_back, self._nearest(points[margins > 0])[: MORE * count]):
                found.setdefault(self.changed(point), point)
            beam = self._promising(points[margins <= 0], margins[margins <= 0])
        return self._diverse(list(found.values()), count)

    def changed(self, point: np.ndarray) -> frozenset[int]:
        """Which columns differ from the row."""
        same = (point == self.start) | (np.isnan(point) & np.isnan(self.start))
        return frozenset(np.flatnonzero(~same).tolist())

    def distance(self, points: np.ndarray) -> np.ndarray:
        """How far points (n, C) are from the row: (n,)."""
        each = [axis.distance(self.start[i], points[:, i]) for i, axis in enumerate(self.axes)]
        return np.sum(each, axis=0)

    def _extended(self, beam: Sequence[np.ndarray]) -> np.ndarray:
        """Every point of the beam with one more column changed."""
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
        """Of the points that change the same columns, the one nearest to the row."""
        best: dict[frozenset[int], np.ndarray] = {}
        for i in np.argsort(self.distance(points), kind="stable") if len(points) else ():
            best.setdefault(self.changed(points[i]), points[i])
        return list(best.values())

    def _promising(self, points: np.ndarray, margins: np.ndarray) -> list[np.ndarray]:
        """The points that are gone on with: those that come closest to the wanted answer, and those that gain
        most for the way they go; one for each choice of columns.
        """
        gains = (margins - self.margin(self.start[None])) / self.distance(points)
        best: dict[frozenset[int], np.ndarray] = {}
        for most, order in ((BEAM // 2, np.argsort(-margins)), (BEAM, np.argsort(-gains))):
            for i in order:
                if len(best) >= most:
                    break
                best.setdefault(self.changed(points[i]), points[i])
        return list(best.values())

    def drawn_back(self, point: np.ndarray) -> np.ndarray:
        """The point with each change made as small as the answer allows, first those that do least for their
        size; a change that is not needed goes altogether.
        """
        point = point.copy()
        for i in self._by_worth(point):
            axis, near = self.axes[i], self.start[i]
            for _ in range(2):  # first coarsely, then within the last interval
                values = axis.between(near, point[i])
                trial = np.repeat(point[None], len(values), axis=0)
                trial[:, i] = values
                reached = np.flatnonzero(self.margin(trial) > 0)
                first = int(reached[0]) if len(reached) else len(values) - 1
                near, point[i] = values[max(first - 1, 0)], values[first]
        return point

    def _by_worth(self, point: np.ndarray) -> list[int]:
        """The changed columns in the order of what each adds to the margin for its distance."""
        changed = sorted(self.changed(point))
        without = np.repeat(point[None], len(changed), axis=0)
        without[range(len(changed)), changed] = self.start[changed]
        lost = self.margin(point[None]) - self.margin(without)
        far = [float(self.axes[i].distance(self.start[i], point[i])) for i in changed]
        return [changed[k] for k in np.argsort(lost / far, kind="stable")]

    def _diverse(self, points: list[np.ndarray], count: int) -> list[np.ndarray]:
        """The nearest points, and such as change other columns before such as change the same. More columns
        than another point's are worth it only where the way is shorter.
        """
        chosen: list[np.ndarray] = []
        every = [(float(self.distance(point[None])[0]), point) for point in points]
        rest = [
            (far, point)
            for far, point in every
            if not any(self.changed(p) < self.changed(point) and f <= far for f, p in every)
        ]
        while rest and len(chosen) < count:
            taken = [self.changed(point) for point in chosen]
            costs = [far * (1 + _overlap(self.changed(point), taken)) for far, point in rest]
            chosen.append(rest.pop(int(np.argmin(costs)))[1])
        return sorted(chosen, key=lambda point: float(self.distance(point[None])[0]))


def _overlap(columns: frozenset[int], taken: Sequence[frozenset[int]]) -> float:
    """The largest share of these columns that an earlier choice has, too."""
    return max((len(columns & other) / max(len(columns), 1) for other in taken), default=0.0)
