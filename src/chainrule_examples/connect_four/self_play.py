"""Self-play: a network plays connect four against itself, and learns from its search and the results.

In each round a search moves once in every game. A position becomes a row: the network learns to predict how
often the search tried each move, and a value halfway between the result of the game and the search's value. A
game starts after some random moves, never at an excluded position; its first moves are sampled, and it ends
when the search has proven its result.

Reference: Silver et al. (2018), A general reinforcement learning algorithm that masters chess, shogi, and Go
through self-play, Science 362; Willemsen, Baier and Kaisers (2022), Value targets in off-policy AlphaZero,
Neural Computing and Applications 34, for the mean of result and search.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chainrule_examples.connect_four.players import random_position, random_state
from chainrule_examples.connect_four.rules import COLUMNS, mirrored, planes_of, play
from chainrule_examples.connect_four.tree_search import Evaluate, Forest, move_probabilities


class Row(NamedTuple):
    """A position of a game: planes (6, 7, 4), probabilities of the moves (7,), value (1,)."""

    planes: np.ndarray
    policy: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Settings:
    """The settings of self-play.

    Args:
        games: games that are played side by side.
        visits: walks of a search.
        random_moves: a game starts after 0 ... this many random moves.
        sampled_moves: moves of a game that are sampled; afterwards the most visited one is played.
    """

    games: int = 64
    visits: int = 40
    random_moves: int = 24
    sampled_moves: int = 10


class SelfPlay:
    """Games of a network against itself.

    Args:
        settings: of the games.
        excluded: positions (own, mask) at which no game starts, and that never become rows.
        seed: of starts, noise and sampled moves.
    """

    def __init__(self, settings: Settings, excluded: Collection[tuple[int, int]], seed: int) -> None:
        self._settings, self._rng = settings, np.random.Generator(np.random.Philox(seed))
        self._state = random_state(seed)
        self._forest = Forest(settings.games, settings.visits)
        self._excluded = {(side(own), side(mask)) for own, mask in excluded for side in (int, mirrored)}
        self._boards = [self._start() for _ in range(settings.games)]
        self._moves: list[list[tuple[tuple[int, int], np.ndarray, float]]] = [[] for _ in self._boards]
        self.finished, self.rows = 0, 0

    def _start(self) -> tuple[int, int]:
        """A position after random moves, in which the game is not over."""
        while True:
            stones = int(self._rng.integers(self._settings.random_moves + 1))
            own, mask = random_position(stones, self._state)
            if (own, mask) not in self._excluded:
                return int(own), int(mask)

    def round(self, evaluate: Evaluate) -> Iterator[Row]:
        """Move once in every game; returns the rows of the games that end."""
        own, mask = np.array(self._boards, np.int64).T
        noise = self._rng.dirichlet(np.ones(COLUMNS), len(own))
        self._forest.search(own, mask, evaluate, noise)
        chances, proven = move_probabilities(*self._forest.result()), self._forest.proven()
        for g, value in enumerate(self._forest.root_values().tolist()):
            is_lost = bool(proven[g]) and value == -1  # then no move is better than another
            self._moves[g].append((self._boards[g], chances[g] * (not is_lost), value))
            if proven[g]:
                yield from self._end(g, value)
            else:
                self._boards[g] = play(*self._boards[g], self._column(g, chances[g]))

    def _column(self, g: int, chances: np.ndarray) -> int:
        """The move of a game."""
        is_sampled = len(self._moves[g]) <= self._settings.sampled_moves
        return int(self._rng.choice(COLUMNS, p=chances) if is_sampled else chances.argmax())

    def _end(self, g: int, result: float) -> Iterator[Row]:
        """The rows of a game whose result for the player to move is proven; a new game takes its place."""
        for board, chances, value in reversed(self._moves[g]):
            if board not in self._excluded:
                planes = planes_of(np.array(board[:1]), np.array(board[1:]))[0]
                yield Row(planes, chances, np.array([0.5 * result + 0.5 * value]))
            result = -result
        self.finished, self.rows = self.finished + 1, self.rows + len(self._moves[g])
        self._boards[g], self._moves[g] = self._start(), []


def mirror(rows: Row) -> Row:
    """Rows (N, ...) with left and right exchanged."""
    return Row(np.ascontiguousarray(rows.planes[:, :, ::-1]), rows.policy[:, ::-1].copy(), rows.value)
