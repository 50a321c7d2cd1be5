"""Transforms applied with probability ``p``: blur, gray, equalization (CLAHE) and other operations."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import KW_ONLY
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from chainrule.data.augmentation.color import gray
from chainrule.data.augmentation.rand_augment_and_aug_mix import (
    autocontrast,
    equalize,
    posterize,
    sharpen,
    solarize,
)
from chainrule.data.augmentation.transform import Transform, per_image, require_pair, scale_to
from chainrule.records import frozen
from chainrule.validation import require_integer, require_number

# Transforms that are applied with probability ``p``: blur, gray, and single operations of RandAugment.
#
# The first random number of an image decides whether it is transformed. Other images are returned bit for
# bit.


class RandomTransform(Transform):
    """Base class of transforms that ``apply`` to an image with probability ``p``."""

    keeps_places: ClassVar[bool] = True
    if TYPE_CHECKING:  # a field of each subclass, which has its own order of fields
        p: float

    def __post_init__(self) -> None:
        require_number(self, "p", minimum=0, maximum=1)

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        out, rows = images.copy(), np.flatnonzero(u[:, 0] < self.p)
        if len(rows):
            out[rows] = self.apply(images[rows], u[rows, 1:])
        return out

    @abstractmethod
    def apply(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Transform all of these images; ``u`` contains the remaining random numbers, (N, draws - 1)."""


