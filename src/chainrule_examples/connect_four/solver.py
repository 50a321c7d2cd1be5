"""Exact values of connect-four positions: win, draw or loss with best play of both sides.

Alpha-beta search over the values -1, 0 and 1 of the player to move, with a table of positions that were
already searched. Moves that lose at once are left out, and moves that create more threats are tried first. A
position of 16 stones takes milliseconds; the empty board takes hours.

Reference: Knuth and Moore (1975), An analysis of alpha-beta pruning, Artificial Intelligence 6.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from chainrule_examples.connect_four.rules import (
    CELLS,
    COLUMNS,
    cell_of,
    count_bits,
    has_four,
    non_losing,
    playable,
    threats,
)

ILLEGAL = -2  # the value of a full column
SLOTS = 4_194_301  # of the table; a prime, so that keys spread
ORDER = (3, 2, 4, 1, 5, 0, 6)  # the middle first: most rows of four contain it


@njit(nogil=True)
def _strongest(own: int, mask: int, moves: int) -> int:
    """The move after which the player has most winning cells; the first of ``ORDER`` among equal ones."""
    highest, chosen = -1, 0
    for column in ORDER:
        move = moves & cell_of(mask, column)
        if move:
            count = count_bits(threats(own | move, mask))
            if count > highest:
                highest, chosen = count, move
    return chosen


@njit(nogil=True)
def _search(own, mask, low, high, keys, bounds):
    """The value within a window, of a player who cannot win at once."""
    moves = non_losing(own, mask)
    if not moves:
        return -1
    if count_bits(mask) >= CELLS - 2:
        return 0
    slot = (own + mask) % SLOTS
    if keys[slot] == own + mask:
        low, high = max(low, bounds[slot, 0]), min(high, bounds[slot, 1])
        if low >= high:
            return low
    start, best, tried = low, -1, 0
    while moves ^ tried:
        move = _strongest(own, mask, moves ^ tried)
        tried |= move
        best = max(best, -_search(own ^ mask, mask | move, -high, -max(low, best), keys, bounds))
        if best >= high:
            break
    known = keys[slot] == own + mask
    lowest, highest = (bounds[slot, 0], bounds[slot, 1]) if known else (-1, 1)
    keys[slot] = own + mask
    bounds[slot, 0] = max(lowest, best) if best > start else lowest
    bounds[slot, 1] = min(highest, best) if best < high else highest
    return best


@njit(nogil=True)
def _value(own: int, mask: int, keys: np.ndarray, bounds: np.ndarray) -> int:
    """The value of a position that is not over."""
    if threats(own, mask) & playable(mask):
        return 1
    return _search(own, mask, -1, 1, keys, bounds)


@njit(nogil=True)
def _move_values(own: int, mask: int, keys: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """The value of each move, (7,)."""
    values = np.full(COLUMNS, ILLEGAL)
    for column in range(COLUMNS):
        move = cell_of(mask, column)
        if not move:
            continue
        if has_four(own | move):
            values[column] = 1
        elif count_bits(mask) == CELLS - 1:
            values[column] = 0
        else:
            values[column] = -_value(own ^ mask, mask | move, keys, bounds)
    return values


class Solver:
    """An exact solver; its table is kept from one position to the next.

    Example:
        >>> from chainrule_examples.connect_four.rules import position
        >>> own, mask = position([0, 6, 1, 6, 2, 6, 5, 0, 0, 1, 1, 0, 0, 1, 1, 0, 2, 2, 4])
        >>> Solver().move_values(own, mask).tolist()
        [-2, -1, -1, 1, -1, -1, 1]
    """

    def __init__(self) -> None:
        self._keys, self._bounds = np.full(SLOTS, -1), np.zeros((SLOTS, 2), np.int8)

    def value(self, own: int, mask: int) -> int:
        """1, 0 or -1: the player to move wins, draws or loses. The game must not be over."""
        return int(_value(own, mask, self._keys, self._bounds))

    def move_values(self, own: int, mask: int) -> np.ndarray:
        """The value of each column for the player to move, (7,); ``ILLEGAL`` for a full column."""
        return _move_values(own, mask, self._keys, self._bounds)
