"""Geometric transforms: flip, crop, rotation and affine maps with bilinear interpolation."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import ClassVar

import numpy as np

from chainrule.data.augmentation.transform import Transform, require_pair, scale_to
from chainrule.records import frozen
from chainrule.validation import require_integer, require_number

# Affine transforms of images with bilinear interpolation.
#
# **Formula** out(p) = in(A p + t), with p = (x, y) in pixels from the center of the image. The source
# position A p + t is interpolated bilinearly between four pixels; positions outside the image have the value
# ``fill``. Mapping from result to source leaves no holes.


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


@frozen
class Flip(Transform):
    """Random mirroring of an image.

    Args:
        horizontal: probability of a left-right flip.
        vertical: probability of an upside-down flip.

    Example:
        >>> image = np.array([[1.0, 2.0]], np.float32).reshape(1, 1, 2, 1)
        >>> Flip(horizontal=1.0)(image, np.zeros((1, 2))).ravel().tolist()
        [2.0, 1.0]
    """

    chinese = ("翻转", "以一定概率左右或上下翻转。")
    draws: ClassVar[int] = 2
    _: KW_ONLY
    horizontal: float = 0.5
    vertical: float = 0.0

    def __post_init__(self) -> None:
        require_number(self, "horizontal", minimum=0, maximum=1)
        require_number(self, "vertical", minimum=0, maximum=1)

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        out = images.copy()
        mirrored, flipped = u[:, 0] < self.horizontal, u[:, 1] < self.vertical
        out[mirrored] = out[mirrored, :, ::-1]
        out[flipped] = out[flipped, ::-1]
        return out

    def masks(self, masks: np.ndarray, u: np.ndarray, outside: float | None) -> np.ndarray:
        return self(masks, u)


@frozen
class Crop(Transform):
    """Random window of the original size in a padded image.

    Args:
        padding: width of the padding on each side, in pixels.
        fill: value of the padding.

    Example:
        >>> image = np.array([[1.0, 2.0]], np.float32).reshape(1, 1, 2, 1)
        >>> Crop(padding=1)(image, np.array([[0.5, 0.0]])).ravel().tolist()
        [0.0, 1.0]
    """

    chinese = ("裁剪", "四周加边，再随机裁出原来大小的窗口。")
    draws: ClassVar[int] = 2
    _: KW_ONLY
    padding: int = 4
    fill: float = 0.0

    def __post_init__(self) -> None:
        require_integer(self, "padding", 0, 10_000)
        require_number(self, "fill", minimum=0, maximum=1)

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        edge = self.padding
        sides = ((0, 0), (edge, edge), (edge, edge), (0, 0))
        return self._window(np.pad(images, sides, constant_values=self.fill), u)  # of (N, H + 2p, W + 2p, C)

    def masks(self, masks: np.ndarray, u: np.ndarray, outside: float | None) -> np.ndarray:
        edge = (self.padding, self.padding)
        sides = ((0, 0), edge, edge, *((0, 0) for _ in masks.shape[3:]))
        if outside is None:
            return self._window(np.pad(masks, sides, "edge"), u)
        return self._window(np.pad(masks, sides, constant_values=outside), u)

    def _window(self, framed: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return the window of each framed image: (N, H + 2p, W + 2p, ...) -> (N, H, W, ...)."""
        count, height, width = len(framed), *(size - 2 * self.padding for size in framed.shape[1:3])
        top, left = (u * (2 * self.padding + 1)).astype(np.intp).T
        rows = top[:, None, None] + np.arange(height)[:, None]  # (N, H, 1)
        columns = left[:, None, None] + np.arange(width)  # (N, 1, W)
        return framed[np.arange(count)[:, None, None], rows, columns]  # (N, H, W, ...)


class AffineTransform(Transform):
    """Base class of transforms that apply one affine map to each image."""

    @property
    def outside(self) -> float:
        """The value of pixels outside the image."""
        return 0.0

    @abstractmethod
    def maps(self, u: np.ndarray, height: int, width: int) -> np.ndarray:
        """Return the maps of images of this size, (N, 2, 3), as ``warp`` takes them."""

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return warp(images, self.maps(u, *images.shape[1:3]), self.outside)

    def masks(self, masks: np.ndarray, u: np.ndarray, outside: float | None) -> np.ndarray:
        height, width = masks.shape[1:3]
        return sample_nearest(masks, *sources(self.maps(u, height, width), height, width), outside)


