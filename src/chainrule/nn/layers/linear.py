"""The fully connected layer, and what it has in common with that of an ensemble."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.activation import activated, fitting_initializer, known_activation
from chainrule.nn.initializer import ZEROS, Initializer, known_initializer
from chainrule.nn.layer import Layer, Sample, layer
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.scope import Scope
from chainrule.records import frozen
from chainrule.symbolic_shape import shape_text
from chainrule.validation import require, require_integer


@frozen
class FullyConnected(Layer):
    """Base class of the layers whose outputs depend on all inputs: their settings.

    Args:
        units: the number of outputs.
        activation: the name of g, or a layer; ``None`` leaves the sum as it is.
        bias: whether to add b.
        weight_initializer: the initializer of W, a record or a name such as ``"he"``; by default He's
            before relu, else Xavier's.
        bias_initializer: initial values of b, in the same way.
        penalty: the penalty on W, such as ``cr.L2(1e-4)``.
    """

    takes_one = True
    units: int
    activation: str | Layer | None = None
    _: KW_ONLY
    bias: bool = True
    weight_initializer: str | Initializer | None = None
    bias_initializer: str | Initializer = ZEROS
    penalty: Penalty | None = None

    def check(self) -> None:
        if isinstance(self.activation, int | float):  # Linear(in_features, out_features) of PyTorch
            self.refuse_call((self.units, self.activation), {})
        require_integer(self, "units", 1, fix=f"cr.{type(self).__name__}(10)")
        if not isinstance(self.activation, Layer | None):
            known_activation(self.activation)
        for init in (self.weight_initializer, self.bias_initializer):
            if init is not None:
                known_initializer(init)
        require(
            self, "penalty", isinstance(self.penalty, Penalty | None), fact("a penalty such as cr.L2(1e-4)")
        )

    @property
    def first_weights(self) -> Initializer:
        """The initializer of W."""
        return known_initializer(self.weight_initializer or fitting_initializer(self.activation))

    @property
    def first_bias(self) -> Initializer:
        """The initializer of b."""
        return known_initializer(self.bias_initializer)


@layer
class Dense(FullyConnected):
    """Fully connected layer: ``a = g(x W^T + b)``, with an optional activation g.

    Shapes: (B, I) -> (B, O); more leading axes are treated as more samples.

    Formula: z = x W^T + b, a = g(z), with W ``(O, I)`` as in the article's z = W x + b.

    Args:
        units: O, the number of outputs.
        activation: the name of g, or a layer; ``None`` leaves the sum as it is.
        bias: whether to add b.
        weight_initializer: the initializer of W, a record or a name such as ``"he"``; by default He's
            before relu, else Xavier's.
        bias_initializer: initial values of b, in the same way.
        penalty: the penalty on W, such as ``cr.L2(1e-4)``.

    Cost: 2 B I O flops forward, 4 B I O backward.

    Raises:
        ShapeError E208: the input has no axis of fixed length at its end.
        UsageError E101: unknown activation or initializer.
        UsageError E102: fewer than one unit.
    """

    chinese = ("全连接层", "每个单元把全部输入加权求和再加偏置，可带激活函数。")
    samples = (Sample((4,), {"units": 3}), Sample((5, 4), {"units": 3, "activation": "tanh"}))

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, I) -> (B, O)
        if x.rank < 2 or not isinstance(x.shape[-1], int):
            constraint = fact("samples of fixed length")
            received = shape_text(x.shape)
            fix = fact("cr.Flatten() before it")
            raise ShapeError(
                "E208", op="Dense", constraint=constraint, expected="(B, I)", received=received, fix=fix
            )
        shape = self.units, x.shape[-1]
        weight = scope.parameter("weight", shape, self.first_weights, self.penalty)  # (O, I)
        z = x @ weight.T  # (B, I) (I, O) -> (B, O)
        if self.bias:
            z = z + scope.parameter("bias", (self.units,), self.first_bias)
        return activated(z, self.activation, scope)
