"""Positions in which the choice of the move matters, with exact values; and matches between players.

A problem is a position in which the player to move cannot win at once, and some moves keep its value (win,
draw or loss with best play of both sides) while others lose some of it. The share of problems in which a
player keeps the value measures the player, without the strength of an opponent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chainrule_examples.connect_four.players import random_position, random_state
from chainrule_examples.connect_four.rules import EMPTY, has_four, is_over, play, playable, threats
from chainrule_examples.connect_four.solver import ILLEGAL, Solver

Player = Callable[[np.ndarray, np.ndarray], np.ndarray]  # own (N,), mask (N,) -> columns (N,)


class Problems(NamedTuple):
    """Positions with the exact values of their moves.

    Args:
        own, mask: (N,) the positions.
        values: (N, 7) the value of each column for the player to move; ``ILLEGAL`` for a full one.
    """

    own: np.ndarray
    mask: np.ndarray
    values: np.ndarray

    def score(self, player: Player) -> float:
        """The share of problems in which a player keeps the value of the position."""
        columns = player(self.own, self.mask)
        return float(np.mean(self.values[np.arange(len(columns)), columns] == self.values.max(axis=1)))

    def random_score(self) -> float:
        """The expected score of random moves."""
        keeps = self.values == self.values.max(axis=1, keepdims=True)
        return float(np.mean(keeps.sum(axis=1) / (self.values != ILLEGAL).sum(axis=1)))


def problems(count: int, seed: int, stones: tuple[int, int] = (16, 29)) -> Problems:
    """Different problems after random moves.

    Args:
        count: number of problems.
        seed: of the moves.
        stones: the least and the greatest number of stones.
    """
    solver, state, rng = Solver(), random_state(seed), np.random.Generator(np.random.Philox(seed))
    rows: dict[tuple[int, int], np.ndarray] = {}
    while len(rows) < count:
        own, mask = random_position(int(rng.integers(stones[0], stones[1] + 1)), state)
        if threats(own, mask) & playable(mask):
            continue
        values = solver.move_values(own, mask)
        if values[values != ILLEGAL].min() < values.max():
            rows[int(own), int(mask)] = values
    own, mask = np.array(list(rows), np.int64).T
    return Problems(own, mask, np.stack(list(rows.values())))


def openings(count: int, stones: int, seed: int) -> list[tuple[int, int]]:
    """Positions after random moves, from which a match starts."""
    state = random_state(seed)
    return [tuple(map(int, random_position(stones, state))) for _ in range(count)]  # pyright: ignore


def match(first: Player, second: Player, starts: list[tuple[int, int]]) -> np.ndarray:
    """Play two games from each position: each player once moves first.

    Returns:
        the results for the first player, (2 N,): 1, 0 or -1.
    """
    results, boards = np.zeros(2 * len(starts)), dict(enumerate([*starts, *starts]))
    turns = {i: i >= len(starts) for i in boards}  # whether the second player moves next
    while boards:
        for is_second, player in enumerate((first, second)):
            _move(player, [i for i in boards if turns[i] == is_second], boards, turns)
            for i in [i for i in boards if is_over(*boards[i])]:
                own, mask = boards.pop(i)
                results[i] = has_four(own ^ mask) * (1 - 2 * is_second)
    return results


def _move(
    player: Player, games: list[int], boards: dict[int, tuple[int, int]], turns: dict[int, bool]
) -> None:
    """Let a player move in some games."""
    if games:
        own, mask = np.array([boards[i] for i in games], np.int64).T
        for i, column in zip(games, player(own, mask).tolist(), strict=True):
            boards[i], turns[i] = play(*boards[i], column), not turns[i]


def game(first: Player, second: Player, start: tuple[int, int] = EMPTY) -> list[tuple[int, int]]:
    """The positions of a game, the start and the end included."""
    boards, players = [start], (first, second)
    while not is_over(*boards[-1]):
        own, mask = boards[-1]
        player = players[(len(boards) - 1) % 2]
        boards.append(play(own, mask, int(player(np.array([own]), np.array([mask]))[0])))
    return boards
