"""Layers that add noise or drop elements in training, as a regularization.

Dropout drops single elements or complete channels; its forms for selu networks preserve mean 0 and
variance 1. Noise is added or multiplied. Random numbers are a function of the seed, so they are equal on
every engine and however the batch is split. In inference all of these layers are the identity.
"""

from __future__ import annotations

import math

from chainrule.graph import Node
from chainrule.nn.layer import Layer, layer
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.linear.window_geometry import space_of
from chainrule.symbolic_shape import Shape
from chainrule.validation import require_number

SELU_FLOOR = -1.7580993408473766  # -scale * alpha: what selu tends to, far below 0


@layer
class Dropout(Layer):
    """Dropout: sets random elements to 0 in training, as a regularization.

    Shapes: any -> the same. In inference it changes nothing.

    Formula: y = x m / (1 - rate), with m = 1 with probability 1 - rate, else 0; the mean stays.

    Args:
        rate: the drop probability, 0 <= rate < 1.

    Raises:
        UsageError E102: a rate outside the range.

    Reference: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout (JMLR 15).
    """

    chinese = ("暂退层 (dropout)", "训练时随机丢弃一些数，使单元不能只依赖某一个。")
    takes_one = True
    rate: float = 0.5

    def check(self) -> None:
        require_number(self, "rate", minimum=0, below=1)

    def __call__(self, x: Node, scope: Scope) -> Node:
        if not scope.training or self.rate == 0:
            return x
        mask = (scope.uniform("mask", x.shape) >= self.rate).astype(x.dtype)
        return x * (mask / (1.0 - self.rate))


@layer
class GaussianNoise(Layer):
    """Adds normally distributed noise in training.

    Shapes: any -> the same.

    Formula: y = x + std u, u standard normal.

    Args:
        std: the standard deviation, at least 0.

    Raises:
        UsageError E102: a negative standard deviation.

    Example:
        >>> print(GaussianNoise(0.1))
        GaussianNoise(0.1)

    Reference: Bishop (1995), Training with noise is equivalent to Tikhonov regularization (Neural
    Computation 7).
    """

    chinese = ("高斯噪声层", "训练时加随机数，使每次看到的样本略有不同。")
    takes_one = True
    std: float

    def check(self) -> None:
        require_number(self, "std", minimum=0)

    def __call__(self, x: Node, scope: Scope) -> Node:
        if not scope.training or self.std == 0:
            return x
        return x + scope.normal("noise", x.shape).astype(x.dtype) * self.std


@layer
class GaussianDropout(Layer):
    """Multiplies by random numbers around 1 in training, with the mean and variance of dropout.

    Shapes: any -> the same.

    Formula: y = x (1 + sqrt(rate / (1 - rate)) u), u standard normal.

    Args:
        rate: that of the dropout it stands for, 0 <= rate < 1.

    Raises:
        UsageError E102: a rate outside the range.

    Example:
        >>> print(GaussianDropout())
        GaussianDropout()

    Reference: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout (JMLR 15), section
    10.
    """

    chinese = ("高斯暂退层", "训练时乘以 1 附近的随机数：没有 0 的暂退法。")
    takes_one = True
    rate: float = 0.5

    def check(self) -> None:
        require_number(self, "rate", minimum=0, below=1)

    def __call__(self, x: Node, scope: Scope) -> Node:
        if not scope.training or self.rate == 0:
            return x
        spread = math.sqrt(self.rate / (1.0 - self.rate))
        return x * (scope.normal("factor", x.shape).astype(x.dtype) * spread + 1.0)


