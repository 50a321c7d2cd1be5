"""Exchange of changes: a part of one change is reverted, and another column changes further to compensate.

A beam search tries few values of each column, so the changes that it finds are rarely the nearest: one column
may have gone far where two others would have been nearer. Each exchange reverts a part of one change and
looks for the smallest further change of another column that keeps the requested prediction; it is accepted
if the sum of the distances falls. The parts become smaller from pass to pass.

For a smooth margin and numbers that are not at a limit of their range, a point that no exchange improves
satisfies the first-order conditions of a nearest point: all changed columns have the same gain of margin per
distance, and no unchanged column has a larger one. A single constraint (the margin) and a distance that is a
sum over columns make pairs sufficient. Gradients are not needed, so integers and categories take part.

Reference: Platt (1998), Sequential minimal optimization, which solves a problem with one linear constraint
by the same kind of pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np

from chainrule.attribution.counterfactual.axis import Axis, changed_columns, distances

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
