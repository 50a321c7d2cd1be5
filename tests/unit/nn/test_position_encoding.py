"""Position encodings: the values of the papers, rotations by distance, and errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ShapeError, UsageError
from chainrule.graph import constant
from chainrule.nn.layers.position_encoding import distance_slopes, sinusoids
from chainrule.nn.scope import Collected, Scope
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")


def rotated(x: np.ndarray, net: nn.RotaryPosition) -> np.ndarray:
    """``x`` (T, C), rotated by its positions."""
    return evaluate(net(constant(x[None]), Scope(Collected("float64", False))), {})[0]


@settings(max_examples=30, deadline=None)
@given(
    pairs=st.sampled_from(["halves", "neighbors"]),
    m=st.integers(0, 30),
    n=st.integers(0, 30),
    step=st.integers(0, 30),
    half=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_products_of_rotated_vectors_depend_on_the_distance_only(
    pairs: str, m: int, n: int, step: int, half: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    net = nn.RotaryPosition(base=100.0, pairs=pairs)
    query, key = (rotated(np.tile(rng.normal(size=2 * half), (61, 1)), net) for _ in range(2))
    np.testing.assert_allclose(query[m] @ key[n], query[m + step] @ key[n + step], atol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(query, axis=1), np.linalg.norm(query[0]), rtol=1e-12)


def test_both_pairings_are_one_rotation_of_permuted_channels() -> None:
    x = np.random.default_rng(0).normal(size=(5, 6))
    order = [0, 2, 4, 1, 3, 5]  # from neighbors to halves
    by_halves = rotated(x[:, order], nn.RotaryPosition(pairs="halves"))
    np.testing.assert_allclose(
        rotated(x, nn.RotaryPosition(pairs="neighbors"))[:, order], by_halves, rtol=1e-14
    )


def test_position_zero_is_not_rotated_and_one_by_one_radian() -> None:
    x = np.tile([1.0, 0.0], (2, 1))
    np.testing.assert_allclose(rotated(x, nn.RotaryPosition()), [[1, 0], [np.cos(1), np.sin(1)]], rtol=1e-14)


def test_an_encoding_one_step_later_is_a_rotation() -> None:
    """The paper's reason for sines: PE[t + k] is a linear function of PE[t]."""
    table = sinusoids(20, 8)
    for i in range(4):
        angle = 3 / 10_000 ** (2 * i / 8)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        pair = table[:, 2 * i : 2 * i + 2]
        np.testing.assert_allclose(pair[3:], pair[:-3] @ turn.T, atol=1e-12)


def test_alibi_slopes_match_the_paper() -> None:
    np.testing.assert_array_equal(distance_slopes(8), 0.5 ** np.arange(1, 9))
    np.testing.assert_allclose(distance_slopes(6), [0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125])
    np.testing.assert_array_equal(distance_slopes(1), [2.0**-8])


@pytest.mark.parametrize(
    ("code", "layer", "shape", "words"),
    [
        ("E220", nn.SinusoidalPosition(), (4,), "T and C known"),
        ("E220", nn.LearnedPosition(5), (Size.symbol("T"), 4), "T and C known"),
        ("E220", nn.RotaryPosition(), (4,), "T and C known"),
        ("E221", nn.RotaryPosition(), (2, 3), "3 channels"),
        ("E224", nn.LearnedPosition(5), (6, 4), "cr.LearnedPosition(6)"),
    ],
)
def test_inputs_that_are_no_sequence_or_too_long_are_refused(
    code: str, layer: nn.Layer, shape: tuple, words: str
) -> None:
    with pytest.raises(ShapeError) as caught:
        nn.build(nn.Sequential(layer), {"x": Spec((B, *shape), "float32")}, "float32")
    assert caught.value.code == code
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("E102", lambda: nn.SinusoidalPosition(base=1.0)),
        ("E102", lambda: nn.LearnedPosition(0)),
        ("E101", lambda: nn.LearnedPosition(5, weight_initializer="hee")),
        ("E102", lambda: nn.RotaryPosition(base=0.5)),
        ("E101", lambda: nn.RotaryPosition(pairs="half")),
    ],
)
def test_a_setting_out_of_its_range_is_refused(code: str, make: object) -> None:
    with pytest.raises(UsageError) as caught:
        make()  # pyright: ignore[reportCallIssue]
    assert caught.value.code == code
