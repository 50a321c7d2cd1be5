"""The order of rows in training: a function of (seed, epoch), so that a position is two integers.

An iterator has a state that must be saved and can drift; here batch ``i`` of epoch ``e`` is computed from its
indices, and an interrupted training resumes with exactly the rows it would have used.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.validation import random_seed, require_integer

_STREAM = 0x4F524452  # "ORDR": the stream of the seed for this use


@frozen
class Order:
    """The row numbers of each batch of every epoch.

    Args:
        rows: number of rows, at least 1.
        batch_size: rows per batch, at least 1; the last batch of an epoch contains the rest.
        seed: an integer from 0 to 2**63 - 1.
        shuffle: use a new random order in every epoch; otherwise 0, 1, 2, ...

    Raises:
        UsageError E102: ``rows`` or ``batch_size`` is below 1.

    Example:
        >>> order = Order(rows=5, batch_size=2, seed=0)
        >>> order.steps, order.epoch(0).tolist(), order.batch(0, 2).tolist()
        (3, [4, 0, 3, 1, 2], [2])
    """

    rows: int
    batch_size: int
    seed: int = 0
    shuffle: bool = True

    def __post_init__(self) -> None:
        require_integer(self, "rows", 1)
        require_integer(self, "batch_size", 1)
        random_seed(self.seed, "Order")

    @property
    def steps(self) -> int:
        """The number of batches in an epoch."""
        return -(-self.rows // self.batch_size)

    @property
    def smallest(self) -> int:
        """The number of rows in the smallest batch of an epoch."""
        return self.rows - (self.steps - 1) * self.batch_size

    def epoch(self, epoch: int) -> np.ndarray:
        """Return all row numbers in the order of epoch ``epoch`` (from 0); read-only.

        Args:
            epoch: the number of the epoch, from 0.
        """
        return _epoch(self.rows, self.seed if self.shuffle else None, epoch)

    def batch(self, epoch: int, step: int) -> np.ndarray:
        """Return the row numbers of batch ``step`` (from 0) of epoch ``epoch``.

        Args:
            epoch: the number of the epoch, from 0.
            step: the number of the batch in it, from 0.
        """
        start = step * self.batch_size
        return self.epoch(epoch)[start : start + self.batch_size]


@lru_cache(maxsize=4)
def _key(seed: int) -> np.ndarray:
    return fold(key_of(seed), _STREAM)


@lru_cache(maxsize=4)
def _epoch(rows: int, seed: int | None, epoch: int) -> np.ndarray:
    if seed is None:
        order = np.arange(rows)
    else:
        order = permutation(fold(_key(seed), epoch), rows)
    order.flags.writeable = False  # shared by every caller through the cache
    return order
