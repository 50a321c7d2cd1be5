"""Replay buffer: the last transitions of an agent, from which batches are drawn at random.

Reference: Lin (1992), Self-improving reactive agents based on reinforcement learning, planning and teaching,
Machine Learning 8; Mnih et al. (2015), Human-level control through deep reinforcement learning, Nature 518.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.errors import DataError, fact


class ReplayBuffer:
    """The last rows that were added, as arrays.

    Args:
        capacity: maximum number of rows; a new row then replaces the oldest one.

    Example:
        >>> buffer = ReplayBuffer(2)
        >>> for reward in (1.0, 2.0, 3.0):
        ...     buffer.add(state=[0.5, reward], reward=reward)
        >>> len(buffer), sorted(buffer.rows["reward"].tolist())
        (2, [2.0, 3.0])
        >>> buffer.sample(4)["state"].shape
        (4, 2)
    """

    def __init__(self, capacity: int, seed: int = 0) -> None:
        self.capacity = capacity
        self._arrays: dict[str, np.ndarray] = {}  # (capacity, ...) each
        self._count = 0
        self._rng = np.random.Generator(np.random.Philox(seed))

    def __len__(self) -> int:
        return min(self._count, self.capacity)

    @property
    def rows(self) -> Mapping[str, np.ndarray]:
        """The rows, (N, ...) by name; views, not copies."""
        return {name: array[: len(self)] for name, array in self._arrays.items()}

    def add(self, **values: object) -> None:
        """Add a row: a number or array for each name, as float32 (E317: other names or shapes; E342: NaN)."""
        row = {name: np.asarray(value, np.float32) for name, value in values.items()}
        if not self._arrays:
            self._arrays = {n: np.empty((self.capacity, *v.shape), np.float32) for n, v in row.items()}
        expected = {name: array.shape[1:] for name, array in self._arrays.items()}
        received = {name: value.shape for name, value in row.items()}
        if received != expected:
            raise DataError("E317", where="ReplayBuffer.add", expected=str(expected), received=str(received))
        for name, value in row.items():
            if not np.isfinite(value).all():
                raise DataError("E342", where=f"ReplayBuffer.add({name}=...)", received=str(value))
        for name, value in row.items():
            self._arrays[name][self._count % self.capacity] = value
        self._count += 1

    def sample(self, count: int) -> dict[str, np.ndarray]:
        """Return rows drawn at random with replacement, (count, ...) by name; E304 without rows."""
        if not self._count:
            raise DataError("E304", where="ReplayBuffer.sample", expected=fact("rows"), received="0")
        chosen = self._rng.integers(len(self), size=count)
        return {name: array[chosen] for name, array in self._arrays.items()}
