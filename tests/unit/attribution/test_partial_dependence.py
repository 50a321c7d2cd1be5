"""Partial dependence: exact for functions whose dependence on a column is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chainrule.attribution.permutation_importance_and_partial_dependence import partial_dependence

ROWS = arrays(np.float64, st.tuples(st.integers(1, 9), st.just(3)), elements=st.floats(-100, 100))
POINTS = arrays(np.float64, st.integers(1, 6), elements=st.floats(-100, 100))


@given(x=ROWS, points=POINTS)
def test_the_dependence_of_a_sum_is_the_term_plus_the_mean_of_the_rest(
    x: np.ndarray, points: np.ndarray
) -> None:
    before = x.copy()
    dependence = partial_dependence(
        lambda copies: (rows.sum(axis=1, keepdims=True) for rows in copies), x, np.array([1]), points[:, None]
    )
    expected = points + (x[:, 0] + x[:, 2]).mean()
    assert dependence.mean[:, 0] == pytest.approx(expected, abs=1e-9)
    assert (dependence.low <= dependence.high).all()
    assert np.array_equal(x, before)


@given(x=ROWS, points=POINTS)
def test_a_function_of_the_column_alone_has_no_spread(x: np.ndarray, points: np.ndarray) -> None:
    values = np.stack([points, -points], axis=1)
    dependence = partial_dependence(
        lambda copies: (rows[:, [0, 2]] ** 2 for rows in copies), x, np.array([0, 2]), values
    )
    for part in (dependence.mean, dependence.low, dependence.high):
        assert part == pytest.approx(values**2, rel=1e-12)


@given(x=ROWS, points=POINTS)
def test_a_column_that_is_not_used_has_the_same_prediction_at_every_point(
    x: np.ndarray, points: np.ndarray
) -> None:
    dependence = partial_dependence(
        lambda copies: (rows[:, :2] for rows in copies), x, np.array([2]), points[:, None]
    )
    assert (dependence.mean == x[:, :2].mean(axis=0, dtype=np.float64)).all()
