"""Counter-based pseudorandom numbers: each is a function of a key and a counter alone.

A generator with a state makes its numbers depend on who sampled before. Here the i-th number of a stream is a
function of (key, i): the same on every engine, for every split of a batch, for any number of threads and
after any interruption. The function is Threefry-2x32 with 20 rounds, which uses only 32-bit additions,
rotations and exclusive-ors, so that every machine computes the same bits.

A *key* is an array of two ``uint32``. ``fold`` derives a key from a key and an integer, as a path is derived
from a folder and a name: ``fold(key_of(seed), epoch)``.

Reference: Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3 (SC'11).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.portable_math import cos_of_turns, log

KEY = "random key"
"""The name of the input through which a graph that samples random numbers receives its key."""
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_SHIFTS = tuple([(np.uint32(n), np.uint32(32 - n)) for n in group] for group in ROTATIONS)
PARITY = np.uint32(0x1BD11BDA)
_BLOCK = 2**14  # counters mixed at once, so that their words stay in the cache


def threefry(key: np.ndarray, high: np.ndarray, low: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two words of random bits for each counter.

    Args:
        key: ``(2,)`` uint32, or ``(2, ...)`` for several keys, whose shape broadcasts with the counters'.
        high, low: the two words of each counter, uint32 of equal shape.

    Returns:
        two uint32 arrays of the counters' shape.

    Example:
        >>> key = np.zeros(2, np.uint32); zero = np.zeros(1, np.uint32)
        >>> [hex(int(word[0])) for word in threefry(key, zero, zero)]
        ['0x6b200159', '0x99ba4efe']
    """
    k0, k1 = np.uint32(key[0]), np.uint32(key[1])
    keys = (k0, k1, k0 ^ k1 ^ PARITY)
    with np.errstate(over="ignore"):
        x, y = np.asarray(high + keys[0]), np.asarray(low + keys[1])
        if x.size > _BLOCK and k0.ndim == 0:
            for i in range(0, x.size, _BLOCK):
                _mix(x.reshape(-1)[i : i + _BLOCK], y.reshape(-1)[i : i + _BLOCK], keys)
        else:
            _mix(x, y, keys)
    return x, y


def _mix(x: np.ndarray, y: np.ndarray, keys: tuple[np.ndarray | np.uint32, ...]) -> None:
    """Compute the twenty rounds, in place."""
    rest = np.empty_like(y)
    for group in range(5):
        for left, right in _SHIFTS[group % 2]:
            np.add(x, y, x)
            np.right_shift(y, right, rest)
            np.left_shift(y, left, y)
            np.bitwise_or(y, rest, y)
            np.bitwise_xor(y, x, y)
        np.add(x, keys[(group + 1) % 3], x)
        np.add(y, keys[(group + 2) % 3] + np.uint32(group + 1), y)


def _mixed(k0: int, k1: int, x: int, y: int) -> tuple[int, int]:
    """Return ``threefry`` of one counter in Python integers: a tenth of the time of arrays of length 1."""
    keys = (k0, k1, k0 ^ k1 ^ int(PARITY))
    x, y = (x + k0) & 0xFFFFFFFF, (y + k1) & 0xFFFFFFFF
    for group in range(5):
        for bits in ROTATIONS[group % 2]:
            x = (x + y) & 0xFFFFFFFF
            y = (((y << bits) & 0xFFFFFFFF) | (y >> (32 - bits))) ^ x
        x = (x + keys[(group + 1) % 3]) & 0xFFFFFFFF
        y = (y + keys[(group + 2) % 3] + group + 1) & 0xFFFFFFFF
    return x, y


def key_of(seed: int) -> np.ndarray:
    """Return the key of an integer seed (its lowest 64 bits)."""
    seed = int(seed) & 0xFFFFFFFFFFFFFFFF
    return np.array([seed >> 32, seed & 0xFFFFFFFF], np.uint32)


def fold(key: np.ndarray, *numbers: int) -> np.ndarray:
    """Return the key derived from ``key`` by each integer in turn."""
    words = int(key[0]), int(key[1])
    for number in numbers:
        words = _mixed(*words, *map(int, key_of(number)))
    return np.array(words, np.uint32)


