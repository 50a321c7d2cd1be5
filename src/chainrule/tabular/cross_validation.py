"""Cross-validation of an ensemble: which member is trained, stopped and scored on which rows.

The rows are divided into K folds. Member m is scored on fold m, its best epoch is chosen on fold m + 1, and
it is trained on all others::

    fold           0      1      2      3      4
    member 0     score  stop   train  train  train
    member 1     train  score  stop   train  train
    member 2     train  train  score  stop   train

The rows on which a member is scored have therefore influenced neither its weights nor its number of epochs.
With fewer members than folds, each member is trained on a larger share of the rows, and the score is that of
the first folds.
"""

from __future__ import annotations

import numpy as np

from chainrule.records import frozen


@frozen(eq=False)
class CrossValidation:
    """The role of each row for each member of an ensemble.

    Args:
        folds: the fold of each row, (N,), from 0.
        count: K, the number of folds, at least 3.
        members: M, the number of members of a group, at most K.
        groups: G, the number of groups; members of all groups with the same number have the same rows.

    Example:
        >>> plan = CrossValidation(np.array([0, 1, 2]), 3, 2)
        >>> plan.training.tolist(), plan.validation.tolist(), plan.scored.tolist()
        ([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0, 1])
    """

    folds: np.ndarray
    count: int
    members: int
    groups: int = 1

    @property
    def training(self) -> np.ndarray:
        """Whether each member is trained on each row, (N, G M) of 0.0 and 1.0."""
        return 1.0 - self._of(0) - self.validation

    @property
    def validation(self) -> np.ndarray:
        """Whether the best epoch of each member is chosen on each row, (N, G M) of 0.0 and 1.0."""
        return self._of(1)

    @property
    def scoring(self) -> np.ndarray:
        """Whether each member is scored on each row, (N, G M) of 0.0 and 1.0."""
        return self._of(0)

    @property
    def scored(self) -> np.ndarray:
        """The numbers of the rows that a member is scored on, ascending."""
        return np.flatnonzero(self.folds < self.members)

    def _of(self, offset: int) -> np.ndarray:
        """The rows of the fold ``offset`` after each member's own."""
        own = (np.arange(self.members) + offset) % self.count
        return np.tile((self.folds[:, None] == own).astype(np.float32), (1, self.groups))
