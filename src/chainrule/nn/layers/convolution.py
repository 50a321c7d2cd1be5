"""Convolutional layers: the same kernels are applied at every position of an image.

``Conv`` is the usual one; ``ConvTranspose`` its backward pass, from few places to many; ``DepthwiseConv`` and
``SeparableConv`` do with fewer weights. ``Sliding`` is what all of them have.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, field, fields
from typing import Any, TypeAlias

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.activation import activated, fitting_initializer, known_activation
from chainrule.nn.initializer import ZEROS, Initializer, known_initializer
from chainrule.nn.layer import Layer, layer
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.linear.window_geometry import are_integers, known_padding, per_axis, sides_of, space_of
from chainrule.records import frozen
from chainrule.validation import require, require_integer, tupled

Widths: TypeAlias = "int | tuple[int, ...]"
Padding: TypeAlias = "str | int | tuple[int | tuple[int, int], ...]"


@frozen
class Sliding(Layer):
    """Base class of the layers that slide a kernel over an image: their common settings.

    Args:
        stride: the distance of successive positions of the kernel, one number or one for each spatial axis.
        padding: ``"valid"`` (none), ``"same"`` (as many places as cells, divided by the stride), a number, or
            for each axis a number or a pair (before, after).
        dilation: the distance of neighboring weights, one number or one for each spatial axis.
        activation: the name of g, or a layer; ``None`` leaves the sum as it is.
        bias: whether to add b.
        weight_initializer: the initializer of W, a record or a name such as ``"he"``; by default He's
            before relu, else Xavier's.
        penalty: the penalty on W, such as ``cr.L2(1e-4)``.
    """

    takes_one = True
    _: KW_ONLY
    stride: Widths = 1
    padding: Padding = "valid"
    dilation: Widths = 1
    activation: str | Layer | None = None
    bias: bool = True
    weight_initializer: str | Initializer | None = None
    penalty: Penalty | None = None

    @property
    def first_weights(self) -> Initializer:
        """The initializer of W."""
        return known_initializer(self.weight_initializer or fitting_initializer(self.activation))

    @property
    def shared(self) -> dict[str, Any]:
        """The settings of ``Sliding``, to be passed to a layer inside this one."""
        return {f.name: getattr(self, f.name) for f in fields(Sliding)}

    def bent(self, z: Node, scope: Scope) -> Node:
        """Return the sums plus bias, with the activation applied.

        Args:
            z: the weighted sums, (B, ..., C).
            scope: the scope of the layer.
        """
        if self.bias:
            z = z + scope.parameter("bias", z.shape[-1:], ZEROS)
        return activated(z, self.activation, scope)


@layer
class Conv(Sliding):
    """Convolution over one, two or three spatial axes, with an optional activation.

    All positions share the same weights, so a pattern is found at any position, and far fewer weights are
    needed than by a ``Dense`` layer. 1-D, 2-D or 3-D is decided by the input.

    Shapes: (B, *space, C) -> (B, *places, channels).

    Formula: z[i, o] = sum over t, c of x[i * stride + t * dilation, c] W[o, t, c] + b[o], a = g(z).

    Args:
        channels: the number of output channels.
        kernel_size: the size of the kernel, one number or one for each spatial axis.
        groups: the number of groups of channels; each group of outputs depends on one group of inputs.
        stride, padding, dilation, activation, bias, weight_initializer, penalty: as in ``Sliding``.

    Cost: 2 B places channels kernel C / groups flops forward, twice that backward.

    Raises:
        ShapeError E213, E214, E215, E218: not an image; channels that groups do not divide; an image that is
            too small; settings for another number of axes.
        UsageError E101: unknown activation, initializer or word for padding.
        UsageError E102: a number out of its range.

    Example:
        >>> print(Conv(6, 5, padding="same", activation="relu"))
        Conv(6, 5, padding='same', activation='relu')

    Reference: LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document
    recognition (Proceedings of the IEEE). PyTorch and Keras name one layer for each number of axes (Conv1d,
    Conv2d, ...).
    """

    chinese = ("卷积层", "每个输出通道把自己的卷积核放到图像的每个位置上，可带激活函数。")
    channels: int
    kernel_size: Widths
    groups: int = field(default=1, kw_only=True)

    def check(self) -> None:
        require_integer(self, "channels", 1, fix="cr.Conv(6, 5)")
        require_window(self)
        _require_groups(self)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *places, O)
        space = space_of("Conv", x.spec)
        kernel = per_axis("Conv", "kernel_size", self.kernel_size, len(space))
        deep = shared_channels(self, x, self.groups) // int(self.groups)
        weight = scope.parameter(
            "weight", (int(self.channels), *kernel, deep), self.first_weights, self.penalty
        )
        z = F.convolution(x, weight, self.stride, self.padding, self.dilation, self.groups)
        return self.bent(z, scope)


@layer
class ConvTranspose(Sliding):
    """Transposed convolution, the backward pass of ``Conv``: increases the size of images.

    It makes images larger, and learns how: in generators, decoders and segmentation.

    Shapes: (B, *places, C) -> (B, *space, channels), space = (places - 1) * stride + reach of the kernel -
    padding.

    Formula: z[j, o] = sum over i, t with i * stride + t * dilation - padding = j, over c of
    x[i, c] W[c, t, o] + b[o], a = g(z).

    Args:
        channels: the number of output channels.
        kernel_size, groups: as in ``Conv``.
        stride: the distance of the inputs in the result, one number or one for each spatial axis.
        dilation: as in ``Sliding``.
        padding: as in ``Sliding``; it is cut off the result. ``"same"`` gives the places times the stride.
        output_size: the spatial axes of the result, where a stride leaves a choice; by default the shortest
            (PyTorch's ``output_padding`` is the additional length).
        activation, bias, penalty: as in ``Sliding``.
        weight_initializer: as in ``Sliding``; W is (C, *kernel, channels / groups), that of the convolution
            whose backward pass this is.

    Cost: 2 B places channels kernel C / groups flops forward, twice that backward.

    Raises:
        ShapeError E213, E214, E216, E218: not an image; channels that groups do not divide; a space in which
            the kernel has a different number of positions; settings for a wrong number of axes.
        UsageError E101, E102: as ``Conv``.

    Example:
        >>> print(ConvTranspose(3, 2, stride=2))
        ConvTranspose(3, 2, stride=2)

    Reference: Zeiler, Krishnan, Taylor and Fergus (2010), Deconvolutional networks (CVPR); Dumoulin and Visin
    (2016), A guide to convolution arithmetic for deep learning.
    """

    chinese = ("转置卷积层", "用卷积核把每个数展开到更大的图像上：卷积的反方向。")
    channels: int
    kernel_size: Widths
    groups: int = field(default=1, kw_only=True)
    output_size: Widths | None = field(default=None, kw_only=True)

    def check(self) -> None:
        require_integer(self, "channels", 1, fix="cr.ConvTranspose(6, 5)")
        require_window(self)
        _require_groups(self)
        if self.output_size is not None:
            require_widths(self, "output_size", "output_size=(28, 28)")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *places, C) -> (B, *space, O)
        places = space_of("ConvTranspose", x.spec)
        kernel = per_axis("ConvTranspose", "kernel_size", self.kernel_size, len(places))
        shape = (shared_channels(self, x, self.groups), *kernel, int(self.channels) // int(self.groups))
        weight = scope.parameter("weight", shape, self.first_weights, self.penalty)  # (C, *kernel, O/groups)
        z = F.convolution_transpose(
            x, weight, self.stride, self.padding, self.dilation, self.groups, self.output_size
        )
        return self.bent(z, scope)


@layer
class DepthwiseConv(Sliding):
    """Depthwise convolution: each channel is convolved separately.

    Shapes: (B, *space, C) -> (B, *places, C * multiplier); the first ``multiplier`` channels of the output
    come from the first channel, and so on.

    Formula: that of ``Conv`` with C groups.

    Args:
        kernel_size: as in ``Conv``.
        multiplier: the number of kernels for each channel.
        stride, padding, dilation, activation, bias, weight_initializer, penalty: as in ``Sliding``.

    Cost: 2 B places C multiplier kernel flops forward: C times less than ``Conv``.

    Raises:
        ShapeError E213, E215, E218; UsageError E101, E102: as ``Conv``.

    Example:
        >>> print(DepthwiseConv(3, padding="same"))
        DepthwiseConv(3, padding='same')

    Reference: Sifre (2014), Rigid-motion scattering for image classification (thesis); Howard and others
    (2017), MobileNets.
    """

    chinese = ("逐通道卷积层", "每个通道单独卷积。")
    kernel_size: Widths
    _: KW_ONLY
    multiplier: int = 1

    def check(self) -> None:
        require_integer(self, "multiplier", 1, fix="multiplier=1")
        require_window(self)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *places, C * multiplier)
        space_of("DepthwiseConv", x.spec)
        channels = shared_channels(self, x, 1)
        one_by_one = Conv(channels * int(self.multiplier), self.kernel_size, groups=channels, **self.shared)
        return one_by_one(x, scope)


@layer
class SeparableConv(Sliding):
    """Depthwise convolution followed by a convolution with kernels of one cell.

    Shapes: (B, *space, C) -> (B, *places, channels).

    Formula: ``DepthwiseConv`` without bias, then ``Conv`` with a kernel of one cell.

    Args:
        channels: the number of output channels.
        kernel_size: as in ``Conv``.
        multiplier: the number of kernels for each channel in the first step.
        stride, padding, dilation, weight_initializer, penalty: as in ``Sliding``.
        activation, bias: as in ``Sliding``; of the second step.

    Cost: 2 B places C multiplier (kernel + channels) flops forward; ``Conv`` takes 2 B places C kernel
    channels.

    Raises:
        ShapeError E213, E215, E218; UsageError E101, E102: as ``Conv``.

    Example:
        >>> print(SeparableConv(16, 3, padding="same", activation="relu"))
        SeparableConv(16, 3, padding='same', activation='relu')

    Reference: Chollet (2017), Xception: Deep learning with depthwise separable convolutions (CVPR).
    """

    chinese = ("可分离卷积层", "两步完成的廉价卷积：先逐通道，再逐格混合通道。")
    channels: int
    kernel_size: Widths
    _: KW_ONLY
    multiplier: int = 1

    def check(self) -> None:
        require_integer(self, "channels", 1, fix="cr.SeparableConv(16, 3)")
        require_integer(self, "multiplier", 1, fix="multiplier=1")
        require_window(self)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *places, O)
        first = {**self.shared, "activation": None, "bias": False}
        second = {**self.shared, "stride": 1, "padding": "valid", "dilation": 1}
        between = scope.run(
            DepthwiseConv(self.kernel_size, multiplier=self.multiplier, **first), x, "depthwise"
        )
        return scope.run(Conv(self.channels, 1, **second), between, "pointwise")


def shared_channels(owner: Layer, x: Node, groups: int) -> int:
    """Return the number of channels of an image after checking that groups divide it.

    Raises:
        ShapeError E214: they do not.
    """
    channels = x.shape[-1]
    if not isinstance(channels, int) or channels % groups:
        expected = fact("channels that {groups} groups divide", groups=groups)
        received = fact("{channels} channels", channels=channels)
        raise ShapeError(
            "E214", op=type(owner).__name__, expected=expected, received=received, fix="groups=1"
        )
    return channels


def require_window(owner: Conv | ConvTranspose | DepthwiseConv | SeparableConv) -> None:
    """Refuse what no convolution can have: kernel, stride, dilation, padding, activation, initial values.

    Raises:
        UsageError E101, E102: as ``Conv``.
    """
    for name in ("kernel_size", "stride", "dilation"):
        require_widths(owner, name, f"{name}={3 if name == 'kernel_size' else 1}")
    require_padding(owner, owner.padding)
    if not isinstance(owner.activation, Layer | None):
        known_activation(owner.activation)
    if owner.weight_initializer is not None:
        known_initializer(owner.weight_initializer)
    require(
        owner, "penalty", isinstance(owner.penalty, Penalty | None), fact("a penalty such as cr.L2(1e-4)")
    )


def _require_groups(owner: Conv | ConvTranspose) -> None:
    require_integer(owner, "groups", 1, fix="groups=1")
    shared, groups = owner.channels % owner.groups == 0, owner.groups
    fix = f"cr.{type(owner).__name__}({groups * 2}, 5)"
    require(owner, "channels", shared, fact("a multiple of the {groups} groups", groups=groups), fix)


def require_widths(owner: Layer, name: str, fix: str) -> None:
    """Refuse what is neither an integer >= 1 nor one for each spatial axis; a list becomes a tuple.

    Raises:
        UsageError E102: anything else.
    """
    value = tupled(getattr(owner, name))
    object.__setattr__(owner, name, value)
    values = value if isinstance(value, tuple) else (value,)
    fits = are_integers(values, 1) and (not isinstance(value, tuple) or 1 <= len(value) <= 3)
    require(owner, name, fits, fact("an integer >= 1, or one for each of one to three spatial axes"), fix)


def require_padding(owner: Layer, padding: Padding) -> None:
    """Refuse a field ``padding`` that is no padding; lists become tuples.

    Raises:
        UsageError E101: a word other than ``"valid"`` and ``"same"``.
        UsageError E102: a number below 0, or neither word, number, nor numbers or pairs for each axis.
    """
    value = tupled(padding)
    object.__setattr__(owner, "padding", value)
    known_padding(value, f"{type(owner).__name__}, padding")
    fits = isinstance(value, str) or 1 <= len(sides_of(value, 1)) <= 3
    expected = fact('"valid", "same", a number >= 0, or for each axis a number or a pair (before, after)')
    require(owner, "padding", fits, expected, 'padding="same"')
