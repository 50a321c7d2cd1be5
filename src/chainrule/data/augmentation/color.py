"""Changes of light and color: every pixel stays in its place.

Each is a blend of an image with a simpler one, as in a photographer's darkroom: b x + (1 - b) s, cut off to 0
.. 1. With s black it is brightness, with s the image's mean gray contrast, with s its own gray version
saturation. Hue turns the color wheel. Gray images have no colors: saturation and hue leave them alone.

Reference: Haeberli and Voorhies (1994), Image processing by interpolation and extrapolation (IRIS Universe).
"""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import ClassVar

import numpy as np

from chainrule.data.augmentation.transform import Change, between, require, spread
from chainrule.records import frozen

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # how bright red, green and blue seem: ITU-R BT.601


@frozen
class Color(Change):
    """Change brightness, contrast, saturation and hue, in this order, each by a random factor or angle.

    Args:
        brightness, contrast, saturation: the factor lies between 1 - it (at least 0) and 1 + it.
        hue: the color wheel turns by at most this part of a whole turn, both ways, at most 0.5.

    Example:
        >>> image = np.full((1, 1, 1, 3), 0.5, np.float32)
        >>> Color(brightness=0.5)(image, np.array([[0.0, 0.5, 0.5, 0.5]])).ravel().tolist()
        [0.25, 0.25, 0.25]
    """

    chinese = ("颜色抖动", "随机改变亮度、对比度、饱和度和色相。")
    draws: ClassVar[int] = 4
    _: KW_ONLY
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            require(self, name, 0, 10)
        require(self, "hue", 0, 0.5)

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        out = images
        for change, most, draws in (
            (brighten, self.brightness, u[:, 0]),
            (sharpen_contrast, self.contrast, u[:, 1]),
            (saturate, self.saturation, u[:, 2]),
        ):
            if most:
                out = change(out, between(draws, max(0.0, 1 - most), 1 + most))
        return turn_hue(out, between(u[:, 3], -self.hue, self.hue)) if self.hue else out


def blend(images: np.ndarray, simple: np.ndarray | float, factor: np.ndarray) -> np.ndarray:
    """b x + (1 - b) s, cut off to 0 .. 1; factors beyond 1 lead away from the simpler image."""
    b = spread(factor)
    return np.clip(b * images + (1 - b) * simple, 0, 1, dtype=images.dtype)


def gray(images: np.ndarray) -> np.ndarray:
    """The brightness of every pixel, (N, H, W, 1)."""
    if images.shape[-1] != 3:
        return images
    r, g, b = (images[..., c : c + 1] * LUMA[c] for c in range(3))
    return r + g + b  # not a matrix product: its order of summing depends on the block's size


def brighten(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Blend with black."""
    return blend(images, 0.0, factor)


def sharpen_contrast(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Blend with the image's mean brightness."""
    flat = gray(images).reshape(len(images), -1)  # (N, H, W, 1) -> (N, H * W)
    return blend(images, spread(np.array([row.mean(dtype=np.float64) for row in flat])), factor)


def saturate(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Blend with the image's own gray version."""
    return blend(images, gray(images), factor)


def turn_hue(images: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Turn the color wheel by so many whole turns; brightness (the largest channel) stays.

    **Formula** channel = v - c max(0, min(k, 4 - k, 1)) with k = (n + h) mod 6 and n = 5, 3, 1 for red, green
    and blue; v is the largest channel, c = v - the smallest, h the new place on the wheel in sixths of a turn
    (0 red, 2 green, 4 blue).
    """
    if images.shape[-1] != 3:
        return images
    r, g, b = np.moveaxis(images, -1, 0)
    top, low = images.max(axis=-1), images.min(axis=-1)
    width = top - low
    safe = np.where(width > 0, width, 1)
    sixth = np.where(
        top == r, (g - b) / safe, np.where(top == g, 2 + (b - r) / safe, 4 + (r - g) / safe)
    ).astype(images.dtype)
    sixth = sixth + 6 * np.asarray(turns, images.dtype)[:, None, None]
    parts = []
    for place in (5, 3, 1):
        k = np.mod(place + sixth, 6)
        parts.append(top - width * np.clip(np.minimum(k, 4 - k), 0, 1))
    return np.stack(parts, axis=-1).astype(images.dtype)  # (N, H, W) x 3 -> (N, H, W, 3)
