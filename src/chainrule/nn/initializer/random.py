"""Initializers that sample every element independently."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY

from chainrule.graph import Node
from chainrule.nn.initializer.initializer import Initializer, axes_of
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape
from chainrule.validation import require_choice, require_number


@frozen
class SmallNormal(Initializer):
    """Small normally distributed numbers whose scale does not depend on the size of the layer.

    Good for a shallow network. In a deep one every layer shrinks the signal: use ``Scaled`` there.

    Args:
        std: the standard deviation, at least 0.

    Raises:
        UsageError E102: a negative standard deviation.
    """

    chinese = ("小随机数初始化", "0 附近的小随机数，与层的大小无关。")
    std: float = 0.01

    def check(self) -> None:
        require_number(self, "std", minimum=0)

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        return F.normal(key, shape, dtype, stream) * self.std


@frozen
class Uniform(Initializer):
    """Uniformly distributed numbers between two limits.

    Args:
        low, high: the limits, low < high; low is included, high is not.

    Raises:
        UsageError E102: limits in the wrong order.

    Reference: PyTorch's ``uniform_`` has 0 and 1, Keras's ``RandomUniform`` -0.05 and 0.05.
    """

    chinese = ("均匀初始化", "两个界限之间的均匀随机数。")
    low: float = -0.05
    high: float = 0.05

    def check(self) -> None:
        require_number(self, "low")
        require_number(self, "high", above=self.low)

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        return F.uniform(key, shape, dtype, stream) * (self.high - self.low) + self.low


@frozen
class Normal(Initializer):
    """Normally distributed numbers.

    Args:
        mean: the mean.
        std: the standard deviation, at least 0.

    Raises:
        UsageError E102: a negative standard deviation.
    """

    chinese = ("正态初始化", "正态随机数。")
    mean: float = 0.0
    std: float = 0.05

    def check(self) -> None:
        require_number(self, "mean")
        require_number(self, "std", minimum=0)

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        return F.normal(key, shape, dtype, stream) * self.std + self.mean


@frozen
class TruncatedNormal(Initializer):
    """Normally distributed numbers; values outside of a range are sampled again.

    Args:
        mean: the mean of the normal distribution.
        std: its standard deviation before truncation, at least 0; see ``truncated_std``.
        cut: the truncation limit in standard deviations, at least 0.5.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: as Keras's ``TruncatedNormal`` with ``cut=2`` and PyTorch's ``trunc_normal_`` with
    ``a=mean - cut std`` and ``b=mean + cut std``.
    """

    chinese = ("截断正态初始化", "去掉尾部的正态随机数。")
    mean: float = 0.0
    std: float = 0.05
    _: KW_ONLY
    cut: float = 2.0

    def check(self) -> None:
        require_number(self, "mean")
        require_number(self, "std", minimum=0)
        require_number(self, "cut", minimum=0.5)

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        return truncated(key, shape, dtype, stream, self.cut) * self.std + self.mean


@frozen
class Scaled(Initializer):
    """Random numbers whose variance is ``gain / fan``: the family of Xavier, He and LeCun.

    Args:
        gain: variance times fan; 1 preserves the scale of linear signals, 2 compensates for relu.
        fan: ``"in"``, ``"out"`` or ``"mean"``: the fan-in, the fan-out, or their mean.
        distribution: ``"uniform"``, ``"normal"`` or ``"truncated"`` (normal, cut at two standard deviations).

    Formula: normal: std = sqrt(gain / fan); uniform: between -a and a with a = sqrt(3 gain / fan).
    PyTorch's ``gain`` is the square root of this one. Keras's ``VarianceScaling`` is the same, its ``scale``
    ``gain``, and its normal distribution truncated.

    Raises:
        UsageError E101, E102: an unknown fan or distribution; a gain that is not above 0.

    Reference: Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward neural
    networks (AISTATS); He, Zhang, Ren and Sun (2015), Delving deep into rectifiers (ICCV); LeCun, Bottou, Orr
    and Müller (1998), Efficient BackProp.
    """

    chinese = ("方差缩放初始化", "方差为 gain / fan 的随机数：Xavier、He、LeCun 一族。")
    _: KW_ONLY
    gain: float = 1.0
    fan: str = "mean"
    distribution: str = "uniform"

    def check(self) -> None:
        require_number(self, "gain", above=0)
        require_choice(self, "fan", ("in", "out", "mean"))
        require_choice(self, "distribution", ("uniform", "normal", "truncated"))

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        spread = math.sqrt(self.gain / max(1.0, self.fan_of(shape)))
        if self.distribution == "normal":
            return F.normal(key, shape, dtype, stream) * spread
        if self.distribution == "truncated":
            return truncated(key, shape, dtype, stream, 2.0) * (spread / truncated_std(2.0))
        limit = math.sqrt(3.0) * spread
        return F.uniform(key, shape, dtype, stream) * (2.0 * limit) - limit

    def fan_of(self, shape: Shape) -> float:
        """Return the fan-in, fan-out or their mean.

        Args:
            shape: the shape of the weight, (O, ..., I).
        """
        fan_in, fan_out = fans(shape)
        return {"in": fan_in, "out": fan_out, "mean": (fan_in + fan_out) / 2}[self.fan]


def fans(shape: Shape) -> tuple[float, float]:
    """Return (fan-in, fan-out) of a weight (out, *kernel, in)."""
    lengths = axes_of(shape)
    if len(lengths) < 2:
        return float(lengths[0] if lengths else 1), float(lengths[0] if lengths else 1)
    kernel = math.prod(lengths[1:-1])
    return float(lengths[-1] * kernel), float(lengths[0] * kernel)


def truncated(key: Node, shape: Shape, dtype: str, stream: int, cut: float) -> Node:
    """Return standard normal numbers; values farther out than ``cut`` are sampled again.

    Drawn so often that less than one number in 10^12 is still outside; such numbers are set to the limit.
    """
    outside = math.erfc(cut / math.sqrt(2.0))
    samples = F.normal(key, shape, dtype, stream)
    for again in range(1, math.ceil(-12 / math.log10(max(outside, 1e-12)))):
        other = F.normal(key, shape, dtype, stream + again * 0x9E3779B1 & 0xFFFFFFFF)
        samples = F.where(F.greater(F.abs(samples), cut), other, samples)
    return F.clip(samples, -cut, cut)


def truncated_std(cut: float) -> float:
    """Return the standard deviation of the truncated standard normal distribution.

    Example:
        >>> round(truncated_std(2.0), 9)
        0.879625661
    """
    height = math.exp(-cut * cut / 2.0) / math.sqrt(2.0 * math.pi)
    return math.sqrt(1.0 - 2.0 * cut * height / math.erf(cut / math.sqrt(2.0)))
