"""Pooling to a fixed output size, for images of any size.

Along an axis of n cells that is to become m, window i reaches from floor(i n / m) to ceil((i + 1) n / m): the
windows cover the axis, are as equal as they can be, and overlap where m does not divide n.
``FractionalMaxPool`` draws its windows instead.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant, reserve
from chainrule.nn.axis_index import picked, weighed
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.convolution import Widths, require_widths
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.linear.window_geometry import Lengths, per_axis, space_of
from chainrule.symbolic_shape import bound, shape_text
from chainrule.validation import require_number


@layer
class AdaptiveMaxPool(Layer):
    """Maximum of each of a fixed number of windows, so that the output size does not depend on the image
    size.

    Shapes: (B, *space, C) -> (B, *places, C).

    Args:
        output_size: the number of windows, one number or one for each spatial axis.

    Numerics: equal maxima share the gradient equally.

    Raises:
        ShapeError E213, E218, E219: not an image; settings for another number of axes; an image without a
            cell.
        UsageError E102: fewer than one place.

    Example:
        >>> print(AdaptiveMaxPool(7))
        AdaptiveMaxPool(7)
    """

    chinese = ("自适应最大汇聚层", "窗口个数固定，保留各窗口的最大值。")
    takes_one = True
    output_size: Widths

    def check(self) -> None:
        require_widths(self, "output_size", "cr.AdaptiveMaxPool(7)")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *places, C)
        for axis, (n, m) in enumerate(_lengths(self, x, self.output_size), 1):
            windows = picked(x, axis, windows_of(n, m)[0]) if n % m else parted(x, axis, m)
            x = F.max(windows, axis + 1)  # (..., m, cells, ...) -> (..., m, ...)
        return x


@layer
class AdaptiveAveragePool(Layer):
    """Mean of each of a fixed number of windows, so that the output size does not depend on the image size.

    Shapes: (B, *space, C) -> (B, *places, C).

    Args:
        output_size: the number of windows, one number or one for each spatial axis.

    Raises:
        ShapeError E213, E218, E219: not an image; settings for another number of axes; an image without a
            cell.
        UsageError E102: fewer than one place.

    Example:
        >>> print(AdaptiveAveragePool((7, 7)))
        AdaptiveAveragePool((7, 7))
    """

    chinese = ("自适应平均汇聚层", "窗口个数固定，保留各窗口的平均值。")
    takes_one = True
    output_size: Widths

    def check(self) -> None:
        require_widths(self, "output_size", "cr.AdaptiveAveragePool(7)")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *places, C)
        for axis, (n, m) in enumerate(_lengths(self, x, self.output_size), 1):
            x = weighed(x, axis, *windows_of(n, m)) if n % m else F.mean(parted(x, axis, m), axis + 1)
        return x


@layer
class FractionalMaxPool(Layer):
    """Maximum of windows at random positions, so that an image shrinks by any factor.

    Shapes: (B, *space, C) -> (B, *places, C).

    Formula: with a = (n - kernel_size) / (places - 1) and u drawn evenly from 0 to 1 for each axis, window i
    begins at floor((i + u) a) - floor(u a), the last at n - kernel_size.

    Args:
        kernel_size: the size of the window, one number or one for each spatial axis.
        output_ratio: places = floor(output_ratio * n), 0 < output_ratio <= 1.

    Numerics: in inference u is 0.5, so that a network has one output; PyTorch samples there too, separately
    for each sample and channel. At a tie all winners share the gradient equally.

    Raises:
        ShapeError E213, E215, E218: not an image; one that is too small; settings for another number of axes.
        UsageError E102: a window below 1; a ratio outside the range.

    Example:
        >>> print(FractionalMaxPool(2, output_ratio=0.7))
        FractionalMaxPool(2, output_ratio=0.7)

    Reference: Graham (2014), Fractional max-pooling.
    """

    chinese = ("分数最大汇聚层", "窗口位置随机，图像可按任意比例缩小。")
    takes_one = True
    kernel_size: Widths
    _: KW_ONLY
    output_ratio: float

    def check(self) -> None:
        require_widths(self, "kernel_size", "cr.FractionalMaxPool(2, output_ratio=0.7)")
        require_number(self, "output_ratio", above=0, maximum=1)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *places, C)
        space = space_of("FractionalMaxPool", x.spec)
        window = per_axis("FractionalMaxPool", "kernel_size", self.kernel_size, len(space))
        for axis, (n, k) in enumerate(zip(space, window, strict=True), 1):
            m = math.floor(n * self.output_ratio)
            if not 1 <= m <= n - k + 1:
                expected = fact("1 to {last} places of a window of {window}", last=n - k + 1, window=k)
                received = fact("{count} places on axis {axis}", count=m, axis=axis)
                fix = "cr.FractionalMaxPool(2, output_ratio=0.7)"
                raise ShapeError("E215", expected=expected, received=received, fix=fix)
            reserve(m + k, itemsize=32)
            sample = scope.uniform(f"start{axis}", ()) if scope.training else constant(0.5)
            starts = _starts(sample.astype("float64"), n, m, k)
            cells = F.reshape(starts, (m, 1)) + constant(np.arange(k))  # (m, k)
            x = F.max(picked(x, axis, cells), axis + 1)
        return x


def parted(x: Node, axis: int, m: int) -> Node:
    """Return an axis as m windows of equal length: (..., n, ...) -> (..., m, n / m, ...)."""
    (n,) = bound((x.shape[axis],))
    return F.reshape(x, (*x.shape[:axis], m, n // m, *x.shape[axis + 1 :]))


def windows_of(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells of m windows of an axis of n, and their weights in the mean: (m, cells) each.

    A window with fewer cells than the widest has its last cell several times over, which counts once.

    Example:
        >>> cells, shares = windows_of(5, 2)
        >>> cells.tolist(), shares.sum(1).tolist()
        ([[0, 1, 2], [2, 3, 4]], [1.0, 1.0])
    """
    reserve(m, -(-n // m) + 1, itemsize=48)  # cells and shares, with temporary arrays
    first = np.arange(m) * n // m
    last = -(-(np.arange(m) + 1) * n // m) - 1
    cells = np.arange((last - first).max() + 1)
    shares = np.where(cells <= (last - first)[:, None], 1.0, 0.0)
    return np.minimum(first[:, None] + cells, last[:, None]), shares / shares.sum(1, keepdims=True)


def _starts(u: Node, n: int, m: int, k: int) -> Node:
    """Return where the m windows of k cells begin on an axis of n."""
    if m == 1:
        return constant(np.array([n - k]))
    stride, floor = (n - k) / (m - 1), F.floor
    starts = floor((u + constant(np.arange(m, dtype=np.float64))) * stride) - floor(u * stride)
    is_last = constant(np.arange(m) == m - 1)
    return F.where(is_last, constant(np.array(float(n - k))), starts).astype("int64")


def _lengths(owner: Layer, x: Node, places: Widths) -> list[tuple[int, int]]:
    """Return the present and the required number of cells along each spatial axis."""
    space: Lengths = space_of(type(owner).__name__, x.spec)
    if 0 in space:
        raise ShapeError("E219", expected=fact("an image of one cell or more"), received=shape_text(x.shape))
    return list(zip(space, per_axis(type(owner).__name__, "output_size", places, len(space)), strict=True))
