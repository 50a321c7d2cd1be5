"""Calibration tables, scores of classes, and learning curves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.metrics import Predictions, score
from chainrule.metrics.calibration import reliability
from chainrule.tabular.comparison import LearningCurve, class_scores, learning_curve, subsets


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 80), classes=st.integers(2, 4), bins=st.integers(1, 20), seed=st.integers(0, 99))
def test_a_calibration_table_counts_every_row_once(rows: int, classes: int, bins: int, seed: int) -> None:
    rng = np.random.Generator(np.random.Philox(seed))
    a = Predictions(
        rng.integers(0, classes, rows), rng.dirichlet(np.ones(classes), rows), None, "classification"
    )
    table = reliability(a, bins)
    p = a.prediction[:, 1] if classes == 2 else a.prediction.max(axis=1)
    event = a.target == 1 if classes == 2 else a.predicted == a.target
    assert sum(part.rows for part in table.bins) == rows
    assert sum(part.rows * part.observed for part in table.bins) == pytest.approx(event.sum())
    assert sum(part.rows * part.predicted for part in table.bins) == pytest.approx(p.sum())
    assert all(part.low - 1e-12 <= part.predicted <= part.high + 1e-12 for part in table.bins)
    assert table.error >= abs(event.mean() - p.mean()) - 1e-12
    if classes > 2:
        same_bins = score(a, ["calibration_error"])["calibration_error"]
        assert reliability(a, 15).error == pytest.approx(same_bins)


def test_true_probabilities_are_calibrated_within_their_standard_errors() -> None:
    rng = np.random.Generator(np.random.Philox(1))
    p = rng.uniform(size=5000)
    y = (rng.uniform(size=5000) < p).astype(np.int64)
    table = reliability(Predictions(y, np.stack([1 - p, p], 1), None, "classification"))
    assert len(table.bins) == 10
    assert table.error < 0.03
    gaps = [abs(part.observed - part.predicted) / part.standard_error for part in table.bins]
    assert max(gaps) < 3.5
    flipped = reliability(Predictions(1 - y, np.stack([1 - p, p], 1), None, "classification"))
    assert flipped.error > 0.4


def test_scores_of_classes_average_to_the_balanced_accuracy() -> None:
    rng = np.random.Generator(np.random.Philox(2))
    a = Predictions(rng.integers(0, 3, 90), rng.dirichlet(np.ones(4), 90), None, "classification")
    scores = class_scores(a, ("a", "b", "c", "d"))
    assert [s.rows for s in scores] == [*np.bincount(a.target), 0]
    assert np.mean([s.recall for s in scores[:3]]) == pytest.approx(
        score(a, ["balanced_accuracy"])["balanced_accuracy"]
    )
    assert np.isnan(scores[3].recall)
    assert scores[3].precision == 0


@settings(max_examples=40, deadline=None)
@given(labels=st.lists(st.integers(0, 6), min_size=16, max_size=90), seed=st.integers(0, 20))
def test_sets_of_rows_are_nested_and_have_every_class(labels: list[int], seed: int) -> None:
    sets = subsets(len(labels), np.array(labels), seed)
    for small, large in pairwise(sets):
        assert set(small.tolist()) <= set(large.tolist())
    for index, fraction in zip(sets, (0.125, 0.25, 0.5), strict=True):
        assert set(np.array(labels)[index].tolist()) == set(labels)
        assert abs(len(index) - fraction * len(labels)) <= 8


def test_a_learning_curve_states_whether_more_rows_help() -> None:
    rng = np.random.Generator(np.random.Philox(3))
    hard = rng.exponential(size=200)
    steep = learning_curve(lambda index: hard + 10 / len(index), 800, hard + rng.normal(0, 0.01, 200))
    assert steep.rows == (100, 200, 400, 800)
    assert steep.render("en").startswith("More rows would help: from 400 to 800 training rows the loss fell")
    assert steep.render("zh").startswith("更多数据会有帮助")
    flat = LearningCurve((100, 200), (hard, hard + rng.normal(0, 0.3, 200)))
    assert flat.render("en").startswith("It is not clear that more rows would help")
    assert flat.render("zh").startswith("尚不清楚更多数据是否有帮助")


def test_a_row_of_weight_two_counts_twice_in_a_learning_curve() -> None:
    rng = np.random.Generator(np.random.Philox(4))
    first, second = rng.exponential(size=(2, 50))
    weights = rng.integers(1, 4, 50)
    repeated = [np.repeat(losses, weights) for losses in (first, second)]
    curve = LearningCurve((10, 20), (first, second), weights=weights.astype(float))
    np.testing.assert_allclose(curve.means, LearningCurve((10, 20), tuple(repeated)).means)
    np.testing.assert_allclose(curve.last_gain.mean, repeated[0].mean() - repeated[1].mean())
