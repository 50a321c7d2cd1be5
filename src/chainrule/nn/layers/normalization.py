"""Normalization layers: mean 0 and variance 1, or length 1.

Most compute y = (x - mean) / sqrt(variance + epsilon) * scale + shift, and differ only in the elements over
which mean and variance are computed. For images (B, H, W, C) these are

    BatchNorm     all samples and positions of one channel
    LayerNorm     the channels of one place of one sample
    InstanceNorm  the positions of one channel of one sample
    GroupNorm     the positions of some channels of one sample

``BatchNorm`` alone mixes samples, so in training it keeps running statistics, which inference uses.
``RMSNorm`` and ``UnitNorm`` subtract no mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.initializer import ZEROS, Fill
from chainrule.nn.layer import Layer, layer
from chainrule.nn.safe_norms import defined, require_epsilon, to_unit_length
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.elementwise.cast_and_stop_gradient import extent
from chainrule.symbolic_shape import Shape, bound, shape_text
from chainrule.validation import require, require_integer, require_number

ONES = Fill(1.0)


@layer
class BatchNorm(Layer):
    """Batch normalization: normalizes each channel over the batch, then applies a learned scale and shift.

    Deep networks train faster and at larger rates. Needs batches of more than a few samples.

    Shapes: (B, ..., C) -> the same.

    Formula: training: m, v = mean and variance of x over all axes but the last, y = (x - m) / sqrt(v +
    epsilon) * scale + shift; running_mean <- (1 - momentum) running_mean + momentum m; running_variance
    in the same way with v n / (n - 1), n numbers a channel. Inference: m, v are the running ones.

    Args:
        momentum: the weight of a new batch in the running statistics, 0 <= momentum <= 1. PyTorch's
            convention; Keras's ``momentum`` is 1 minus this.
        epsilon: keeps the division finite, above 0.
        scale, shift: whether these are learned; they are initially 1 and 0.

    Numerics: two passes, so no cancellation when the mean is large.

    Cost: some 8 flops a number forward; the batch cannot be computed in parts.

    Raises:
        ShapeError E208: no axis of channels of known length.
        ShapeError E230: in training, one number for each channel: it has no spread.
        UsageError E102: a setting out of its range.

    Example:
        >>> print(BatchNorm(momentum=0.01))
        BatchNorm(momentum=0.01)

    Reference: Ioffe and Szegedy (2015), Batch normalization (ICML).
    """

    chinese = ("批量规范化层", "把每个通道在一批上变为均值 0、方差 1，再由网络选择拉伸和偏移。")
    takes_one = True
    _: KW_ONLY
    momentum: float = 0.1
    epsilon: float = 1e-5
    scale: bool = True
    shift: bool = True

    def check(self) -> None:
        require_number(self, "momentum", minimum=0, maximum=1)
        _require_affine(self)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., C) -> the same
        axes, shape = tuple(range(x.rank - 1)), last_axes(self, x, 1)
        mean = scope.state("running_mean", shape, ZEROS)  # (C,)
        variance = scope.state("running_variance", shape, ONES)
        if scope.training:
            _refuse_lone(self, x.shape[:-1])
            if all(n == 1 for n in x.shape[1:-1]):
                scope.require_samples(2)
            running, spread, n = mean, variance, extent(x, axes)
            mean, variance = (getattr(F, m)(x, axes, keepdims=True) for m in ("mean", "variance"))
            unbiased = variance * (n / F.maximum(n - 1.0, 1.0))
            for name, old, new in (("running_mean", running, mean), ("running_variance", spread, unbiased)):
                new = F.reshape(new, shape)  # (1, ..., 1, C) -> (C,)
                scope.update(name, old * (1.0 - self.momentum) + new * self.momentum)
        y = (x - mean) * defined(1.0 / F.sqrt(variance + self.epsilon), variance)
        return _affine(self, y, scope, shape)


@layer
class LayerNorm(Layer):
    """Layer normalization: normalizes each sample, or each of its positions, over the last axes.

    Training and inference are the same, and one sample is enough. The usual choice in Transformers.

    Shapes: (B, ...) -> the same.

    Formula: y = (x - m) / sqrt(v + epsilon) * scale + shift; m, v over the last ``axes`` axes.

    Args:
        axes: the number of last axes over which the mean is computed; 1 for the channels only.
        epsilon, scale, shift: as in ``BatchNorm``; scale and shift have one number for each of those cells.

    Raises:
        ShapeError E208: fewer axes, or lengths that are not known.
        UsageError E102: a setting out of its range.

    Example:
        >>> print(LayerNorm(axes=2))
        LayerNorm(axes=2)

    Reference: Ba, Kiros and Hinton (2016), Layer normalization. PyTorch asks for the lengths of these axes.
    """

    chinese = ("层规范化层", "把每个样本（或其每个位置）的数变为均值 0、方差 1。")
    takes_one = True
    _: KW_ONLY
    axes: int = 1
    epsilon: float = 1e-5
    scale: bool = True
    shift: bool = True

    def check(self) -> None:
        require_integer(self, "axes", 1, fix="axes=1")
        _require_affine(self)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ...) -> the same
        shape = last_axes(self, x, self.axes)
        y = standardized(x, range(x.rank - self.axes, x.rank), self.epsilon)
        return _affine(self, y, scope, shape)


@layer
class GroupNorm(Layer):
    """Group normalization: normalizes groups of channels of each sample.

    Shapes: (B, ..., C) -> the same.

    Formula: y = (x - m) / sqrt(v + epsilon) * scale + shift; m, v over all positions and the C / groups
    channels of one group.

    Args:
        groups: the number of groups of channels; 1 normalizes all together, C each separately.
        epsilon, scale, shift: as in ``BatchNorm``; scale and shift have one number for each channel.

    Raises:
        ShapeError E208: no axis of channels of known length.
        ShapeError E214: groups that do not divide the channels.
        UsageError E102: a setting out of its range.

    Example:
        >>> print(GroupNorm(8))
        GroupNorm(8)

    Reference: Wu and He (2018), Group normalization (ECCV).
    """

    chinese = ("组规范化层", "把每个样本的一组通道变为均值 0、方差 1，不依赖批。")
    takes_one = True
    groups: int
    _: KW_ONLY
    epsilon: float = 1e-5
    scale: bool = True
    shift: bool = True

    def check(self) -> None:
        require_integer(self, "groups", 1, fix="cr.GroupNorm(8)")
        _require_affine(self)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., C) -> the same
        shape = (channels,) = last_axes(self, x, 1)
        if channels % self.groups:
            expected = fact("channels that {groups} groups divide", groups=self.groups)
            received = fact("{channels} channels", channels=channels)
            fix = f"cr.GroupNorm({math.gcd(channels, self.groups)})"
            raise ShapeError("E214", op="GroupNorm", expected=expected, received=received, fix=fix)
        parts = (self.groups, channels // self.groups)
        grouped = F.reshape(x, (*x.shape[:-1], *parts))
        within = (*range(1, x.rank - 1), x.rank)  # places, and the channels of one group
        y = _affine(self, standardized(grouped, within, self.epsilon), scope, shape, *parts)
        return F.reshape(y, x.shape)  # (B, ..., groups, C / groups) -> (B, ..., C)


@layer
class InstanceNorm(Layer):
    """Instance normalization: normalizes each channel of each image, which removes its contrast.

    Shapes: (B, *space, C) -> the same.

    Formula: y = (x - m) / sqrt(v + epsilon) * scale + shift; m, v over the positions of one channel.

    Args:
        epsilon: as in ``BatchNorm``.
        scale, shift: as in ``BatchNorm``; not learned by default, as in PyTorch.

    Raises:
        ShapeError E208: no axes of channels and positions.
        ShapeError E230: images of one position: it has no spread.
        UsageError E102: a setting out of its range.

    Example:
        >>> print(InstanceNorm(scale=True, shift=True))
        InstanceNorm(scale=True, shift=True)

    Reference: Ulyanov, Vedaldi and Lempitsky (2016), Instance normalization.
    """

    chinese = ("实例规范化层", "把每幅图像的每个通道变为均值 0、方差 1：去掉对比度。")
    takes_one = True
    _: KW_ONLY
    epsilon: float = 1e-5
    scale: bool = False
    shift: bool = False

    def check(self) -> None:
        _require_affine(self)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> the same
        shape = last_axes(self, x, 1)
        _refuse_lone(self, x.shape[1:-1])
        return _affine(self, standardized(x, range(1, x.rank - 1), self.epsilon), scope, shape)


@layer
class RMSNorm(Layer):
    """Divides each position by its root mean square: a cheaper ``LayerNorm``.

    Shapes: (B, ...) -> the same.

    Formula: y = x / sqrt(mean(x^2) + epsilon) * scale; the mean over the last ``axes`` axes.

    Args:
        axes: the number of last axes over which the mean is computed.
        epsilon: keeps the division finite, above 0. PyTorch's default is the float's own resolution.
        scale: whether it is learned; it is initially 1.

    Raises:
        ShapeError E208: fewer axes, or lengths that are not known.
        UsageError E102: a setting out of its range.

    Example:
        >>> print(RMSNorm())
        RMSNorm()

    Reference: Zhang and Sennrich (2019), Root mean square layer normalization (NeurIPS).
    """

    chinese = ("均方根规范化层", "除以均方根：更便宜的层规范化。")
    takes_one = True
    _: KW_ONLY
    axes: int = 1
    epsilon: float = 1e-6
    scale: bool = True

    def check(self) -> None:
        require_integer(self, "axes", 1, fix="axes=1")
        _require_affine(self)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ...) -> the same
        shape = last_axes(self, x, self.axes)
        power = F.mean(F.square(x), tuple(range(x.rank - self.axes, x.rank)), keepdims=True)
        return _affine(self, x * defined(1.0 / F.sqrt(power + self.epsilon), power), scope, shape)


@layer
class UnitNorm(Layer):
    """Scales the vector at each position to length 1.

    Shapes: (B, ..., C) -> the same.

    Formula: y = x / sqrt(max(sum x^2, epsilon)); the sum over the last axis.

    Args:
        epsilon: the least squared length that is divided by, above 0.

    Raises:
        ShapeError E208: no axis of channels of known length.
        UsageError E102: a setting out of its range.

    Example:
        >>> print(UnitNorm())
        UnitNorm()
    """

    chinese = ("单位规范化层", "使每个位置的向量长度为 1，只留方向。")
    takes_one = True
    _: KW_ONLY
    epsilon: float = 1e-12

    def check(self) -> None:
        _require_affine(self)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., C) -> the same
        last_axes(self, x, 1)
        return to_unit_length(x, self.epsilon)


def standardized(x: Node, axes: Sequence[int], epsilon: float) -> Node:
    """Return ``x`` with mean 0 and variance 1 over axes: (x - mean) / sqrt(variance + epsilon)."""
    over = tuple(axes)
    mean, variance = (getattr(F, name)(x, over, keepdims=True) for name in ("mean", "variance"))
    return (x - mean) * defined(1.0 / F.sqrt(variance + epsilon), variance)


def _affine(owner: Layer, y: Node, scope: Scope, shape: tuple[int, ...], *seen: int) -> Node:
    """Apply the learned scale and shift that the layer has; ``seen`` is their shape beside ``y``."""
    if getattr(owner, "scale", False):
        y = y * F.reshape(scope.parameter("scale", shape, ONES), seen or shape)
    if getattr(owner, "shift", False):
        y = y + F.reshape(scope.parameter("shift", shape, ZEROS), seen or shape)
    return y


def _require_affine(owner: Layer) -> None:
    require_number(owner, "epsilon", above=0)
    for name in ("scale", "shift"):
        fits = isinstance(getattr(owner, name, True), bool)
        require(owner, name, fits, fact("True or False"), f"{name}=True")


def last_axes(owner: Layer, x: Node, axes: int) -> tuple[int, ...]:
    """Return the lengths of the last ``axes`` axes of ``x``, after checking them and ``epsilon``, if any."""
    if hasattr(owner, "epsilon"):
        require_epsilon(owner, x.dtype)
    shape = x.shape[-axes:]
    if x.rank <= axes or not all(isinstance(n, int) for n in shape):
        needed = (
            "(B, ..., C)" if axes == 1 else fact("(B, ...) with {axes} axes of known length last", axes=axes)
        )
        raise ShapeError(
            "E208",
            op=type(owner).__name__,
            constraint=fact("samples whose last axes have known lengths"),
            expected=needed,
            received=shape_text(x.shape),
            fix=fact("cr.Flatten() before it"),
        )
    return bound(shape)


def _refuse_lone(owner: Layer, shared: Shape) -> None:
    """Refuse a mean over a single element: the result would be 0 for every input."""
    if all(n == 1 for n in shared):
        expected = fact("two numbers or more that share a mean")
        received = fact("1 number")
        fix = (
            fact("batch_size=2 or more, or cr.LayerNorm()")
            if isinstance(owner, BatchNorm)
            else "cr.LayerNorm()"
        )
        raise ShapeError("E230", op=type(owner).__name__, expected=expected, received=received, fix=(fix))


# Local response normalization, the contrast normalization of AlexNet.

_HEADROOM = 2.0**24  # the largest number divided by the largest sum of squares that is computed


@layer
class LocalResponseNorm(Layer):
    """Divides each element by a norm of the neighboring channels.

    Shapes: (B, ..., C) -> the same.

    Formula: y[c] = x[c] / (k + alpha / size * sum of x[d]^2 over the ``size`` channels d around c)^beta;
    beyond the first and the last channel are zeros.

    Args:
        size: the number of channels, centered at the element's own (with an even number, one more before than
            after).
        alpha, beta, k: strength, power and floor; k above 0.

    Raises:
        ShapeError E208: no axis of channels of known length.
        UsageError E102: a setting out of its range.

    Example:
        >>> print(LocalResponseNorm(5))
        LocalResponseNorm(5)

    Reference: Krizhevsky, Sutskever and Hinton (2012), ImageNet classification with deep convolutional neural
    networks (NeurIPS), section 3.3; there alpha is not divided by the size, as in TensorFlow.
    """

    chinese = ("局部响应规范化层", "除以相邻通道的强度：邻居互相竞争。")
    takes_one = True
    size: int
    _: KW_ONLY
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def check(self) -> None:
        require_integer(self, "size", 1, fix="cr.LocalResponseNorm(5)")
        require_number(self, "alpha", minimum=0)
        require_number(self, "beta", minimum=0)
        require_number(self, "k", above=0)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., C) -> the same
        (channels,) = last_axes(self, x, 1)
        before = self.size // 2
        widths = [(0, 0)] * (x.rank - 1) + [(before, self.size - 1 - before)]
        squares = F.pad(F.square(x), widths)  # (B, ..., C + size - 1)
        total = squares[..., :channels]
        for i in range(1, self.size):
            total = total + squares[..., i : i + channels]
        # The gradient has powers of the sum below what float32 holds long before the sum overflows.
        return x / defined((total * (self.alpha / self.size) + self.k) ** self.beta, total * _HEADROOM)
