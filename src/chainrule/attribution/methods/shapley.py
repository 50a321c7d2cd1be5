"""Shapley values: the only fair division of an answer among the inputs.

Three colleagues earn a bonus together; what is whose? Let them join one after the other and note by how much
each raises it; do so in every order, and take the mean. With v(S) what the coalition S is worth,

    phi_i = sum over S without i   |S|! (P - |S| - 1)! / P!   (v(S + i) - v(S))

which is the only division with four properties, each of them a law in the tests: *efficiency* (the parts add
up to v(all) - v(none)), *symmetry* (equal contributions, equal parts), *dummy* (who never changes anything
gets 0), *linearity* (the parts of a sum of games are the sums of the parts).

Up to 12 players all 2^P coalitions are asked in one batch, and the values are exact. Beyond, orders are
drawn. Each comes with its reverse: who was early in one is late in the other, so that what two players do
together is divided exactly by every such pair, and only interactions of three and more are left to chance.
The spread of the pairs gives the standard error. Efficiency holds for every order, so it is exact, too.

Reference: Shapley (1953), A value for n-person games; Štrumbelj and Kononenko (2014), Explaining prediction
models with feature contributions; Mitchell, Cooper, Frank and Holmes (2022), Sampling permutations for
Shapley value estimation (antithetic orders).
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import TypeAlias

import numpy as np

from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen

MOST = 12  # players: 4096 coalitions, each asked of every row of the background
Worth: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""From coalitions (m, P) to what each is worth (m,)."""


@frozen(eq=False)
class Division:
    """The Shapley values of a game.

    Args:
        parts: (P,).
        base, answer: the values of the empty and the full coalition.
        errors: (P,) the standard errors; ``None`` if the values are exact.
    """

    parts: np.ndarray
    base: float
    answer: float
    errors: np.ndarray | None = None


def exact(worth: Worth, players: int) -> Division:
    """Compute the Shapley values from all coalitions.

    Args:
        worth: the value of coalitions.
        players: the number of players, at most ``MOST``.

    **Cost** 2^players coalitions.

    Example:
        >>> glove = lambda present: (present[:, 0] & (present[:, 1] | present[:, 2])).astype(float)
        >>> exact(glove, 3).parts.round(4)
        array([0.6667, 0.1667, 0.1667])
    """
    subsets = np.arange(1 << players)  # bit i of a number: whether player i is there
    present = (subsets[:, None] >> np.arange(players) & 1).astype(bool)  # (2^P, P)
    v, size = worth(present), present.sum(axis=1)
    ways = [factorial(s) * factorial(players - s - 1) / factorial(players) for s in range(players)]
    weight = np.array([*ways, 0.0])[size]
    parts = np.zeros(players)
    for i in range(players):
        without = subsets[~present[:, i]]
        parts[i] = weight[without] @ (v[without | 1 << i] - v[without])
    return Division(parts, float(v[0]), float(v[-1]))


def sampled(worth: Worth, players: int, orders: int, seed: int) -> Division:
    """Estimate the Shapley values from random orders, each with its reverse.

    Args:
        worth: the value of coalitions.
        players: the number of players.
        orders: the number of orders, rounded up to an even number, at least 4.
        seed: the seed of the orders.

    **Cost** orders * (players - 1) + 2 coalitions.
    """
    pairs = max(2, (orders + 1) // 2)
    key = key_of(seed)
    drawn = np.stack([permutation(fold(key, pair), players) for pair in range(pairs)])
    both = np.stack([drawn, drawn[:, ::-1]], axis=1).reshape(2 * pairs, players)
    place = np.argsort(both, axis=1)  # when each player comes
    present = place[:, None, :] < np.arange(1, players)[:, None]  # (orders, P - 1, P): after 1, 2, ... came
    ends = worth(np.stack([np.zeros(players, bool), np.ones(players, bool)]))
    inner = worth(present.reshape(-1, players)).reshape(2 * pairs, players - 1)
    v = np.concatenate([np.full((2 * pairs, 1), ends[0]), inner, np.full((2 * pairs, 1), ends[1])], axis=1)
    rises = np.take_along_axis(np.diff(v, axis=1), place, axis=1)  # (orders, P): by each player
    means = rises.reshape(pairs, 2, players).mean(axis=1)
    errors = means.std(axis=0, ddof=1) / np.sqrt(pairs)
    return Division(means.mean(axis=0), float(ends[0]), float(ends[1]), errors)
