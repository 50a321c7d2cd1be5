"""Color jitter: random changes of brightness, contrast, saturation and hue.

Each of the first three blends an image x with a simpler image s: b x + (1 - b) s, clipped to [0, 1]. For
brightness s is black, for contrast the mean gray of the image, for saturation its grayscale version. Hue
rotates the color wheel. Saturation and hue leave grayscale images unchanged.

Reference: Haeberli and Voorhies (1994), Image processing by interpolation and extrapolation (IRIS Universe).
"""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import ClassVar

import numpy as np

from chainrule.data.augmentation.transform import Transform, per_image, scale_to
from chainrule.records import frozen
from chainrule.validation import require_number

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # luminance of red, green and blue: ITU-R BT.601


@frozen
class Color(Transform):
    """Random changes of brightness, contrast, saturation and hue, in this order.

    Args:
        brightness, contrast, saturation: maximum deviation d of the factor, which is uniform between
            max(0, 1 - d) and 1 + d.
        hue: maximum rotation of the color wheel in either direction, in turns, at most 0.5.

    Example:
        >>> image = np.full((1, 1, 1, 3), 0.5, np.float32)
        >>> Color(brightness=0.5)(image, np.array([[0.0, 0.5, 0.5, 0.5]])).ravel().tolist()
        [0.25, 0.25, 0.25]
    """

    chinese = ("颜色抖动", "随机改变亮度、对比度、饱和度和色相。")
    keeps_places: ClassVar[bool] = True
    draws: ClassVar[int] = 4
    _: KW_ONLY
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            require_number(self, name, minimum=0, maximum=10)
        require_number(self, "hue", minimum=0, maximum=0.5)

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        out = images
        for adjust, deviation, numbers in (
            (adjust_brightness, self.brightness, u[:, 0]),
            (adjust_contrast, self.contrast, u[:, 1]),
            (adjust_saturation, self.saturation, u[:, 2]),
        ):
            if deviation:
                out = adjust(out, scale_to(numbers, max(0.0, 1 - deviation), 1 + deviation))
        return adjust_hue(out, scale_to(u[:, 3], -self.hue, self.hue)) if self.hue else out


def blend(images: np.ndarray, simple: np.ndarray | float, factor: np.ndarray) -> np.ndarray:
    """Blend with a simpler image: b x + (1 - b) s, clipped to [0, 1]; b > 1 extrapolates away from s."""
    b = per_image(factor)
    return np.clip(b * images + (1 - b) * simple, 0, 1, dtype=images.dtype)


def gray(images: np.ndarray) -> np.ndarray:
    """Return the luminance of every pixel, (N, H, W, 1)."""
    if images.shape[-1] != 3:
        return images
    r, g, b = (images[..., c : c + 1] * LUMA[c] for c in range(3))
    return r + g + b  # not a matrix product, whose order of summation depends on the block size


def adjust_brightness(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Blend with black."""
    return blend(images, 0.0, factor)


def adjust_contrast(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Blend with the mean luminance of the image."""
    flat = gray(images).reshape(len(images), -1)  # (N, H, W, 1) -> (N, H * W)
    return blend(images, per_image(np.array([row.mean(dtype=np.float64) for row in flat])), factor)


def adjust_saturation(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Blend with the grayscale version of the image."""
    return blend(images, gray(images), factor)


def adjust_hue(images: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Rotate the hue by ``turns`` turns of the color wheel; the value (largest channel) is unchanged.

    **Formula** channel = v - c max(0, min(k, 4 - k, 1)) with k = (n + h) mod 6 and n = 5, 3, 1 for red, green
    and blue; v is the largest channel, c = v - the smallest, h the new hue in sixths of a turn
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
    for offset in (5, 3, 1):
        k = np.mod(offset + sixth, 6)
        parts.append(top - width * np.clip(np.minimum(k, 4 - k), 0, 1))
    return np.stack(parts, axis=-1).astype(images.dtype)  # (N, H, W) x 3 -> (N, H, W, 3)
