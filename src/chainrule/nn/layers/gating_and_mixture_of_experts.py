"""Gated layers: one part of the network scales another by numbers from 0 to 1."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.activation import known_activation
from chainrule.nn.initializer import Fill
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.containers import require_layer
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.pooling import GlobalAveragePool
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import bound, shape_text
from chainrule.validation import require_integer, require_number


@layer
class Highway(Layer):
    """Highway layer: a learned mixture of a dense layer and its input.

    Shapes: (B, ..., C) -> the same.

    Formula: t = sigmoid(x T^T + b), y = t g(x W^T + c) + (1 - t) x.

    Args:
        activation: the name of g, or a layer.
        carry_bias: the initial value of b; below 0 the gate is nearly closed, so that a deep network is
            initially the identity.

    Cost: 4 B C^2 flops forward.

    Raises:
        ShapeError E208: the input has no axis of fixed length at its end.
        UsageError E101, E102: unknown activation; a carry that is not a number.

    Example:
        >>> print(Highway("tanh"))
        Highway(activation='tanh')

    Reference: Srivastava, Greff and Schmidhuber (2015), Highway networks.
    """

    chinese = ("高速公路层", "按学到的比例把输入与全连接层的结果混合。")
    takes_one = True
    activation: str | Layer | None = "relu"
    _: KW_ONLY
    carry_bias: float = -2.0

    def check(self) -> None:
        if not isinstance(self.activation, Layer | None):
            known_activation(self.activation)
        require_number(self, "carry_bias")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., C) -> the same
        units = _channels(self, x)
        t = scope.run(Dense(units, "sigmoid", bias_initializer=Fill(self.carry_bias)), x, "gate")
        return t * scope.run(Dense(units, self.activation), x, "transform") + (1.0 - t) * x


@layer
class SqueezeExcite(Layer):
    """Squeeze-and-excitation: scales each channel by a gate computed from the complete image.

    Shapes: (B, *space, C) -> the same.

    Formula: s = mean of x over space, g = h(relu(s W^T + b) V^T + c), y = x g.

    Args:
        reduction: how many times fewer units there are in between than channels (at least one).
        units: how many units there are in between, where that is no such part of the channels.
        gate: the name of h, or a layer; MobileNetV3 has ``"hard_sigmoid"``.

    Raises:
        ShapeError E213, E219: not an image, or one without a cell.
        UsageError E101, E102: unknown activation; a reduction or units below 1.

    Example:
        >>> print(SqueezeExcite(reduction=4))
        SqueezeExcite(reduction=4)

    Reference: Hu, Shen and Sun (2018), Squeeze-and-excitation networks (CVPR).
    """

    chinese = ("压缩激励层", "看整幅图像决定哪些通道重要，并按 0 到 1 缩放每个通道。")
    takes_one = True
    _: KW_ONLY
    reduction: int = 16
    units: int | None = None
    gate: str | Layer = "sigmoid"

    def check(self) -> None:
        require_integer(self, "reduction", 1, fix="cr.SqueezeExcite(reduction=16)")
        if self.units is not None:
            require_integer(self, "units", 1, fix="cr.SqueezeExcite(units=8)")
        if not isinstance(self.gate, Layer):
            known_activation(self.gate)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> the same
        squeezed, channels = GlobalAveragePool()(x, scope), _channels(self, x)  # (B, C)
        units = self.units or max(1, channels // self.reduction)
        hidden = scope.run(Dense(units, "relu"), squeezed, "squeeze")
        excited = scope.run(Dense(channels, self.gate), hidden, "excite")
        return x * F.reshape(excited, (x.shape[0], *(1,) * (x.rank - 2), channels))


@layer
class MixtureOfExperts(Layer):
    """Mixture of experts: several layers of the same form, weighted by a softmax gate.

    All experts compute everything (dense routing), so that all learn and the gradient is exact.

    Shapes: (B, ..., C) -> what an expert gives, which keeps all axes but the last.

    Formula: g = softmax(x W^T + b), y = sum over i of g[i] f_i(x).

    Args:
        experts: the number of experts.
        expert: the form of each; its parameters are drawn separately for each.

    Cost: that of all experts.

    Raises:
        ShapeError E208: the input has no axis of fixed length at its end, or an expert changes another axis.
        UsageError E102: fewer than one expert. UsageError E104: no layer.

    Example:
        >>> print(MixtureOfExperts(4, Dense(8, "relu")))
        MixtureOfExperts(4, Dense(8, activation='relu'))

    Reference: Jacobs, Jordan, Nowlan and Hinton (1991), Adaptive mixtures of local experts (Neural
    Computation 3).
    """

    chinese = ("专家混合层", "几个同样的网络并排，由门控决定各占多少。")
    takes_one = True
    experts: int
    expert: Layer

    def check(self) -> None:
        require_integer(self, "experts", 1, fix="cr.MixtureOfExperts(4, cr.Dense(8))")
        require_layer("MixtureOfExperts", self.expert)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., C) -> (B, ..., O)
        _channels(self, x)
        g = scope.run(Dense(self.experts, "softmax"), x, "gate")  # (B, ..., experts)
        total: Node | None = None
        for i in range(self.experts):
            y = scope.run(self.expert, x, f"expert{i + 1}")
            if y.shape[:-1] != x.shape[:-1]:
                constraint = fact("experts that keep all axes but the last")
                expected = shape_text((*x.shape[:-1], y.shape[-1]))
                received = shape_text(y.shape)
                raise ShapeError(
                    "E208", op="MixtureOfExperts", constraint=constraint, expected=expected, received=received
                )
            share = y * g[..., i : i + 1]
            total = share if total is None else total + share
        assert total is not None
        return total


def _channels(owner: Layer, x: Node) -> int:
    if x.rank < 2 or not isinstance(x.shape[-1], int):
        raise ShapeError(
            "E208",
            op=type(owner).__name__,
            constraint=fact("samples of fixed length"),
            expected="(B, ..., C)",
            received=shape_text(x.shape),
            fix=fact("cr.Flatten() before it"),
        )
    return bound(x.shape[-1:])[0]
