"""Residual blocks of deep image networks: a few convolutions and a shortcut.

``BasicBlock`` and ``Bottleneck`` are the two blocks of ResNet, ``InvertedResidual`` that of MobileNet: all
three compute y = x + f(x) as ``Residual`` does. If f changes the number of channels or has a stride, the
shortcut must change x as well: by a convolution with a kernel of one cell (option B of the ResNet paper, the
usual choice for large images), or by subsampling and channels of 0 (option A: no parameters, the paper's
choice for small images). ``Skip`` concatenates x and f(x) instead of adding them: the connections across a
U-Net.
"""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.activation import Activation, activated, known_activation
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.containers import Sequential, require_layer
from chainrule.nn.layers.convolution import Conv
from chainrule.nn.layers.gating_and_mixture_of_experts import SqueezeExcite
from chainrule.nn.layers.normalization import BatchNorm
from chainrule.nn.scope import Scope, called
from chainrule.ops import functional as F
from chainrule.ops.linear.window_geometry import space_of
from chainrule.symbolic_shape import bound, shape_text
from chainrule.validation import require, require_choice, require_integer

SHORTCUTS = ("projection", "zeros")
MOBILE_NORM = BatchNorm(momentum=0.01, epsilon=0.001)


@layer
class BasicBlock(Layer):
    """Residual block of two 3 x 3 convolutions: the block of ResNet-18 and ResNet-34.

    Shapes: (B, H, W, C) -> (B, H / stride, W / stride, channels), rounded up.

    Formula: y = relu(s(x) + norm2(conv2(relu(norm1(conv1(x)))))).

    Args:
        channels: the number of channels of both convolutions.
        stride: the stride of the first one; 2 halves the image.
        shortcut: what s is where the shape changes: ``"projection"`` is a convolution of 1 x 1 and a norm,
            ``"zeros"`` leaves out the same cells and adds channels of 0. Elsewhere it is the identity.
        norm: the layer after each convolution, such as ``cr.GroupNorm(8)``.

    Raises:
        ShapeError E213, E230: not an image; in training, one number for each channel.
        UsageError E101, E102, E104: unknown shortcut; a number below 1; a norm that is not a layer.

    Example:
        >>> print(BasicBlock(128, stride=2))
        BasicBlock(128, stride=2)

    Reference: He, Zhang, Ren and Sun (2016), Deep residual learning for image recognition (CVPR), figure 2
    and figure 5 left.
    """

    chinese = ("基本残差块", "两个 3×3 卷积，旁边一条直路：ResNet-18 和 ResNet-34 的积木。")
    takes_one = True
    is_block = True
    channels: int
    _: KW_ONLY
    stride: int = 1
    shortcut: str = "projection"
    norm: Layer = BatchNorm()

    def check(self) -> None:
        _require_block(self)
        require_choice(self, "shortcut", SHORTCUTS)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, H, W, C) -> (B, H/s, W/s, channels)
        conv1 = _conv(self.channels, 3, self.stride)
        relu = Activation("relu")
        conv2 = _conv(self.channels, 3)
        residual = Sequential(conv1=conv1, norm1=self.norm, relu=relu, conv2=conv2, norm2=self.norm)
        return _around(residual, x, scope, self.channels, self)


@layer
class Bottleneck(Layer):
    """Residual block of 1 x 1, 3 x 3 and 1 x 1 convolutions: the block of ResNet-50 and deeper.

    The 1 x 1 ones first lower and then raise the number of channels, so that the 3 x 3 one is cheap.

    Shapes: (B, H, W, C) -> (B, H / stride, W / stride, 4 channels), rounded up.

    Formula: y = relu(s(x) + norm3(conv3(relu(norm2(conv2(relu(norm1(conv1(x)))))))).

    Args:
        channels: the number of channels of the first two convolutions.
        stride: the stride of the 3 x 3 one. In the paper the first convolution has the stride; this is the
            common variant (torchvision, "ResNet v1.5").
        expansion: the factor of channels of the third one.
        norm: the layer after each convolution.

    Raises:
        ShapeError E213, E230: not an image; in training, one number for each channel.
        UsageError E102, E104: a number below 1; a norm that is not a layer.

    Example:
        >>> print(Bottleneck(64))
        Bottleneck(64)

    Reference: He, Zhang, Ren and Sun (2016), Deep residual learning for image recognition (CVPR), figure 5
    right.
    """

    chinese = ("瓶颈残差块", "1×1、3×3、1×1 三个卷积，旁边一条直路：ResNet-50 及更深网络的积木。")
    takes_one = True
    is_block = True
    channels: int
    _: KW_ONLY
    stride: int = 1
    expansion: int = 4
    norm: Layer = BatchNorm()

    def check(self) -> None:
        _require_block(self)
        require_integer(self, "expansion", 1, fix="expansion=4")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, H, W, C) -> (B, H/s, W/s, 4 channels)
        wide = self.channels * self.expansion
        residual = Sequential(
            conv1=_conv(self.channels, 1),
            norm1=self.norm,
            relu1=Activation("relu"),
            conv2=_conv(self.channels, 3, self.stride),
            norm2=self.norm,
            relu2=Activation("relu"),
            conv3=_conv(wide, 1),
            norm3=self.norm,
        )
        return _around(residual, x, scope, wide, self)


