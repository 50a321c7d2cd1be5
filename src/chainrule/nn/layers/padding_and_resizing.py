"""Layers that pad or crop images.

Layers that resize images by copying or interpolation.

Cell i of an axis of m cells that comes from one of n cells lies at position p of the old axis. By default
cells are little squares and the image keeps its edges, p = (i + 0.5) / factor - 0.5, with the factor m / n
unless one is given; with ``align_corners`` they are points and the image keeps its corner points, p = i (n -
1) / (m - 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, TypeAlias

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant, reserve
from chainrule.nn.axis_resampling import picked, weighed
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.convolution import Widths, require_widths
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.linear.window_geometry import Lengths, per_axis, sides_of, space_of
from chainrule.symbolic_shape import shape_text
from chainrule.validation import is_number, require, require_choice, require_number, tupled

Sides: TypeAlias = "int | tuple[int | tuple[int, int], ...]"
Pairs: TypeAlias = "list[tuple[int, int]]"

# The word of each way to fill the border, and NumPy's word for the same places.
BORDERS: dict[str, Any] = {"constant": "", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@layer
class Pad(Layer):
    """Pads each image with additional cells.

    Shapes: (B, *space, C) -> (B, *(before + n + after), C).

    Args:
        padding: the number of cells: a number for all sides, or for each spatial axis a number or a pair
            (before, after).
        mode: the values of the added cells: ``"constant"`` (``value`` everywhere), ``"reflect"`` (the image
            mirrored at its outermost cell), ``"replicate"`` (the outermost cell again and again) or
            ``"circular"`` (the other end).
        value: the number of a constant border; 0 is zero padding.

    Raises:
        ShapeError E213, E218: not an image; widths for another number of axes.
        ShapeError E215: an image too small to be mirrored or wrapped that far.
        UsageError E101, E102: unknown border; a width below 0.

    Example:
        >>> print(Pad(1), Pad(((0, 2), 1), mode="reflect"))
        Pad(1) Pad(((0, 2), 1), mode='reflect')
    """

    chinese = ("填充层", "在图像四周补上格子。")
    takes_one = True
    padding: Sides
    _: KW_ONLY
    mode: str = "constant"
    value: float = 0.0

    def check(self) -> None:
        require_sides(self, "padding", "cr.Pad(1)")
        require_choice(self, "mode", BORDERS)
        require_number(self, "value")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *larger, C)
        space = space_of("Pad", x.spec)
        sides = sides_for(self, self.padding, space)
        if self.mode == "constant":
            return self._framed(x, space, sides)
        limits = [n - (self.mode == "reflect") for n in space]
        if self.mode == "replicate":
            limits = [2**31 if n else 0 for n in space]
        for i, (pair, limit) in enumerate(zip(sides, limits, strict=True)):
            if max(pair) > limit:
                expected = fact(
                    "at most {limit} cells of {mode} padding on axis {axis}",
                    limit=limit,
                    mode=self.mode,
                    axis=i + 1,
                )
                received = f"{max(pair)} around {shape_text(x.shape)}"
                raise ShapeError("E215", expected=expected, received=received, fix='border="replicate"')
            reserve(space[i] + sum(pair), itemsize=24)
            x = picked(x, i + 1, np.pad(np.arange(space[i]), pair, BORDERS[self.mode]))
        return x

    def _framed(self, x: Node, space: Lengths, sides: Pairs) -> Node:
        """Pad by zeros; for another value, add a frame of it."""
        padded = F.pad(x, [(0, 0), *sides, (0, 0)])
        if self.value == 0:
            return padded
        reserve(*(n + sum(pair) for n, pair in zip(space, sides, strict=True)), itemsize=20)
        frame = np.pad(np.zeros(space), sides, constant_values=self.value)
        return padded + constant(frame[..., None].astype(x.dtype))  # (*larger, 1) -> all


@layer
class Crop(Layer):
    """Removes cells at the border of each image.

    Shapes: (B, *space, C) -> (B, *(n - before - after), C).

    Args:
        cropping: the number of cells: a number for all sides, or for each spatial axis a number or a pair
            (before, after).

    Raises:
        ShapeError E213, E218: not an image; widths for another number of axes.
        ShapeError E215: nothing would be left.
        UsageError E102: a width below 0.

    Example:
        >>> print(Crop(((0, 2), 1)))
        Crop(((0, 2), 1))
    """

    chinese = ("裁剪层", "从图像边缘裁去格子。")
    takes_one = True
    cropping: Sides

    def check(self) -> None:
        require_sides(self, "cropping", "cr.Crop(1)")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *smaller, C)
        space = space_of("Crop", x.spec)
        sides = sides_for(self, self.cropping, space)
        if any(before + after >= n for n, (before, after) in zip(space, sides, strict=True)):
            expected = fact("widths that leave a cell")
            received = f"{self.cropping} of {shape_text(x.shape)}"
            raise ShapeError("E215", expected=expected, fix="cr.Crop(1)", received=received)
        inside = [slice(before, n - after) for n, (before, after) in zip(space, sides, strict=True)]
        return x[(slice(None), *inside)]


def require_sides(owner: Layer, name: str, fix: str) -> None:
    """Refuse a field that is neither a number >= 0 nor numbers or pairs for each axis; lists become tuples.

    Raises:
        UsageError E102: anything else.
    """
    value = tupled(getattr(owner, name))
    object.__setattr__(owner, name, value)
    fits = not isinstance(value, str) and 1 <= len(sides_of(value, 1)) <= 3
    require(
        owner, name, fits, fact("a number >= 0, or for each axis a number or a pair (before, after)"), fix
    )


def sides_for(owner: Layer, width: Sides, space: Lengths) -> Pairs:
    """Return (before, after) for each spatial axis.

    Raises:
        ShapeError E218: for another number of axes.
    """
    sides = sides_of(width, len(space))
    if len(sides) != len(space):
        expected = fact("a number, or one entry for each of {count} axes", count=len(space))
        raise ShapeError("E218", op=type(owner).__name__, expected=expected, received=str(width)[:80])
    return sides


@layer
class UpSampling(Layer):
    """Resizes images by a factor or to a given size, without parameters.

    Shapes: (B, *space, C) -> (B, *(n * factor), C), rounded down, or (B, *size, C).

    Args:
        scale_factor: the factor of the lengths, above 0, one number or one for each spatial axis. A cell is
            as wide as the factor, even if the result is rounded down (PyTorch's ``scale_factor``).
        size: the spatial axes of the result, instead of a factor; also smaller ones.
        mode: ``"nearest"`` (the cell that lies there), ``"linear"`` (between two cells an axis: bilinear,
            trilinear) or ``"cubic"`` (between four, with a = -0.75).
        align_corners: whether the corner points stay, instead of the edges; not for ``"nearest"``.

    Cost: no arithmetic for nearest; 2 taps an axis for linear, 4 for cubic.

    Raises:
        ShapeError E213, E218: not an image; settings for another number of axes.
        UsageError E101, E102: unknown mode; a factor that is not above 0, or leaves no cell; corners of a
            nearest cell.

    Example:
        >>> print(UpSampling(scale_factor=2, mode="linear"))
        UpSampling(mode='linear')

    Reference: Keys (1981), Cubic convolution interpolation for digital image processing (IEEE ASSP 29).
        PyTorch's and OpenCV's places; Keras has the same for factors.
    """

    chinese = ("上采样层", "不用权重把图像放大。")
    takes_one = True
    _: KW_ONLY
    scale_factor: float | tuple[float, ...] = 2
    size: Widths | None = None
    mode: str = "nearest"
    align_corners: bool = False

    def check(self) -> None:
        object.__setattr__(self, "scale_factor", tupled(self.scale_factor))
        factors = self.scale_factor if isinstance(self.scale_factor, tuple) else (self.scale_factor,)
        fits = all(is_number(f) and 0 < f < 1e6 for f in factors) and 1 <= len(factors) <= 3
        require(
            self,
            "scale_factor",
            fits,
            fact("a number above 0, or one for each of one to three spatial axes"),
            "scale_factor=2",
        )
        if self.size is not None:
            require_widths(self, "size", "size=(28, 28)")
        require_choice(self, "mode", MODES)
        fits = self.align_corners in ((False,) if self.mode == "nearest" else (False, True))
        fix = 'mode="linear", align_corners=True'
        require(self, "align_corners", fits, fact("False, or True with a mode that interpolates"), fix)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *larger, C)
        space = space_of("UpSampling", x.spec)
        axes = len(space)
        if self.size is not None:
            sizes: tuple[int, ...] = per_axis("UpSampling", "size", self.size, axes)
            factors = tuple(m / n if n else 1.0 for n, m in zip(space, sizes, strict=True))
        else:
            factors = (
                self.scale_factor if isinstance(self.scale_factor, tuple) else (self.scale_factor,) * axes
            )
            if len(factors) != axes:
                per_axis("UpSampling", "scale_factor", (1,) * len(factors), axes)  # refuses it
            sizes = tuple(math.floor(n * f) for n, f in zip(space, factors, strict=True))
            require(
                self,
                "scale_factor",
                all(sizes) or not all(space),
                fact("so large that a cell is left"),
                "scale_factor=2",
            )
        for axis, (n, m, factor) in enumerate(zip(space, sizes, factors, strict=True), 1):
            if n and (n != m or factor != 1):
                reserve(m, itemsize=64 if self.mode == "nearest" else 256)  # places, cells and weights
                cells, weights = MODES[self.mode](n, m, self.align_corners, factor)
                x = picked(x, axis, cells[:, 0]) if cells.shape[1] == 1 else weighed(x, axis, cells, weights)
        return x


def nearest(n: int, m: int, align_corners: bool, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return for each of m cells the one of n at its position, and weights of 1.

    Example:
        >>> nearest(2, 4, False, 2)[0].ravel().tolist()
        [0, 0, 1, 1]
    """
    scaled = np.arange(m) * n // m  # in integers, where the factor is that of the lengths
    cells = scaled if m in (n, factor * n) else np.minimum(np.floor(np.arange(m) / factor).astype(int), n - 1)
    return cells[:, None], np.ones((m, 1))


def linear(n: int, m: int, align_corners: bool, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return for each of m cells the two of n around it, and their weights.

    Example:
        >>> cells, weights = linear(2, 4, False, 2)
        >>> cells.tolist(), weights[1].tolist()
        ([[0, 1], [0, 1], [0, 1], [1, 1]], [0.75, 0.25])
    """
    place = np.maximum(_places(n, m, align_corners, factor), 0.0)
    low = np.minimum(np.floor(place).astype(int), n - 1)
    part = place - low
    return np.stack([low, np.minimum(low + 1, n - 1)], 1), np.stack([1.0 - part, part], 1)


def cubic(n: int, m: int, align_corners: bool, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return for each of m cells the four of n around it, and their weights."""
    place, a = _places(n, m, align_corners, factor), -0.75
    low = np.floor(place).astype(int)
    cells = low[:, None] + np.arange(-1, 3)
    away = np.abs(place[:, None] - cells)
    near = ((a + 2) * away - (a + 3)) * away**2 + 1
    far = a * (((away - 5) * away + 8) * away - 4)
    return np.clip(cells, 0, n - 1), np.where(away <= 1, near, far)


def _places(n: int, m: int, align_corners: bool, factor: float) -> np.ndarray:
    """Return the position of each of m cells on an axis of n cells."""
    if align_corners:
        return np.arange(m) * ((n - 1) / max(m - 1, 1))
    return (np.arange(m) + 0.5) / factor - 0.5


Taps = Callable[[int, int, bool, float], tuple[np.ndarray, np.ndarray]]
MODES: dict[str, Taps] = {"nearest": nearest, "linear": linear, "cubic": cubic}
