"""Occlusion: the decrease of the score when a part of the input is covered.

The plainest of all methods, and the one that needs no theory: a gray patch slides over the picture, a column
or a token is replaced, and the fall of the score is written where the patch was. Where patches overlap, a
number gets the mean of the falls of all patches that covered it. What it cannot see: two parts of which each
is enough alone, since covering one changes nothing; Shapley values do.

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
    places = np.arange(int(np.prod(shape))).reshape(tuple(shape))
    cuts = [_starts(n, w, s) for n, w, s in zip(shape, window, stride, strict=False)]
    found = []
    for corner in np.ndindex(*(len(cut) for cut in cuts)):
        begins = [cut[i] for cut, i in zip(cuts, corner, strict=True)]
        inside = tuple(slice(b, b + w) for b, w in zip(begins, window, strict=True))
        found.append(places[inside].reshape(-1))
    return found


def _starts(length: int, window: int, stride: int) -> range:
    return range(0, min(length - window + stride, length), stride)


def falls(game: Game, parts: Groups) -> np.ndarray:
    """Return the decrease of the score when each part alone is covered, (len(parts),).

    Args:
        game: the sample and its background; its players are not used.
        parts: flat indices; parts may overlap.
    """
    stays = np.ones((len(parts) + 1, game.row.size), bool)
    for i, places in enumerate(parts, 1):
        stays[i, places] = False
    v = game.kept(stays)
    return v[0] - v[1:]


def spread(amounts: np.ndarray, parts: Groups, size: int) -> np.ndarray:
    """For every number of a sample the mean of the amounts of the parts it lies in, 0 where in none: (size,).

    Example:
        >>> spread(np.array([2.0, 4.0]), [np.array([0, 1]), np.array([1, 2])], 4)
        array([2., 3., 4., 0.])
    """
    total, count = np.zeros(size), np.zeros(size)
    for amount, places in zip(amounts, parts, strict=True):
        total[places] += amount
        count[places] += 1
    return total / np.maximum(count, 1)
