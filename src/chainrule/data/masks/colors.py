"""Colors of the classes of masks, and overlays of images with masks."""

from __future__ import annotations

import colorsys

import numpy as np


def class_colors(classes: int) -> np.ndarray:
    """Different colors for classes, (K, 3) bytes.

    Example:
        >>> class_colors(2).tolist()
        [[230, 80, 80], [80, 124, 230]]
    """
    golden = (np.sqrt(5) - 1) / 2  # hues of neighboring classes are far apart
    colors = [colorsys.hsv_to_rgb(number * golden % 1, 0.65, 0.9) for number in range(classes)]
    return np.round(np.array(colors).reshape(-1, 3) * 255).astype(np.uint8)


def overlay(image: np.ndarray, mask: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """The mean of an image and the colors of its mask, (H, W, 3) bytes.

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
