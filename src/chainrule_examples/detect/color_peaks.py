"""Find blood cells without learning a network: by color, connected areas and peaks of distances.

Nuclei and platelets are stained purple. A connected purple area is a white cell if it is large, a platelet if
it is small. Red cells are the other areas that are darker than the background; touching ones are separated at
the peaks of the distance from the background. Boxes have at least the median size of their class.

Reference: Otsu (1979), A threshold selection method from gray-level histograms, IEEE Transactions on Systems,
Man and Cybernetics 9; Meyer and Beucher (1990), Morphological segmentation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from chainrule.data.boxes.center_grid import Detections
from chainrule.metrics import Truth

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
