"""Masks and scores of another size.

Cell i of m cells that cover n pixels has its center at position p = (i + 0.5) n / m - 0.5. Masks take the
class of the pixel nearest to p; scores are interpolated between the two pixels around p along each axis.
"""

from __future__ import annotations

import numpy as np

STRIP = 64  # rows of the result that are interpolated at once


def resize_masks(masks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Masks (N, H, W) as masks (N, *size), with the class at the center of each cell.

    Example:
        >>> resize_masks(np.arange(16).reshape(1, 4, 4), (2, 2)).tolist()
        [[[5, 7], [13, 15]]]
    """
    row, column = (
        ((np.arange(m) + 0.5) * n / m).astype(int) for n, m in zip(masks.shape[1:], size, strict=True)
    )
    return masks[:, row[:, None], column]


def class_mask(scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The class with the largest score at each pixel of a larger or smaller mask.

    Args:
        scores: (H, W, K) scores or probabilities.
        size: height and width of the mask.

    Returns:
        the mask, of bytes if there are at most 256 classes.

    Example:
        >>> scores = np.array([[[1.0, 0.0], [0.0, 1.0]]])
        >>> class_mask(scores, (1, 6)).tolist()
        [[0, 0, 0, 1, 1, 1]]
    """
    height, width, classes = scores.shape
    mask = np.empty(size, np.uint8 if classes <= 256 else np.int64)
    low, high, part = _taps(height, size[0])
    left, right, share = _taps(width, size[1])
    for start in range(0, size[0], STRIP):
        rows = slice(start, start + STRIP)
        weight = part[rows, None, None].astype(scores.dtype)
        strip = scores[low[rows]] * (1 - weight) + scores[high[rows]] * weight  # (R, W, K)
        weight = share[:, None].astype(scores.dtype)
        mask[rows] = (strip[:, left] * (1 - weight) + strip[:, right] * weight).argmax(axis=-1)
    return mask


def _taps(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of m cells the pixels before and after its center, and the weight of the second."""
    place = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
    low = np.floor(place).astype(int)
    return low, np.minimum(low + 1, n - 1), place - low
