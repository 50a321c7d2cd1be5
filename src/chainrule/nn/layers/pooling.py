"""Pooling layers: one value for each window, or for the complete image.

Pooling to a fixed output size, for images of any size.

Along an axis of n cells that is to become m, window i reaches from floor(i n / m) to ceil((i + 1) n / m): the
windows cover the axis, are as equal as they can be, and overlap where m does not divide n.
``FractionalMaxPool`` draws its windows instead.

Max unpooling: each maximum is written back to the cell of its window, zeros elsewhere.

Pooling keeps the values and loses their positions. With ``return_indices``, ``MaxPool`` also gives which
cell of each window won, and a decoder can put the decoded values back there::

    cr.Sequential(
        cr.MaxPool(2, return_indices=True),
        cr.Parallel("none", values=cr.Conv(8, 3, padding="same"), indices=cr.Identity()),
        cr.MaxUnpool(2),
    )

PyTorch counts the winner's cell in the whole image; here it is counted in its window, row by row. The window
then is all that has to be searched, images stay apart, and putting back is ``Fold``, the backward pass of
taking windows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant, make, reserve
from chainrule.nn.axis_resampling import picked, weighed
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.convolution import Padding, Widths, require_padding, require_widths
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.linear import patches_and_pooling
from chainrule.ops.linear.window_geometry import Lengths, padding_of, per_axis, space_of, span
from chainrule.symbolic_shape import INTEGERS, bound, count, shape_text
from chainrule.validation import require, require_number


@layer
class MaxPool(Layer):
    """Maximum of each window.

    Shapes: (B, *space, C) -> (B, *places, C); with ``return_indices`` two such values by name.

    Args:
        kernel_size: the size of the window, one number or one for each spatial axis.
        stride: the distance of successive windows; by default ``kernel_size``, so that windows do not
            overlap.
        padding: ``"valid"``, ``"same"``, a number, or for each axis a number or a pair; padding never wins.
        dilation: the distance of neighboring cells of a window, one number or one for each spatial axis.
        return_indices: whether the result is ``values`` and, in integers, ``indices``: which cell of its
            window won, counted row by row. ``MaxUnpool`` takes both.

    Numerics: equal maxima share the gradient equally; PyTorch gives all of it to the first, and that
        is the one ``indices`` names.

    Raises:
        ShapeError E213, E215, E218, E219: not an image; one that is too small; settings for another number of
            axes; a window of padding alone.
        UsageError E101, E102: unknown word for padding; a number out of its range.
    """

    chinese = ("最大汇聚层", "保留每个窗口的最大值：模式是否在附近出现过。")
    takes_one = True
    kernel_size: Widths
    stride: Widths | None = None
    _: KW_ONLY
    padding: Padding = "valid"
    dilation: Widths = 1
    return_indices: bool = False

    def check(self) -> None:
        _require_window(self)
        require_widths(self, "dilation", "dilation=2")
        require(
            self,
            "return_indices",
            isinstance(self.return_indices, bool),
            fact("True or False"),
            "return_indices=True",
        )

    def __call__(self, x: Node, scope: Scope) -> Node | dict[str, Node]:  # (B, *space, C) -> (B, *places, C)
        y = F.max_pool(x, self.kernel_size, self.stride, self.padding, self.dilation)
        return {"values": y, "indices": winners_of(y, x.rank)} if self.return_indices else y


@layer
class AveragePool(Layer):
    """Mean of each window.

    Shapes: (B, *space, C) -> (B, *places, C).

    Args:
        kernel_size: the size of the window, one number or one for each spatial axis.
        stride: the distance of successive windows; by default ``kernel_size``, so that windows do not
            overlap.
        padding: ``"valid"``, ``"same"``, a number, or for each axis a number or a pair.
        count_include_pad: whether padding counts as zeros; by default the mean is that of the image's own
            cells, as in TensorFlow. PyTorch counts it by default (``count_include_pad``).

    Raises:
        ShapeError E213, E215, E218, E219: as ``MaxPool``.
        UsageError E101, E102: as ``MaxPool``.
    """

    chinese = ("平均汇聚层", "保留每个窗口的平均值。")
    takes_one = True
    kernel_size: Widths
    stride: Widths | None = None
    _: KW_ONLY
    padding: Padding = "valid"
    count_include_pad: bool = False

    def check(self) -> None:
        _require_window(self)
        require(
            self,
            "count_include_pad",
            isinstance(self.count_include_pad, bool),
            fact("True or False"),
            "count_include_pad=True",
        )

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *places, C)
        return F.average_pool(x, self.kernel_size, self.stride, self.padding, self.count_include_pad)


@layer
class LPPool(Layer):
    """p-norm of each window: between the sum (p = 1) and the maximum (p to infinity).

    Shapes: (B, *space, C) -> (B, *places, C).

    Formula: y = (sum |x|^p)^(1/p).

    Args:
        p: the power, at least 1.
        kernel_size: the size of the window, one number or one for each spatial axis.
        stride: the distance of successive windows; by default ``kernel_size``, so that windows do not
            overlap.
        padding: ``"valid"``, ``"same"``, a number, or for each axis a number or a pair, filled with zeros.

    Numerics: the derivative is NaN where a window holds only zeros and p is above 1. PyTorch takes x^p,
    without the absolute value.

    Raises:
        ShapeError E213, E215, E218: not an image; one that is too small; settings for another number of axes.
        UsageError E101, E102: unknown word for padding; a number out of its range.

    Example:
        >>> print(LPPool(2, 3))
        LPPool(2, 3)
    """

    chinese = ("Lp 汇聚层", "保留每个窗口的 p 范数。")
    takes_one = True
    p: float
    kernel_size: Widths
    stride: Widths | None = None
    _: KW_ONLY
    padding: Padding = "valid"

    def check(self) -> None:
        require_number(self, "p", minimum=1)
        _require_window(self)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *places, C)
        stride = self.kernel_size if self.stride is None else self.stride
        windows = F.patches(x, self.kernel_size, stride, self.padding)
        raised = F.square(windows) if self.p == 2 else F.abs(windows) ** self.p
        total = F.sum(raised, tuple(range(x.rank - 1, windows.rank - 1)))
        return F.sqrt(total) if self.p == 2 else total ** (1.0 / self.p)


@layer
class GlobalMaxPool(Layer):
    """Maximum of each channel.

    Shapes: (B, *space, C) -> (B, C).

    Numerics: equal maxima share the gradient equally.

    Raises:
        ShapeError E213, E219: not an image, or one without a cell.
    """

    chinese = ("全局最大汇聚层", "保留每个通道的最大值：某种模式是否出现过。")
    takes_one = True

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, C)
        return F.max(x, _spatial_axes(self, x))


@layer
class GlobalAveragePool(Layer):
    """Mean of each channel, so that the output size does not depend on the image size.

    Shapes: (B, *space, C) -> (B, C).

    Raises:
        ShapeError E213, E219: not an image, or one without a cell.

    Reference: Lin, Chen and Yan (2014), Network in network (ICLR).
    """

    chinese = ("全局平均汇聚层", "保留每个通道的平均值，任意大小的图像给出同样多的数。")
    takes_one = True

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, C)
        return F.mean(x, _spatial_axes(self, x))


def _require_window(owner: MaxPool | AveragePool | LPPool) -> None:
    require_widths(owner, "kernel_size", f"cr.{type(owner).__name__}(2)")
    if owner.stride is not None:
        require_widths(owner, "stride", "stride=2")
    require_padding(owner, owner.padding)


def winners_of(y: Node, rank: int) -> Node:
    """Return the first cell of each window, counted row by row, that has the window's largest value."""
    (windows,) = y.inputs  # (B, *places, *window, C)
    cells = count(windows.shape[rank - 1 : -1])
    flat = F.reshape(windows, (*y.shape[:-1], cells, y.shape[-1]))  # (B, *places, cells, C)
    return F.argmax(flat, -2)


