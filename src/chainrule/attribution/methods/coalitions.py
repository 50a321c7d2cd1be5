"""Answers with a part of the inputs taken away: the one question all black-box methods ask.

A *player* is a group of a sample's numbers that stay or go together: the 0/1 codes of one column, a patch of
an image, a token. A *coalition* is the players that are present; what is absent has the numbers of other
samples, the background, and the answer is averaged over them::

    v(S) = 1/R  sum_r  score(x on the players of S, background_r elsewhere)

So v(all) is the sample's own answer and v(none) what is said of the background. Numbers that belong to no
player are always the sample's own. What was rejected: a missing value of its own, since most nets never
learned one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np

from chainrule.records import frozen

Score: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""From samples (n, ...) to one number for each: (n,)."""
Groups: TypeAlias = Sequence[np.ndarray]
"""For each player the places of its numbers in the sample, laid out flat."""
AT_ONCE = 1 << 22  # numbers of samples that are made at one time: 32 MB


@frozen(eq=False)
class Game:
    """One sample, and what stands in for what is taken away.

    Args:
        score: what is asked of samples.
        row: the sample, (...).
        background: (R, ...) the samples whose numbers stand in, averaged over.
        groups: the players.

    Example:
        >>> game = Game(lambda x: x.sum(1), np.ones(2), np.zeros((1, 2)), [np.array([0]), np.array([1])])
        >>> game.values(np.array([[False, False], [True, False], [True, True]]))
        array([0., 1., 2.])
    """

    score: Score
    row: np.ndarray
    background: np.ndarray
    groups: Groups

    @cached_property
    def owner(self) -> np.ndarray:
        """The player each number of the sample belongs to, -1 where none."""
        owner = np.full(self.row.size, -1)
        for player, places in enumerate(self.groups):
            owner[places] = player
        return owner

    def values(self, present: np.ndarray) -> np.ndarray:
        """What each coalition is worth.

        Args:
            present: (m, P) whether each player is there.

        Returns:
            (m,) in float64.
        """
        return self.kept((self.owner < 0) | present[:, self.owner])

    def kept(self, stays: np.ndarray) -> np.ndarray:
        """The mean score where each number of the sample stays or is replaced.

        Args:
            stays: (m, N) for each number of the sample, laid out flat.

        Returns:
            (m,) in float64.
        """
        step = max(1, AT_ONCE // max(1, len(self.background) * self.row.size))
        parts = [self._kept(stays[i : i + step]) for i in range(0, len(stays), step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _kept(self, stays: np.ndarray) -> np.ndarray:
        flat = self.background.reshape(len(self.background), -1)  # (R, ...) -> (R, N)
        rows = np.where(stays[:, None], self.row.reshape(-1), flat)  # (m, R, N)
        scores = self.score(rows.reshape(-1, *self.row.shape))  # (m R, ...) -> (m R,)
        return np.asarray(scores, np.float64).reshape(len(stays), -1).mean(axis=1)


def each_alone(size: int) -> list[np.ndarray]:
    """Every number a player of its own."""
    return [np.array([i]) for i in range(size)]
