"""Sounds recognized by the most similar training sounds, aligned by dynamic time warping: no network.

A path pairs the frames of two sounds, and its cost is the sum of the distances of the pairs; the cheapest one
is that of the same words at another speed. The sounds with the smallest cost decide.

Reference: Sakoe and Chiba (1978), Dynamic programming algorithm optimization for spoken word recognition
(IEEE ASSP 26).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit


@njit(nogil=True)
def warped_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The smallest cost of a path between two sounds, divided by their total length.

    Args:
        a, b: (N, C) and (M, C) frames.

    Example:
        >>> slow, fast = np.array([[0.0], [1.0], [1.0], [5.0]]), np.array([[0.0], [1.0], [5.0]])
        >>> warped_distance(slow, fast)
        0.0
    """
    n, m = len(a), len(b)
    before = np.full(m + 1, np.inf)
    before[0] = 0.0
    last = np.inf
    for i in range(n):
        last = np.inf
        corner, before[0] = before[0], np.inf
        for j in range(m):
            total = 0.0
            for k in range(a.shape[1]):
                total += (a[i, k] - b[j, k]) ** 2
            cost = np.sqrt(total) + min(corner, before[j + 1], last)
            corner, before[j + 1], last = before[j + 1], cost, cost
    return last / (n + m)


def warped_distances(sounds: Sequence[np.ndarray], known: Sequence[np.ndarray]) -> np.ndarray:
    """The distance of each sound from each known sound, (N, M)."""
    return np.array([[warped_distance(a, b) for b in known] for a in sounds])


def majority(distances: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """The most frequent label of the nearest known sounds, (N,); the first in order among equal ones.

    Args:
        distances: (N, M).
        labels: (M,).
        count: of the nearest sounds.

    Example:
        >>> majority(np.array([[0.1, 0.2, 0.3]]), np.array(["a", "b", "b"]), 3).tolist()
        ['b']
    """
    nearest = labels[np.argsort(distances, axis=1, kind="stable")[:, :count]]
    names = np.unique(labels)
    return names[(nearest[:, :, None] == names).sum(axis=1).argmax(axis=1)]
