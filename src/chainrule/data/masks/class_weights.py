"""Weights of the classes of masks, so that small classes count in a loss."""

from __future__ import annotations

import numpy as np


def median_frequency_weights(masks: np.ndarray, classes: int, power: float = 1.0) -> tuple[float, ...]:
    """The weight of each class: the median of all frequencies over its own.

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
