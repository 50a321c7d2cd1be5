"""Mirror boxes together with their image."""

from __future__ import annotations

import numpy as np


def flip_boxes(
    boxes: np.ndarray, shape: tuple[int, int], horizontal: bool = False, vertical: bool = False
) -> np.ndarray:
    """Return the boxes of an image that is mirrored, (N, 4).

    Args:
        boxes: (N, 4) left, top, right and bottom, in pixels.
        shape: height and width of the image.
        horizontal: whether left and right are exchanged.
        vertical: whether top and bottom are exchanged.

    Example:
        >>> flip_boxes(np.array([[0, 1, 3, 4]]), (10, 20), horizontal=True).tolist()
        [[17, 1, 20, 4]]
    """
    left, top, right, bottom = np.asarray(boxes).reshape(-1, 4).T
    height, width = shape
    if horizontal:
        left, right = width - right, width - left
    if vertical:
        top, bottom = height - bottom, height - top
    return np.stack([left, top, right, bottom], axis=1)
