"""The class of each pixel by a random forest on color and texture: segmentation without a network.

Reference: Shotton, Winn, Rother and Criminisi (2009), TextonBoost for image understanding, International
Journal of Computer Vision 81, for features and scores; Breiman (2001), Random forests, Machine Learning 45.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from sklearn.ensemble import RandomForestClassifier

SCALES = (1.0, 2.0, 4.0, 8.0)  # standard deviations of the blurred images, in pixels


def pixel_features(image: np.ndarray, with_place: bool = True) -> np.ndarray:
    """Colors, blurred colors, edges and spread at several scales, and the place of each pixel, (H, W, F).

    Args:
        image: (H, W, 3) bytes.
        with_place: whether row and column are features.

    Example:
        >>> pixel_features(np.zeros((4, 6, 3), np.uint8)).shape
        (4, 6, 25)
    """
    colors = image.astype(np.float32)
    gray = colors.mean(axis=2)
    parts: list[np.ndarray] = [colors]
    for scale in SCALES:
        mean = ndimage.gaussian_filter(gray, scale)
        spread = np.sqrt(np.maximum(ndimage.gaussian_filter(gray**2, scale) - mean**2, 0))
        edges = ndimage.gaussian_gradient_magnitude(gray, scale)
        blurred = ndimage.gaussian_filter(colors, (scale, scale, 0))
        parts.append(np.dstack([blurred, spread, edges]))
    if with_place:
        parts.append(np.moveaxis(np.indices(gray.shape, np.float32), 0, -1))
    return np.concatenate(parts, axis=-1)


def fit_forest(
    images: np.ndarray,
    masks: np.ndarray,
    classes: int,
    *,
    pixels: int = 200,
    trees: int = 50,
    min_samples_leaf: int = 5,
    with_place: bool = True,
) -> RandomForestClassifier:
    """A forest of random pixels of each image, with weights so that rare classes count more.

    Args:
        images: (N, H, W, 3) bytes.
        masks: (N, H, W); pixels of other numbers than 0 to ``classes`` - 1 are left out.
        classes: the number of classes.
        pixels: of each image.
        trees: of the forest.
        min_samples_leaf: pixels of a leaf.
        with_place: as for ``pixel_features``.
    """
    rng, rows, labels = np.random.default_rng(0), [], []
    for image, mask in zip(images, masks, strict=True):
        row, column = (rng.integers(0, size, pixels) for size in mask.shape)
        rows.append(pixel_features(image, with_place)[row, column])
        labels.append(mask[row, column])
    y = np.concatenate(labels)
    known = y < classes
    weights = np.sqrt(known.sum() / (1.0 + np.bincount(y[known], minlength=classes)))[y[known]]
    forest = RandomForestClassifier(trees, min_samples_leaf=min_samples_leaf, random_state=0)
    return forest.fit(np.concatenate(rows)[known], y[known], weights)


def forest_scores(
    forest: RandomForestClassifier, image: np.ndarray, classes: int, *, step: int = 1, with_place: bool = True
) -> np.ndarray:
    """The probability of each class of every ``step``-th pixel of an image, (H / step, W / step, K)."""
    x = pixel_features(image, with_place)[::step, ::step]
    p = np.zeros((*x.shape[:2], classes), np.float32)
    p[..., forest.classes_] = np.asarray(forest.predict_proba(x.reshape(-1, x.shape[-1]))).reshape(
        *x.shape[:2], -1
    )
    return p
