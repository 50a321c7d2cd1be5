"""Masks of segmentation: their targets, colors, sizes and class weights."""

from __future__ import annotations

import colorsys

import numpy as np

# Weights of the classes of masks, so that small classes count in a loss.


def median_frequency_weights(masks: np.ndarray, classes: int, power: float = 1.0) -> tuple[float, ...]:
    """Return the weight of each class: the median of all frequencies over its own.

    The frequency of a class is its share of the pixels of those masks that contain it. A class that occurs in
    no mask has the weight 0.

    Formula: w_k = (median(f) / f_k)^power.

    Args:
        masks: (N, H, W) class numbers; numbers outside 0 to ``classes`` - 1 mark pixels without a class.
        classes: the number of classes.
        power: 1 balances the classes, 0 gives all the weight 1; between them a compromise, because large
            weights of rare classes raise the number of pixels that are wrongly assigned to them.

    Example:
        >>> median_frequency_weights(np.array([[[0, 0, 0, 1]], [[0, 0, 0, 0]]]), 2)
        (0.642857, 2.25)

    Reference: Eigen and Fergus (2015), Predicting depth, surface normals and semantic labels with a common
        multi-scale convolutional architecture (ICCV), section 4.3.2.
    """
    counts = np.array(
        [np.bincount(mask[(mask >= 0) & (mask < classes)], minlength=classes) for mask in masks]
    )
    counts = counts.reshape(-1, classes)  # (N, K)
    areas = ((counts > 0) * counts.sum(axis=1, keepdims=True)).sum(axis=0)  # of the masks with the class
    occurs = areas > 0
    weights = np.zeros(classes)
    if occurs.any():
        frequency = counts.sum(axis=0)[occurs] / areas[occurs]
        weights[occurs] = (np.median(frequency) / frequency) ** power
    return tuple(float(weight) for weight in weights.round(6))


# Colors of the classes of masks, and overlays of images with masks.


def class_colors(classes: int) -> np.ndarray:
    """Return different colors for classes, (K, 3) bytes.

    Example:
        >>> class_colors(2).tolist()
        [[230, 80, 80], [80, 124, 230]]
    """
    golden = (np.sqrt(5) - 1) / 2  # hues of neighboring classes are far apart
    colors = [colorsys.hsv_to_rgb(number * golden % 1, 0.65, 0.9) for number in range(classes)]
    return np.round(np.array(colors).reshape(-1, 3) * 255).astype(np.uint8)


def overlay(image: np.ndarray, mask: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Return the mean of an image and the colors of its mask, (H, W, 3) bytes.

    Args:
        image: (H, W, 3) bytes.
        mask: (H, W) class numbers below K.
        colors: (K, 3) bytes.

    Example:
        >>> image, red = np.full((1, 1, 3), 100, np.uint8), np.array([[200, 0, 0]], np.uint8)
        >>> overlay(image, np.array([[0]]), red).tolist()
        [[[150, 50, 50]]]
    """
    return (image >> 1) + (colors >> 1)[mask]


# Masks and scores of another size.
#
# Cell i of m cells that cover n pixels has its center at position p = (i + 0.5) n / m - 0.5. Masks take the
# class of the pixel nearest to p; scores are interpolated between the two pixels around p along each axis.

STRIP = 64  # rows of the result that are interpolated at once


def resize_masks(masks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return masks (N, H, W) as masks (N, *size), with the class at the center of each cell.

    Args:
        masks: class numbers, (N, H, W).
        size: the new height and width.

    Example:
        >>> resize_masks(np.arange(16).reshape(1, 4, 4), (2, 2)).tolist()
        [[[5, 7], [13, 15]]]
    """
    row, column = (
        ((np.arange(m) + 0.5) * n / m).astype(int) for n, m in zip(masks.shape[1:], size, strict=True)
    )
    return masks[:, row[:, None], column]


def class_mask(scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the class with the largest score at each pixel of a larger or smaller mask.

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
    """Return for each of m cells the pixels before and after its center, and the weight of the second."""
    place = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
    low = np.floor(place).astype(int)
    return low, np.minimum(low + 1, n - 1), place - low


def are_masks(images: np.ndarray, y: np.ndarray) -> bool:
    """Return whether targets have one value or several for each pixel of their image.

    Example:
        >>> images = np.zeros((5, 4, 6, 3))
        >>> are_masks(images, np.zeros((5, 4, 6))), are_masks(images, np.zeros((5, 10)))
        (True, False)
    """
    return images.ndim == 4 and y.ndim in (3, 4) and y.shape[:3] == images.shape[:3]
