"""The axioms that single out Shapley values, over random games; drawn values keep within their errors."""

from __future__ import annotations

from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chainrule.attribution.methods.coalitions import Game, each_alone
from chainrule.attribution.methods.shapley import Worth, exact, sampled

NUMBERS = st.floats(-10, 10, width=32)


@st.composite
def games(draw: st.DrawFn) -> tuple[int, np.ndarray]:
    """A number of players, and what each coalition of them is worth."""
    players = draw(st.integers(1, 5))
    return players, draw(arrays(np.float64, 1 << players, elements=NUMBERS))


def worth_of(table: np.ndarray) -> Worth:
    """What coalitions are worth by a table: bit i of a place says whether player i is there."""
    return lambda present: table[present @ (1 << np.arange(present.shape[1]))]


def by_definition(table: np.ndarray, players: int) -> np.ndarray:
    """What each player adds, averaged over all orders, one after the other."""
    found = np.zeros(players)
    for order in permutations(range(players)):
        there = 0
        for player in order:
            found[player] += table[there | 1 << player] - table[there]
            there |= 1 << player
    return found / factorial(players)


@settings(max_examples=25)
@given(games())
def test_exact_values_are_those_of_the_definition(game: tuple[int, np.ndarray]) -> None:
    players, table = game
    np.testing.assert_allclose(
        exact(worth_of(table), players).parts, by_definition(table, players), rtol=0, atol=1e-10
    )


@settings(max_examples=25)
@given(games(), st.integers(4, 9))
def test_the_parts_add_up(game: tuple[int, np.ndarray], orders: int) -> None:
    players, table = game
    for division in (exact(worth_of(table), players), sampled(worth_of(table), players, orders, seed=1)):
        assert division.answer - division.base == table[-1] - table[0]
        assert abs(division.parts.sum() - (table[-1] - table[0])) < 1e-10


@settings(max_examples=25)
@given(games(), st.data())
def test_equal_contributions_get_equal_parts(game: tuple[int, np.ndarray], data: st.DataObject) -> None:
    players, table = game
    i, j = data.draw(st.integers(0, players - 1)), data.draw(st.integers(0, players - 1))
    places = np.arange(len(table))
    swapped = places & ~(1 << i | 1 << j) | (places >> i & 1) << j | (places >> j & 1) << i
    parts = exact(worth_of((table + table[swapped]) / 2), players).parts
    assert abs(parts[i] - parts[j]) < 1e-10


@settings(max_examples=25)
@given(games(), st.data())
def test_who_changes_nothing_gets_nothing(game: tuple[int, np.ndarray], data: st.DataObject) -> None:
    players, table = game
    idle = data.draw(st.integers(0, players - 1))
    worth = worth_of(table[np.arange(len(table)) & ~(1 << idle)])
    assert exact(worth, players).parts[idle] == 0
    division = sampled(worth, players, 6, seed=0)
    assert division.parts[idle] == 0
    assert division.errors is not None
    assert division.errors[idle] == 0


@settings(max_examples=25)
@given(games(), NUMBERS, st.data())
def test_the_parts_of_a_sum_are_sums_of_parts(
    game: tuple[int, np.ndarray], factor: float, data: st.DataObject
) -> None:
    players, one = game
    other = data.draw(arrays(np.float64, len(one), elements=NUMBERS))
    apart = exact(worth_of(one), players).parts + factor * exact(worth_of(other), players).parts
    np.testing.assert_allclose(exact(worth_of(one + factor * other), players).parts, apart, atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_drawn_values_keep_within_their_errors(seed: int) -> None:
    table = np.random.default_rng(seed).normal(size=1 << 8)
    true, drawn = exact(worth_of(table), 8), sampled(worth_of(table), 8, 300, seed)
    assert drawn.errors is not None
    off = np.abs(drawn.parts - true.parts) / drawn.errors
    assert off.max() < 4.5  # a difference of 4.5 standard errors: 1 of 100,000
    assert np.median(off) > 0.1  # and the errors are not simply large


def test_what_two_do_together_is_divided_exactly_by_two_orders() -> None:
    rng = np.random.default_rng(3)
    pairs, own = rng.normal(size=(7, 7)), rng.normal(size=7)
    worth: Worth = lambda here: here @ own + np.einsum("mi,ij,mj->m", here, pairs, here)  # noqa: E731
    true, drawn = exact(worth, 7), sampled(worth, 7, 4, seed=0)
    np.testing.assert_allclose(drawn.parts, true.parts, atol=1e-12)


def test_a_linear_score_gives_weight_times_distance() -> None:
    rng = np.random.default_rng(0)
    weights, row, background = rng.normal(size=5), rng.normal(size=5), rng.normal(size=(9, 5))
    game = Game(lambda x: x @ weights, row, background, each_alone(5))
    expected = weights * (row - background.mean(axis=0))
    np.testing.assert_allclose(exact(game.values, 5).parts, expected, atol=1e-12)


@pytest.mark.parametrize("at_once", [1, 7, 1 << 22])
def test_a_game_asks_in_pieces(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.attribution.methods.coalitions.AT_ONCE", at_once)
    rng = np.random.default_rng(0)
    row, background = rng.normal(size=(2, 2)), rng.normal(size=(3, 2, 2))
    groups = [np.array([0, 3]), np.array([1])]  # number 2 belongs to nobody: it stays
    game = Game(lambda x: np.prod(x.reshape(len(x), -1) + 2, axis=1), row, background, groups)
    found = game.values(np.array([[True, True], [False, True], [False, False]]))
    kept = [
        row.reshape(-1) + np.zeros((3, 4)),
        background.reshape(3, 4).copy(),
        background.reshape(3, 4).copy(),
    ]
    kept[1][:, [1, 2]], kept[2][:, 2] = row.reshape(-1)[[1, 2]], row.reshape(-1)[2]
    np.testing.assert_allclose(found, [np.prod(rows + 2, axis=1).mean() for rows in kept])
