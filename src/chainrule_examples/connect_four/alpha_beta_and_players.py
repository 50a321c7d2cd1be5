"""Players of connect four without a network: an exact solver, simple players, test problems and matches."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chainrule_examples.connect_four.rules import (
    BOARD,
    CELLS,
    COLUMNS,
    DIRECTIONS,
    EMPTY,
    cell_of,
    count_bits,
    has_four,
    is_over,
    njit,
    non_losing,
    planes_of,
    play,
    playable,
    threats,
)

# Exact values of connect-four positions: win, draw or loss with best play of both sides.
#
# Alpha-beta search over the values -1, 0 and 1 of the player to move, with a table of positions that were
# already searched. Moves that lose at once are left out, and moves that create more threats are tried first.
# A position of 16 stones takes milliseconds; the empty board takes hours.
#
# Reference: Knuth and Moore (1975), An analysis of alpha-beta pruning, Artificial Intelligence 6.

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


LINES = np.array(
    [
        sum(1 << start + step * i for i in range(4))
        for step in DIRECTIONS
        for start in range(7 * COLUMNS)
        if all(BOARD >> start + step * i & 1 for i in range(4))
    ],
    np.int64,
)
"""The 69 rows of four cells."""
WON = 1_000


@njit(nogil=True)
def _worth(own: int, mask: int) -> int:
    """The rows that the player to move can still complete, minus those of the opponent; squares of stones."""
    total = 0
    for line in LINES:
        mine, theirs = count_bits(own & line), count_bits((own ^ mask) & line)
        if not theirs:
            total += mine * mine
        if not mine:
            total -= theirs * theirs
    return total


@njit(nogil=True)
def _best_worth(own, mask, depth, low, high):
    """The worth of a position after ``depth`` moves within a window; sooner wins are worth more."""
    if threats(own, mask) & playable(mask):
        return WON + CELLS - count_bits(mask)
    moves = non_losing(own, mask)
    if not moves:
        return -WON - CELLS + count_bits(mask) + 1
    if depth == 0 or count_bits(mask) >= CELLS - 2:
        return _worth(own, mask) if depth == 0 else 0
    for column in ORDER:
        move = moves & cell_of(mask, column)
        if move and low < high:
            low = max(low, -_best_worth(own ^ mask, mask | move, depth - 1, -high, -low))
    return low


@njit(nogil=True)
def alpha_beta(own: int, mask: int, depth: int) -> int:
    """The column whose worth after ``depth`` moves is the largest; the first of ``ORDER`` among equal ones.

    Reference: Knuth and Moore (1975), An analysis of alpha-beta pruning, Artificial Intelligence 6.
    """
    best, chosen = -2 * WON, -1
    for column in ORDER:
        move = cell_of(mask, column)
        if not move:
            continue
        if has_four(own | move):
            return column
        if mask | move == BOARD:
            return column
        worth = -_best_worth(own ^ mask, mask | move, depth - 1, -2 * WON, -best)
        if worth > best:
            best, chosen = worth, column
    return chosen


class AlphaBeta:
    """``alpha_beta`` for some positions.

    Args:
        depth: moves that are searched, at least 1.

    Example:
        >>> from chainrule_examples.connect_four.rules import position
        >>> own, mask = position([3, 0, 3, 0, 2, 0])  # X has 3, 3, 2; O has three in column 0
        >>> AlphaBeta(6)(np.array([own]), np.array([mask])).tolist()  # block
        [0]
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth

    def __call__(self, own: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return np.array([alpha_beta(o, m, self._depth) for o, m in zip(own, mask, strict=True)])


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


# Positions in which the choice of the move matters, with exact values; and matches between players.
#
# A problem is a position in which the player to move cannot win at once, and some moves keep its value (win,
# draw or loss with best play of both sides) while others lose some of it. The share of problems in which a
# player keeps the value measures the player, without the strength of an opponent.

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
        return float(self.keeps_value(player).mean())

    def keeps_value(self, player: Player) -> np.ndarray:
        """Whether a player keeps the value of each position, (N,)."""
        columns = player(self.own, self.mask)
        return self.values[np.arange(len(columns)), columns] == self.values.max(axis=1)

    def labeled_planes(self) -> dict[str, np.ndarray]:
        """The positions as images, with the moves that keep their value, (N, 7), and with that value."""
        value = self.values.max(axis=1).astype(np.float32)
        policy = self.values == self.values.max(axis=1, keepdims=True)
        return {"x": planes_of(self.own, self.mask), "policy": policy, "value": value}

    def keeps_at_random(self) -> np.ndarray:
        """The probability that a random move keeps the value of each position, (N,)."""
        keeps = self.values == self.values.max(axis=1, keepdims=True)
        return keeps.sum(axis=1) / (self.values != ILLEGAL).sum(axis=1)


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
