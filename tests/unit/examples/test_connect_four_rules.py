"""Connect four: rules, solver, players and search agree with plain implementations on a board of cells."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chainrule_examples.connect_four import rules as c4
from chainrule_examples.connect_four.alpha_beta_and_players import (
    ILLEGAL,
    FlatMonteCarlo,
    Solver,
    block_and_center,
    block_and_center_columns,
    game,
    match,
    openings,
    playout,
    problems,
    random_position,
    random_state,
)
from chainrule_examples.connect_four.tree_search import (
    Forest,
    PolicyPlayer,
    SearchPlayer,
    move_probabilities,
    uniform,
)

Cells = np.ndarray  # (6, 7), bottom row first: 1 the player to move, -1 the other, 0 empty
SOLVER = Solver()
columns = st.lists(st.integers(0, 6), max_size=42)


def reached(moves: list[int]) -> tuple[int, int]:
    """The position after those of some moves that are legal, until the game is over."""
    board = c4.EMPTY
    for column in moves:
        if c4.cell_of(board[1], column) and not c4.is_over(*board):
            board = c4.play(*board, column)
    return board


def cells(own: int, mask: int) -> Cells:
    """The position as an array."""
    bits = np.arange(6)[:, None] + 7 * np.arange(7)
    return np.where(mask >> bits & 1, np.where(own >> bits & 1, 1, -1), 0)


def wins(board: Cells, player: int) -> bool:
    """Whether a player has four in a row, found by looking at every line of four cells."""
    for row, column, (up, right) in itertools.product(range(6), range(7), ((0, 1), (1, 0), (1, 1), (1, -1))):
        line = [(row + i * up, column + i * right) for i in range(4)]
        if all(0 <= r < 6 and 0 <= c < 7 and board[r, c] == player for r, c in line):
            return True
    return False


def dropped(board: Cells, column: int) -> Cells | None:
    """The board after a move of player 1, seen by the other player; ``None`` if the column is full."""
    free = np.flatnonzero(board[:, column] == 0)
    if not len(free):
        return None
    after = board.copy()
    after[free[0], column] = 1
    return -after


def minimax(board: Cells, known: dict[bytes, int]) -> int:
    """The value for the player to move, by trying all moves."""
    key = board.tobytes()
    if key not in known:
        if wins(board, -1):
            known[key] = -1
        else:
            after = [dropped(board, column) for column in range(7)]
            known[key] = max((-minimax(a, known) for a in after if a is not None), default=0)
    return known[key]


def some_position(stones: int, seed: int) -> tuple[int, int]:
    own, mask = random_position(stones, random_state(seed))
    return int(own), int(mask)


@given(columns)
@settings(max_examples=60, deadline=None)
def test_four_in_a_row_and_threats_are_those_of_the_cells(moves: list[int]) -> None:
    own, mask = reached(moves)
    board = cells(own, mask)
    assert c4.has_four(own) == wins(board, 1)
    assert c4.has_four(own ^ mask) == wins(board, -1)
    for row, column in np.argwhere(board == 0):
        board[row, column] = 1
        is_threat = bool(c4.threats(own, mask) >> int(7 * column + row) & 1)
        assert is_threat == wins(board, 1) or wins(cells(own, mask), 1)
        board[row, column] = 0


@given(columns)
@settings(max_examples=40, deadline=None)
def test_moves_fill_the_lowest_empty_cell(moves: list[int]) -> None:
    own, mask = reached(moves)
    board = cells(own, mask)
    for column in range(7):
        after = dropped(board, column)
        assert (after is None) == (column not in c4.legal_columns(mask))
        if after is not None:
            np.testing.assert_array_equal(cells(*c4.play(own, mask, column)), after)


@given(columns)
@settings(max_examples=40, deadline=None)
def test_non_losing_moves_are_those_after_which_the_opponent_cannot_win(moves: list[int]) -> None:
    own, mask = reached(moves)
    assume(not c4.is_over(own, mask) and not c4.threats(own, mask) & c4.playable(mask))
    safe = c4.non_losing(own, mask)
    for column in c4.legal_columns(mask):
        after = dropped(cells(own, mask), column)
        assert after is not None
        replies = [dropped(after, reply) for reply in range(7)]
        is_lost = any(reply is not None and wins(reply, -1) for reply in replies)
        assert bool(safe & c4.cell_of(mask, column)) == (not is_lost)


@given(columns)
@settings(max_examples=20, deadline=None)
def test_planes_and_text_are_the_cells_from_the_top(moves: list[int]) -> None:
    own, mask = reached(moves)
    board = cells(own, mask)[::-1]
    planes = c4.planes_of(np.array([own]), np.array([mask]))[0]
    np.testing.assert_array_equal(planes[..., 0] - planes[..., 1], board)
    for plane, player in ((2, 1), (3, -1)):
        if wins(board, player):
            continue  # every cell would complete four
        for row, column in np.argwhere(board == 0):
            after = board.copy()
            after[row, column] = player
            assert planes[row, column, plane] == wins(after, player)
        assert not planes[..., plane][board != 0].any()
    first = 1 if c4.count_bits(mask) % 2 == 0 else -1
    text = [line.split() for line in c4.board_text(own, mask).splitlines()]
    np.testing.assert_array_equal(np.array(text) == "X", board == first)
    np.testing.assert_array_equal(cells(c4.mirrored(own), c4.mirrored(mask))[::-1], board[:, ::-1])


@given(st.integers(34, 41), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_the_solver_agrees_with_minimax_on_nearly_full_boards(stones: int, seed: int) -> None:
    own, mask = some_position(stones, seed)
    known: dict[bytes, int] = {}
    assert SOLVER.value(own, mask) == minimax(cells(own, mask), known)
    for column, value in enumerate(SOLVER.move_values(own, mask).tolist()):
        after = dropped(cells(own, mask), column)
        assert value == (ILLEGAL if after is None else -minimax(after, known))


@given(st.integers(17, 30), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_solved_values_are_symmetric_and_consistent(stones: int, seed: int) -> None:
    own, mask = some_position(stones, seed)
    values = SOLVER.move_values(own, mask)
    assert SOLVER.value(own, mask) == values.max()
    mirror = Solver().move_values(c4.mirrored(own), c4.mirrored(mask))  # with an empty table
    np.testing.assert_array_equal(values, mirror[::-1])


@given(st.integers(24, 36), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_what_a_search_proves_is_exact(stones: int, seed: int) -> None:
    own, mask = some_position(stones, seed)
    forest = Forest(2, 400)
    forest.search(np.array([own, c4.mirrored(own)]), np.array([mask, c4.mirrored(mask)]), uniform)
    visits, values = forest.result()
    for known, value in zip(forest.proven(), forest.root_values(), strict=True):
        assert not known or value == SOLVER.value(own, mask)
    chances = move_probabilities(visits, values)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    if forest.proven()[0]:
        assert SOLVER.move_values(own, mask)[chances[0].argmax()] == SOLVER.value(own, mask)


def test_a_search_proves_most_nearly_full_boards() -> None:
    boards = [some_position(34, seed) for seed in range(40)]
    own, mask = np.array(boards).T
    forest = Forest(40, 400)
    forest.search(own, mask, uniform)
    assert forest.proven().mean() > 0.9
    exact = np.array([SOLVER.value(*board) for board in boards])
    np.testing.assert_array_equal(forest.root_values()[forest.proven()], exact[forest.proven()])


def test_positions_with_a_single_move_are_not_evaluated() -> None:
    boards = np.array([some_position(18, seed) for seed in range(30)], np.int64)
    choices: list[int] = []

    def evaluate(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bits = (7 * np.arange(7) + np.arange(6)[::-1, None])[..., None]
        own, other = np.moveaxis((planes[..., :2].astype(np.int64) << bits).sum(axis=(1, 2)), -1, 0)
        for stones, mask in zip(own.tolist(), (own | other).tolist(), strict=True):
            choices.append(c4.count_bits(c4.non_losing(stones, mask)))
        return uniform(planes)

    Forest(len(boards), 1).search(*boards.T, evaluate)
    roots = len(choices)
    forest = Forest(len(boards), 30)
    forest.search(*boards.T, evaluate)
    assert len(choices) > 5 * roots
    assert np.mean(np.array(choices[2 * roots :]) == 1) < 0.02  # only where the space of a tree is used up


def test_a_search_follows_its_evaluation() -> None:
    def third(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.tile(np.eye(7)[2] * 9, (len(planes), 1)), np.zeros(len(planes))

    own, mask = np.zeros((2, 3), np.int64)
    assert SearchPlayer(third, 30)(own, mask).tolist() == [2, 2, 2]
    assert PolicyPlayer(third)(own, mask).tolist() == [2, 2, 2]
    full = c4.position([2] * 6)  # the column of the highest score is full
    assert PolicyPlayer(third)(np.array(full[:1]), np.array(full[1:]))[0] != 2


@pytest.mark.parametrize(("moves", "column"), [([0, 6, 0, 6, 0, 5], 0), ([0, 6, 1, 6, 4, 6], 6), ([3], 3)])
def test_block_and_center_wins_else_blocks_else_plays_the_middle(moves: list[int], column: int) -> None:
    assert block_and_center(*c4.position(moves)) == column


def test_playouts_end_with_the_results_of_the_rules() -> None:
    state, (own, mask) = random_state(0), c4.position([0, 6, 0, 6, 0, 6])
    results = {playout(own, mask, state) for _ in range(200)}
    assert results <= {-1, 0, 1}
    assert {-1, 1} <= results
    lost = c4.position([0, 0, 1, 1, 2])  # X has three in the bottom row
    assert FlatMonteCarlo(70)(np.array(lost[:1]), np.array(lost[1:])).tolist() == [3]


def test_equal_seeds_play_equal_games() -> None:
    starts = openings(6, 4, 1)
    first, again = (match(FlatMonteCarlo(70, 3), FlatMonteCarlo(70, 4), starts) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert openings(6, 4, 2) != starts


def test_exchanged_players_exchange_the_results_of_a_match() -> None:
    starts, search = openings(5, 4, 7), SearchPlayer(uniform, 20)
    results = match(search, block_and_center_columns, starts)
    exchanged = match(block_and_center_columns, search, starts)
    np.testing.assert_array_equal(results, -np.roll(exchanged, len(starts)))
    assert set(results) <= {-1.0, 0.0, 1.0}


def test_problems_have_moves_that_keep_the_value_and_moves_that_do_not() -> None:
    tests = problems(30, 5)
    assert len({(own, mask) for own, mask in zip(*tests[:2], strict=True)}) == 30
    for own, mask, values in zip(*tests, strict=True):
        assert 16 <= c4.count_bits(mask) <= 29
        assert not c4.threats(own, mask) & c4.playable(mask)
        assert values[values != ILLEGAL].min() < values.max()
    assert tests.score(lambda own, mask: tests.values.argmax(axis=1)) == 1
    worst = np.where(tests.values == ILLEGAL, 9, tests.values).argmin(axis=1)
    assert tests.score(lambda own, mask: worst) == 0
    assert 0 < tests.keeps_at_random().mean() < 1


def test_a_game_is_a_sequence_of_legal_moves() -> None:
    boards = game(block_and_center_columns, FlatMonteCarlo(70))
    assert boards[0] == c4.EMPTY
    assert c4.is_over(*boards[-1])
    for (own, mask), after in itertools.pairwise(boards):
        assert after in [c4.play(own, mask, column) for column in c4.legal_columns(mask)]