def folds(key: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return ``fold(key, number)`` for an array of n integers: (n, 2) uint32."""
    index = np.asarray(numbers).astype(np.uint64)
    high, low = (index >> np.uint64(32)).astype(np.uint32), index.astype(np.uint32)
    return np.stack(threefry(key, high, low), axis=1)


def fold_each(keys: np.ndarray, number: int) -> np.ndarray:
    """Return ``fold(key, number)`` for n keys (n, 2): (n, 2) uint32."""
    high, low = (np.full(len(keys), word, np.uint32) for word in key_of(number))
    return np.stack(threefry(keys.T, high, low), axis=1)


def bits(key: np.ndarray, count: int, start: int = 0) -> np.ndarray:
    """Return ``count`` words of 32 random bits, beginning with number ``start`` of the stream."""
    words = np.empty(count, np.uint32)
    for part, mixed, _ in _pieces(key, count, start):
        words[part] = mixed
    return words


def bits_of_keys(keys: np.ndarray, count: int) -> np.ndarray:
    """Return ``bits(key, count)`` for n keys (n, 2) at once: (n, count) uint32."""
    return _words_of_keys(keys, count)[0]


def _words_of_keys(keys: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both words of the first ``count`` counters for n keys (n, 2): (n, count) each."""
    index = np.arange(count, dtype=np.uint32)
    return threefry(keys.T[:, :, None], np.zeros_like(index), index)  # keys (2, n, 1), counters (count,)


def _pieces(key: np.ndarray, count: int, start: int) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Yield both words of ``count`` counters in blocks that fit into the cache, each with its slice."""
    for low in range(0, count, _BLOCK):
        part = slice(low, min(low + _BLOCK, count))
        index = np.arange(start + low, start + part.stop, dtype=np.uint64)
        high, low_words = (index >> np.uint64(32)).astype(np.uint32), index.astype(np.uint32)
        yield part, *threefry(key, high, low_words)


def uniform(key: np.ndarray, count: int, dtype: str = "float64", start: int = 0) -> np.ndarray:
    """Return ``count`` numbers in [0, 1), each of 24 random bits (float32) or 32 (float64)."""
    samples = np.empty(count, np.float32 if dtype == "float32" else np.float64)
    for part, words, _ in _pieces(key, count, start):
        samples[part] = _as_uniform(words, dtype)
    return samples


def _as_uniform(words: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "float32":
        return (words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
    return words.astype(np.float64) * 2.0**-32


def uniforms(keys: np.ndarray, count: int, dtype: str = "float64") -> np.ndarray:
    """Return ``uniform(key, count, dtype)`` for n keys (n, 2) at once: (n, count)."""
    return _as_uniform(bits_of_keys(keys, count), dtype)


def normal(key: np.ndarray, count: int, dtype: str = "float64", start: int = 0) -> np.ndarray:
    """Return ``count`` samples of the standard normal distribution.

    One sample per counter by the Box-Muller transform (1958), sqrt(-2 ln u) cos(2 pi v), computed in float64
    and rounded once, so that float32 and float64 samples agree; computed with ``portable_math``, so that they
    are the same on every machine.
    """
    samples = np.empty(count, dtype)
    for part, u, v in _pieces(key, count, start):
        samples[part] = _as_normal(u, v)
    return samples


def _as_normal(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    radius = np.sqrt(-2.0 * log((u.astype(np.float64) + 0.5) * 2.0**-32))
    return radius * cos_of_turns(v.astype(np.float64) * 2.0**-32)


def normals(keys: np.ndarray, count: int, dtype: str = "float64") -> np.ndarray:
    """Return ``normal(key, count, dtype)`` for n keys (n, 2) at once: (n, count)."""
    return _as_normal(*_words_of_keys(keys, count)).astype(dtype)


def permutation(key: np.ndarray, count: int) -> np.ndarray:
    """Return a random permutation of the integers 0 to ``count - 1``.

    Each integer gets a 64-bit random word and the integers are sorted by it; ties (one chance in 2**64 per
    pair) keep their order, so the result is the same on every machine.
    """
    index = np.arange(count, dtype=np.uint32)
    high, low = threefry(key, np.zeros_like(index), index)
    # NumPy sorts 16 bits by counting: twice that takes a fifth of the time of sorting 64 bits by comparisons.
    order = np.argsort(high.astype(np.uint16), kind="stable")
    order = order[np.argsort((high >> np.uint32(16)).astype(np.uint16)[order], kind="stable")]
    upper = high[order]
    ties = np.flatnonzero(upper[1:] == upper[:-1])
    if ties.size:
        places = np.union1d(ties, ties + 1)
        tied = order[places]
        words = (high[tied].astype(np.uint64) << np.uint64(32)) | low[tied]
        order[places] = tied[np.argsort(words, kind="stable")]
    return order
