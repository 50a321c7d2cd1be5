"""Layers that pad or crop images."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any, TypeAlias

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant, reserve
from chainrule.nn.axis_index import picked
from chainrule.nn.layer import Layer, layer
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.linear.window_geometry import Lengths, sides_of, space_of
from chainrule.symbolic_shape import shape_text
from chainrule.validation import require, require_choice, require_number, tupled

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
