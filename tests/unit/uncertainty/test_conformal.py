"""Prediction intervals: their coverage on generated data, for any distribution of the errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.uncertainty.prediction_intervals import conformal_quantile

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
        width = conformal_quantile(np.abs(NOISE[noise](rng, 60)), level)
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
            (conformal_quantile(np.abs(residuals), level, groups=group), rates),
            (conformal_quantile(np.abs(residuals), level), rates_of_rows),
        ):
            into.append(np.mean(np.abs(later[first]) <= width))
    assert level - 0.02 <= np.mean(rates) <= level + 0.06
    assert np.mean(rates_of_rows) < level - 0.1, "intervals of rows are too narrow for such data"


@given(
    residuals=st.lists(st.floats(-9, 9), min_size=1, max_size=40),
    level=st.sampled_from([0.5, 0.8]),
    copies=st.integers(1, 4),
)
def test_a_group_of_equal_rows_counts_as_one_row(residuals: list[float], level: float, copies: int) -> None:
    sizes = np.abs(residuals)
    copied, group = np.repeat(sizes, copies), np.repeat(np.arange(len(sizes)), copies)
    assert conformal_quantile(copied, level, groups=group) == conformal_quantile(sizes, level)


def test_weighted_intervals_cover_rows_that_are_drawn_by_their_weight() -> None:
    rng = np.random.Generator(np.random.Philox(3))
    rates = {"weighted": [], "unweighted": []}
    for _ in range(300):
        is_noisy = rng.random(80) < 0.5
        residuals, weights = rng.normal(size=80) * np.where(is_noisy, 5, 1), np.where(is_noisy, 4.0, 1.0)
        new = rng.normal(size=200) * np.where(rng.random(200) < 0.8, 5, 1)  # noisy rows 4 times as often
        for name, used in (("weighted", weights), ("unweighted", None)):
            rates[name].append(np.mean(np.abs(new) <= conformal_quantile(np.abs(residuals), 0.9, used)))
    assert 0.89 <= np.mean(rates["weighted"]) <= 0.93
    assert np.mean(rates["unweighted"]) < 0.88


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 5)), min_size=1, max_size=40),
    st.floats(0.1, 0.99),
)
def test_rows_of_weight_0_and_the_unit_of_the_weights_change_nothing(
    rows: list[tuple[int, int]], level: float
) -> None:
    sizes, weights = np.abs([*rows, (3, 1)]).T  # one weight is not 0
    width = conformal_quantile(sizes, level, weights)
    assert conformal_quantile(sizes[weights > 0], level, 8.0 * weights[weights > 0]) == width
    assert conformal_quantile(sizes, level, np.ones(len(sizes))) == conformal_quantile(sizes, level)


def test_few_residuals_support_no_finite_interval() -> None:
    assert conformal_quantile(np.ones(8), 0.9) == math.inf
    assert conformal_quantile(np.ones(9), 0.9) == 1.0
