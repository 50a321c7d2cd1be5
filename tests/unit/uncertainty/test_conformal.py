"""Prediction intervals: their coverage on generated data, for any distribution of the errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.uncertainty.prediction_intervals import coverage, cv_plus, half_width

NOISE = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tails": lambda rng, n: rng.standard_t(2, n),
    "skewed": lambda rng, n: rng.exponential(size=n),
    "two values": lambda rng, n: rng.choice([-1.0, 3.0], n),
}


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("level", [0.8, 0.9])
def test_split_conformal_intervals_cover_new_values(noise: str, level: float) -> None:
    rng = np.random.Generator(np.random.Philox(1))
    rates = []
    for _ in range(300):
        width = half_width(NOISE[noise](rng, 60), level)
        rates.append(np.mean(np.abs(NOISE[noise](rng, 200)) <= width))
    assert np.mean(rates) >= level - 0.01
    if noise != "two values":  # without ties the coverage is at most level + 1 / (n + 1)
        assert np.mean(rates) <= level + 1 / 61 + 0.01


@pytest.mark.parametrize("level", [0.8, 0.9])
def test_intervals_cover_new_values_of_new_groups(level: float) -> None:
    rng = np.random.Generator(np.random.Philox(3))

    def values(groups: int) -> tuple[np.ndarray, np.ndarray]:
        """Values whose spread depends on the group, with more rows in the groups of small spread."""
        spread = rng.choice([0.1, 1.0, 5.0], groups)
        group = np.repeat(np.arange(groups), np.where(spread < 1, 40, 4))
        return rng.normal(size=len(group)) * spread[group], group

    rates, rates_of_rows = [], []
    for _ in range(200):
        residuals, group = values(30)
        later, other = values(60)
        first = np.unique(other, return_index=True)[1]  # one row of each group
        for width, into in (
            (half_width(residuals, level, groups=group), rates),
            (half_width(residuals, level), rates_of_rows),
        ):
            into.append(np.mean(np.abs(later[first]) <= width))
    assert level - 0.02 <= np.mean(rates) <= level + 0.06
    assert np.mean(rates_of_rows) < level - 0.1, "intervals of rows are too narrow for such data"


@given(
    residuals=st.lists(st.floats(-9, 9), min_size=1, max_size=40), level=st.sampled_from([0.5, 0.8]),
    copies=st.integers(1, 4),
)  # fmt: skip
def test_a_group_of_equal_rows_counts_as_one_row(residuals: list[float], level: float, copies: int) -> None:
    values, group = np.repeat(residuals, copies), np.repeat(np.arange(len(residuals)), copies)
    assert half_width(values, level, groups=group) == half_width(np.array(residuals), level)


def _least_squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)[0]


@pytest.mark.parametrize("noise", NOISE)
def test_cv_plus_intervals_cover_new_values(noise: str) -> None:
    rng = np.random.Generator(np.random.Philox(2))
    rates = []
    for _ in range(60):
        x = rng.normal(size=(340, 4))
        y = x.sum(axis=1) + NOISE[noise](rng, 340)
        fold = np.arange(60) % 5
        weights = [_least_squares(x[:60][fold != k], y[:60][fold != k]) for k in range(5)]
        predicted = np.stack([np.c_[x, np.ones(340)] @ w for w in weights])  # (K, 340)
        residuals = y[:60] - predicted[fold, np.arange(60)]
        low, high = cv_plus(residuals, fold, predicted[:, 60:], 0.9)
        rates.append(coverage(low, high, y[60:]))
    assert 0.88 <= np.mean(rates) <= 0.97


@settings(max_examples=60, deadline=None)
@given(residuals=st.lists(st.floats(-9, 9), min_size=1, max_size=40), level=st.sampled_from([0.5, 0.8, 0.9]))
def test_one_fold_is_split_conformal(residuals: list[float], level: float) -> None:
    errors = np.array(residuals)
    low, high = cv_plus(errors, np.zeros(len(errors), np.int64), np.array([[1.0, 4.0]]), level)
    width = half_width(errors, level)
    np.testing.assert_allclose(low, [1 - width, 4 - width])
    np.testing.assert_allclose(high, [1 + width, 4 + width])
    assert np.mean(np.abs(errors) <= width) >= level


def test_weighted_intervals_cover_rows_that_are_drawn_by_their_weight() -> None:
    rng = np.random.Generator(np.random.Philox(3))
    rates = {"weighted": [], "unweighted": []}
    for _ in range(300):
        is_noisy = rng.random(80) < 0.5
        residuals, weights = rng.normal(size=80) * np.where(is_noisy, 5, 1), np.where(is_noisy, 4.0, 1.0)
        new = rng.normal(size=200) * np.where(rng.random(200) < 0.8, 5, 1)  # noisy rows 4 times as often
        for name, used in (("weighted", weights), ("unweighted", None)):
            rates[name].append(np.mean(np.abs(new) <= half_width(residuals, 0.9, used)))
    assert 0.89 <= np.mean(rates["weighted"]) <= 0.93
    assert np.mean(rates["unweighted"]) < 0.88


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 5)), min_size=1, max_size=40),
    st.floats(0.1, 0.99),
)
def test_rows_of_weight_0_and_the_unit_of_the_weights_change_nothing(
    rows: list[tuple[int, int]], level: float
) -> None:
    residuals, weights = np.array([*rows, (3, 1)]).T  # one weight is not 0
    width = half_width(residuals, level, weights)
    assert half_width(residuals[weights > 0], level, 8.0 * weights[weights > 0]) == width
    assert half_width(residuals, level, np.ones(len(residuals))) == half_width(residuals, level)


def test_few_residuals_support_no_finite_interval() -> None:
    assert half_width(np.ones(8), 0.9) == math.inf
    assert half_width(np.ones(9), 0.9) == 1.0
    low, high = cv_plus(np.ones(8), np.zeros(8, np.int64), np.zeros((1, 3)), 0.9)
    assert (low.tolist(), high.tolist()) == ([-math.inf] * 3, [math.inf] * 3)
