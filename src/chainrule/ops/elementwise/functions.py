"""Elementwise cards as functions of nodes, plain numbers and arrays, with broadcasting.

A card wants inputs of one shape and kind; a person writes ``1 - x`` and ``x + bias``. Here plain numbers take
the kind of the node beside them and smaller shapes are repeated, each by a node of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import DtypeError
from chainrule.graph import Constant, Node, constant
from chainrule.graph import make as make_node
from chainrule.ops.array.shape import broadcast_shapes, broadcast_to
from chainrule.ops.card import Card, Function
from chainrule.ops.elementwise import arithmetic, comparison, math_functions
from chainrule.spec import FLOATS


def lift(value: Any, like: Node | None) -> Node:
    """A node for ``value``: itself, or a constant of the number kind of ``like``.

    Raises:
        DtypeError E252: a broken number beside whole ones.
    """
    if isinstance(value, Node):
        return value
    if like is None or (isinstance(value, np.ndarray | np.generic) and np.ndim(value)):
        return constant(value)
    if isinstance(value, float) and like.dtype not in FLOATS:
        raise DtypeError(
            "E252", op="a plain number", expected=like.dtype, received=f"{value!r} beside {like.dtype}",
            fix='x.astype("float32")',
        )  # fmt: skip
    return constant(np.asarray(value).astype(like.dtype))


def same_shape(*values: Any) -> list[Node]:
    """The values as nodes of one shape."""
    like = next((v for v in values if isinstance(v, Node)), None)
    nodes = [lift(v, like) for v in values]
    if all(n.shape == nodes[0].shape for n in nodes[1:]):
        return nodes
    shape = broadcast_shapes(*(n.shape for n in nodes))
    return [broadcast_to(n, shape) for n in nodes]


def full_like(x: Node, value: float) -> Node:
    """``value`` in the shape and number kind of ``x``."""
    return broadcast_to(lift(value, x), x.shape)


def elementwise(kind: type[Card]) -> Function:
    """The function of nodes that applies an elementwise card."""
    card = kind()

    def apply(*values: Any) -> Node:
        return make_node(card, *same_shape(*values))

    apply.__name__ = apply.__qualname__ = kind.name
    apply.__doc__ = kind.__doc__
    return apply


add = elementwise(arithmetic.Add)
subtract = elementwise(arithmetic.Subtract)
multiply = elementwise(arithmetic.Multiply)
divide = elementwise(arithmetic.Divide)
negative = elementwise(arithmetic.Negative)
square = elementwise(arithmetic.Square)
abs = elementwise(arithmetic.Abs)
sign = elementwise(arithmetic.Sign)
maximum = elementwise(arithmetic.Maximum)
minimum = elementwise(arithmetic.Minimum)
exp = elementwise(math_functions.Exp)
log = elementwise(math_functions.Log)
sqrt = elementwise(math_functions.Sqrt)
sin = elementwise(math_functions.Sin)
cos = elementwise(math_functions.Cos)
tanh = elementwise(math_functions.Tanh)
sigmoid = elementwise(math_functions.Sigmoid)
relu = elementwise(math_functions.Relu)
softplus = elementwise(math_functions.Softplus)
erf = elementwise(math_functions.Erf)
floor = elementwise(math_functions.Floor)
less = elementwise(comparison.Less)
less_equal = elementwise(comparison.LessEqual)
greater = elementwise(comparison.Greater)
greater_equal = elementwise(comparison.GreaterEqual)
equal = elementwise(comparison.Equal)
not_equal = elementwise(comparison.NotEqual)
logical_and = elementwise(comparison.LogicalAnd)
logical_or = elementwise(comparison.LogicalOr)
logical_not = elementwise(comparison.LogicalNot)
is_finite = elementwise(comparison.IsFinite)


def where(condition: Node, a: Any, b: Any) -> Node:
    """``a`` where the condition holds, else ``b``; shapes are broadcast.

    Raises:
        DtypeError E253: the condition is not true/false.
    """
    like = next((v for v in (a, b) if isinstance(v, Node)), None)
    return make_node(comparison.Where(), *same_shape(condition, lift(a, like), lift(b, like)))


def power(x: Any, exponent: Any) -> Node:
    """``x`` raised to ``exponent``; small whole exponents are taken by multiplication.

    Numerics: ``x ** 2`` is exact for negative ``x`` too.
    """
    known = exponent
    if isinstance(exponent, Node) and isinstance(exponent.op, Constant):
        known = exponent.op.number
    if isinstance(x, Node) and isinstance(known, int | float) and known in (1, 2):
        return x if known == 1 else square(x)
    return make_node(arithmetic.Power(), *same_shape(x, exponent))


def clip(x: Node, low: float = -np.inf, high: float = np.inf) -> Node:
    """``x`` moved to the nearest of the limits where it lies outside."""
    return make_node(math_functions.Clip(float(low), float(high)), x)
