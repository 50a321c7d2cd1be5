"""Affine transforms of images with bilinear interpolation.

**Formula** out(p) = in(A p + t), with p = (x, y) in pixels from the center of the image. The source position
A p + t is interpolated bilinearly between four pixels; positions outside the image have the value ``fill``.
Mapping from result to source leaves no holes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def warp(images: np.ndarray, maps: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """Apply one affine map to each image.

    Args:
        images: (N, H, W, C).
        maps: (N, 2, 3): for each image A and t, which map a position of the result to a position of the
            source, in pixels from the center, x to the right and y downwards.
        fill: value outside the image.

    Example:
        >>> image = np.arange(3.0).reshape(1, 1, 3, 1)
        >>> warp(image, np.array([[[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])).ravel().tolist()
        [1.0, 2.0, 0.0]
    """
    return sample_bilinear(images, *sources(maps, *images.shape[1:3]), fill)


def sources(maps: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return column and row of the source of each pixel, (N, H, W) both, for maps as those of ``warp``."""
    y, x = np.mgrid[:height, :width]
    x, y = x - (width - 1) / 2, y - (height - 1) / 2
    a = maps[:, :, :, None, None]  # (N, 2, 3, 1, 1)
    positions = a[:, :, 0] * x + a[:, :, 1] * y + a[:, :, 2]  # (N, 2, H, W)
    return positions[:, 0] + (width - 1) / 2, positions[:, 1] + (height - 1) / 2


def sample_bilinear(images: np.ndarray, px: np.ndarray, py: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """Sample each image at fractional positions by bilinear interpolation.

    Args:
        images: (N, H, W, C).
        px, py: (N, H, W), column and row of the source of each pixel, from 0.
        fill: value outside the image.
    """
    count, height, width, _ = images.shape
    left, top = np.floor(px), np.floor(py)
    out = np.zeros(images.shape, images.dtype)
    coverage = np.zeros((count, height, width, 1), images.dtype)
    rows = np.arange(count)[:, None, None]
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        column, row = left + dx, top + dy
        bilinear = (1 - np.abs(px - column)) * (1 - np.abs(py - row))
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        weight = np.where(inside, bilinear, 0.0).astype(images.dtype)[..., None]
        column = np.clip(column, 0, width - 1).astype(np.intp)
        row = np.clip(row, 0, height - 1).astype(np.intp)
        out += weight * images[rows, row, column]
        coverage += weight
    return out if fill == 0 else out + (1 - coverage) * images.dtype.type(fill)


def sample_nearest(
    masks: np.ndarray, px: np.ndarray, py: np.ndarray, outside: float | None = None
) -> np.ndarray:
    """Sample each mask at the pixel nearest to fractional positions, so that classes stay classes.

    Args:
        masks: (N, H, W) or (N, H, W, C).
        px, py: (N, H, W), column and row of the source of each pixel, from 0.
        outside: value of positions outside the mask; ``None``: that of the nearest pixel inside.

    Example:
        >>> masks = np.array([[[1, 2]]])
        >>> sample_nearest(masks, np.array([[[0.6, 1.4]]]), np.zeros((1, 1, 2)), outside=9).tolist()
        [[[2, 2]]]
        >>> sample_nearest(masks, np.array([[[-0.6, 1.6]]]), np.zeros((1, 1, 2)), outside=9).tolist()
        [[[9, 9]]]
    """
    height, width = masks.shape[1:3]
    column, row = np.floor(px + 0.5).astype(np.intp), np.floor(py + 0.5).astype(np.intp)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    rows = np.arange(len(masks))[:, None, None]
    out = masks[rows, np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    if outside is not None:
        out[~inside] = outside
    return out


def compose(*maps: Sequence[Sequence[float]]) -> list[list[float]]:
    """Compose affine maps into one; the first is applied first.

    Example:
        >>> compose([[1, 0, 2], [0, 1, 0]], [[3, 0, 0], [0, 1, 0]])
        [[3, 0, 6], [0, 1, 0]]
    """
    composed = [[1, 0, 0], [0, 1, 0]]
    for (a, b, c), (d, e, f) in maps:
        columns = list(zip(*composed, strict=True))
        composed = [
            [a * x + b * y + (c if i == 2 else 0) for i, (x, y) in enumerate(columns)],
            [d * x + e * y + (f if i == 2 else 0) for i, (x, y) in enumerate(columns)],
        ]
    return composed  # type: ignore[return-value]
