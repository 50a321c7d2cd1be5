"""Detectors of blood cells: a network, and a baseline that needs no training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

import chainrule as cr
from chainrule.data import Detections
from chainrule.metrics import Truth
from chainrule_examples.conv_block import conv_block, residual_block

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
    boxes, classes = np.concatenate([t.boxes for t in train]), np.concatenate([t.classes for t in train])
    extents = boxes[:, 2:] - boxes[:, :2]
    sides = np.array([np.median(extents[classes == kind], axis=0) for kind in (RED, WHITE, PLATELET)])
    return [find_cells(image, sides) for image in images]
