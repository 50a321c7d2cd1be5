"""The fully connected layer."""

from __future__ import annotations

from chainrule.errors import ShapeError, UsageError
from chainrule.graph import Node
from chainrule.nn.activation import Activation, fitting_initialiser, known_activation
from chainrule.nn.initialiser import ZEROS, Initialiser
from chainrule.nn.layer import Layer, layer
from chainrule.nn.penalty import Penalty
from chainrule.nn.scope import Scope
from chainrule.spec import shape_text


@layer
class Dense(Layer):
    """Every unit adds up all inputs, each times a weight of its own, and a bias; then an activation may bend the sum.

    Shapes: (B, I) -> (B, O); more leading axes are treated as more samples.

    Formula: z = x W^T + b, a = g(z), with W ``(O, I)`` as in the article's z = W x + b.

    Args:
        units: O, how many outputs.
        activation: the name of g, or a layer; ``None`` leaves the sum as it is.
        bias: whether there is a b.
        weight_init: first values of W; by default He's spread before relu, else Xavier's.
        bias_init: first values of b.
        penalty: what the size of W costs, such as ``cr.L2(1e-4)``.

    Cost: 2 B I O flops forward, 4 B I O backward.

    Fails:
        ShapeError E208: the input has no axis of fixed length at its end.
        UsageError E102: fewer than one unit.
    """

    units: int
    activation: str | Layer | None = None
    bias: bool = True
    weight_init: Initialiser | None = None
    bias_init: Initialiser = ZEROS
    penalty: Penalty | None = None

    def check(self) -> None:
        if not isinstance(self.units, int) or self.units < 1:
            raise UsageError(
                "E102", where="Dense", name="units", expected=">= 1", received=self.units, fix="cr.Dense(10)"
            )
        if isinstance(self.activation, str):
            known_activation(self.activation)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, I) -> (B, O)
        if x.rank < 2 or not isinstance(x.shape[-1], int):
            raise ShapeError(
                "E208", op="Dense", constraint="samples of fixed length", expected="(B, I)",
                received=shape_text(x.shape), fix="cr.Flatten() before it",
            )  # fmt: skip
        init = self.weight_init or fitting_initialiser(self.activation)
        weight = scope.parameter("weight", (self.units, x.shape[-1]), init, self.penalty)
        z = x @ weight.T  # (B, I) (I, O) -> (B, O)
        if self.bias:
            z = z + scope.parameter("bias", (self.units,), self.bias_init)
        scope.note("z", z)
        if self.activation is None:
            return scope.note("a", z)
        if isinstance(self.activation, str):
            return Activation(self.activation)(z, scope)
        return scope.note("a", scope.run(self.activation, z))
