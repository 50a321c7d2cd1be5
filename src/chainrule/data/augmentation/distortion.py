"""Geometric transforms that are not affine: perspective and elastic distortion."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import KW_ONLY
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from chainrule.data.augmentation.geometry import sample_bilinear, sample_nearest
from chainrule.data.augmentation.single_operations import RandomTransform
from chainrule.data.augmentation.transform import scale_to
from chainrule.records import frozen
from chainrule.validation import require_integer, require_number


class Distortion(RandomTransform):
    """Base class of transforms that sample each pixel of an image at another position."""

    keeps_places: ClassVar[bool] = False
    if TYPE_CHECKING:  # a field of each subclass, which has its own order of fields
        fill: float

    @abstractmethod
    def sources(self, u: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Return column and row of the source of each pixel, (N, H, W) both; ``u`` as that of ``apply``."""

    def apply(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return sample_bilinear(images, *self.sources(u, *images.shape[1:3]), self.fill)

    def masks(self, masks: np.ndarray, u: np.ndarray, outside: float | None) -> np.ndarray:
        out, rows = masks.copy(), np.flatnonzero(u[:, 0] < self.p)
        if len(rows):
            places = self.sources(u[rows, 1:], *masks.shape[1:3])
            out[rows] = sample_nearest(masks[rows], *places, outside)
        return out


@frozen
class Perspective(Distortion):
    """Random perspective transform: each corner of the image is displaced independently.

    Formula: the pixel at (u, v), both 0 to 1, is sampled at ((a u + b v + c) / w, (d u + e v + f) / w),
    w = g u + h v + 1, the unique such map that takes the corners to their new positions (Heckbert).

    Args:
        distortion: maximum displacement of a corner, as a fraction of the side, at most 0.45.
        p: probability that an image is transformed.
        fill: value outside the image.

    Example:
        >>> image = np.ones((1, 4, 4, 1), np.float32)
        >>> u = np.full((1, 9), 0.5)  # no corner moves
        >>> bool((Perspective(distortion=0.3, p=1.0)(image, u) == image).all())
        True

    Reference: Heckbert (1989), Fundamentals of texture mapping and image warping (University of California).
    """

    chinese = ("透视变换", "从侧面看：四个角各自移动。")
    draws: ClassVar[int] = 9
    _: KW_ONLY
    distortion: float = 0.2
    p: float = 0.5
    fill: float = 0.0

    def __post_init__(self) -> None:
        require_number(self, "distortion", minimum=0, maximum=0.45)
        super().__post_init__()
        require_number(self, "fill", minimum=0, maximum=1)

    def sources(self, u: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        moved = scale_to(u, -self.distortion, self.distortion).reshape(-1, 4, 2)
        corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) + moved  # (N, 4, 2), x and y
        v, h = np.mgrid[:height, :width] / np.maximum([[[height - 1]], [[width - 1]]], 1)
        positions = projected(corners, h, v)
        return positions[0] * (width - 1), positions[1] * (height - 1)


def projected(corners: np.ndarray, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project (u, v) by the map that takes the unit square to ``corners``; returns x and y, (N, H, W)."""
    p = corners[..., None, None]  # (N, 4, 2, 1, 1)
    first, second, bent = p[:, 1] - p[:, 2], p[:, 3] - p[:, 2], p[:, 0] - p[:, 1] + p[:, 2] - p[:, 3]
    area = first[:, 0] * second[:, 1] - second[:, 0] * first[:, 1]
    g = (bent[:, 0] * second[:, 1] - second[:, 0] * bent[:, 1]) / area
    h = (first[:, 0] * bent[:, 1] - bent[:, 0] * first[:, 1]) / area
    denominator = g * u + h * v + 1
    along = [p[:, 1, i] - p[:, 0, i] + g * p[:, 1, i] for i in (0, 1)]
    across = [p[:, 3, i] - p[:, 0, i] + h * p[:, 3, i] for i in (0, 1)]
    x, y = ((along[i] * u + across[i] * v + p[:, 0, i]) / denominator for i in (0, 1))
    return x, y


@frozen
class Elastic(Distortion):
    """Elastic distortion: the points of a coarse grid are displaced, and the image follows smoothly.

    Formula: the pixel q is sampled at q + d(q). At grid points, d is uniform between -strength and strength
    times the side; elsewhere it is interpolated between the four grid points around q, with weights
    1 - t^2 (3 - 2 t) and t^2 (3 - 2 t) along each axis, t the fraction of the way from one to the next.

    Args:
        strength: maximum displacement of a grid point, as a fraction of the side, at most 0.5.
        points: number of grid points along each side, 2 to 32.
        p: probability that an image is transformed.
        fill: value outside the image.

    Example:
        >>> image = np.ones((1, 4, 4, 1), np.float32)
        >>> bool((Elastic(p=1.0)(image, np.full((1, 51), 0.5)) == image).all())  # no point moves
        True

    Reference: Simard, Steinkraus and Platt (2003), Best practices for convolutional neural networks applied
    to visual document analysis (ICDAR), who smooth one random number per pixel.
    """

    chinese = ("弹性变形", "像橡皮一样弯曲：网格点随机移动，其间平滑过渡。")
    _: KW_ONLY
    strength: float = 0.05
    points: int = 5
    p: float = 0.5
    fill: float = 0.0

    def __post_init__(self) -> None:
        require_number(self, "strength", minimum=0, maximum=0.5)
        require_integer(self, "points", 2, 32)
        super().__post_init__()
        require_number(self, "fill", minimum=0, maximum=1)

    @property
    def draws(self) -> int:  # type: ignore[override]
        """One number decides whether the image is transformed; two displace each grid point."""
        return 1 + 2 * self.points**2

    def sources(self, u: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        grid = scale_to(u, -self.strength, self.strength).reshape(-1, 2, self.points, self.points)
        moved = _interpolate_axis(_interpolate_axis(grid, 2, height), 3, width)  # (N, 2, H, W)
        y, x = np.mgrid[:height, :width]
        return x + moved[:, 1] * width, y + moved[:, 0] * height


def _interpolate_axis(grid: np.ndarray, axis: int, length: int) -> np.ndarray:
    position = np.linspace(0, grid.shape[axis] - 1, length)
    low = np.minimum(position.astype(np.intp), grid.shape[axis] - 2)
    t = (position - low).reshape(-1, *(1,) * (grid.ndim - 1 - axis))
    t = t * t * (3 - 2 * t)
    return np.take(grid, low, axis) * (1 - t) + np.take(grid, low + 1, axis) * t