@layer
class InvertedResidual(Layer):
    """Inverted residual block: expansion, depthwise convolution and projection; the block of MobileNet.

    A bottleneck turned inside out: the straight way joins the narrow ends, and the wide middle is cheap
    because its convolution is depthwise.

    Shapes: (B, H, W, C) -> (B, H / stride, W / stride, channels), rounded up.

    Formula: f(x) = norm(project(q(g(norm(depthwise(g(norm(expand(x))))))))), q the squeeze-and-excite layer;
    y = x + f(x) if f keeps the shape, else y = f(x).

    Args:
        kernel_size: of the depthwise convolution.
        expanded_channels: the number of channels of the depthwise convolution; if x has as many, the
            expansion is omitted.
        channels: the number of output channels.
        squeeze_excite: whether there is a q; it has about a quarter of the expanded channels as units.
        activation: the name of g: ``"relu"`` or ``"hard_silu"``.
        stride: the stride of the depthwise convolution.
        norm: the layer after each convolution; by default MobileNetV3's batch norm (momentum 0.01, epsilon
            0.001).

    Raises:
        ShapeError E213, E230: not an image; in training, one number for each channel.
        UsageError E101, E102, E104: unknown activation; a number below 1; a norm that is not a layer.

    Example:
        >>> print(InvertedResidual(5, 96, 40, squeeze_excite=True, stride=2))
        InvertedResidual(5, 96, 40, squeeze_excite=True, stride=2)

    Reference: Sandler and others (2018), MobileNetV2 (CVPR); Howard and others (2019), Searching for
    MobileNetV3 (ICCV), figure 4 and section 5.3.
    """

    chinese = ("倒残差块", "先加宽通道、逐通道卷积、再收窄：MobileNet 的积木。")
    takes_one = True
    is_block = True
    kernel_size: int
    expanded_channels: int
    channels: int
    _: KW_ONLY
    squeeze_excite: bool = False
    activation: str | Layer = "relu"
    stride: int = 1
    norm: Layer = MOBILE_NORM

    def check(self) -> None:
        _require_block(self)
        require_integer(self, "kernel_size", 1, fix="cr.InvertedResidual(3, 72, 24)")
        require_integer(self, "expanded_channels", 1, fix="cr.InvertedResidual(3, 72, 24)")
        require(
            self,
            "squeeze_excite",
            isinstance(self.squeeze_excite, bool),
            fact("True or False"),
            "squeeze_excite=True",
        )
        if not isinstance(self.activation, Layer):
            known_activation(self.activation)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, H, W, C) -> (B, H/s, W/s, channels)
        y, wide = x, int(self.expanded_channels)
        if _channels(self, x) != wide:  # -> (B, H, W, expanded)
            y = self._step(_conv(wide, 1), y, scope, "expand")
        y = self._step(_conv(wide, self.kernel_size, self.stride, groups=wide), y, scope, "depthwise")
        if self.squeeze_excite:
            excite = SqueezeExcite(units=eights(wide // 4), gate="hard_sigmoid")
            y = scope.run(excite, y, "squeeze_excite")
        y = scope.run(_conv(self.channels, 1), y, "project")  # -> (B, H/s, W/s, channels)
        y = scope.run(self.norm, y, "project_norm")
        return x + y if y.shape == x.shape else y

    def _step(self, conv: Conv, x: Node, scope: Scope, name: str) -> Node:
        """Apply a convolution, its norm and the activation."""
        y = scope.run(self.norm, scope.run(conv, x, name), f"{name}_norm")
        bend = Activation(self.activation) if isinstance(self.activation, str) else self.activation
        return scope.run(bend, y, f"{name}_activation")


@layer
class Skip(Layer):
    """Concatenates an image, cropped to the same size, with the result of a layer on it.

    The layer may lose positions in the image; the image beside it keeps them. U-Net has one inside
    the other, at four sizes.

    Shapes: (B, H, W, C) -> (B, h, w, C + D), where the layer gives (B, h, w, D), h <= H, w <= W.

    Formula: y = [middle of x, f(x)] along the channels.

    Args:
        inner: the layer f. Its parameters are named as if it replaced this layer.

    Raises:
        ShapeError E213: not an image.
        ShapeError E232: f makes the image larger, or smaller by an odd number of cells, so that there is no
            middle.
        UsageError E104: f is not a layer.

    Example:
        >>> print(Skip(Conv(8, 3)))
        Skip(Conv(8, 3))

    Reference: Ronneberger, Fischer and Brox (2015), U-Net (MICCAI), "copy and crop" of figure 1.
    """

    chinese = ("跳跃连接", "把图像的中部与某层的结果按通道并排：U-Net 中横跨的箭头。")
    takes_one = True
    inner: Layer

    def check(self) -> None:
        require_layer("Skip", self.inner)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, H, W, C) -> (B, h, w, C + D)
        space = space_of("Skip", x.spec)
        y = called(self.inner, x, scope)
        left = [n - m for n, m in zip(space, space_of("Skip", y.spec), strict=False)]
        if x.rank != y.rank or any(n < 0 or n % 2 for n in left):
            received = fact("{left} and {right}", left=shape_text(x.shape), right=shape_text(y.shape))
            expected = fact("an image an even number of cells larger than what lies beside it")
            fix = fact("an image that is even each time it is halved")
            raise ShapeError("E232", op="Skip", received=received, expected=expected, fix=fix)
        middle = [slice(n // 2, size - n // 2) for n, size in zip(left, space, strict=True)]
        beside = x[(slice(None), *middle)] if any(left) else x
        return F.concatenate([beside, y], -1)

    def __str__(self) -> str:
        if isinstance(self.inner, Sequential):  # its parts are named as if they were in its place
            return str(self.inner).replace("Sequential(", "Skip(", 1)
        return f"Skip({self.inner})"


def eights(channels: float) -> int:
    """Return the nearest multiple of 8, at least 8 and at most 10% smaller: the channel counts of MobileNet.

    Example:
        >>> eights(24), eights(18), eights(11)
        (24, 24, 16)
    """
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _conv(channels: int, kernel: int, stride: int = 1, groups: int = 1) -> Conv:
    """Return a convolution before a norm: no bias, as many positions as cells, He's initial values."""
    same = (kernel - 1) // 2
    return Conv(
        channels, kernel, groups=groups, stride=stride, padding=same, bias=False, weight_initializer="he"
    )


def _around(residual: Layer, x: Node, scope: Scope, channels: int, block: BasicBlock | Bottleneck) -> Node:
    """Return relu(s(x) + f(x)); the parameters of f have the names of the block's own."""
    y = called(residual, x, scope)
    if block.stride != 1 or _channels(block, x) != channels:
        if getattr(block, "shortcut", "projection") == "zeros":
            x = _thinned(x, block.stride, channels)
        else:
            shortcut = Sequential(conv=_conv(channels, 1, block.stride), norm=block.norm)
            x = scope.run(shortcut, x, "shortcut")
    return activated(x + y, "relu", scope)


def _thinned(x: Node, stride: int, channels: int) -> Node:
    """Return every ``stride``-th cell, with channels of 0 appended or channels removed (option A)."""
    strides = (slice(None, None, stride),) * (x.rank - 2)
    x = x[(slice(None), *strides, slice(channels))]  # (B, H, W, C) -> (B, H/s, W/s, C)
    missing = channels - bound(x.shape[-1:])[0]
    return F.pad(x, [(0, 0)] * (x.rank - 1) + [(0, missing)]) if missing else x


def _channels(owner: Layer, x: Node) -> int:
    space_of(type(owner).__name__, x.spec)
    return bound(x.shape[-1:])[0]


def _require_block(owner: BasicBlock | Bottleneck | InvertedResidual) -> None:
    name = f"cr.{type(owner).__name__}"
    three = isinstance(owner, InvertedResidual)
    require_integer(owner, "channels", 1, fix=f"{name}(3, 72, 24)" if three else f"{name}(64)")
    require_integer(owner, "stride", 1, fix="stride=2")
    require_layer(f"{type(owner).__name__}, norm", owner.norm)
