"""Contrast-limited adaptive histogram equalization (CLAHE)."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import ClassVar

import numpy as np

from chainrule.data.augmentation.random_apply import RandomTransform
from chainrule.records import frozen
from chainrule.validation import require_integer, require_number

LEVELS = 256


@frozen
class EqualizeTiles(RandomTransform):
    """Equalization of the histogram of each tile of an image, with limited contrast (CLAHE).

    Formula: in each tile and channel, the histogram of the 256 levels is clipped at ``limit`` times its mean
    and the excess is distributed evenly; a level maps to the share of pixels that are not brighter. Between
    the centers of tiles, the curves of the four nearest tiles are interpolated bilinearly.

    Args:
        limit: maximum count of a level, as a multiple of the mean count, 1 (hardly any change) to 100.
        tiles: number of tiles along each side, 1 to 64; at most one per pixel.
        p: probability that an image is transformed.

    Example:
        >>> image = np.linspace(0.4, 0.6, 64, dtype=np.float32).reshape(1, 8, 8, 1)
        >>> equalized = EqualizeTiles(limit=100.0, tiles=1, p=1.0)(image, np.zeros((1, 1)))
        >>> bool(equalized.max() - equalized.min() > 0.9)
        True

    Reference: Zuiderveld (1994), Contrast limited adaptive histogram equalization (Graphics Gems IV).
    """

    chinese = ("分块均衡化 (CLAHE)", "逐块均衡化，并限制对比度。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    limit: float = 4.0
    tiles: int = 8
    p: float = 0.5

    def __post_init__(self) -> None:
        require_number(self, "limit", minimum=1, maximum=100)
        require_integer(self, "tiles", 1, 64)
        super().__post_init__()

    def apply(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        out = images.copy()
        for image in out:
            for channel in range(image.shape[-1]):
                image[..., channel] = self._equalized(image[..., channel])
        return out

    def _equalized(self, channel: np.ndarray) -> np.ndarray:
        """Equalize one channel, (H, W)."""
        level = np.round(channel * (LEVELS - 1)).astype(np.intp)
        tall, wide = (min(self.tiles, n) for n in channel.shape)
        curves = np.array(
            [
                [self._curve(part) for part in np.array_split(row, wide, axis=1)]
                for row in np.array_split(level, tall, axis=0)
            ]
        )  # (tall, wide, 256)
        (up, down, v), (left, right, h) = _nearest(channel.shape[0], tall), _nearest(channel.shape[1], wide)
        v, upper, lower = v[:, None], up[:, None], down[:, None]
        above = curves[upper, left, level] * (1 - h) + curves[upper, right, level] * h
        below = curves[lower, left, level] * (1 - h) + curves[lower, right, level] * h
        return (above * (1 - v) + below * v).astype(channel.dtype)

    def _curve(self, tile: np.ndarray) -> np.ndarray:
        """Return the output value of every level, (256,)."""
        counts = np.bincount(tile.reshape(-1), minlength=LEVELS).astype(np.float64)
        max_count = max(1.0, self.limit * tile.size / LEVELS)
        clipped = np.minimum(counts, max_count)
        return np.cumsum(clipped + (tile.size - clipped.sum()) / LEVELS) / tile.size


def _nearest(length: int, tiles: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each pixel of an axis the two nearest tiles, and its fraction of the way between them."""
    place = np.clip((np.arange(length) + 0.5) * tiles / length - 0.5, 0, tiles - 1)
    low = place.astype(np.intp)
    return low, np.minimum(low + 1, tiles - 1), place - low
