"""Boxes of objects in images: overlap, non-maximum suppression, annotation files, targets of a grid."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np

from chainrule.errors import DataError, fact, message_of
from chainrule.records import frozen

# Overlap of boxes: area, intersection over union, and non-maximum suppression.
#
# A box is (left, top, right, bottom); its area is (right - left) (bottom - top), and 0 for a box without
# extent.


def box_area(boxes: np.ndarray) -> np.ndarray:
    """Return the areas of boxes, (N,).

    Args:
        boxes: (N, 4) left, top, right and bottom.

    Example:
        >>> box_area(np.array([[0, 0, 2, 3], [1, 1, 1, 4]])).tolist()
        [6.0, 0.0]
    """
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.prod(np.maximum(corners[:, 2:] - corners[:, :2], 0.0), axis=1)


def box_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union of every box with every other box, (N, M), from 0 to 1.

    Formula: IoU = area(a and b) / (area(a) + area(b) - area(a and b)); 0 where both areas are 0.

    Args:
        boxes: (N, 4).
        others: (M, 4).

    Example:
        >>> box_iou(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2], [5, 5, 6, 6]])).round(3).tolist()
        [[0.333, 0.0]]

    Reference: Everingham, Van Gool, Williams, Winn and Zisserman (2010), The Pascal visual object classes
    challenge, International Journal of Computer Vision 88, section 4.2.
    """
    a = np.asarray(boxes, np.float64).reshape(-1, 1, 4)
    b = np.asarray(others, np.float64).reshape(1, -1, 4)
    extent = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])  # (N, M, 2)
    common = np.prod(np.maximum(extent, 0.0), axis=-1)
    union = box_area(boxes)[:, None] + box_area(others)[None] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def non_maximum_suppression(boxes: np.ndarray, scores: np.ndarray, max_iou: float = 0.5) -> np.ndarray:
    """Return the indices of the boxes that remain, by falling score.

    The box with the highest score remains, and those that overlap it by more than ``max_iou`` are dropped; so
    on with the rest. Of equal scores the first box comes first.

    Args:
        boxes: (N, 4), of one class.
        scores: (N,).
        max_iou: the largest intersection over union of two boxes that both remain.

    Example:
        >>> boxes = np.array([[0, 0, 10, 10], [0, 0, 9, 10], [20, 0, 30, 10]])
        >>> non_maximum_suppression(boxes, np.array([0.8, 0.9, 0.7])).tolist()
        [1, 2]
    """
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    overlaps = box_iou(boxes, boxes) > max_iou
    remains = np.ones(len(order), bool)
    for place, index in enumerate(order):
        if remains[place]:
            remains[place + 1 :] &= ~overlaps[index, order[place + 1 :]]
    return order[remains]


# Boxes as targets of a grid of cells, and boxes from the outputs of a network on such a grid.
#
# A network that divides an image into cells of S x S pixels predicts for every cell a score for each class
# (is the center of an object here?) and four numbers of a box:
#
#     offset of the center from the middle of the cell, across and down, in cells
#     logarithm of width and height, in cells
#
# Logarithms make errors of small and large boxes comparable. A target has, for each class, a Gaussian hill of
# height 1 around the cell of every center, whose width grows with the box; the cells next to a center predict
# the same box, so that a peak that is off by one cell still has a good box.
#
#     encode_centers   boxes -> targets (H, W, K + 5): hills, box, whether the cell has a box
#     decode_centers   outputs (H, W, K + 4) -> detections: peaks of the scores, then non-maximum suppression
#
# Reference: Zhou, Wang and Krähenbühl (2019), Objects as points, arXiv 1904.07850.

SHARPNESS = 9.0  # the deviation of a hill is the side of the box divided by this
MIN_DEVIATION = 0.6  # of a hill, in cells
MAX_LOG_SIDE = 10.0  # larger predictions are cut off, so that a box stays finite


@frozen(eq=False)
class Detections:
    """Boxes with their classes and scores.

    Args:
        boxes: (N, 4) left, top, right and bottom, in pixels.
        classes: (N,) class numbers.
        scores: (N,) from 0 to 1; by falling score.
    """

    boxes: np.ndarray
    classes: np.ndarray
    scores: np.ndarray

    def above(self, score: float) -> Detections:
        """Return the detections with at least this score.

        Args:
            score: from 0 to 1.
        """
        keep = self.scores >= score
        return Detections(self.boxes[keep], self.classes[keep], self.scores[keep])


