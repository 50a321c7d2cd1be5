"""Detectors of blood cells: a network, one that needs no training, and one by a random forest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage
from sklearn.ensemble import RandomForestClassifier

import chainrule as cr
from chainrule.data import Detections
from chainrule.messages import Text
from chainrule.metrics import Truth, mean_average_precision
from chainrule_examples.conv_block import conv_block, residual_block
from chainrule_examples.pixel_forest import fit_forest, forest_scores
from chainrule_examples.tuning import best_settings

# The network: from images to a grid of scores and boxes.
#
# Three resolutions are joined by residual connections: the grid has a cell for 4 x 4 pixels, and the layers
# inside see the surroundings of a cell at a half and a quarter of that resolution.


def center_network(classes: int) -> cr.Layer:
    """The network: images (B, H, W, 3) -> grids (B, H/4, W/4, classes + 4), with H and W multiples of 16.

    Args:
        classes: the number of classes.
    """
    inner = _at_half_size([residual_block(64)], 64)
    deep = _at_half_size([residual_block(64), inner, residual_block(64)], 32)
    heat = cr.Sequential(cr.Conv(classes, 1), cr.Rescaling(1.0, -2.2))  # sigmoid(-2.2) = 0.1, as few
    heads = cr.Parallel(heat=heat, box=cr.Conv(4, 1))
    return cr.Sequential(
        *conv_block(16, 2), *conv_block(32, 2), residual_block(32), deep, *conv_block(48), heads
    )


def _at_half_size(layers: list[cr.Layer], channels: int) -> cr.Layer:
    """Layers at half the resolution, enlarged again, beside a residual connection."""
    enlarge = [cr.Conv(channels, 1, bias=False), cr.BatchNorm(), cr.UpSampling()]
    return cr.Residual(cr.Sequential(*conv_block(64, 2), *layers, *enlarge))


RED, WHITE, PLATELET = 0, 1, 2
PURPLE = 25.0  # how far blue is above green in the stain of a nucleus


def otsu(values: np.ndarray) -> float:
    """The threshold that separates values into two groups with the least variance within them.

    Example:
        >>> 10 <= otsu(np.array([9, 10, 10, 200, 201])) < 200
        True
    """
    counts, edges = np.histogram(values, bins=64)
    middles = (edges[:-1] + edges[1:]) / 2
    low, total = np.cumsum(counts), counts.sum()
    means = np.cumsum(counts * middles)
    between = (means[-1] * low - total * means) ** 2 / np.maximum(low * (total - low), 1)
    return float(edges[1 + int(between[:-1].argmax())])


def find_cells(image: np.ndarray, sides: np.ndarray) -> Detections:
    """The cells of an image.

    Args:
        image: (H, W, 3) bytes.
        sides: (3, 2) width and height of a red cell, a white cell and a platelet.
    """
    green, blue = (ndimage.gaussian_filter(image[..., i].astype(float), 1.0) for i in (1, 2))
    purple, rows = blue - green > max(PURPLE, otsu(blue - green)), []
    areas: np.ndarray = np.zeros(purple.shape, np.int32)
    ndimage.label(ndimage.binary_opening(purple), output=areas)
    white_area = sides[WHITE].prod() / 5
    for number, (down, across) in enumerate(ndimage.find_objects(areas), 1):
        size = int((areas[down, across] == number).sum())
        kind = WHITE if size >= white_area else PLATELET
        extent = np.array([across.stop - across.start, down.stop - down.start])
        center = across.start + extent[0] / 2, down.start + extent[1] / 2
        rows.append((*_box(center, np.maximum(extent, sides[kind])), kind, min(size / white_area, 1.0)))
    cells = np.asarray(ndimage.binary_fill_holes((green < otsu(green)) & ~purple), bool) & ~purple
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(cells), 1.5)
    side = float(sides[RED].min())
    peaks = (distance == ndimage.maximum_filter(distance, int(side / 2))) & (distance > side / 6)
    for y, x in np.argwhere(peaks):
        rows.append((*_box((x, y), sides[RED]), RED, min(2 * distance[y, x] / side, 1.0)))
    table = np.array(sorted(rows, key=lambda row: -row[5])).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4].astype(int), table[:, 5])


def _box(center: tuple[float, float], sides: np.ndarray) -> tuple[float, ...]:
    """The box of these sides around a center."""
    (x, y), (wide, tall) = center, sides / 2
    return x - wide, y - tall, x + wide, y + tall


def color_peaks(images: np.ndarray, train: Sequence[Truth]) -> list[Detections]:
    """The cells of images, with the median sizes of the cells of training images.

    Args:
        images: (N, H, W, 3) bytes.
        train: the cells of the training images, with at least one of each class.
    """
    sides = median_sides(train)
    return [find_cells(image, sides) for image in images]


def median_sides(train: Sequence[Truth]) -> np.ndarray:
    """Median width and height of the cells of each class, (3, 2), with at least one of each class."""
    boxes, classes = np.concatenate([t.boxes for t in train]), np.concatenate([t.classes for t in train])
    extents = boxes[:, 2:] - boxes[:, :2]
    return np.array([np.median(extents[classes == kind], axis=0) for kind in (RED, WHITE, PLATELET)])


FOREST: Text = "random forest on color and texture"
STEP, MIN_CENTER = 2, 0.05  # the forest predicts every second pixel; the lowest score of a center
GRID = {"radius": (0.2, 0.35)}  # of the centers that the forest learns, in sides of the box


def forest_detector(
    images: np.ndarray, train: Sequence[Truth], validation: tuple[np.ndarray, list[Truth]]
) -> Callable[[np.ndarray], list[Detections]]:
    """A detector without a network: a forest decides which pixels are near the center of a cell.

    The boxes have the median sides of their class, at the peaks of the smoothed probability of the class.

    Args:
        images: (N, H, W, 3) bytes, to train on.
        train: their cells.
        validation: images and cells that the radius is chosen on.
    """
    sides = median_sides(train)

    def fitted(radius: float, trees: int) -> Callable[[np.ndarray], list[Detections]]:
        masks = np.stack([_center_mask(truth, images.shape[1:3], radius) for truth in train])
        forest = fit_forest(images, masks, len(sides) + 1, pixels=400, trees=trees, with_place=False)
        return lambda images: [_centers(forest, image, sides) for image in images]

    def measure(radius: float) -> float:
        detect = fitted(radius, 10)
        return mean_average_precision(detect(validation[0]), validation[1], len(sides))

    return fitted(best_settings(FOREST, GRID, measure)["radius"], 40)


def _center_mask(truth: Truth, shape: tuple[int, ...], radius: float) -> np.ndarray:
    """The class of each pixel near the center of a cell, (H, W); 3 elsewhere."""
    mask, (y, x) = np.full(shape, PLATELET + 1), np.indices(shape)
    for (left, top, right, bottom), kind in zip(truth.boxes, truth.classes, strict=True):
        across, down = (x - (left + right) / 2) / (right - left), (y - (top + bottom) / 2) / (bottom - top)
        mask[across**2 + down**2 <= radius**2] = kind
    return mask


def _centers(forest: RandomForestClassifier, image: np.ndarray, sides: np.ndarray) -> Detections:
    """The peaks of the probability of each class, as boxes of its sides."""
    p, rows = forest_scores(forest, image, len(sides) + 1, step=STEP, with_place=False), []
    for kind, side in enumerate(sides):
        extent = float(side.min()) / STEP
        own = ndimage.gaussian_filter(p[..., kind], extent / 8)
        peaks = (own == ndimage.maximum_filter(own, max(3, int(extent / 2)))) & (own > MIN_CENTER)
        rows += [(*_box((x * STEP, y * STEP), side), kind, own[y, x]) for y, x in np.argwhere(peaks)]
    table = np.array(sorted(rows, key=lambda row: -row[5])).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4].astype(int), table[:, 5])
