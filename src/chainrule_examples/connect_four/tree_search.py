"""PUCT tree search of many connect-four positions at once: the leaves of all trees are evaluated as a batch.

A search walks from the root to a leaf, a position it has not seen; an evaluator, such as a network, gives the
leaf a value and a prior probability for each move; the value is added to all nodes of the path. At a node
with N visits the move is chosen that maximizes::

    Q(move) + exploration * P(move) * sqrt(N) / (1 + visits(move))

where Q is the mean value and P the prior. Values that are known are exact: a node is proven won if the player
to move can win at once or a move leads to a position proven lost, and proven lost or drawn if all moves are
proven. Moves that lose at once are not searched. A position with a single move has the value of the next one,
so that a walk passes through it to the first position with a choice: only that one is evaluated.

    forest = Forest(positions=64, visits=50)
    forest.search(own, mask, evaluate)            # evaluate(planes) -> scores of the moves, values
    visits, values = forest.result()              # (64, 7) each, for the moves of the roots

Reference: Silver et al. (2018), A general reinforcement learning algorithm that masters chess, shogi, and Go
through self-play, Science 362; Winands, Björnsson and Saito (2008), Monte-Carlo tree search solver, Computers
and Games.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chainrule_examples.connect_four.rules import (
    BOARD,
    CELLS,
    COLUMNS,
    PLANES,
    ROWS,
    cell_of,
    has_four,
    njit,
    non_losing,
    planes_of,
    playable,
    threats,
    write_planes,
)

UNKNOWN = 2  # in `proven`: the value is not known
NODES = 3  # of a tree for each walk; more than one, for positions with a single move
UNVISITED = 0.2  # a move without visits is valued less than its node by this
Evaluate = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Planes (N, 6, 7, 4) -> scores of the moves, softmax gives the priors, (N, 7), and values -1 ... 1, (N,)."""


class Trees(NamedTuple):
    """Trees as arrays: tree g, node n; node 0 is the root.

    Args:
        own, mask: (G, N) the position.
        moves: (G, N) the cells that are searched, as bits.
        proven: (G, N) the exact value for the player to move, or ``UNKNOWN``.
        visits, totals: (G, N) how often a node was reached, and the sum of its values for the player to move.
        children: (G, N, 7) the node after each move, -1 before its first visit.
        priors: (G, N, 7) the prior probabilities of the moves.
        size: (G,) nodes of each tree.
        paths, lengths: (G, 43), (G,) the nodes of the last walk; length 0: nothing to evaluate.
    """

    own: np.ndarray
    mask: np.ndarray
    moves: np.ndarray
    proven: np.ndarray
    visits: np.ndarray
    totals: np.ndarray
    children: np.ndarray
    priors: np.ndarray
    size: np.ndarray
    paths: np.ndarray
    lengths: np.ndarray


def _empty_trees(trees: int, nodes: int) -> Trees:
    """Arrays for some trees of some nodes."""
    shape = trees, nodes
    return Trees(
        own=np.zeros(shape, np.int64),
        mask=np.zeros(shape, np.int64),
        moves=np.zeros(shape, np.int64),
        proven=np.full(shape, UNKNOWN, np.int8),
        visits=np.zeros(shape, np.int32),
        totals=np.zeros(shape),
        children=np.full((*shape, COLUMNS), -1, np.int32),
        priors=np.zeros((*shape, COLUMNS), np.float32),
        size=np.ones(trees, np.int32),
        paths=np.zeros((trees, CELLS + 1), np.int32),
        lengths=np.ones(trees, np.int32),
    )


@njit(nogil=True)
def _set_node(t: Trees, g: int, n: int, own: int, mask: int) -> None:
    """Write a position as a node, with its value if the rules give it."""
    t.own[g, n], t.mask[g, n], t.moves[g, n] = own, mask, playable(mask)
    t.visits[g, n], t.totals[g, n], t.proven[g, n] = 0, 0.0, UNKNOWN
    t.children[g, n] = -1
    if has_four(own ^ mask):
        t.proven[g, n] = -1
    elif mask == BOARD:
        t.proven[g, n] = 0
    elif n > 0 and threats(own, mask) & playable(mask):
        t.proven[g, n] = 1
    elif n > 0:
        t.moves[g, n] = non_losing(own, mask)
        if not t.moves[g, n]:
            t.proven[g, n] = -1