def encode_centers(
    boxes: np.ndarray, classes: np.ndarray, count: int, shape: tuple[int, int], cell: float
) -> np.ndarray:
    """Return the target of the boxes of an image, (H, W, K + 5) float32.

    Args:
        boxes: (N, 4) in pixels; boxes without extent are left out.
        classes: (N,) class numbers from 0.
        count: K, the number of classes.
        shape: H and W, the number of cells down and across.
        cell: the side of a cell in pixels.

    Example:
        >>> target = encode_centers(np.array([[0, 0, 8, 8]]), np.array([0]), 1, (2, 2), 8)
        >>> target[0, 0].tolist()  # hill, offset, logarithms of the sides, the mark
        [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    """
    height, width = shape
    target = np.zeros((height, width, count + 5), np.float32)
    nearest = np.full(shape, np.inf)  # distance of each cell from the center whose box it has
    down, across = np.mgrid[:height, :width] + 0.5  # middles of the cells
    for box, kind in zip(np.asarray(boxes, np.float64) / cell, classes, strict=True):
        sides = box[2:] - box[:2]
        if not (sides > 0).all():
            continue
        x, y = (box[:2] + box[2:]) / 2
        column, row = min(int(x), width - 1), min(int(y), height - 1)
        wide, tall = np.maximum(sides / SHARPNESS, MIN_DEVIATION)
        steps = ((across - across[row, column]) / wide) ** 2 + ((down - down[row, column]) / tall) ** 2
        np.maximum(target[..., kind], np.exp(-steps / 2), out=target[..., kind])
        distance = np.hypot(across - x, down - y)
        mine = (np.abs(across - x) < 1.5) & (np.abs(down - y) < 1.5) & (distance < nearest)
        mine[row, column] |= nearest[row, column] > 0
        nearest[mine] = distance[mine]
        logs = np.broadcast_to(np.log(sides), (int(mine.sum()), 2))
        offsets = np.stack([x - across[mine], y - down[mine]], axis=1)
        target[mine, count:] = np.concatenate([offsets, logs, np.ones((len(logs), 1))], axis=1)
    return target


def decode_centers(
    output: np.ndarray, cell: float, max_iou: float = 0.5, limit: int = 200, min_score: float = 0.01
) -> Detections:
    """Return the detections of an image: peaks among 3 x 3 cells, without repeated boxes of a class.

    Args:
        output: (H, W, K + 4): probabilities of K classes, and the four numbers of a box, of every cell.
        cell: the side of a cell in pixels.
        max_iou: the largest overlap of two boxes of a class.
        limit: the largest number of detections.
        min_score: detections with a lower score are left out.

    Example:
        >>> output = np.zeros((3, 3, 5))
        >>> output[1, 1] = [0.9, 0.0, 0.0, np.log(2), np.log(2)]
        >>> detected = decode_centers(output, 8)
        >>> detected.boxes.round(2).tolist(), detected.scores.tolist()
        ([[4.0, 4.0, 20.0, 20.0]], [0.9])
    """
    heat = output[..., :-4].astype(np.float64)  # (H, W, K)
    padded = np.pad(heat, ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))  # (H, W, K, 3, 3)
    is_peak = (heat >= windows.max(axis=(-1, -2))) & (heat >= min_score)
    rows, columns, classes = np.nonzero(is_peak)
    scores = heat[rows, columns, classes]
    order = np.argsort(-scores, kind="stable")[: 4 * limit]
    rows, columns, classes, scores = rows[order], columns[order], classes[order], scores[order]
    numbers = output[rows, columns, -4:].astype(np.float64)  # (N, 4)
    centers = np.stack([columns, rows], axis=1) + 0.5 + numbers[:, :2]
    sides = np.exp(np.minimum(numbers[:, 2:], MAX_LOG_SIDE))
    boxes = np.concatenate([centers - sides / 2, centers + sides / 2], axis=1) * cell
    remaining = [np.flatnonzero(classes == kind) for kind in np.unique(classes)]
    remaining = [own[non_maximum_suppression(boxes[own], scores[own], max_iou)] for own in remaining]
    index = np.concatenate(remaining) if remaining else np.zeros(0, np.intp)
    index = index[np.argsort(-scores[index], kind="stable")][:limit]
    return Detections(boxes[index], classes[index], scores[index])


# Mirror boxes together with their image.


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


MAX_BYTES = 10_000_000
CORNERS = ("xmin", "ymin", "xmax", "ymax")


@frozen(eq=False)
class Annotation:
    """The objects of an image.

    Args:
        names: (N) the class of each object.
        boxes: (N, 4) left, top, right and bottom, in pixels.
    """

    names: tuple[str, ...]
    boxes: np.ndarray


def read_voc(content: bytes, where: str) -> Annotation:
    """Return the objects of an annotation file.

    Args:
        content: the bytes of the file.
        where: its name, for messages.

    Raises:
        DataError E308: too large. E316: no such annotation; names the object that is not valid.

    Example:
        >>> box = b"<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>6</ymax></bndbox>"
        >>> read_voc(b"<annotation><object><name>cat</name>" + box + b"</object></annotation>", "a.xml").names
        ('cat',)

    Reference: Everingham and Winn (2012), The Pascal visual object classes challenge 2012 development kit,
    section 4.
    """
    if len(content) > MAX_BYTES:
        received = fact("{size:,} bytes", size=len(content))
        raise DataError("E308", where=where, expected=f"{MAX_BYTES:,}", received=received)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content or b"\0" in content:
        raise _invalid(where, fact("a document type"))
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as cause:
        raise _invalid(where, message_of(cause, 120)) from cause
    objects = list(root.iter("object"))
    names = tuple((item.findtext("name") or "").strip() for item in objects)
    boxes = np.zeros((len(objects), 4))
    for i, item in enumerate(objects):
        texts = [(item.findtext(f"bndbox/{corner}") or "").strip() for corner in CORNERS]
        try:
            boxes[i] = [float(text) for text in texts]
        except ValueError:
            boxes[i] = np.nan
        if not names[i] or not np.isfinite(boxes[i]).all():
            received = fact(
                'object {row}: "{name}" {box}', row=i + 1, name=names[i][:40], box=" ".join(texts)[:80]
            )
            raise _invalid(where, received)
    return Annotation(names, boxes)


def _invalid(where: str, received: str) -> DataError:
    expected = fact("an annotation of Pascal VOC: object with name and bndbox")
    return DataError("E316", where=where, expected=expected, received=received)
