"""Images seen through an affine map: every pixel of the result looks up where it came from.

**Formula** out(p) = in(A p + t), p = (x, y) counted in pixels from the center of the image. The place looked
up lies between four pixels, whose values are mixed by how near they are (bilinear); what lies outside the
image has the value ``fill``. Looking backwards, from result to source, leaves no holes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def warp(images: np.ndarray, maps: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """Each image through its own map.

    Args:
        images: (N, H, W, C).
        maps: (N, 2, 3): for each image A and t, from a place of the result to a place of the source, in
            pixels from the center, x to the right and y downwards.
        fill: the value outside of the image.

    Example:
        >>> image = np.arange(3.0).reshape(1, 1, 3, 1)
        >>> warp(image, np.array([[[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])).ravel().tolist()
        [1.0, 2.0, 0.0]
    """
    height, width = images.shape[1:3]
    y, x = np.mgrid[:height, :width]
    x, y = x - (width - 1) / 2, y - (height - 1) / 2
    a = maps[:, :, :, None, None]  # (N, 2, 3, 1, 1)
    places = a[:, :, 0] * x + a[:, :, 1] * y + a[:, :, 2]  # (N, 2, H, W)
    return looked_up(images, places[:, 0] + (width - 1) / 2, places[:, 1] + (height - 1) / 2, fill)


def looked_up(images: np.ndarray, px: np.ndarray, py: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """Images looked up at places of their own, each a mean of the four pixels around its place.

    Args:
        images: (N, H, W, C).
        px, py: (N, H, W), columns and rows, from 0.
        fill: the value outside of the image.
    """
    count, height, width, _ = images.shape
    left, top = np.floor(px), np.floor(py)
    out = np.zeros(images.shape, images.dtype)
    seen = np.zeros((count, height, width, 1), images.dtype)
    rows = np.arange(count)[:, None, None]
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        column, row = left + dx, top + dy
        near = (1 - np.abs(px - column)) * (1 - np.abs(py - row))
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        weight = np.where(inside, near, 0.0).astype(images.dtype)[..., None]
        column = np.clip(column, 0, width - 1).astype(np.intp)
        row = np.clip(row, 0, height - 1).astype(np.intp)
        out += weight * images[rows, row, column]
        seen += weight
    return out if fill == 0 else out + (1 - seen) * images.dtype.type(fill)


def compose(*maps: Sequence[Sequence[float]]) -> list[list[float]]:
    """Several maps as one: the first is applied first.

    Example:
        >>> compose([[1, 0, 2], [0, 1, 0]], [[3, 0, 0], [0, 1, 0]])
        [[3, 0, 6], [0, 1, 0]]
    """
    whole = [[1, 0, 0], [0, 1, 0]]
    for (a, b, c), (d, e, f) in maps:
        columns = list(zip(*whole, strict=True))
        whole = [
            [a * x + b * y + (c if i == 2 else 0) for i, (x, y) in enumerate(columns)],
            [d * x + e * y + (f if i == 2 else 0) for i, (x, y) in enumerate(columns)],
        ]
    return whole  # type: ignore[return-value]
