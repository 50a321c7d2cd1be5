"""The search for counterfactuals against all points of small spaces and the solution of a linear problem."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.attribution.counterfactual import Search, exchanged
from chainrule.attribution.feature_domain import Axis, changed_columns, distances

LEVELS = 4  # of a category
VALUES = {2: 41, 3: 21, 4: 11}  # of a number, by the number of columns


class SmallSpace:
    """A random network of one hidden layer on a few columns of integers and categories, and all points.

    Args:
        seed: of the network, the columns and the row.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        columns = int(rng.integers(2, 5))
        self.values = VALUES[columns]
        is_number = rng.random(columns) < 0.75
        scales = rng.uniform(1, 8, columns)
        self.axes = [
            Axis(f"x{i}", 0.0, self.values - 1.0, scale=float(scales[i]), step=1.0)
            if is_number[i]
            else Axis(f"x{i}", is_category=True, allowed=tuple(range(LEVELS)))
            for i in range(columns)
        ]
        counts = [LEVELS if axis.is_category else self.values for axis in self.axes]
        self.points = np.array(list(itertools.product(*map(range, counts))), np.float64)
        self.embedding = rng.normal(size=(columns, LEVELS))
        self.hidden, self.bias = 2 * rng.normal(size=(8, columns)), rng.normal(size=8)
        self.output = rng.normal(size=8)
        self.threshold = float(np.quantile(self.score(self.points), rng.choice([0.6, 0.8, 0.95])))
        refused = self.points[self.margin(self.points) <= 0]
        self.row = refused[rng.integers(len(refused))]

    def score(self, points: np.ndarray) -> np.ndarray:
        parts = [
            self.embedding[i][points[:, i].astype(int)]
            if axis.is_category
            else 3 * (points[:, i] / (self.values - 1) - 0.5)
            for i, axis in enumerate(self.axes)
        ]
        return np.tanh(np.stack(parts, axis=1) @ self.hidden.T + self.bias) @ self.output

    def margin(self, points: np.ndarray) -> np.ndarray:
        return self.score(points) - self.threshold

    def smallest_distance(self, max_changes: int) -> float:
        """The distance of the nearest of all points that have the prediction; infinite if there is none."""
        few = (self.points != self.row).sum(axis=1) <= max_changes
        reached = self.points[few & (self.margin(self.points) > 0)]
        return float(distances(self.axes, self.row, reached).min()) if len(reached) else np.inf


@pytest.mark.long
def test_the_search_finds_the_nearest_of_all_points() -> None:
    ratios = []
    for seed in range(40):
        space = SmallSpace(seed)
        for max_changes in sorted({2, len(space.axes)}):
            smallest = space.smallest_distance(max_changes)
            results = Search(space.margin, space.row, space.axes).run(max_changes, 2)
            assert bool(results) == np.isfinite(smallest), seed
            if results:
                ratios.append(float(distances(space.axes, space.row, results[0][None])[0]) / smallest)
    assert len(ratios) > 50
    assert min(ratios) > 1 - 1e-12
    assert np.mean(np.array(ratios) < 1 + 1e-9) >= 0.95
    assert max(ratios) < 1.2


def linear(weights: np.ndarray, threshold: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda points: points @ weights - threshold


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
@settings(max_examples=25, deadline=None)
def test_exchanges_solve_the_linear_problem(seed: int, share: float) -> None:
    # Of a linear score, the nearest point changes the columns in the order of their gain per distance, each
    # to its limit, until the threshold is reached.
    rng = np.random.default_rng(seed)
    weights, scales = rng.normal(size=5), rng.uniform(0.5, 4, 5)
    axes = [Axis(f"x{i}", -1.0, 1.0, scale=float(scales[i])) for i in range(5)]
    largest = np.abs(weights).sum()
    order = np.argsort(-np.abs(weights) * scales)
    missing, best = share * largest, 0.0
    for i in order:
        used = min(missing, abs(weights[i]))
        best, missing = best + used / abs(weights[i]) / scales[i], missing - used
    start, corner = np.zeros(5), np.sign(weights)
    nearest = exchanged(linear(weights, share * largest), start, axes, corner, 5)
    assert float(nearest @ weights) > share * largest
    distance = float(distances(axes, start, nearest[None])[0])
    assert best * (1 - 1e-9) <= distance <= best * 1.01 + 0.01


def test_exchanges_keep_to_the_allowed_columns() -> None:
    axes = [Axis(f"x{i}", -1.0, 1.0) for i in range(3)]
    margin, start = linear(np.array([1.0, 2.0, 5.0]), 0.5), np.zeros(3)
    point = np.array([0.9, 0.1, 0.0])
    own = exchanged(margin, start, axes, point, 3, frozenset({0, 1}))
    assert changed_columns(start, own) == {1}
    assert changed_columns(start, exchanged(margin, start, axes, point, 3)) == {2}
