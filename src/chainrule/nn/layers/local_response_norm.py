"""Local response normalization, the contrast normalization of AlexNet."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.graph import Node
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.normalization import last_axes
from chainrule.nn.safe_norms import defined
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.validation import require_integer, require_number

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
