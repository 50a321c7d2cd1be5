"""Masks as targets of a training."""

from __future__ import annotations

import numpy as np


def are_masks(images: np.ndarray, y: np.ndarray) -> bool:
    """Whether targets have one value or several for each pixel of their image.

    Example:
        >>> images = np.zeros((5, 4, 6, 3))
        >>> are_masks(images, np.zeros((5, 4, 6))), are_masks(images, np.zeros((5, 10)))
        (True, False)
    """
    return images.ndim == 4 and y.ndim in (3, 4) and y.shape[:3] == images.shape[:3]
