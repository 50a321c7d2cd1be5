"""Overlap of boxes: area, intersection over union, and non-maximum suppression.

A box is (left, top, right, bottom); its area is (right - left) (bottom - top), and 0 for a box without
extent.
"""

from __future__ import annotations

import numpy as np


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