@frozen
class ResizedCrop(AffineTransform):
    """Random part of an image, resized to the original size.

    Args:
        area: smallest and largest area of the crop, as fractions of the image.
        ratio: smallest and largest aspect ratio of the crop, width / height, relative to the image's.

    Example:
        >>> image = np.linspace(0, 1, 4, dtype=np.float32).reshape(1, 1, 4, 1)
        >>> ResizedCrop(area=(1.0, 1.0), ratio=(1.0, 1.0))(image, np.full((1, 4), 0.5)).ravel().round(3)
        array([0.   , 0.333, 0.667, 1.   ], dtype=float32)

    Reference: Szegedy et al. (2015), Going deeper with convolutions (CVPR).
    """

    chinese = ("随机裁剪并缩放", "裁出随机的一块，拉伸到原来的大小。")
    draws: ClassVar[int] = 4
    _: KW_ONLY
    area: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        require_pair(self, "area", 1e-4, 1)
        require_pair(self, "ratio", 0.01, 100)

    def maps(self, u: np.ndarray, height: int, width: int) -> np.ndarray:
        maps = []
        for part, shape, across, down in u.tolist():
            area = self.area[0] + (self.area[1] - self.area[0]) * part
            low, high = map(math.log, self.ratio)
            ratio = math.sqrt(math.exp(low + (high - low) * shape))
            wide, tall = min(1.0, math.sqrt(area) * ratio), min(1.0, math.sqrt(area) / ratio)
            x, y = (across - 0.5) * (1 - wide) * width, (down - 0.5) * (1 - tall) * height
            maps.append([[wide, 0.0, x], [0.0, tall, y]])
        return np.array(maps)


@frozen
class Rotate(AffineTransform):
    """Random rotation of an image about its center.

    Args:
        degrees: maximum angle in either direction.
        fill: value outside the image.

    Example:
        >>> image = np.array([[1.0, 0.0], [0.0, 0.0]], np.float32).reshape(1, 2, 2, 1)
        >>> Rotate(degrees=90)(image, np.array([[0.0]]))[0, :, :, 0].round(3)  # clockwise
        array([[0., 1.],
               [0., 0.]], dtype=float32)
    """

    chinese = ("旋转", "旋转一个随机角度。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    degrees: float = 15.0
    fill: float = 0.0

    def __post_init__(self) -> None:
        require_number(self, "degrees", minimum=0, maximum=180)
        require_number(self, "fill", minimum=0, maximum=1)

    @property
    def outside(self) -> float:
        return self.fill

    def maps(self, u: np.ndarray, height: int, width: int) -> np.ndarray:
        angles = scale_to(u[:, 0], -self.degrees, self.degrees)
        return np.array([rotation(angle) for angle in angles.tolist()])


@frozen
class Affine(AffineTransform):
    """Random affine map of an image: scale, shear, rotation and translation.

    Args:
        degrees: maximum rotation in either direction.
        shift: maximum translation in either direction, as a fraction of the height and of the width.
        scale: smallest and largest scale factor.
        shear: maximum shear angle in either direction, in degrees.
        fill: value outside the image.

    Example:
        >>> image = np.array([1.0, 2.0, 3.0, 4.0], np.float32).reshape(1, 1, 4, 1)
        >>> u = np.array([[0.5, 1.0, 0.5, 0.5, 0.5]])  # the second number: maximum translation along one axis
        >>> Affine(shift=0.25, scale=(1.0, 1.0))(image, u).ravel().round(3).tolist()
        [0.0, 1.0, 2.0, 3.0]
    """

    chinese = ("仿射变换", "缩放、剪切、旋转和平移。")
    draws: ClassVar[int] = 5
    _: KW_ONLY
    degrees: float = 10.0
    shift: float = 0.1
    scale: tuple[float, float] = (0.9, 1.1)
    shear: float = 0.0
    fill: float = 0.0

    def __post_init__(self) -> None:
        require_number(self, "degrees", minimum=0, maximum=180)
        require_number(self, "shift", minimum=0, maximum=1)
        require_pair(self, "scale", 0.01, 100)
        require_number(self, "shear", minimum=0, maximum=80)
        require_number(self, "fill", minimum=0, maximum=1)

    @property
    def outside(self) -> float:
        return self.fill

    def maps(self, u: np.ndarray, height: int, width: int) -> np.ndarray:
        angle = scale_to(u[:, 0], -self.degrees, self.degrees)
        right = scale_to(u[:, 1], -self.shift, self.shift) * width
        down = scale_to(u[:, 2], -self.shift, self.shift) * height
        scale = scale_to(u[:, 3], *self.scale)
        shear = scale_to(u[:, 4], -self.shear, self.shear)
        rows = np.stack([angle, right, down, scale, shear], axis=1).tolist()
        maps = [compose(translation(x, y), rotation(a), shearing(s), scaling(z)) for a, x, y, z, s in rows]
        return np.array(maps)


def rotation(degrees: float) -> list[list[float]]:
    """Return the map that rotates an image counterclockwise."""
    a = math.radians(degrees)
    return [[math.cos(a), -math.sin(a), 0.0], [math.sin(a), math.cos(a), 0.0]]


def translation(right: float, down: float) -> list[list[float]]:
    """Return the map that translates an image by ``right`` and ``down`` pixels."""
    return [[1.0, 0.0, -right], [0.0, 1.0, -down]]


def scaling(scale: float) -> list[list[float]]:
    """Return the map that enlarges an image by the factor ``scale``."""
    return [[1 / scale, 0.0, 0.0], [0.0, 1 / scale, 0.0]]


def shearing(degrees: float, horizontal: bool = True) -> list[list[float]]:
    """Return the map that shears an image along its rows (``horizontal``) or its columns."""
    slope = math.tan(math.radians(degrees))
    return [[1.0, slope, 0.0], [0.0, 1.0, 0.0]] if horizontal else [[1.0, 0.0, 0.0], [slope, 1.0, 0.0]]
