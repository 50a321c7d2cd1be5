"""Players of connect four without a network, and random positions.

- random: any column that is not full;
- block and center: win if a move wins, else block a win of the opponent, else the column nearest the middle;
- flat Monte Carlo: random games after each move; the move with the best mean result.

Random numbers come from a xorshift generator whose state is an array, so that equal seeds give equal games.

Reference: Marsaglia (2003), Xorshift RNGs, Journal of Statistical Software 8; Browne et al. (2012), A survey
of Monte Carlo tree search methods, IEEE Transactions on Computational Intelligence and AI in Games 4,
section 3.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from chainrule_examples.connect_four.rules import BOARD, COLUMNS, cell_of, has_four, playable, threats
from chainrule_examples.connect_four.solver import ORDER


def random_state(seed: int) -> np.ndarray:
    """The state of a generator, (1,) uint64."""
    return np.random.SeedSequence(seed).generate_state(1, np.uint64) | np.uint64(1)


@njit(nogil=True)
def _random_below(count: int, state: np.ndarray) -> int:
    """A random integer of 0 ... count - 1."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return int(np.int64(x >> np.uint64(33)) % count)


@njit(nogil=True)
def random_column(mask: int, state: np.ndarray) -> int:
    """A random column that is not full."""
    while True:
        column = _random_below(COLUMNS, state)
        if cell_of(mask, column):
            return column


@njit(nogil=True)
def playout(own: int, mask: int, state: np.ndarray) -> int:
    """The result of a random game for the player to move: 1, 0 or -1. The game must not be over."""
    sign = 1
    while mask != BOARD:
        move = cell_of(mask, random_column(mask, state))
        if has_four(own | move):
            return sign
        own, mask, sign = own ^ mask, mask | move, -sign
    return 0


@njit(nogil=True)
def flat_monte_carlo(own: int, mask: int, playouts: int, state: np.ndarray) -> int:
    """The column with the best mean result of random games.

    Args:
        own, mask: the position.
        playouts: number of games, divided equally among the columns.
        state: of the generator.
    """
    best, chosen = -np.inf, -1
    for column in ORDER:
        move = cell_of(mask, column)
        if not move:
            continue
        if has_four(own | move):
            return column
        total, count = 0, max(1, playouts // COLUMNS)
        for _ in range(count):
            total -= playout(own ^ mask, mask | move, state)
        if total > best:
            best, chosen = total, column
    return chosen


@njit(nogil=True)
def block_and_center(own: int, mask: int) -> int:
    """Win, else block, else the column nearest the middle."""
    moves = playable(mask)
    for cells in (threats(own, mask), threats(own ^ mask, mask), BOARD):
        for column in ORDER:
            if moves & cells & cell_of(mask, column):
                return column
    return -1


@njit(nogil=True)
def random_position(stones: int, state: np.ndarray) -> tuple[int, int]:
    """A position after random moves, in which neither player has won."""
    while True:
        own, mask, count = 0, 0, 0
        while count < stones:
            move = cell_of(mask, random_column(mask, state))
            if has_four(own | move):
                break
            own, mask, count = own ^ mask, mask | move, count + 1
        if count == stones:
            return own, mask


def block_and_center_columns(own: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``block_and_center`` for some positions, (N,)."""
    return np.array([block_and_center(o, m) for o, m in zip(own, mask, strict=True)])


class FlatMonteCarlo:
    """``flat_monte_carlo`` for some positions.

    Args:
        playouts: random games for each move that is chosen.
        seed: of the games.
    """

    def __init__(self, playouts: int, seed: int = 0) -> None:
        self._playouts, self._state = playouts, random_state(seed)

    def __call__(self, own: np.ndarray, mask: np.ndarray) -> np.ndarray:
        pairs = zip(own, mask, strict=True)
        return np.array([flat_monte_carlo(o, m, self._playouts, self._state) for o, m in pairs])
