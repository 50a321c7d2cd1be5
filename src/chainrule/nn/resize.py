"""Layers that make images larger, or give them any size, by copying or by interpolating between cells.

Cell i of an axis of m cells that comes from one of n cells stands at the place p of the old axis. By default
cells are little squares and the image keeps its edges, p = (i + 0.5) n / m - 0.5; with ``align_corners`` they
are points and the image keeps its corner points, p = i (n - 1) / (m - 1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.graph import Node
from chainrule.nn.cells import spread, weighed
from chainrule.nn.convolution import Widths, require_widths
from chainrule.nn.layer import Layer, layer
from chainrule.nn.scope import Scope
from chainrule.nn.setting import require, unknown
from chainrule.ops.window import per_axis, space_of

REACH = 2  # how many cells away one may still count


@layer
class UpSampling(Layer):
    """Makes images larger by a whole factor, or of a given size, without a weight.

    Shapes: (B, *space, C) -> (B, *(n * factor), C), or (B, *size, C).

    Args:
        factor: how many times larger, one number or one for each spatial axis.
        size: the spatial axes of the result, instead of a factor; also smaller ones.
        mode: ``"nearest"`` (the cell that lies there), ``"linear"`` (between two cells an axis: bilinear,
            trilinear) or ``"cubic"`` (between four, with a = -0.75).
        align_corners: whether the corner points stay, instead of the edges; not for ``"nearest"``.

    Cost: no arithmetic for nearest; 2 taps an axis for linear, 4 for cubic.

    Fails:
        ShapeError E213, E218: no image; settings for another number of axes.
        UsageError E101, E102: no such mode; a factor below 1; corners of a nearest cell.

    Example:
        >>> print(UpSampling(2, mode="linear"))
        UpSampling(mode='linear')

    Reference: Keys (1981), Cubic convolution interpolation for digital image processing (IEEE ASSP 29).
        PyTorch's and OpenCV's places; Keras has the same for factors.
    """

    takes_one = True
    factor: Widths = 2
    size: Widths | None = None
    mode: str = "nearest"
    align_corners: bool = False

    def check(self) -> None:
        require_widths(self, "factor", "cr.UpSampling(2)")
        if self.size is not None:
            require_widths(self, "size", "size=(28, 28)")
        if self.mode not in MODES:
            raise unknown("UpSampling, mode", self.mode, list(MODES), 'mode="{}"')
        fits = self.align_corners in ((False,) if self.mode == "nearest" else (False, True))
        fix = 'mode="linear", align_corners=True'
        require(self, "align_corners", fits, "False, or True with a mode that interpolates", fix)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *larger, C)
        space = space_of("UpSampling", x.spec)
        factors = per_axis("UpSampling", "factor", self.factor, len(space))
        sizes = tuple(n * f for n, f in zip(space, factors, strict=True))
        if self.size is not None:
            sizes = per_axis("UpSampling", "size", self.size, len(space))
        for axis, (n, m) in enumerate(zip(space, sizes, strict=True), 1):
            if n != m and n:
                x = self._resized(x, axis, n, m)
        return x

    def _resized(self, x: Node, axis: int, n: int, m: int) -> Node:
        """One axis of n cells with m cells instead."""
        if m % n or self.align_corners:
            return weighed(x, axis, *MODES[self.mode](n, m, self.align_corners))
        factor, cells = m // n, 2 * REACH + 1  # what every cell becomes is seen in the middle of a short axis
        middle = slice(REACH * factor, (REACH + 1) * factor)
        table, weights = (a[middle] for a in MODES[self.mode](cells, cells * factor, False))
        return spread(x, axis, table - REACH, weights)


def nearest(n: int, m: int, align_corners: bool) -> tuple[np.ndarray, np.ndarray]:
    """For each of m cells the one of n that lies there, and weights of 1.

    Example:
        >>> nearest(2, 4, False)[0].ravel().tolist()
        [0, 0, 1, 1]
    """
    return (np.arange(m) * n // m)[:, None], np.ones((m, 1))


def linear(n: int, m: int, align_corners: bool) -> tuple[np.ndarray, np.ndarray]:
    """For each of m cells the two of n around it, and how much each counts.

    Example:
        >>> cells, weights = linear(2, 4, False)
        >>> cells.tolist(), weights[1].tolist()
        ([[0, 1], [0, 1], [0, 1], [1, 1]], [0.75, 0.25])
    """
    place = np.maximum(_places(n, m, align_corners), 0.0)
    low = np.minimum(np.floor(place).astype(int), n - 1)
    part = place - low
    return np.stack([low, np.minimum(low + 1, n - 1)], 1), np.stack([1.0 - part, part], 1)


def cubic(n: int, m: int, align_corners: bool) -> tuple[np.ndarray, np.ndarray]:
    """For each of m cells the four of n around it, and how much each counts."""
    place, a = _places(n, m, align_corners), -0.75
    low = np.floor(place).astype(int)
    cells = low[:, None] + np.arange(-1, 3)
    away = np.abs(place[:, None] - cells)
    near = ((a + 2) * away - (a + 3)) * away**2 + 1
    far = a * (((away - 5) * away + 8) * away - 4)
    return np.clip(cells, 0, n - 1), np.where(away <= 1, near, far)


def _places(n: int, m: int, align_corners: bool) -> np.ndarray:
    """Where each of m cells stands on an axis of n cells."""
    if align_corners:
        return np.arange(m) * ((n - 1) / max(m - 1, 1))
    return (np.arange(m) + 0.5) * (n / m) - 0.5


Taps = Callable[[int, int, bool], tuple[np.ndarray, np.ndarray]]
MODES: dict[str, Taps] = {"nearest": nearest, "linear": linear, "cubic": cubic}
LAYERS = (UpSampling,)
