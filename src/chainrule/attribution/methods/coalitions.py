"""Scores of a sample with a part of its features replaced: the basis of occlusion and Shapley values.

A *player* is a group of elements of a sample that are replaced together: the one-hot codes of a column, a
patch of an image, a token. A *coalition* is a set of players that are present. The elements of absent players
are replaced by those of background samples, and the score is averaged over them::

    v(S) = 1/R  sum_r  score(x on the players of S, background_r elsewhere)

So v(all) is the score of the sample and v(empty) the mean score of the background. Elements that belong to no
player always keep the value of the sample. A special value for missing features was rejected, because most
networks were not trained with one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from chainrule.memo import cached_property
from chainrule.records import frozen

Score: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""A function from samples (n, ...) to one score for each, (n,)."""
Groups: TypeAlias = Sequence[np.ndarray]
"""For each player the flat indices of its elements in the sample."""
MAX_ELEMENTS = 1 << 22  # elements of samples in memory at a time: 32 MB


@frozen(eq=False)
class Game:
    """One sample and the background that reindices absent players.

    Args:
        score: the function from samples to scores.
        row: the sample, (...).
        background: (R, ...) the samples whose elements replace those of absent players; scores are averaged
            over them.
        groups: the flat indices of the elements of each player.

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
        """The player of each element of the sample, -1 if none."""
        owner = np.full(self.row.size, -1)
        for player, indices in enumerate(self.groups):
            owner[indices] = player
        return owner

    def values(self, present: np.ndarray) -> np.ndarray:
        """Return the value of coalitions.

        Args:
            present: (m, P) whether each player is present.

        Returns:
            (m,) in float64.
        """
        return self.masked_scores((self.owner < 0) | present[:, self.owner])

    def masked_scores(self, is_present: np.ndarray) -> np.ndarray:
        """Return the mean score for masks over the elements of the sample.

        Args:
            is_present: (m, N) whether each element keeps the value of the sample.

        Returns:
            (m,) in float64.
        """
        step = max(1, MAX_ELEMENTS // max(1, len(self.background) * self.row.size))
        parts = [self._masked_block(is_present[i : i + step]) for i in range(0, len(is_present), step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _masked_block(self, is_present: np.ndarray) -> np.ndarray:
        flat = self.background.reshape(len(self.background), -1)  # (R, ...) -> (R, N)
        rows = np.where(is_present[:, None], self.row.reshape(-1), flat)  # (m, R, N)
        scores = self.score(rows.reshape(-1, *self.row.shape))  # (m R, ...) -> (m R,)
        return np.asarray(scores, np.float64).reshape(len(is_present), -1).mean(axis=1)


def singleton_groups(size: int) -> list[np.ndarray]:
    """Return groups in which every element is a player."""
    return [np.array([i]) for i in range(size)]
