"""The axioms of Shapley values on random games, and the standard errors of sampled values."""

from __future__ import annotations

from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chainrule.attribution.methods.shapley_values_and_occlusion import (
    Game,
    ValueFunction,
    exact_values,
    sampled,
)

NUMBERS = st.floats(-10, 10, width=32)


@st.composite
def games(draw: st.DrawFn) -> tuple[int, np.ndarray]:
    """A number of players, and the value_function of each coalition."""
    players = draw(st.integers(1, 5))
    return players, draw(arrays(np.float64, 1 << players, elements=NUMBERS))


def value_function_of(table: np.ndarray) -> ValueFunction:
    """The value_function of coalitions from a table: bit i of an index is set if player i is present."""
    return lambda present: table[present @ (1 << np.arange(present.shape[1]))]


def by_definition(table: np.ndarray, players: int) -> np.ndarray:
    """The marginal contribution of each player, averaged over all orders."""
    parts = np.zeros(players)
    for order in permutations(range(players)):
        present = 0
        for player in order:
            parts[player] += table[present | 1 << player] - table[present]
            present |= 1 << player
    return parts / factorial(players)


@settings(max_examples=25)
@given(games())
def test_exact_values_equal_the_definition(game: tuple[int, np.ndarray]) -> None:
    players, table = game
    np.testing.assert_allclose(
        exact_values(value_function_of(table), players).values,
        by_definition(table, players),
        rtol=0,
        atol=1e-10,
    )


@settings(max_examples=25)
@given(games(), st.integers(4, 9))
def test_values_sum_to_the_difference_of_scores(game: tuple[int, np.ndarray], orders: int) -> None:
    players, table = game
    for result in (
        exact_values(value_function_of(table), players),
        sampled(value_function_of(table), players, orders, seed=1),
    ):
        assert result.full - result.base == table[-1] - table[0]
        assert abs(result.values.sum() - (table[-1] - table[0])) < 1e-10


@settings(max_examples=25)
@given(games(), st.data())
def test_symmetric_players_get_equal_values(game: tuple[int, np.ndarray], data: st.DataObject) -> None:
    players, table = game
    i, j = data.draw(st.integers(0, players - 1)), data.draw(st.integers(0, players - 1))
    places = np.arange(len(table))
    swapped = places & ~(1 << i | 1 << j) | (places >> i & 1) << j | (places >> j & 1) << i
    parts = exact_values(value_function_of((table + table[swapped]) / 2), players).values
    assert abs(parts[i] - parts[j]) < 1e-10


@settings(max_examples=25)
@given(games(), st.data())
def test_a_player_without_contribution_gets_zero(game: tuple[int, np.ndarray], data: st.DataObject) -> None:
    players, table = game
    idle = data.draw(st.integers(0, players - 1))
    value_function = value_function_of(table[np.arange(len(table)) & ~(1 << idle)])
    assert exact_values(value_function, players).values[idle] == 0
    result = sampled(value_function, players, 6, seed=0)
    assert result.values[idle] == 0
    assert result.errors is not None
    assert result.errors[idle] == 0


@settings(max_examples=25)
@given(games(), NUMBERS, st.data())
def test_values_are_linear_in_the_game(
    game: tuple[int, np.ndarray], factor: float, data: st.DataObject
) -> None:
    players, one = game
    other = data.draw(arrays(np.float64, len(one), elements=NUMBERS))
    apart = (
        exact_values(value_function_of(one), players).values
        + factor * exact_values(value_function_of(other), players).values
    )
    np.testing.assert_allclose(
        exact_values(value_function_of(one + factor * other), players).values, apart, atol=1e-9
    )


@pytest.mark.parametrize("seed", range(6))
def test_sampled_values_are_within_their_standard_errors(seed: int) -> None:
    table = np.random.default_rng(seed).normal(size=1 << 8)
    true, estimate = (
        exact_values(value_function_of(table), 8),
        sampled(value_function_of(table), 8, 300, seed),
    )
    assert estimate.errors is not None
    deviations = np.abs(estimate.values - true.values) / estimate.errors
    assert deviations.max() < 4.5  # beyond 4.5 standard errors: 1 of 100,000
    assert np.median(deviations) > 0.1  # the errors are not overestimated


def test_sampling_is_exact_for_pairwise_interactions() -> None:
    rng = np.random.default_rng(3)
    pairs, own = rng.normal(size=(7, 7)), rng.normal(size=7)
    value_function: ValueFunction = lambda x: x @ own + np.einsum("mi,ij,mj->m", x, pairs, x)  # noqa: E731
    true, estimate = exact_values(value_function, 7), sampled(value_function, 7, 4, seed=0)
    np.testing.assert_allclose(estimate.values, true.values, atol=1e-12)


def test_values_of_a_linear_score_are_weight_times_difference() -> None:
    rng = np.random.default_rng(0)
    weights, row, background = rng.normal(size=5), rng.normal(size=5), rng.normal(size=(9, 5))
    game = Game(lambda x: x @ weights, row, background, [np.array([i]) for i in range(5)])
    expected = weights * (row - background.mean(axis=0))
    np.testing.assert_allclose(exact_values(game.values, 5).values, expected, atol=1e-12)


@pytest.mark.parametrize("at_once", [1, 7, 1 << 22])
def test_a_game_evaluates_its_model_in_batches(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.attribution.methods.shapley_values_and_occlusion.MAX_ELEMENTS", at_once)
    rng = np.random.default_rng(0)
    row, background = rng.normal(size=(2, 2)), rng.normal(size=(3, 2, 2))
    groups = [np.array([0, 3]), np.array([1])]  # feature 2 is in no group: it keeps the background
    game = Game(lambda x: np.prod(x.reshape(len(x), -1) + 2, axis=1), row, background, groups)
    values = game.values(np.array([[True, True], [False, True], [False, False]]))
    expected = [
        row.reshape(-1) + np.zeros((3, 4)),
        background.reshape(3, 4).copy(),
        background.reshape(3, 4).copy(),
    ]
    expected[1][:, [1, 2]], expected[2][:, 2] = row.reshape(-1)[[1, 2]], row.reshape(-1)[2]
    np.testing.assert_allclose(values, [np.prod(rows + 2, axis=1).mean() for rows in expected])
