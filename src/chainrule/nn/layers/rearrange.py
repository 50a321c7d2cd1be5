"""Layers that rearrange elements without changing them."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, make
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.convolution import Padding, Widths, require_padding, require_widths
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.linear import patches_and_pooling
from chainrule.ops.linear.window_geometry import padding_of, per_axis, space_of, span
from chainrule.symbolic_shape import bound, count, shape_text
from chainrule.validation import require, require_integer


@layer
class Identity(Layer):
    """The identity: a placeholder for another layer.

    Shapes: any -> the same.
    """

    chinese = ("恒等层", "原样给出输入：留给以后的位置。")

    def __call__(self, x: Node, scope: Scope) -> Node:
        return x


@layer
class Permute(Layer):
    """Permutes the axes of each sample.

    Shapes: (B, ...) -> (B, ... in another order).

    Args:
        dims: for each axis of the result, which axis of the sample it is; the first is 1, as the batch is 0.

    Raises:
        ShapeError E208: samples with another number of axes.
        UsageError E102: no order of 1, 2, ...

    Example:
        >>> print(Permute((2, 1)))
        Permute((2, 1))
    """

    chinese = ("换轴层", "交换每个样本的轴。")
    takes_one = True
    dims: tuple[int, ...]

    def check(self) -> None:
        if isinstance(self.dims, list):
            object.__setattr__(self, "dims", tuple(self.dims))
        are_integers = isinstance(self.dims, tuple) and all(type(n) is int for n in self.dims)
        fits = are_integers and sorted(self.dims) == list(range(1, len(self.dims) + 1))
        require(self, "dims", fits, fact("1, 2, ... each once"), "cr.Permute((2, 1))")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, T, C) -> (B, C, T) with order (2, 1)
        if x.rank != len(self.dims) + 1:
            constraint = fact("a place in the order for each axis")
            expected = fact("samples of {count} axes", count=len(self.dims))
            raise ShapeError(
                "E208", op="Permute", constraint=constraint, expected=expected, received=shape_text(x.shape)
            )
        return F.transpose(x, (0, *self.dims))


@layer
class RepeatVector(Layer):
    """Repeats each sample along a new time axis.

    Shapes: (B, ...) -> (B, times, ...).

    Args:
        times: the number of repetitions, at least 1.

    Raises:
        UsageError E102: fewer than once.

    Example:
        >>> print(RepeatVector(5))
        RepeatVector(5)
    """

    chinese = ("重复层", "沿新的时间轴把每个样本重复多次。")
    takes_one = True
    times: int

    def check(self) -> None:
        require_integer(self, "times", 1, fix="cr.RepeatVector(5)")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ...) -> (B, times, ...)
        single = F.reshape(x, (x.shape[0], 1, *x.shape[1:]))
        return F.broadcast_to(single, (x.shape[0], self.times, *x.shape[1:]))


@layer
class PixelShuffle(Layer):
    """Moves channels to space: increases the size of images and decreases the number of channels.

    Shapes: (B, *space, C * factor^d) -> (B, *(n * factor), C), d spatial axes.

    Args:
        upscale_factor: the factor of the length of each spatial axis. The channels of one output channel
            lie together, the last axis fastest, as in PyTorch.

    Raises:
        ShapeError E213, E214: not an image; channels that factor^d does not divide.
        UsageError E102: a factor below 1.

    Example:
        >>> print(PixelShuffle(2))
        PixelShuffle(2)

    Reference: Shi and others (2016), Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network (CVPR).
    """

    chinese = ("像素重排层", "把通道铺到空间上，使图像变大。")
    takes_one = True
    upscale_factor: int

    def check(self) -> None:
        require_integer(self, "upscale_factor", 1, fix="cr.PixelShuffle(2)")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C f^d) -> (B, *larger, C)
        space, f = space_of("PixelShuffle", x.spec), self.upscale_factor
        d = len(space)
        channels = divided(self, x, f**d)
        apart = F.reshape(x, (x.shape[0], *space, channels, *(f,) * d))
        pairs = [axis for i in range(d) for axis in (1 + i, 2 + d + i)]  # each axis, then its part
        mixed = F.transpose(apart, (0, *pairs, 1 + d))
        return F.reshape(mixed, (x.shape[0], *(n * f for n in space), channels))


@layer
class PixelUnshuffle(Layer):
    """The backward pass of ``PixelShuffle``: neighboring cells become channels of one cell.

    Shapes: (B, *space, C) -> (B, *(n / factor), C * factor^d), d spatial axes.

    Args:
        downscale_factor: the divisor of the length of each spatial axis.

    Raises:
        ShapeError E213: not an image.
        ShapeError E208: an axis that the factor does not divide.
        UsageError E102: a factor below 1.

    Example:
        >>> print(PixelUnshuffle(2))
        PixelUnshuffle(2)
    """

    chinese = ("像素逆重排层", "像素重排的反方向：相邻格子变成通道。")
    takes_one = True
    downscale_factor: int

    def check(self) -> None:
        require_integer(self, "downscale_factor", 1, fix="cr.PixelUnshuffle(2)")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *smaller, C f^d)
        space, f, channels = space_of("PixelUnshuffle", x.spec), self.downscale_factor, x.shape[-1]
        d = len(space)
        if any(n % f for n in space):
            raise ShapeError(
                "E208",
                op="PixelUnshuffle",
                constraint=fact("spatial axes that {factor} divides", factor=f),
                expected=fact("multiples of {factor}", factor=f),
                received=shape_text(x.shape),
                fix=fact("cr.Pad(1) before it"),
            )
        apart = [part for n in space for part in (n // f, f)]
        mixed = F.reshape(x, (x.shape[0], *apart, channels))
        order = (0, *(1 + 2 * i for i in range(d)), 2 * d + 1, *(2 + 2 * i for i in range(d)))
        deep = count((channels, f**d))
        return F.reshape(F.transpose(mixed, order), (x.shape[0], *(n // f for n in space), deep))


@layer
class ChannelShuffle(Layer):
    """Interleaves the channels of several groups, so that the next grouped convolution receives all groups.

    Shapes: (B, ..., C) -> the same.

    Args:
        groups: the number of groups; channel j of group g becomes channel j * groups + g.

    Raises:
        ShapeError E214: groups that do not divide the channels.
        UsageError E102: fewer than one group.

    Example:
        >>> print(ChannelShuffle(2))
        ChannelShuffle(2)

    Reference: Zhang, Zhou, Lin and Sun (2018), ShuffleNet (CVPR).
    """

    chinese = ("通道混洗层", "轮流分发各组的通道，使分组卷积能看到所有组。")
    takes_one = True
    groups: int

    def check(self) -> None:
        require_integer(self, "groups", 1, fix="cr.ChannelShuffle(2)")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., C) -> the same
        deep = divided(self, x, self.groups)
        mixed = F.reshape(x, (*x.shape[:-1], self.groups, deep)).T
        return F.reshape(mixed, x.shape)


@layer
class Unfold(Layer):
    """Extracts the windows of an image as vectors, as a convolution reads them.

    Shapes: (B, *space, C) -> (B, *places, window * C), the channels fastest.

    Args:
        kernel_size: the size of the window, one number or one for each spatial axis.
        stride, dilation: as in ``Conv``.
        padding: as in ``Conv``; it is zeros.

    Raises:
        ShapeError E213, E215, E218; UsageError E101, E102: as ``Conv``.

    Example:
        >>> print(Unfold(16, stride=16))
        Unfold(16, stride=16)
    """

    chinese = ("展开层", "把图像的每个窗口变成一个向量：卷积在一处所见。")
    takes_one = True
    kernel_size: Widths
    _: KW_ONLY
    stride: Widths = 1
    padding: Padding = "valid"
    dilation: Widths = 1

    def check(self) -> None:
        _require_sliding(self)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *places, window C)
        windows = F.patches(x, self.kernel_size, self.stride, self.padding, self.dilation)
        places = x.rank - 1
        return F.reshape(windows, (*windows.shape[:places], count(windows.shape[places:])))


@layer
class Fold(Layer):
    """The backward pass of ``Unfold``: sums the windows at their positions in the image.

    Shapes: (B, *places, window * C) -> (B, *space, C).

    Args:
        output_size: the spatial axes of the image, one number or one for each.
        kernel_size, stride, padding, dilation: those of ``Unfold``.

    Raises:
        ShapeError E213, E214, E215, E216, E218: not an image; numbers that the window does not divide;
            windows that are not those of an image of this space; settings for another number of axes.
        UsageError E101, E102: as ``Conv``.

    Example:
        >>> print(Fold(28, 4, stride=4))
        Fold(28, 4, stride=4)
    """

    chinese = ("折叠层", "展开的反方向：把窗口加回原位。")
    takes_one = True
    output_size: Widths
    kernel_size: Widths
    _: KW_ONLY
    stride: Widths = 1
    padding: Padding = "valid"
    dilation: Widths = 1

    def check(self) -> None:
        require_widths(self, "output_size", "output_size=(28, 28)")
        _require_sliding(self)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *places, window C) -> (B, *space, C)
        places = space_of("Fold", x.spec)
        names = ("output_size", "kernel_size", "stride", "dilation")
        space, window, strides, apart = (
            per_axis("Fold", name, getattr(self, name), len(places)) for name in names
        )
        spans = tuple(span(k, d) for k, d in zip(window, apart, strict=True))
        low, high = padding_of("Fold", self.padding, space, spans, strides)
        channels = divided(self, x, math.prod(window))
        windows = F.reshape(x, (x.shape[0], *places, *window, channels))
        return make(patches_and_pooling.Fold(strides, low, high, apart, window, space), windows)


def divided(owner: Layer, x: Node, parts: int) -> int:
    """Return the number of channels in each of several equal parts.

    Raises:
        ShapeError E214: they cannot be shared out.
    """
    channels = x.shape[-1]
    if x.rank < 2 or not isinstance(channels, int) or channels % parts:
        expected = fact("channels that {parts} divides", parts=parts)
        raise ShapeError("E214", op=type(owner).__name__, expected=expected, received=shape_text(x.shape))
    return bound((channels,))[0] // parts


def _require_sliding(owner: Unfold | Fold) -> None:
    for name in ("kernel_size", "stride", "dilation"):
        require_widths(owner, name, f"{name}={2 if name == 'window' else 1}")
    require_padding(owner, owner.padding)
