"""Occlusion: the decrease of the score when a part of the input is covered.

A gray patch slides over the image, or a column or token is replaced, and the decrease of the score is
assigned to the covered elements; an element covered by several patches gets the mean of their decreases. If
each of two parts is sufficient for the prediction, covering one changes nothing, so both have value 0;
Shapley values handle this case.

Reference: Zeiler and Fergus (2014), Visualizing and understanding convolutional networks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.attribution.methods.coalitions import Game, Groups


def patches(shape: Sequence[int], window: Sequence[int], stride: Sequence[int]) -> list[np.ndarray]:
    """Return the flat indices of every patch that slides over the leading axes of a sample.

    Args:
        shape: the shape of the sample, such as (H, W, C).
        window: the length of a patch along each leading axis; all further axes are covered completely.
        stride: the distance between patches along each leading axis. The last patch may be shorter.

    Example:
        >>> [patch.tolist() for patch in patches((5,), (2,), (2,))]
        [[0, 1], [2, 3], [4]]
    """
    indices = np.arange(int(np.prod(shape))).reshape(tuple(shape))
    starts = [_starts(n, w, s) for n, w, s in zip(shape, window, stride, strict=False)]
    flat = []
    for corner in np.ndindex(*(len(cut) for cut in starts)):
        low = [cut[i] for cut, i in zip(starts, corner, strict=True)]
        inside = tuple(slice(b, b + w) for b, w in zip(low, window, strict=True))
        flat.append(indices[inside].reshape(-1))
    return flat


def _starts(length: int, window: int, stride: int) -> range:
    return range(0, min(length - window + stride, length), stride)


def score_decreases(game: Game, parts: Groups) -> np.ndarray:
    """Return the decrease of the score when each part alone is covered, (len(parts),).

    Args:
        game: the sample and its background; its players are not used.
        parts: flat indices; parts may overlap.
    """
    is_present = np.ones((len(parts) + 1, game.row.size), bool)
    for i, indices in enumerate(parts, 1):
        is_present[i, indices] = False
    v = game.masked_scores(is_present)
    return v[0] - v[1:]


def spread(amounts: np.ndarray, parts: Groups, size: int) -> np.ndarray:
    """Return for every element of a sample the mean of the amounts of its parts, 0 if it is in none: (size,).

    Example:
        >>> spread(np.array([2.0, 4.0]), [np.array([0, 1]), np.array([1, 2])], 4)
        array([2., 3., 4., 0.])
    """
    total, count = np.zeros(size), np.zeros(size)
    for amount, indices in zip(amounts, parts, strict=True):
        total[indices] += amount
        count[indices] += 1
    return total / np.maximum(count, 1)