@layer
class SpatialDropout(Layer):
    """Drops complete channels of each image in training, because neighboring cells are correlated.

    Shapes: (B, *space, C) -> the same.

    Formula: y = x m / (1 - rate), with one m for all positions of a channel: 1 with probability 1 - rate,
    else 0.

    Args:
        rate: the drop probability of a channel, 0 <= rate < 1.

    Raises:
        ShapeError E213: not an image.
        UsageError E102: a rate outside the range.

    Example:
        >>> print(SpatialDropout(0.2))
        SpatialDropout(rate=0.2)

    Reference: Tompson, Goroshin, Jain, LeCun and Bregler (2015), Efficient object localization using
    convolutional networks (CVPR). PyTorch calls it Dropout1d, Dropout2d and Dropout3d.
    """

    chinese = ("空间暂退层", "训练时整个通道一起丢弃。")
    takes_one = True
    rate: float = 0.5

    def check(self) -> None:
        require_number(self, "rate", minimum=0, below=1)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> the same
        shape = _one_a_channel(self, x)
        if not scope.training or self.rate == 0:
            return x
        return x * (_mask(scope, shape, self.rate, x.dtype) / (1.0 - self.rate))


@layer
class AlphaDropout(Layer):
    """Dropout for selu networks: dropped elements get the lowest value of selu; mean and variance are
    preserved.

    Shapes: any -> the same.

    Formula: y = a (x m + f (1 - m)) + b, f = -1.7581 the floor of selu, m = 1 with probability q = 1 - rate,
    a = (q (1 + rate f^2))^(-1/2), b = -a rate f.

    Args:
        rate: the drop probability, 0 <= rate < 1.

    Raises:
        UsageError E102: a rate outside the range.

    Example:
        >>> print(AlphaDropout(0.1))
        AlphaDropout(rate=0.1)

    Reference: Klambauer, Unterthiner, Mayr and Hochreiter (2017), Self-normalizing neural networks (NeurIPS).
    """

    chinese = ("Alpha 暂退层", "与 SELU 配合的暂退法，保持均值和方差。")
    takes_one = True
    rate: float = 0.5

    def check(self) -> None:
        require_number(self, "rate", minimum=0, below=1)

    def __call__(self, x: Node, scope: Scope) -> Node:
        if not scope.training or self.rate == 0:
            return x
        return _floored(x, _mask(scope, x.shape, self.rate, x.dtype), self.rate)


@layer
class FeatureAlphaDropout(Layer):
    """``AlphaDropout`` of whole channels.

    Shapes: (B, *space, C) -> the same.

    Formula: that of ``AlphaDropout`` with one m for all positions of a channel.

    Args:
        rate: the drop probability of a channel, 0 <= rate < 1.

    Raises:
        ShapeError E213: not an image.
        UsageError E102: a rate outside the range.

    Example:
        >>> print(FeatureAlphaDropout(0.1))
        FeatureAlphaDropout(rate=0.1)
    """

    chinese = ("通道 Alpha 暂退层", "对整个通道的 Alpha 暂退法。")
    takes_one = True
    rate: float = 0.5

    def check(self) -> None:
        require_number(self, "rate", minimum=0, below=1)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> the same
        shape = _one_a_channel(self, x)
        if not scope.training or self.rate == 0:
            return x
        mask = _mask(scope, shape, self.rate, x.dtype)
        return _floored(x, F.broadcast_to(mask, x.shape), self.rate)


def _one_a_channel(owner: Layer, x: Node) -> Shape:
    """Return the shape of one number for each channel of each image."""
    space = space_of(type(owner).__name__, x.spec)
    return (x.shape[0], *(1,) * len(space), x.shape[-1])


def _mask(scope: Scope, shape: Shape, rate: float, dtype: str) -> Node:
    """Return 1 with probability 1 - rate, else 0."""
    return (scope.uniform("mask", shape) >= rate).astype(dtype)


def _floored(x: Node, mask: Node, rate: float) -> Node:
    a = 1.0 / math.sqrt((1.0 - rate) * (1.0 + rate * SELU_FLOOR**2))
    return (x * mask + (1.0 - mask) * SELU_FLOOR) * a - a * rate * SELU_FLOOR