@njit(nogil=True)
def _best_column(t: Trees, g: int, n: int, exploration: float) -> int:
    """The move that a walk follows at a node."""
    best, chosen = -np.inf, -1
    base = t.totals[g, n] / max(1, t.visits[g, n]) - UNVISITED
    factor = exploration * np.sqrt(t.visits[g, n])
    for column in range(COLUMNS):
        if not t.moves[g, n] & cell_of(t.mask[g, n], column):
            continue
        child, value, count = t.children[g, n, column], base, 0
        if child >= 0:
            count = t.visits[g, child]
            value = -t.totals[g, child] / max(1, count)
            if t.proven[g, child] == 1:  # the opponent wins
                value = -1e6
        score = value + factor * t.priors[g, n, column] / (1 + count)
        if score > best:
            best, chosen = score, column
    return chosen


@njit(nogil=True)
def _walk(t: Trees, g: int, walks: int, exploration: float) -> int:
    """Walk to a leaf, and create it; returns the number of nodes of the path.

    A new node with a single move is no leaf, while there is space: its value is that of the next position.
    """
    n, length, space = 0, 1, t.own.shape[1] - walks + t.visits[g, 0]  # each later walk needs a node
    t.paths[g, 0] = 0
    while t.proven[g, n] == UNKNOWN and (
        t.visits[g, n] or (n and t.size[g] < space and not t.moves[g, n] & (t.moves[g, n] - 1))
    ):
        column = _best_column(t, g, n, exploration)
        child = t.children[g, n, column]
        if child < 0:
            child = t.size[g]
            t.size[g] += 1
            t.children[g, n, column] = child
            own, mask = t.own[g, n], t.mask[g, n]
            _set_node(t, g, child, own ^ mask, mask | cell_of(mask, column))
        n = child
        t.paths[g, length] = n
        length += 1
    return length


@njit(nogil=True)
def _prove(t: Trees, g: int, n: int) -> None:
    """Prove a node if its children are proven."""
    best, known = -1, True
    for column in range(COLUMNS):
        if not t.moves[g, n] & cell_of(t.mask[g, n], column):
            continue
        child = t.children[g, n, column]
        value = UNKNOWN if child < 0 else t.proven[g, child]
        if value == UNKNOWN:
            known = False
        else:
            best = max(best, -value)
    if best == 1 or known:
        t.proven[g, n] = best


@njit(nogil=True)
def _back_up(t: Trees, g: int, length: int, value: float) -> None:
    """Add a value of the leaf, for its player to move, to all nodes of a path."""
    for i in range(length - 1, -1, -1):
        n = t.paths[g, i]
        if i < length - 1 and t.proven[g, n] == UNKNOWN and t.proven[g, t.paths[g, i + 1]] != UNKNOWN:
            _prove(t, g, n)
        if t.proven[g, n] != UNKNOWN:
            value = t.proven[g, n]
        t.visits[g, n] += 1
        t.totals[g, n] += value
        value = -value


@njit(nogil=True)
def _select(t: Trees, walks: int, exploration: float, planes: np.ndarray) -> None:
    """In each tree walk to a leaf that is not proven, and write its planes."""
    for g in range(len(t.size)):
        t.lengths[g] = 0
        while t.proven[g, 0] == UNKNOWN and t.visits[g, 0] < walks:
            length = _walk(t, g, walks, exploration)
            n = t.paths[g, length - 1]
            if t.proven[g, n] == UNKNOWN:
                t.lengths[g] = length
                write_planes(t.own[g, n : n + 1], t.mask[g, n : n + 1], planes[g : g + 1])
                break
            _back_up(t, g, length, 0.0)


@njit(nogil=True)
def _expand(t: Trees, trees: np.ndarray, scores: np.ndarray, values: np.ndarray) -> None:
    """Write the priors of the leaves of some trees, and add their values to the paths."""
    for i in range(len(trees)):
        g = int(trees[i])
        n = t.paths[g, t.lengths[g] - 1]
        highest, total = -np.inf, 0.0
        for column in range(COLUMNS):
            if t.moves[g, n] & cell_of(t.mask[g, n], column):
                highest = max(highest, scores[i, column])
        for column in range(COLUMNS):
            t.priors[g, n, column] = 0.0
            if t.moves[g, n] & cell_of(t.mask[g, n], column):
                t.priors[g, n, column] = np.exp(scores[i, column] - highest)
                total += t.priors[g, n, column]
        t.priors[g, n] /= total
        _back_up(t, g, t.lengths[g], values[i])


