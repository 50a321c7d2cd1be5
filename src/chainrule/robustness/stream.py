"""A sequence of random arrays, each a function of the key and of the number of arrays before it."""

from __future__ import annotations

import math

import numpy as np

from chainrule import prng


class Stream:
    """Random arrays, reproducible from a key.

    Args:
        key: (2,) uint32; see ``chainrule.prng``.

    Example:
        >>> from chainrule.prng import key_of
        >>> stream = Stream(key_of(0))
        >>> bool((stream.uniform((3,)) == stream.uniform((3,))).any())
        False
    """

    def __init__(self, key: np.ndarray) -> None:
        self._key, self._count = key, 0

    def _next(self) -> np.ndarray:
        self._count += 1
        return prng.fold(self._key, self._count)

    def uniform(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return uniform numbers in [0, 1)."""
        return prng.uniform(self._next(), math.prod(shape)).reshape(shape)

    def normal(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return samples of the standard normal distribution."""
        return prng.normal(self._next(), math.prod(shape)).reshape(shape)

    def integers(self, high: int, shape: tuple[int, ...]) -> np.ndarray:
        """Return uniform integers from 0 to ``high - 1``."""
        return np.floor(self.uniform(shape) * high).astype(np.int64)

    def signs(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return -1 or 1, each with probability one half."""
        return np.where(self.uniform(shape) < 0.5, -1.0, 1.0)
