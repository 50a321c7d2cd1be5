"""Intervals of ROC areas and detection rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from chainrule.auditing.membership import area, detection, proportion


@given(st.integers(1, 60), st.data())
def test_the_interval_of_a_share_is_the_exact_binomial_one(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total))
    share = proportion(count, total)
    if count:
        assert binom.sf(count - 1, total, share.low) == pytest.approx(0.025, abs=1e-9)
    if count < total:
        assert binom.cdf(count, total, share.high) == pytest.approx(0.025, abs=1e-9)
    assert share.low <= share.value <= share.high


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(2, 40))
def test_the_area_is_that_of_scikit_learn_with_ties(seed: int, m: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    members, others = rng.integers(0, 6, m) + 0.0, rng.integers(0, 5, n) + 0.0
    expected = roc_auc_score(np.repeat([1, 0], [m, n]), np.concatenate([members, others]))
    result = area(members, others)
    assert result.value == pytest.approx(expected)
    assert 0.0 <= result.low <= result.value + 1e-12
    assert result.value - 1e-12 <= result.high <= 1.0


def test_the_interval_of_the_area_covers_the_true_area() -> None:
    rng, true = np.random.default_rng(0), 0.7602  # of normal distributions with means 1 apart
    covered = []
    for _ in range(400):
        result = area(rng.normal(1, 1, 60), rng.normal(0, 1, 80))
        covered.append(result.low <= true <= result.high)
    assert 0.92 < np.mean(covered) < 0.98


def test_a_perfect_separation_of_few_rows_is_not_certain() -> None:
    result = area(np.arange(10.0) + 100, np.arange(30.0))
    assert (result.value, result.high) == (1.0, 1.0)
    assert result.low == pytest.approx(0.025 ** (1 / 10))


def test_constant_scores_are_guesses() -> None:
    result = area(np.zeros(50), np.zeros(50))
    assert result.value == 0.5
    assert result.low < 0.5 < result.high


@given(st.integers(0, 10_000), st.integers(100, 400))
def test_detections_keep_the_limit_of_false_alarms(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    members, others = rng.normal(1, 1, 50).round(1), rng.normal(0, 1, n).round(1)
    result = detection(members, others, 0.01)
    assert result.false_alarms.value <= 0.01
    thresholds = np.unique(np.concatenate([others, members]))
    allowed = [(members > t).mean() for t in thresholds if (others > t).mean() <= 0.01]
    assert result.share.value == pytest.approx(max(allowed))


def test_too_few_other_rows_measure_nothing() -> None:
    result = detection(np.ones(50), np.zeros(99), 0.01)
    assert not result.is_measurable
    assert math.isnan(result.share.value)
