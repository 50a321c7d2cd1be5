"""Shapley values: the unique fair division of a score among the inputs.

Three colleagues earn a bonus together; what is the share of each? Let them join in some order and record by
how much each increases the bonus; take the mean over all orders. With v(S) the value of the coalition S and P
players,

    phi_i = sum over S without i   |S|! (P - |S| - 1)! / P!   (v(S + i) - v(S))

This is the only division with four properties, each of which is tested: *efficiency* (the values sum to
v(all) - v(empty)), *symmetry* (equal contributions have equal values), *dummy* (a player that never changes v
has value 0), *linearity* (the values of a sum of games are the sums of the values).

For up to 12 players, all 2^P coalitions are evaluated in one batch, and the values are exact. For more,
orders are sampled, each together with its reverse. Such a pair divides interactions of two players exactly,
so only interactions of three or more players have a sampling error. The variance over the pairs gives the
standard error. Every order satisfies efficiency, so efficiency is exact, too.

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

MAX_EXACT_PLAYERS = 12  # 4096 coalitions, each evaluated on every background row
ValueFunction: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""A function from coalitions (m, P) to their values, (m,)."""


@frozen(eq=False)
class ShapleyValues:
    """The Shapley values of a game.

    Args:
        values: (P,) the value of each player.
        base, full: the values of the empty and the full coalition.
        errors: (P,) the standard errors; ``None`` if the values are exact.
    """

    values: np.ndarray
    base: float
    full: float
    errors: np.ndarray | None = None


def exact(value_function: ValueFunction, players: int) -> ShapleyValues:
    """Compute the Shapley values from all coalitions.

    Args:
        players: the number of players, at most ``MAX_EXACT_PLAYERS``.

    Cost: 2^players coalitions.

    Example:
        >>> glove = lambda present: (present[:, 0] & (present[:, 1] | present[:, 2])).astype(float)
        >>> exact(glove, 3).values.round(4)
        array([0.6667, 0.1667, 0.1667])
    """
    subsets = np.arange(1 << players)  # bit i: whether player i is present
    present = (subsets[:, None] >> np.arange(players) & 1).astype(bool)  # (2^P, P)
    v, size = value_function(present), present.sum(axis=1)
    weights_by_size = [factorial(s) * factorial(players - s - 1) / factorial(players) for s in range(players)]
    weight = np.array([*weights_by_size, 0.0])[size]
    values = np.zeros(players)
    for i in range(players):
        without = subsets[~present[:, i]]
        values[i] = weight[without] @ (v[without | 1 << i] - v[without])
    return ShapleyValues(values, float(v[0]), float(v[-1]))


def sampled(value_function: ValueFunction, players: int, orders: int, seed: int) -> ShapleyValues:
    """Estimate the Shapley values from random orders, each with its reverse.

    Args:
        orders: the number of orders, rounded up to an even number, at least 4.

    Cost: orders * (players - 1) + 2 coalitions.
    """
    pairs = max(2, (orders + 1) // 2)
    key = key_of(seed)
    orders_sampled = np.stack([permutation(fold(key, pair), players) for pair in range(pairs)])
    both = np.stack([orders_sampled, orders_sampled[:, ::-1]], axis=1).reshape(2 * pairs, players)
    positions = np.argsort(both, axis=1)  # the position of each player in each order
    present = (
        positions[:, None, :] < np.arange(1, players)[:, None]
    )  # (orders, P - 1, P): the first 1, 2, ... players
    ends = value_function(np.stack([np.zeros(players, bool), np.ones(players, bool)]))
    inner = value_function(present.reshape(-1, players)).reshape(2 * pairs, players - 1)
    v = np.concatenate([np.full((2 * pairs, 1), ends[0]), inner, np.full((2 * pairs, 1), ends[1])], axis=1)
    increases = np.take_along_axis(np.diff(v, axis=1), positions, axis=1)  # (orders, P): by player
    pair_means = increases.reshape(pairs, 2, players).mean(axis=1)
    errors = pair_means.std(axis=0, ddof=1) / np.sqrt(pairs)
    return ShapleyValues(pair_means.mean(axis=0), float(ends[0]), float(ends[1]), errors)
