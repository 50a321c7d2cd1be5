"""Scores of masks, and their baselines: the most frequent class of a place, and models of color and place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from chainrule.data import resize_masks
from chainrule.messages import Text
from chainrule.metrics import SampledScore, mean_iou, pixel_accuracy, pixel_confusion
from chainrule.tabular import logistic
from chainrule_examples.pixel_forest import fit_forest, forest_scores
from chainrule_examples.segment.street_images import VOID
from chainrule_examples.tuning import best_settings

# Baselines of segmentation: the most frequent class at each place, and a linear model of color and place.

BASELINES: tuple[Text, ...] = (
    "all road",
    "position prior",
    "linear model",
    "random forest of color and texture",
)
GRID = {"min_samples_leaf": (2, 10)}
STEP, EVERY = 2, 5  # the forest classifies every second pixel; every fifth validation image selects
FRAMES = 20  # neighboring test images that count as one when the methods are compared
PIXELS = 60  # pixels of each training image from which the linear model learns


def baseline_masks(
    x: np.ndarray,
    masks: np.ndarray,
    images: np.ndarray,
    names: Sequence[str],
    validation: tuple[np.ndarray, np.ndarray],
) -> list[np.ndarray]:
    """The masks of images by each of ``BASELINES``: (N, H, W), by the forest (N, H / 2, W / 2).

    Args:
        x: training images, (M, H, W, 3) bytes.
        masks: their masks, (M, H, W).
        images: (N, H, W, 3) bytes.
        names: of the classes.
        validation: images and masks that select the settings of the forest.
    """
    fixed = np.full(masks.shape[1:], names.index("road")), position_prior(masks, len(names))
    alike = [np.broadcast_to(mask, (len(images), *mask.shape)) for mask in fixed]
    linear = linear_pixels(x, masks, images, len(names))
    return [*alike, linear, tuned_forest(x, masks, images, len(names), validation)]


def tuned_forest(
    x: np.ndarray,
    masks: np.ndarray,
    images: np.ndarray,
    classes: int,
    validation: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """The masks of images, (N, H / 2, W / 2), by a random forest; arguments as for ``baseline_masks``."""

    def predicted(forest: RandomForestClassifier, images: np.ndarray) -> np.ndarray:
        return np.stack([forest_scores(forest, own, classes, step=STEP).argmax(axis=-1) for own in images])

    def score(**own: Any) -> float:
        few = predicted(fit_forest(x, masks, classes, trees=20, **own), validation[0][::EVERY])
        true = validation[1][::EVERY]
        return measure(resize_masks(few, true.shape[1:]), true)["mIoU"].value

    best = best_settings(BASELINES[3], GRID, score)
    return predicted(fit_forest(x, masks, classes, **best), images)


def position_prior(masks: np.ndarray, classes: int) -> np.ndarray:
    """The most frequent class at each pixel, (H, W).

    Args:
        masks: (N, H, W) of the training images; other numbers than 0 to ``classes`` - 1 do not count.
        classes: the number of classes.

    Example:
        >>> position_prior(np.array([[[0, 1]], [[0, 1]], [[1, 9]]]), 2).tolist()
        [[0, 1]]
    """
    return np.stack([(masks == kind).sum(axis=0) for kind in range(classes)]).argmax(axis=0)


def linear_pixels(x: np.ndarray, masks: np.ndarray, images: np.ndarray, classes: int) -> np.ndarray:
    """The masks of images, (N, H, W), by logistic regression on color, place and their products.

    Args:
        x: training images, (M, H, W, 3) bytes.
        masks: their masks, (M, H, W).
        images: (N, H, W, 3) bytes.
        classes: the number of classes.
    """
    rng, (height, width) = np.random.default_rng(0), masks.shape[1:]
    image = np.repeat(np.arange(len(x)), PIXELS)
    row, column = rng.integers(0, height, len(image)), rng.integers(0, width, len(image))
    y, place = masks[image, row, column], _places(height, width)
    known = y < classes
    model = logistic(_features(x[image, row, column], place[row, column])[known], y[known], classes)
    return np.stack([model(_features(own, place)).argmax(axis=-1) for own in images])


def _places(height: int, width: int) -> np.ndarray:
    """Row and column of each pixel from -1 to 1, (H, W, 2)."""
    return np.stack(
        np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij"), axis=-1
    )


def _features(colors: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Colors, places, their squares and products, (..., 20)."""
    parts = np.concatenate([colors / 127.5 - 1, places], axis=-1)  # (..., 5)
    first, second = np.triu_indices(parts.shape[-1])
    return np.concatenate([parts, parts[..., first] * parts[..., second]], axis=-1)


def measure(predicted: np.ndarray, true: np.ndarray) -> dict[str, SampledScore]:
    """Mean intersection over union of the classes, and the share of the pixels that are right.

    Neighboring frames of a drive resemble each other, so the units are parts of 20 frames.
    """
    pairs = zip(predicted, true, strict=True)
    counts = np.stack([pixel_confusion(*pair, VOID) for pair in pairs])  # (N, K, K)
    parts = np.add.reduceat(counts, np.arange(0, len(counts), FRAMES))
    metrics = {"mIoU": mean_iou, "pixel accuracy": pixel_accuracy}
    return {
        name: SampledScore(lambda own, of=of: of(own.sum(axis=0)), (parts,)) for name, of in metrics.items()
    }