@njit(nogil=True)
def _root_result(t: Trees, visits: np.ndarray, values: np.ndarray) -> None:
    """Visits and mean values of the moves at the roots; a proven value replaces the mean."""
    for g in range(len(t.size)):
        for column in range(COLUMNS):
            child = t.children[g, 0, column]
            visits[g, column], values[g, column] = 0.0, np.nan
            if child < 0:
                continue
            visits[g, column] = t.visits[g, child]
            values[g, column] = -t.totals[g, child] / max(1, t.visits[g, child])
            if t.proven[g, child] != UNKNOWN:
                values[g, column] = -t.proven[g, child]


class Forest:
    """A search tree for each of some positions.

    Args:
        positions: number of positions, G.
        visits: walks from each root.
        exploration: weight of the prior against the value.
    """

    def __init__(self, positions: int, visits: int, exploration: float = 1.5) -> None:
        self._trees, self._walks = _empty_trees(positions, NODES * visits + 2), visits
        self._exploration = exploration
        self._planes = np.zeros((positions, ROWS, COLUMNS, PLANES), np.float32)

    def search(
        self, own: np.ndarray, mask: np.ndarray, evaluate: Evaluate, noise: np.ndarray | None = None
    ) -> None:
        """Search all positions.

        Args:
            own, mask: (G,) positions in which the game is not over.
            evaluate: values and priors of positions; called with at most G positions.
            noise: (G, 7) probabilities; the priors of the roots become 3/4 prior + 1/4 noise.
        """
        trees = self._trees
        trees.size[:] = 1
        for g in range(len(own)):
            _set_node(trees, g, 0, int(own[g]), int(mask[g]))
        for walk in range(self._walks):
            _select(trees, self._walks, self._exploration, self._planes)
            if not trees.lengths.any():
                break
            leaves = np.flatnonzero(trees.lengths)
            _expand(trees, leaves, *evaluate(self._planes[leaves]))
            if walk == 0 and noise is not None:
                trees.priors[:, 0] = 0.75 * trees.priors[:, 0] + 0.25 * noise

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """How often each move was searched, (G, 7), and its value, (G, 7); NaN without a visit."""
        visits = np.empty((len(self._planes), COLUMNS))
        values = np.empty_like(visits)
        _root_result(self._trees, visits, values)
        return visits, values

    def proven(self) -> np.ndarray:
        """Whether the value of each position is proven, (G,)."""
        return self._trees.proven[:, 0] != UNKNOWN

    def root_values(self) -> np.ndarray:
        """The value of each position for the player to move, (G,): proven, or the mean of its walks."""
        proven = self._trees.proven[:, 0].astype(float)
        mean = self._trees.totals[:, 0] / np.maximum(1, self._trees.visits[:, 0])
        return np.where(proven == UNKNOWN, mean, proven)


def move_probabilities(visits: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Probabilities of the moves: proportional to the visits, without proven losses; a proven win is certain.

    Args:
        visits, values: (G, 7) of a search.
    """
    weights = np.where(values == 1, 1e9, np.where(values == -1, 1e-9, 1.0)) * (visits + 1e-3 * (visits > 0))
    return weights / weights.sum(axis=1, keepdims=True)


class SearchPlayer:
    """A player that searches each position and plays the move that was searched most.

    Args:
        evaluate: values and priors of positions.
        visits: walks from each position.
    """

    def __init__(self, evaluate: Evaluate, visits: int) -> None:
        self._evaluate, self._visits = evaluate, visits

    def __call__(self, own: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return self.search(own, mask)[0]

    def search(self, own: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The columns to play, (N,), and the value of each column, (N, 7), NaN without a visit."""
        forest = Forest(len(own), self._visits)
        forest.search(own, mask, self._evaluate)
        visits, values = forest.result()
        return move_probabilities(visits, values).argmax(axis=1), values


class PolicyPlayer:
    """A player that plays the move with the highest prior, without a search.

    Args:
        evaluate: values and priors of positions.
    """

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate = evaluate

    def __call__(self, own: np.ndarray, mask: np.ndarray) -> np.ndarray:
        scores, _ = self._evaluate(planes_of(own, mask))
        is_open = np.array([[bool(cell_of(m, column)) for column in range(COLUMNS)] for m in mask])
        return np.where(is_open, scores, -np.inf).argmax(axis=1)


def uniform(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The evaluation without a network: equal priors, values 0."""
    return np.zeros((len(planes), COLUMNS)), np.zeros(len(planes))
