"""Connect four: positions as two integers, moves, threats, planes.

Two players drop stones into seven columns of six cells; who first has four in a row, column or diagonal wins,
and a full board without four is a draw. A position is a pair: ``own``, the stones of the player to move, and
``mask``, all stones. Column c has the bits 7c (bottom) to 7c + 5; bit 7c + 6 is always 0, so that no shift
joins two columns::

    5 12 19 26 33 40 47
    .  .  .  .  .  .  .
    1  8 15 22 29 36 43
    0  7 14 21 28 35 42

A shift by 1 is a step up, by 7 a step right, by 6 and 8 a diagonal step. All integers are below 2^50, thus
int64 without a sign bit.

Reference: Allis (1988), A knowledge-based approach of connect-four, Vrije Universiteit Amsterdam.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from chainrule.optional_dependency import missing

try:
    from numba import njit
except ImportError as error:
    raise missing("games", "chainrule example connect-four") from error

ROWS, COLUMNS, CELLS = 6, 7, 42
PLANES = 4  # of a position as an image
BOTTOM = sum(1 << 7 * column for column in range(COLUMNS))  # the lowest cell of each column
BOARD = BOTTOM * ((1 << ROWS) - 1)  # all cells
DIRECTIONS = (1, 7, 6, 8)
EMPTY = (0, 0)
SIGNS = ".XO"  # empty, the player who moves first, the other player


@njit(nogil=True)
def has_four(stones: int) -> bool:
    """Whether some stones contain four in a row."""
    for step in DIRECTIONS:
        pairs = stones & (stones >> step)
        if pairs & (pairs >> 2 * step):
            return True
    return False


@njit(nogil=True)
def playable(mask: int) -> int:
    """The cells into which a stone can fall, one bit for each column that is not full."""
    return (mask + BOTTOM) & BOARD


@njit(nogil=True)
def threats(stones: int, mask: int) -> int:
    """The empty cells that complete four in a row of some stones."""
    cells = (stones << 1) & (stones << 2) & (stones << 3)
    for step in (7, 6, 8):
        pair = (stones << step) & (stones << 2 * step)
        cells |= pair & ((stones << 3 * step) | (stones >> step))
        pair = (stones >> step) & (stones >> 2 * step)
        cells |= pair & ((stones >> 3 * step) | (stones << step))
    return cells & (BOARD ^ mask)


@njit(nogil=True)
def non_losing(own: int, mask: int) -> int:
    """The cells that the player to move can play without letting the opponent win at the next move.

    The player to move must have no winning move; else a move that does not block is left out wrongly.
    """
    cells = playable(mask)
    danger = threats(own ^ mask, mask)
    forced = cells & danger
    if forced:
        if forced & (forced - 1):  # two winning moves of the opponent cannot both be blocked
            return 0
        cells = forced
    return cells & ~(danger >> 1)  # do not play below a winning cell of the opponent


@njit(nogil=True)
def count_bits(cells: int) -> int:
    """The number of cells."""
    count = 0
    while cells:
        cells &= cells - 1
        count += 1
    return count


@njit(nogil=True)
def cell_of(mask: int, column: int) -> int:
    """The cell into which a stone falls in a column; 0 if the column is full."""
    return playable(mask) & (((1 << ROWS) - 1) << 7 * column)


@njit(nogil=True)
def write_planes(own: np.ndarray, mask: np.ndarray, planes: np.ndarray) -> None:
    """Write positions as images: planes (N, 6, 7, 4), top row first.

    The planes are the own stones, those of the opponent, and the empty cells that complete four in a row of
    the own ones and of those of the opponent.
    """
    for i in range(len(own)):
        other = own[i] ^ mask[i]
        cells = own[i], other, threats(own[i], mask[i]), threats(other, mask[i])
        for cell in range(CELLS):
            row, column = cell // COLUMNS, cell % COLUMNS
            bit = 7 * column + ROWS - 1 - row
            for plane in range(PLANES):
                planes[i, row, column, plane] = (cells[plane] >> bit) & 1


def planes_of(own: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Positions as images, (N, 6, 7, 4) float32; see ``write_planes``."""
    planes = np.empty((len(own), ROWS, COLUMNS, PLANES), np.float32)
    write_planes(np.asarray(own, np.int64), np.asarray(mask, np.int64), planes)
    return planes


def play(own: int, mask: int, column: int) -> tuple[int, int]:
    """The position after a move, of the other player.

    Example:
        >>> own, mask = play(*EMPTY, 3)
        >>> board_text(own, mask).splitlines()[5]
        '. . . X . . .'
    """
    return own ^ mask, mask | int(cell_of(mask, column))


def position(columns: Iterable[int]) -> tuple[int, int]:
    """The position after some moves from the empty board; columns count from 0."""
    own, mask = EMPTY
    for column in columns:
        own, mask = play(own, mask, column)
    return own, mask


def legal_columns(mask: int) -> list[int]:
    """The columns that are not full."""
    return [column for column in range(COLUMNS) if cell_of(mask, column)]


def is_over(own: int, mask: int) -> bool:
    """Whether the player who moved has won or the board is full."""
    return has_four(own ^ mask) or mask == BOARD


def mirrored(stones: int) -> int:
    """Stones with left and right exchanged.

    Example:
        >>> mirrored(mirrored(12345)) == 12345, mirrored(1) == 1 << 42
        (True, True)
    """
    column = (1 << 7) - 1
    return sum(((stones >> 7 * c) & column) << 7 * (COLUMNS - 1 - c) for c in range(COLUMNS))


def board_text(own: int, mask: int) -> str:
    """The board as text, the top row first; X moved first.

    Example:
        >>> print(board_text(*position([3, 3, 2])))
        . . . . . . .
        . . . . . . .
        . . . . . . .
        . . . . . . .
        . . . O . . .
        . . X X . . .
    """
    first = own if count_bits(mask) % 2 == 0 else own ^ mask
    bits = [[7 * column + row for column in range(COLUMNS)] for row in reversed(range(ROWS))]
    sign = {bit: SIGNS[(mask >> bit & 1) * (2 - (first >> bit & 1))] for row in bits for bit in row}
    return "\n".join(" ".join(sign[bit] for bit in row) for row in bits)
