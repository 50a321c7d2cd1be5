"""The feed-forward network of a transformer block."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.activation import known_activation
from chainrule.nn.attention.single_head import require_flags
from chainrule.nn.initializer import Initializer, known_initializer
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.containers import Dropout
from chainrule.nn.layers.linear import Dense
from chainrule.nn.scope import Scope
from chainrule.spec import bound, shape_text
from chainrule.validation import require_integer, require_number


@layer
class FeedForward(Layer):
    """Feed-forward network with one hidden layer, applied to each position of a sequence.

    Shapes: (B, ..., C) -> the same.

    Formula: y = g(x W^T + b) V^T + c; gated: y = (g(x W^T + b) (x U^T + d)) V^T + c.

    Args:
        units: the width of the hidden layer; usually 4 C, gated 8/3 C.
        activation: the name of g, or a layer.
        dropout: the chance of each hidden number to be dropped in training.
        gated: whether a second product decides how much of each hidden number passes (with ``"silu"``:
            SwiGLU).
        bias: whether the products have a bias.
        weight_initializer, output_initializer: initial values of the weights, and of the last ones if others.

    Cost: 4 C units flops a position forward, gated 6.

    Raises:
        ShapeError E208: no axis of channels of known length.
        UsageError E101, E102: unknown activation; a setting out of its range.

    Example:
        >>> print(FeedForward(256, activation="gelu"))
        FeedForward(256, activation='gelu')

    Reference: Vaswani et al. (2017), Attention is all you need (NeurIPS), section 3.3; Shazeer (2020), GLU
    variants improve Transformer.
    """

    chinese = ("前馈网络", "对每个位置单独作用的两层网络。")
    takes_one = True
    units: int
    _: KW_ONLY
    activation: str | Layer | None = "relu"
    dropout: float = 0.0
    gated: bool = False
    bias: bool = True
    weight_initializer: str | Initializer | None = None
    output_initializer: str | Initializer | None = None

    def check(self) -> None:
        require_integer(self, "units", 1, fix="cr.FeedForward(256)")
        if not isinstance(self.activation, Layer | None):
            known_activation(self.activation)
        require_number(self, "dropout", minimum=0, below=1)
        require_flags(self, "gated", "bias")
        for init in (self.weight_initializer, self.output_initializer):
            if init is not None:
                known_initializer(init)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., C) -> the same
        if x.rank < 2 or not isinstance(x.shape[-1], int):
            raise ShapeError(
                "E208", op="FeedForward", constraint=fact("samples of known length"), expected="(B, ..., C)",
                received=shape_text(x.shape), fix=fact("cr.Flatten() before it"),
            )  # fmt: skip
        first = self.weight_initializer
        wide = Dense(self.units, self.activation, bias=self.bias, weight_initializer=first)
        hidden = scope.run(wide, x, "hidden")
        if self.gated:
            gate = Dense(self.units, None, bias=self.bias, weight_initializer=first)
            hidden = hidden * scope.run(gate, x, "gate")
        hidden = Dropout(self.dropout)(hidden, scope)
        last = self.output_initializer or first
        output = Dense(bound(x.shape[-1:])[0], None, bias=self.bias, weight_initializer=last)
        return scope.run(output, hidden, "output")
