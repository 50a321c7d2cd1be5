"""The activation functions by name, and the layer that applies one."""

from __future__ import annotations

from typing import Any

from chainrule.graph import Node
from chainrule.nn.initialiser import HE, XAVIER, Initialiser
from chainrule.nn.layer import Layer, layer
from chainrule.nn.scope import Scope
from chainrule.nn.setting import unknown
from chainrule.ops import PUBLIC
from chainrule.ops.card import Function

ACTIVATIONS: dict[str, Function] = {
    "linear": lambda x: x,
    "relu": PUBLIC["relu"],
    "sigmoid": PUBLIC["sigmoid"],
    "softmax": PUBLIC["softmax"],
    "softplus": PUBLIC["softplus"],
    "tanh": PUBLIC["tanh"],
}


@layer
class Activation(Layer):
    """Bends every number by one function, such as relu; without it, stacked layers are one linear layer.

    Shapes: any -> the same.

    Args:
        name: one of ``ACTIVATIONS``.

    Fails:
        UsageError E101: no such activation (the nearest name is offered).
    """

    takes_one = True
    name: str

    def check(self) -> None:
        known_activation(self.name)

    def __call__(self, x: Node, scope: Scope) -> Node:
        return scope.note("a", ACTIVATIONS[self.name](x))


def known_activation(name: Any) -> str:
    """The name, once it is known that there is such an activation."""
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise unknown("activation", name, list(ACTIVATIONS), 'activation="{}"')
    return name


def fitting_initialiser(activation: str | Layer | None) -> Initialiser:
    """He's spread before relu and its relatives, Xavier's elsewhere."""
    name = activation.name if isinstance(activation, Activation) else activation
    return HE if name in ("relu", "softplus") else XAVIER
