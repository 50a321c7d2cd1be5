"""Random numbers of a private mechanism: from the operating system, for one use.

A guarantee holds against someone who does not know the random numbers. A run folder and a model file contain
the seed of a training, so nothing here depends on it: every number is computed from bytes of ``os.urandom``,
the cryptographic generator of the operating system, and no key or state is kept. A step that is repeated
after an interruption has new noise.

Numerics: a sample is drawn with probability q up to 2^-64. Normal numbers are computed in float64 by the
transform of Box and Muller (1958) from 53 random bits each. They are numbers of a computer, not real numbers,
and none is larger than 8.7; ``objective`` rounds them to a grid, so that the last bits of a noisy sum show
nothing (Mironov, 2012, On significance of the least significant bits for differential privacy, CCS).
"""

from __future__ import annotations

import os

import numpy as np

_BITS = 53
_BLOCK = 1 << 20  # numbers computed at once


def poisson_rows(rows: int, sampling_rate: float) -> np.ndarray:
    """Return ascending row numbers: each of ``rows`` rows with probability ``sampling_rate``."""
    if sampling_rate >= 1:
        return np.arange(rows)
    words = np.frombuffer(os.urandom(8 * rows), np.uint64)
    return np.flatnonzero(words < np.uint64(int(sampling_rate * 2.0**64)))


def standard_normal(count: int) -> np.ndarray:
    """Return independent standard normal numbers, (count,) float64."""
    values = np.empty(count)
    for start in range(0, count, _BLOCK):
        part = values[start : start + _BLOCK]
        pairs = (len(part) + 1) // 2
        words = np.frombuffer(os.urandom(16 * pairs), np.uint64).reshape(2, pairs)
        u, v = ((words >> np.uint64(64 - _BITS)).astype(np.float64) + 0.5) * 2.0**-_BITS
        radius, angle = np.sqrt(-2.0 * np.log(u)), 2.0 * np.pi * v
        part[:] = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[: len(part)]
    return values


def padded_size(count: int, batch_size: int, rows: int) -> int:
    """Return the size of the batch in which ``count`` rows are computed; the rest of it has weight 0.

    The number of drawn rows differs from step to step, and the engine has a plan for each size. Sizes are
    multiples of about two standard deviations, so that a training needs a few plans.
    """
    step = max(1, -(-batch_size // 16), int(2 * batch_size**0.5))
    return max(1, min(rows, -(-max(count, 1) // step) * step))
