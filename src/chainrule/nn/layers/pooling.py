"""Pooling layers: one value for each window, or for the complete image."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.convolution import Padding, Widths, require_padding, require_widths
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.linear.window_geometry import space_of
from chainrule.symbolic_shape import count, shape_text
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
