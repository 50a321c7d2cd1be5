"""Scores of masks, which have a class for every pixel: intersection over union, pixel accuracy.

Reference: Everingham et al. (2010), The Pascal visual object classes challenge, section 4.4.
"""

from __future__ import annotations

import numpy as np


def pixel_confusion(predicted: np.ndarray, true: np.ndarray, classes: int) -> np.ndarray:
    """Return the confusion matrix of masks, (K, K).

    Args:
        predicted: class numbers from 0 to K - 1, of any shape.
        true: true classes, of the same shape; pixels with a number outside 0 to K - 1 have no class and do
            not count.
        classes: the number K of classes.

    Example:
        >>> pixel_confusion(np.array([[0, 1, 1]]), np.array([[0, 0, 9]]), 2).tolist()
        [[1, 1], [0, 0]]
    """
    assert predicted.shape == true.shape, "masks have the same shape"
    known = (true >= 0) & (true < classes)
    pairs = true[known].astype(np.int64) * classes + predicted[known]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def class_iou(confusion: np.ndarray) -> np.ndarray:
    """Return intersection over union of each class, (K,); NaN where it is neither present nor predicted.

    Formula: IoU_k = C_kk / (sum_j C_kj + sum_i C_ik - C_kk).

    Example:
        >>> class_iou(np.array([[3, 1], [0, 0]])).tolist()
        [0.75, 0.0]
    """
    right, both = _areas(confusion)
    return _quotient(right, both - right)


def mean_iou(confusion: np.ndarray) -> float:
    """Return the mean of ``class_iou`` over the classes that occur; NaN without any.

    Example:
        >>> mean_iou(np.array([[3, 1, 0], [0, 0, 0], [0, 0, 0]]))
        0.375
    """
    values = class_iou(confusion)
    return float(values[~np.isnan(values)].mean()) if np.isfinite(values).any() else float("nan")


def pixel_accuracy(confusion: np.ndarray) -> float:
    """Return the share of the pixels with a class that are right; NaN without any."""
    total = confusion.sum()
    return float(np.trace(confusion) / total) if total else float("nan")


def _areas(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each class the common pixels, and those of the true and of the predicted area, added up."""
    return np.diag(confusion), confusion.sum(axis=0) + confusion.sum(axis=1)


def _quotient(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.full(len(a), np.nan), where=b > 0)