@frozen
class Blur(RandomTransform):
    """Gaussian blur of an image.

    Formula: out_q = sum over d of w_d in_(q + d), w_d = exp(-d^2 / (2 sigma^2)) / their sum, along each
    axis, up to three sigma away; border pixels are repeated.

    Args:
        sigma: smallest and largest standard deviation in pixels, above 0.
        p: probability that an image is transformed.

    Example:
        >>> image = np.array([0.0, 1.0, 0.0], np.float32).reshape(1, 1, 3, 1)
        >>> Blur(sigma=(1.0, 1.0), p=1.0)(image, np.zeros((1, 2))).ravel().round(3)
        array([0.242, 0.399, 0.242], dtype=float32)
    """

    chinese = ("高斯模糊", "像没有对准焦的镜头那样变模糊。")
    draws: ClassVar[int] = 2
    _: KW_ONLY
    sigma: tuple[float, float] = (0.1, 2.0)
    p: float = 0.5

    def __post_init__(self) -> None:
        require_pair(self, "sigma", 0.01, 100)
        super().__post_init__()

    def apply(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        sigma = scale_to(u[:, 0], *self.sigma)
        offsets = np.arange(-int(np.ceil(3 * self.sigma[1])), int(np.ceil(3 * self.sigma[1])) + 1)
        kernels = np.exp(-(offsets**2) / (2 * sigma[:, None] ** 2))  # (N, taps)
        kernels = np.where(np.abs(offsets) <= np.ceil(3 * sigma[:, None]), kernels, 0.0)
        weights = (kernels / kernels.sum(axis=1, keepdims=True)).astype(images.dtype)
        for axis in (1, 2):
            positions = np.arange(images.shape[axis])
            total = np.zeros_like(images)
            for d, weight in zip(offsets.tolist(), weights.T, strict=True):
                shifted = np.take(images, np.clip(positions + d, 0, len(positions) - 1), axis)
                total += per_image(weight) * shifted
            images = total
        return images


@frozen
class Gray(RandomTransform):
    """Conversion of an image to grayscale, with all channels kept.

    Args:
        p: probability that an image is transformed.

    Example:
        >>> image = np.array([1.0, 0.0, 0.0], np.float32).reshape(1, 1, 1, 3)
        >>> Gray(p=1.0)(image, np.zeros((1, 1))).ravel().round(3)
        array([0.299, 0.299, 0.299], dtype=float32)
    """

    chinese = ("灰度化", "以一定概率去掉颜色，只留亮度。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    p: float = 0.1

    def apply(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return np.repeat(gray(images), 3, axis=3) if images.shape[3] == 3 else images


@frozen
class Invert(RandomTransform):
    """Inversion of an image: 1 - x.

    Args:
        p: probability that an image is transformed.

    Example:
        >>> Invert(p=1.0)(np.full((1, 1, 1, 1), 0.25, np.float32), np.zeros((1, 1))).ravel().tolist()
        [0.75]
    """

    chinese = ("反色", "变为负片。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    p: float = 0.1

    def apply(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return 1 - images


@frozen
class Solarize(RandomTransform):
    """Inversion of the pixels of an image above a threshold.

    Args:
        threshold: value above which pixels are inverted, 0 to 1.
        p: probability that an image is transformed.

    Example:
        >>> image = np.array([0.25, 0.75], np.float32).reshape(1, 1, 2, 1)
        >>> Solarize(threshold=0.5, p=1.0)(image, np.zeros((1, 1))).ravel().tolist()
        [0.25, 0.25]
    """

    chinese = ("曝光过度", "把亮的像素变为负片。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    threshold: float = 0.5
    p: float = 0.5

    def __post_init__(self) -> None:
        require_number(self, "threshold", minimum=0, maximum=1)
        super().__post_init__()

    def apply(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return solarize(images, np.full(len(images), 1 - self.threshold))


@frozen
class Posterize(RandomTransform):
    """Reduction of the number of bits of each channel.

    Args:
        bits: number of bits kept, 4 to 8.
        p: probability that an image is transformed.

    Example:
        >>> image = np.array([0.1, 0.9], np.float32).reshape(1, 1, 2, 1)
        >>> Posterize(bits=4, p=1.0)(image, np.zeros((1, 1))).ravel().round(3)
        array([0.063, 0.878], dtype=float32)
    """

    chinese = ("色调分离", "只留下少数几级亮度。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    bits: int = 4
    p: float = 0.5

    def __post_init__(self) -> None:
        require_integer(self, "bits", 4, 8)
        super().__post_init__()

    def apply(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return posterize(images, np.full(len(images), (8 - self.bits) / 4))


@frozen
class Equalize(RandomTransform):
    """Equalization of the histogram of each channel.

    Args:
        p: probability that an image is transformed.

    Example:
        >>> image = np.linspace(0.4, 0.6, 300, dtype=np.float32).reshape(1, 1, 300, 1)
        >>> equalized = Equalize(p=1.0)(image, np.zeros((1, 1)))
        >>> float(equalized.min()), float(equalized.max())
        (0.0, 1.0)
    """

    chinese = ("直方图均衡化", "使各级亮度出现得大致一样多。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    p: float = 0.5

    def apply(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return equalize(images, u[:, :0])


@frozen
class AutoContrast(RandomTransform):
    """Rescaling of each channel so that its darkest pixel becomes 0 and its brightest 1.

    Args:
        p: probability that an image is transformed.

    Example:
        >>> image = np.array([0.25, 0.75], np.float32).reshape(1, 1, 2, 1)
        >>> AutoContrast(p=1.0)(image, np.zeros((1, 1))).ravel().tolist()
        [0.0, 1.0]
    """

    chinese = ("自动对比度", "把每个通道拉伸到从 0 到 1。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    p: float = 0.5

    def apply(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return autocontrast(images, u[:, :0])


@frozen
class Sharpness(RandomTransform):
    """Sharpening or smoothing of an image by a random factor.

    Args:
        amount: maximum deviation of the factor from 1 (unchanged); the factor is uniform between
            max(0, 1 - amount) (smooth) and 1 + amount (sharp).
        p: probability that an image is transformed.

    Example:
        >>> image = np.eye(3, dtype=np.float32).reshape(1, 3, 3, 1)
        >>> Sharpness(amount=1.0, p=1.0)(image, np.zeros((1, 2)))[0, 1, 1].round(3)
        array([0.538], dtype=float32)
    """

    chinese = ("锐度", "锐化或柔化。")
    draws: ClassVar[int] = 2
    _: KW_ONLY
    amount: float = 0.5
    p: float = 1.0

    def __post_init__(self) -> None:
        require_number(self, "amount", minimum=0, maximum=10)
        super().__post_init__()

    def apply(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return sharpen(images, scale_to(u[:, 0], max(0.0, 1 - self.amount), 1 + self.amount))


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
