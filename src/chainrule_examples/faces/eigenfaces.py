"""Eigenfaces: images as coordinates along the principal components of training images.

Reference: Turk and Pentland (1991), Eigenfaces for recognition, Journal of Cognitive Neuroscience 3.
"""

from __future__ import annotations

import numpy as np


def eigenfaces(train: np.ndarray, images: np.ndarray, count: int = 60) -> np.ndarray:
    """The coordinates of images along the first principal components of training images, (M, count).

    Args:
        train: (N, ...) training images.
        images: (M, ...) images of the same shape.
        count: the number of components, at most N - 1.

    Example:
        >>> train = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
        >>> np.abs(eigenfaces(train, train, 1)).round(3).ravel().tolist()
        [1.414, 0.0, 1.414]
    """
    x = train.reshape(len(train), -1).astype(np.float64)
    mean = x.mean(axis=0)
    components = np.linalg.svd(x - mean, full_matrices=False)[2][: min(count, len(x) - 1)]
    return (images.reshape(len(images), -1) - mean) @ components.T


def negative_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Minus the Euclidean distance of every row of ``a`` from every row of ``b``, (N, M).

    Example:
        >>> negative_distance(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
        [[-5.0]]
    """
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return -np.sqrt(np.maximum(squares, 0.0))
