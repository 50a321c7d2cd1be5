"""The layer that applies an activation, and the functions by which other layers apply theirs."""

from __future__ import annotations

from typing import Any

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.nn.activation.definition import Curve
from chainrule.nn.activation.registry import ACTIVATIONS
from chainrule.nn.formula_text import check_formula, formula_nodes
from chainrule.nn.initializer import XAVIER, Initializer
from chainrule.nn.layer import Layer, Sample
from chainrule.nn.scope import Scope
from chainrule.records import frozen
from chainrule.validation import unknown


@frozen
class Activation(Layer):
    """Applies an activation function, such as relu, elementwise or along an axis.

    Shapes: any -> the same; ``glu`` halves its axis.

    Args:
        name: one of ``ACTIVATIONS``.
        chosen: its settings, such as ``slope=0.2``; those left out have their usual values.

    Raises:
        UsageError E101: unknown activation or setting (the nearest name is offered).
        UsageError E102: a setting out of its range.

    Example:
        >>> print(Activation("leaky_relu", slope=0.2))
        Activation('leaky_relu', slope=0.2)
    """

    chinese = ("激活层", "对每个数作用一个激活函数；没有它，多层叠起来仍是线性的。")
    takes_one = True
    name: str
    chosen: tuple[tuple[str, float], ...] = ()

    def __init__(self, name: str, **chosen: float) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "chosen", tuple(sorted(chosen.items())))
        self.__post_init__()

    def check(self) -> None:
        self.curve.complete(dict(self.chosen))

    @property
    def curve(self) -> Curve:
        """The row of ``ACTIVATIONS``."""
        return ACTIVATIONS[known_activation(self.name)]

    def __call__(self, x: Node, scope: Scope) -> Node:
        return scope.note("a", self.curve(x, scope, **dict(self.chosen)))

    def __str__(self) -> str:
        return f"Activation({', '.join([repr(self.name), *(f'{n}={v!r}' for n, v in self.chosen)])})"


@frozen
class FormulaActivation(Layer):
    """Applies a formula of ``x`` elementwise: an activation that has no name.

    The formula is parsed and converted to nodes; nothing in it can be executed, so it may come from a file.

    Shapes: any -> the same.

    Args:
        text: such as ``"x * sigmoid(2 * x)"`` with every product written as ``*``; supported: ``+ - * / ^``,
            comparisons, ``pi`` and ``e``, and abs, cos, erf, exp, floor, log, max, min, relu, sigmoid, sign,
            sin, softplus, sqrt, tanh, where.

    Raises:
        UsageError E102: not a formula, one with other names, or one that is too long.

    Example:
        >>> print(FormulaActivation("x * sigmoid(2 * x)"))
        FormulaActivation('x * sigmoid(2 * x)')
    """

    chinese = ("公式激活层", "对每个数作用一个以公式写出的激活函数。")
    samples = (Sample((4,), {"text": "x * sigmoid(2 * x)"}), Sample((3, 2), {"text": "x / (1 + abs(x))"}))
    takes_one = True
    text: str

    def check(self) -> None:
        expected = fact("a formula of x ({name} is unknown)", name="")
        check_formula(self, "text", ("x",), expected, 'cr.FormulaActivation("x * sigmoid(x)")')

    def __call__(self, x: Node, scope: Scope) -> Node:
        return scope.note("a", formula_nodes(self.text, {"x": x}, x))


def known_activation(name: Any) -> str:
    """Return the name of an activation after checking that there is one.

    Raises:
        UsageError E101: there is none; what PyTorch or Keras calls so, or else the nearest name, is offered.
    """
    if isinstance(name, str) and name in ACTIVATIONS:
        return name
    elsewhere = {word: own for own, curve in ACTIVATIONS.items() for word in curve.elsewhere}
    raise unknown("activation", name, list(ACTIVATIONS), 'activation="{}"', elsewhere, example="relu")


def activated(z: Node, activation: str | Layer | None, scope: Scope) -> Node:
    """Apply the activation of a layer to its weighted sums, if it has one; both are noted.

    Args:
        z: the sums.
        activation: a name, a layer, or ``None`` for the sums as they are.
        scope: the layer's own.
    """
    scope.note("z", z)
    if isinstance(activation, str):
        return Activation(activation)(z, scope)
    return scope.note("a", z if activation is None else scope.run(activation, z))


def fitting_initializer(activation: str | Layer | None) -> Initializer:
    """Return the initializer that preserves the scale of signals: He's before relu and its variants."""
    name = activation.name if isinstance(activation, Activation) else activation
    return ACTIVATIONS[name].initializer if isinstance(name, str) else XAVIER