def _spatial_axes(owner: Layer, x: Node) -> tuple[int, ...]:
    space = space_of(type(owner).__name__, x.spec)
    if 0 in space:
        raise ShapeError("E219", expected=fact("an image of one cell or more"), received=shape_text(x.shape))
    return tuple(range(1, x.rank - 1))


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


@layer
class MaxUnpool(Layer):
    """Writes each value back to the cell of its window from which ``MaxPool`` took it, zeros elsewhere.

    Shapes: values and indices by name, both (B, *places, C) -> (B, *space, C).

    Args:
        kernel_size, stride, padding: those of the ``MaxPool`` whose indices they are.
        output_size: the spatial axes of the image. By default the smallest with this number of positions;
            with ``"same"``, the places times the stride.

    Numerics: values written to the same cell by overlapping windows are summed; PyTorch keeps the last.

    Cost: as many products as the windows have cells.

    Raises:
        ShapeError E213, E216, E218: not an image; a space in which the window has a different number of
            positions; settings for another number of axes.
        ShapeError E231: something else than values and indices.
        ShapeError E211: a winner outside its window.
        UsageError E101, E102: as ``MaxPool``.

    Example:
        >>> print(MaxUnpool(2))
        MaxUnpool(2)

    Reference: Zeiler and Fergus (2014), Visualizing and understanding convolutional networks (ECCV).
    """

    chinese = ("最大反汇聚层", "把最大值放回原来的位置，其余为 0。")
    kernel_size: Widths
    stride: Widths | None = None
    _: KW_ONLY
    padding: Padding = "valid"
    output_size: Widths | None = None

    def check(self) -> None:
        require_widths(self, "kernel_size", "cr.MaxUnpool(2)")
        for name in ("stride", "output_size"):
            if getattr(self, name) is not None:
                require_widths(self, name, f"{name}=2")
        require_padding(self, self.padding)

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:  # (B, *places, C) -> (B, *space, C)
        values, indices = _both(x)
        places = space_of("MaxUnpool", values.spec)
        window = per_axis("MaxUnpool", "kernel_size", self.kernel_size, len(places))
        stride = self.kernel_size if self.stride is None else self.stride
        strides = per_axis("MaxUnpool", "stride", stride, len(places))
        space, low, high = self._space(places, window, strides)
        cells, last = math.prod(window), values.rank
        hot = F.one_hot(indices, cells, values.dtype)  # (B, *places, C, cells)
        apart = F.reshape(values, (*values.shape, 1)) * hot
        turned = F.transpose(apart, (*range(last - 1), last, last - 1))  # (B, *places, cells, C)
        windows = F.reshape(turned, (*values.shape[:-1], *window, values.shape[-1]))
        return make(patches_and_pooling.Fold(strides, low, high, (1,) * len(places), window, space), windows)

    def _space(self, places: Lengths, window: Lengths, strides: Lengths) -> tuple[Lengths, Lengths, Lengths]:
        """Return the spatial axes of the result, and the padding before and after each."""
        wide = tuple(n * s for n, s in zip(places, strides, strict=True))
        if self.output_size is not None:
            wide = per_axis("MaxUnpool", "output_size", self.output_size, len(places))
        spans = tuple(span(k, 1) for k in window)
        low, high = padding_of("MaxUnpool", self.padding, wide, spans, strides)
        if self.output_size is None and self.padding != "same":
            around = zip(places, strides, spans, low, high, strict=True)
            wide = tuple((n - 1) * s + k - before - after for n, s, k, before, after in around)
        return wide, low, high


def _both(x: Node | Mapping[str, Node]) -> tuple[Node, Node]:
    """Return values and indices after checking that both are there and belong together."""
    values = dict(x) if isinstance(x, Mapping) else {"one value": x}
    alike = set(values) == {"values", "indices"} and values["values"].shape == values["indices"].shape
    if not alike or values["indices"].dtype not in INTEGERS:
        expected = fact("values and indices of one shape, integer indices")
        received = ", ".join(f"{name} {shape_text(v.shape)} {v.dtype}" for name, v in values.items())
        fix = fact("cr.MaxPool(2, return_indices=True) before it")
        raise ShapeError("E231", op="MaxUnpool", expected=expected, received=received, fix=fix)
    return values["values"], values["indices"]
