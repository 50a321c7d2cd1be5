"""Intervals of scores: they contain the score of the population about as often as their level states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from chainrule.metrics import Predictions
from chainrule.metrics.interval import (
    LEVEL,
    bootstrap,
    fold_interval,
    rmse_interval,
    rows_of_groups,
    score_intervals,
    share_interval,
)


def _sample(rng: np.random.Generator, rows: int) -> Predictions:
    """Labels with probabilities that are right: a random row is predicted correctly in 75 % of the cases."""
    p = rng.uniform(0.5, 1.0, rows)
    y = (rng.uniform(size=rows) < p).astype(np.int64)
    return Predictions(y, np.stack([1 - p, p], axis=1), None, "classification")


@pytest.mark.parametrize(
    ("intervals", "metric", "exact"),
    [(bootstrap, "accuracy", 0.75), (bootstrap, "log_loss", 0.5), (score_intervals, "accuracy", 0.75)],
)
def test_intervals_contain_the_metric_of_the_population(intervals: Any, metric: str, exact: float) -> None:
    rng = np.random.Generator(np.random.Philox(1))
    inside = 0
    for seed in range(40):
        interval = intervals(_sample(rng, 100), [metric], seed)[metric]
        assert interval.low < interval.high
        inside += interval.low <= exact <= interval.high
    assert inside >= 34


@given(rows=st.integers(1, 5000), share=st.floats(0, 1))
def test_the_interval_of_a_share_is_that_of_scipy(rows: int, share: float) -> None:
    successes = round(share * rows)
    expected = stats.binomtest(successes, rows).proportion_ci(method="wilson")
    interval = share_interval(successes, rows)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_interval_of_the_rmse_contains_the_true_value_as_often_as_it_claims() -> None:
    rng = np.random.default_rng(0)
    intervals = [rmse_interval(rng.normal(scale=2.0, size=200)) for _ in range(1000)]
    assert 0.92 <= np.mean([interval.low <= 2.0 <= interval.high for interval in intervals]) <= 0.98


def test_accuracy_and_rmse_without_weights_have_the_intervals_of_their_formulas() -> None:
    rng = np.random.Generator(np.random.Philox(6))
    a, ones = _sample(rng, 50), np.ones(50)
    right = int((a.predicted == a.target).sum())
    assert score_intervals(a, ["accuracy"])["accuracy"] == share_interval(right, 50)
    values, errors = rng.normal(size=(50, 1)), rng.normal(size=(50, 1))
    b = Predictions(values, values + errors, None, "regression")
    assert score_intervals(b, ["rmse"])["rmse"].low == pytest.approx(rmse_interval(errors[:, 0]).low)
    for weighted, metric in ((replace(a, weights=ones), "accuracy"), (replace(b, weights=ones), "rmse")):
        assert score_intervals(weighted, [metric]) == bootstrap(weighted, [metric])


def test_intervals_narrow_with_the_root_of_the_number_of_rows() -> None:
    rng = np.random.Generator(np.random.Philox(2))
    widths = []
    for rows in (400, 6400, 25_600):
        interval = bootstrap(_sample(rng, rows), ["log_loss"])["log_loss"]
        widths.append((interval.high - interval.low) * np.sqrt(rows))
    assert max(widths) < 1.5 * min(widths)


def test_equal_seeds_have_equal_intervals_and_an_undefined_metric_has_none() -> None:
    a = _sample(np.random.Generator(np.random.Philox(3)), 60)
    assert bootstrap(a, ["f1"], 4) == bootstrap(a, ["f1"], 4) != bootstrap(a, ["f1"], 5)
    one_class = Predictions(np.zeros(20, np.int64), a.prediction[:20], None, "classification")
    assert np.isnan(bootstrap(one_class, ["roc_auc"])["roc_auc"].low)


def test_weights_are_sampled_with_their_rows() -> None:
    a = _sample(np.random.Generator(np.random.Philox(4)), 300)
    weights = np.where(a.predicted == a.target, 1.0, 0.0)
    weighted = Predictions(a.target, a.prediction, weights, a.task)
    assert bootstrap(weighted, ["accuracy"])["accuracy"].low == 1.0


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_interval_of_folds_is_wider_than_that_of_independent_scores(seeds: int) -> None:
    rng = np.random.Generator(np.random.Philox(5))
    scores = rng.normal(0.8, 0.02, (seeds, 5))
    interval = fold_interval(scores)
    assert (interval.low + interval.high) / 2 == pytest.approx(scores.mean())
    naive = 2 * 2.776 * np.sqrt(scores.var(axis=1, ddof=1).mean() / (5 * seeds))
    assert interval.high - interval.low > naive
    assert LEVEL == 0.95


def test_intervals_of_groups_contain_the_score_of_the_population() -> None:
    counts = {"rows": 0, "groups": 0}
    for seed in range(60):
        is_right = np.repeat(np.random.default_rng(seed).random(40) < 0.7, 10)  # all rows of a group alike
        p = np.where(is_right[:, None], [[0.9, 0.1]], [[0.1, 0.9]])
        predictions = Predictions(np.zeros(400, int), p, None, "classification")
        for kind, groups in (("rows", None), ("groups", np.repeat(np.arange(40), 10))):
            interval = score_intervals(predictions, ["accuracy"], seed, groups)["accuracy"]
            counts[kind] += interval.low <= 0.7 <= interval.high
    assert counts["groups"] >= 52
    assert counts["rows"] < 40


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_each_row_is_in_its_group(groups: list[int]) -> None:
    parts = rows_of_groups(np.array(groups))
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(groups)))
    assert all(len({groups[i] for i in part}) == 1 for part in parts)
    assert len(parts) == len(set(groups))


def test_the_interval_of_a_single_row_or_group_is_not_a_point() -> None:
    one = Predictions(np.array([[1.0]]), np.array([[3.0]]), None, "regression")
    assert all(np.isnan(i.low) for i in score_intervals(one, ["mae", "rmse"]).values())
    several = Predictions(
        np.array([[1.0], [2.0], [4.0]]), np.array([[3.0], [1.0], [4.0]]), None, "regression"
    )
    assert np.isnan(score_intervals(several, ["mae"], groups=np.zeros(3))["mae"].low)
    assert np.isfinite(score_intervals(several, ["mae"])["mae"].low)
