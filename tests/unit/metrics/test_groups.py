"""Scores of groups: shares, overlapping and small groups, and groups by the values of a column."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chainrule.metrics.groups import group_scores, groups_of
from chainrule.tabular.threshold import Cost, ThresholdCurve, best_threshold

ROWS = st.lists(
    st.tuples(st.booleans(), st.floats(0, 1), st.sampled_from("abc")), min_size=1, max_size=40
)  # whether a row is positive, its probability, and its group


@given(ROWS, st.floats(0, 1))
def test_the_groups_add_up_to_all_rows(rows: list[tuple[bool, float, str]], threshold: float) -> None:
    y, p = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    names = np.array([row[2] for row in rows], object)
    groups = groups_of(names, "group")
    scores = group_scores(y, p, groups, threshold, min_rows=1)
    assert sum(score.rows for score in scores) == len(rows)
    for attribute, values in (("observed", y), ("predicted", p), ("selected", p >= threshold)):
        total = sum(score.rows * getattr(score, attribute) for score in scores)
        np.testing.assert_allclose(total, values.sum(), rtol=1e-9)
    refused = sum(np.nan_to_num(s.false_positive_rate) * s.rows * (1 - s.observed) for s in scores)
    np.testing.assert_allclose(refused, (~y & (p >= threshold)).sum(), rtol=1e-9, atol=1e-9)


@given(st.lists(st.floats(-100, 100) | st.just(float("nan")), min_size=1, max_size=30))
def test_ranges_cover_every_number_once(values: list[float]) -> None:
    numbers = np.array(values)
    groups = groups_of(numbers, "age", (-10.0, 0.0, 30.0))
    covered = np.sum(list(groups.values()), axis=0)
    assert covered.tolist() == np.isfinite(numbers).astype(int).tolist()


def test_small_groups_are_left_out() -> None:
    y, p = np.array([1, 0, 0, 0]), np.full(4, 0.5)
    groups = {"large": np.array([1, 1, 1, 0], bool), "small": np.array([0, 0, 0, 1], bool)}
    assert [score.name for score in group_scores(y, p, groups, 0.5, min_rows=2)] == ["large"]


@given(ROWS, st.integers(0, 9), st.integers(1, 9))
def test_the_mean_cost_is_that_of_the_threshold_curve(
    rows: list[tuple[bool, float, str]], false_positive: int, false_negative: int
) -> None:
    y, p = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    cost, curve = Cost(false_positive, false_negative), ThresholdCurve.of(y, p)
    np.testing.assert_allclose(cost.mean(y, p), curve.cost(cost)[curve.at(cost.threshold)], rtol=1e-12)
    assert cost.mean(y, p) >= best_threshold(curve, "cost", cost).score - 1e-12
