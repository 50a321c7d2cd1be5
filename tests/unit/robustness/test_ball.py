"""Balls: projection, rounding, random points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chainrule.prng import key_of
from chainrule.robustness.ball import Ball, Stream

floats = st.floats(-1e4, 1e4, width=32)


@pytest.mark.parametrize("norm", ["inf", "2"])
@settings(max_examples=60, deadline=None)
@given(
    x=hnp.arrays(np.float32, (3, 4), elements=floats),
    u=hnp.arrays(np.float64, (3, 4), elements=st.floats(-1e3, 1e3)),
    radius=st.floats(0, 100),
    scale=hnp.arrays(np.float64, (4,), elements=st.sampled_from([0.0, 1.0, 0.37, 12.5])),
)
def test_enforced_points_are_inside_whatever_the_rounding(
    norm: str, x: np.ndarray, u: np.ndarray, radius: float, scale: np.ndarray
) -> None:
    ball = Ball(norm, radius, scale, -5e3, 5e3)
    points = ball.enforce(x, ball.points(x, u))
    change = points.astype(np.float64) - x
    assert (change[:, scale == 0] == 0).all()
    if norm == "inf":
        assert (np.abs(change) <= radius * scale).all()
    else:
        safe = np.where(scale == 0, 1, scale)
        assert (np.sqrt(((change / safe) ** 2).sum(axis=1)) <= radius).all()
    assert (points >= np.minimum(x, -5e3)).all()
    assert (points <= np.maximum(x, 5e3)).all()


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_a_projected_change_does_not_move_again(norm: str) -> None:
    rng = np.random.default_rng(0)
    x, ball = rng.uniform(0, 1, (20, 6)), Ball(norm, 0.3, low=0.0, high=1.0)
    u = ball.project(x, rng.normal(size=(20, 6)))
    assert ball.project(x, u) == pytest.approx(u, abs=1e-12)
    assert ball.contains(x, ball.enforce(x, ball.points(x, u))).all()


def test_a_point_that_left_the_ball_is_not_contained() -> None:
    x = np.zeros((2, 3))
    for norm in ("inf", "2"):
        ball = Ball(norm, 0.5, scale=np.array([1.0, 1.0, 0.0]))
        assert ball.contains(x, np.array([[0.4, 0, 0], [0.6, 0, 0]])).tolist() == [True, False]
        assert ball.contains(x, np.array([[0, 0, 1e-9], [0, 0, 0]])).tolist() == [False, True]


def test_random_changes_fill_the_ball() -> None:
    ball = Ball("2", 2.0)
    sizes = np.sqrt((ball.random((4000, 3), Stream(key_of(0))) ** 2).sum(axis=1))
    assert sizes.max() <= 2.0
    # of a uniform density, the share within half of the radius is (1/2)^3
    assert np.mean(sizes < 1.0) == pytest.approx(0.125, abs=0.03)
