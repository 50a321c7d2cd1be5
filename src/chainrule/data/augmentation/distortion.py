"""Changes of place that no affine map makes: seen at an angle (perspective), bent like rubber (elastic)."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import ClassVar

import numpy as np

from chainrule.data.augmentation.affine import looked_up
from chainrule.data.augmentation.random_apply import Sometimes
from chainrule.data.augmentation.transform import between, require, require_integer
from chainrule.records import frozen


@frozen
class Perspective(Sometimes):
    """See an image at an angle: each of its corners moves by itself.

    Formula: the pixel at (u, v), both 0 to 1, is looked up at ((a u + b v + c) / w, (d u + e v + f) / w),
    w = g u + h v + 1, the only such map that leads the corners to where they were moved (Heckbert).

    Args:
        distortion: how far a corner moves at most, as a part of the side, up to 0.45.
        chance: of an image to be changed.
        fill: the value outside of the image.

    Example:
        >>> image = np.ones((1, 4, 4, 1), np.float32)
        >>> u = np.full((1, 9), 0.5)  # no corner moves
        >>> bool((Perspective(distortion=0.3, chance=1.0)(image, u) == image).all())
        True

    Reference: Heckbert (1989), Fundamentals of texture mapping and image warping (University of California).
    """

    chinese = ("透视变换", "从侧面看：四个角各自移动。")
    draws: ClassVar[int] = 9
    _: KW_ONLY
    distortion: float = 0.2
    chance: float = 0.5
    fill: float = 0.0

    def __post_init__(self) -> None:
        require(self, "distortion", 0, 0.45)
        super().__post_init__()
        require(self, "fill", 0, 1)

    def happen(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        height, width = images.shape[1:3]
        moved = between(u, -self.distortion, self.distortion).reshape(-1, 4, 2)
        corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) + moved  # (N, 4, 2), x and y
        v, h = np.mgrid[:height, :width] / np.maximum([[[height - 1]], [[width - 1]]], 1)
        places = projected(corners, h, v)
        return looked_up(images, places[0] * (width - 1), places[1] * (height - 1), self.fill)


def projected(corners: np.ndarray, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the map that leads the unit square to ``corners`` leads (u, v): x and y, (N, H, W)."""
    p = corners[..., None, None]  # (N, 4, 2, 1, 1)
    first, second, bent = p[:, 1] - p[:, 2], p[:, 3] - p[:, 2], p[:, 0] - p[:, 1] + p[:, 2] - p[:, 3]
    area = first[:, 0] * second[:, 1] - second[:, 0] * first[:, 1]
    g = (bent[:, 0] * second[:, 1] - second[:, 0] * bent[:, 1]) / area
    h = (first[:, 0] * bent[:, 1] - bent[:, 0] * first[:, 1]) / area
    below = g * u + h * v + 1
    along = [p[:, 1, i] - p[:, 0, i] + g * p[:, 1, i] for i in (0, 1)]
    across = [p[:, 3, i] - p[:, 0, i] + h * p[:, 3, i] for i in (0, 1)]
    x, y = ((along[i] * u + across[i] * v + p[:, 0, i]) / below for i in (0, 1))
    return x, y


@frozen
class Elastic(Sometimes):
    """Bend an image like rubber: points of a grid are moved, and what lies between them follows smoothly.

    Formula: the pixel p is looked up at p + d(p); d is drawn at grid points, evenly from -strength to
    strength times the side, and elsewhere mixed of the four grid points around p, with weights 1 - t^2 (3 - 2
    t) and t^2 (3 - 2 t) along each axis, t the part of the way from one to the next.

    Args:
        strength: how far a point moves at most, as a part of the side, up to 0.5.
        points: of the grid, along each side, 2 to 32.
        chance: of an image to be changed.
        fill: the value outside of the image.

    Example:
        >>> image = np.ones((1, 4, 4, 1), np.float32)
        >>> bool((Elastic(chance=1.0)(image, np.full((1, 51), 0.5)) == image).all())  # no point moves
        True

    Reference: Simard, Steinkraus and Platt (2003), Best practices for convolutional neural networks applied
    to visual document analysis (ICDAR), who smooth a number drawn for every pixel.
    """

    chinese = ("弹性变形", "像橡皮一样弯曲：网格点随机移动，其间平滑过渡。")
    _: KW_ONLY
    strength: float = 0.05
    points: int = 5
    chance: float = 0.5
    fill: float = 0.0

    def __post_init__(self) -> None:
        require(self, "strength", 0, 0.5)
        require_integer(self, "points", 2, 32)
        super().__post_init__()
        require(self, "fill", 0, 1)

    @property
    def draws(self) -> int:  # type: ignore[override]
        """Whether it happens, and for every point of the grid how far it moves down and across."""
        return 1 + 2 * self.points**2

    def happen(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        height, width = images.shape[1:3]
        grid = between(u, -self.strength, self.strength).reshape(-1, 2, self.points, self.points)
        moved = _between_points(_between_points(grid, 2, height), 3, width)  # (N, 2, H, W)
        y, x = np.mgrid[:height, :width]
        return looked_up(images, x + moved[:, 1] * width, y + moved[:, 0] * height, self.fill)


def _between_points(grid: np.ndarray, axis: int, length: int) -> np.ndarray:
    """The points of one axis brought to another length, smoothly."""
    place = np.linspace(0, grid.shape[axis] - 1, length)
    low = np.minimum(place.astype(np.intp), grid.shape[axis] - 2)
    t = (place - low).reshape(-1, *(1,) * (grid.ndim - 1 - axis))
    t = t * t * (3 - 2 * t)
    return np.take(grid, low, axis) * (1 - t) + np.take(grid, low + 1, axis) * t
