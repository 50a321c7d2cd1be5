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

Shrinking one column at a time ends where no single change can be smaller, which may be far from the nearest
point: a small step back of one column needs a step forward of another. The nearest results are therefore
improved by exchanges between two columns (``exchanged``), first among their own columns, then among all.

    distance = sum over the changed columns of |after - before| / scale,   1 for a changed category

Reference: Wachter, Mittelstadt and Russell (2017), Counterfactual explanations without opening the black box;
Mothilal, Sharma and Tan (2020), Explaining machine learning classifiers through diverse counterfactual
explanations (DiCE).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from chainrule.attribution.counterfactual.feature_domain import Axis, changed_columns, distances
from chainrule.records import frozen

# Exchange of changes: a part of one change is reverted, and another column changes further to compensate.
#
# A beam search tries few values of each column, so the changes that it finds are rarely the nearest: one
# column may have gone far where two others would have been nearer. Each exchange reverts a part of one change
# and looks for the smallest further change of another column that keeps the requested prediction; it is
# accepted if the sum of the distances falls. The parts become smaller from pass to pass.
#
# For a smooth margin and numbers that are not at a limit of their range, a point that no exchange improves
# satisfies the first-order conditions of a nearest point: all changed columns have the same gain of margin
# per distance, and no unchanged column has a larger one. A single constraint (the margin) and a distance that
# is a sum over columns make pairs sufficient. Gradients are not needed, so integers and categories take part.
#
# Reference: Platt (1998), Sequential minimal optimization, which solves a problem with one linear constraint
# by the same kind of pairs.

PARTS = tuple(0.5**k for k in range(9))  # of a change that is reverted, in the order of the passes
EXTENSIONS = 17  # values tried for the column that compensates, on both sides of its value
LEAST = 1e-9  # decrease of the distance, relative to it, that is an improvement
MAX_EXCHANGES = 50  # in one pass


def exchanged(
    margin: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    axes: Sequence[Axis],
    point: np.ndarray,
    max_changes: int,
    columns: Collection[int] | None = None,
) -> np.ndarray:
    """Return a point with the requested prediction that no exchange improves.

    Args:
        margin: the margin at points (n, C), positive for the requested prediction.
        start: (C,) the row.
        axes: the columns.
        point: (C,) a changed row with a positive margin.
        max_changes: the maximum number of changed columns.
        columns: the columns that may change; by default all.
    """
    usable = range(len(axes)) if columns is None else columns
    for part in PARTS:
        for _ in range(MAX_EXCHANGES):
            nearer = _best_exchange(margin, start, axes, point, max_changes, usable, part)
            if nearer is None:
                break
            point = nearer
    return point


def _best_exchange(
    margin: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    axes: Sequence[Axis],
    point: np.ndarray,
    max_changes: int,
    usable: Collection[int],
    part: float,
) -> np.ndarray | None:
    """Return the nearest point that one exchange leads to; ``None`` if none is nearer than this one."""
    now = float(distances(axes, start, point[None])[0])
    trials = [
        trial
        for base, freed in _reverted(start, axes, point, part)
        for trial in _extended(start, axes, base, freed, max_changes, usable)
    ]
    if not trials:
        return None
    points = np.concatenate(trials)
    far = distances(axes, start, points)
    points, far = points[far < now * (1 - LEAST)], far[far < now * (1 - LEAST)]
    reached = margin(points) > 0 if len(points) else np.zeros(0, bool)
    return points[np.argmin(np.where(reached, far, np.inf))] if reached.any() else None


def _reverted(
    start: np.ndarray, axes: Sequence[Axis], point: np.ndarray, part: float
) -> Iterator[tuple[np.ndarray, float]]:
    """Yield the point with a part of one change reverted, and the distance that this frees."""
    for i in sorted(changed_columns(start, point)):
        value = axes[i].toward(point[i], start[i], part)
        before, after = axes[i].distance(start[i], np.array([point[i], value]))
        if before > after:
            base = point.copy()
            base[i] = value
            yield base, float(before - after)


def _extended(
    start: np.ndarray,
    axes: Sequence[Axis],
    base: np.ndarray,
    freed: float,
    max_changes: int,
    usable: Collection[int],
) -> Iterator[np.ndarray]:
    """Yield the points that change one column of ``base`` by less than the freed distance."""
    changed = changed_columns(start, base)
    yield base[None]
    for i in usable:
        if axes[i].is_fixed or (i not in changed and len(changed) >= max_changes):
            continue
        values = axes[i].around(start[i], base[i], freed, EXTENSIONS)
        points = np.repeat(base[None], len(values), axis=0)
        points[:, i] = values
        yield points


BEAM_WIDTH = 16  # partial changes that are extended
CANDIDATES_PER_RESULT = 4  # changes that are shrunk per requested counterfactual
EXCHANGED_PER_RESULT = 2  # of these, the nearest ones that are improved by exchanges
Margin: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""A function from points (n, C) to margins (n,), positive for the requested prediction."""


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
        limit, points = CANDIDATES_PER_RESULT * count, []
        beam = [self.start]
        for _ in range(max_changes):
            extended = self._extended(beam)
            if not len(extended):
                break
            margins = self.margin(extended)
            points += map(self.shrink, self._nearest(extended[margins > 0])[:limit])
            beam = self._promising(extended[margins <= 0], margins[margins <= 0])
        if not points:
            return []
        points = [
            self.exchange(point, max_changes, self.changed(point))
            for point in self._nearest(np.stack(points))[: EXCHANGED_PER_RESULT * count]
        ]
        points += [self.exchange(point, max_changes) for point in self._nearest(np.stack(points))[:count]]
        return self._diverse(self._nearest(np.stack(points)), count)

    def exchange(
        self, point: np.ndarray, max_changes: int, columns: frozenset[int] | None = None
    ) -> np.ndarray:
        """Return the point improved by exchanges between two columns, of these or of all."""
        return self.shrink(exchanged(self.margin, self.start, self.axes, point, max_changes, columns))

    def changed(self, point: np.ndarray) -> frozenset[int]:
        """Return the columns that differ from the row."""
        return changed_columns(self.start, point)

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Return the distances of points (n, C) from the row: (n,)."""
        return distances(self.axes, self.start, points)

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
        with the largest gain of margin per distance. Of few columns, further points fill the beam evenly.
        """
        gains = (margins - self.margin(self.start[None])) / self.distance(points)
        best: dict[frozenset[int], np.ndarray] = {}
        for size, order in ((BEAM_WIDTH // 2, np.argsort(-margins)), (BEAM_WIDTH, np.argsort(-gains))):
            for i in order:
                if len(best) >= size:
                    break
                best.setdefault(self.changed(points[i]), points[i])
        places = BEAM_WIDTH - len(best)
        further = np.linspace(0, len(points) - 1, min(max(places, 0), len(points))).astype(int)
        return [*best.values(), *points[further]]

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
