"""Elementwise operations as functions of nodes, Python numbers and arrays, with broadcasting.

A card takes inputs of one shape and one dtype. These functions accept what users write, such as ``1 - x``
and ``x + bias``: a Python number takes the dtype of the node next to it, and smaller shapes are broadcast,
each by a node of its own.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from chainrule.errors import DtypeError, fact
from chainrule.graph import Constant, Node, constant
from chainrule.graph import make as make_node
from chainrule.ops.array.shape import broadcast_shapes, broadcast_to
from chainrule.ops.elementwise import arithmetic, comparison, math_functions
from chainrule.ops.operation_card import Card
from chainrule.symbolic_shape import FLOATS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Operand: TypeAlias = "Node | ArrayLike"


def lift(value: Operand, like: Node | None) -> Node:
    """Return a node for ``value``: the node itself, or a constant with the dtype of ``like``.

    Raises:
        DtypeError E252: a float next to a node of integers.
    """
    if isinstance(value, Node):
        return value
    if like is None or (isinstance(value, np.ndarray | np.generic) and np.ndim(value)):
        return constant(value)
    if isinstance(value, float) and like.dtype not in FLOATS:
        raise DtypeError(
            "E252",
            op=fact("a plain number"),
            expected=like.dtype,
            received=fact("{value!r} beside {dtype}", value=value, dtype=like.dtype),
            fix='x.astype("float32")',
        )
    return constant(np.asarray(value).astype(like.dtype))


def same_shape(*values: Operand) -> list[Node]:
    """Return the values as nodes, broadcast to one shape."""
    like = next((v for v in values if isinstance(v, Node)), None)
    nodes = [lift(v, like) for v in values]
    if all(n.shape == nodes[0].shape for n in nodes[1:]):
        return nodes
    shape = broadcast_shapes(*(n.shape for n in nodes))
    return [broadcast_to(n, shape) for n in nodes]


def full_like(x: Node, value: float) -> Node:
    """Return ``value`` in the shape and dtype of ``x``.

    Args:
        x: a node of any shape.
        value: a number.
    """
    return broadcast_to(lift(value, x), x.shape)


@cache
def _instance(card: type[Card]) -> Card:
    return card()


def _apply(card: type[Card], *values: Operand) -> Node:
    """Return the node of an elementwise card without attributes, its inputs broadcast to one shape."""
    return make_node(_instance(card), *same_shape(*values))


def add(a: Operand, b: Operand) -> Node:
    """Return the sum ``a + b``.

    Args:
        a, b: numbers of one dtype; nodes, numbers or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(arithmetic.Add, a, b)


def subtract(a: Operand, b: Operand) -> Node:
    """Return the difference ``a - b``.

    Args:
        a, b: numbers of one dtype; nodes, numbers or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(arithmetic.Subtract, a, b)


def multiply(a: Operand, b: Operand) -> Node:
    """Return the product ``a * b``, element by element.

    Args:
        a, b: numbers of one dtype; nodes, numbers or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(arithmetic.Multiply, a, b)


def divide(a: Operand, b: Operand) -> Node:
    """Return the quotient ``a / b``.

    Args:
        a, b: numbers of one dtype; nodes, numbers or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(arithmetic.Divide, a, b)


def negative(x: Operand) -> Node:
    """Return the negative ``-x``.

    Args:
        x: numbers of any shape.
    """
    return _apply(arithmetic.Negative, x)


def square(x: Operand) -> Node:
    """Return the square ``x * x``.

    Args:
        x: numbers of any shape.
    """
    return _apply(arithmetic.Square, x)


def abs(x: Operand) -> Node:
    """Return the absolute value of ``x``; its derivative at 0 is 0.

    Args:
        x: numbers of any shape.
    """
    return _apply(arithmetic.Abs, x)


def sign(x: Operand) -> Node:
    """Return the sign of ``x``: -1, 0 or 1.

    Args:
        x: numbers of any shape.
    """
    return _apply(arithmetic.Sign, x)


def maximum(a: Operand, b: Operand) -> Node:
    """Return the larger of ``a`` and ``b``, element by element.

    Args:
        a, b: numbers of one dtype; nodes, numbers or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(arithmetic.Maximum, a, b)


def minimum(a: Operand, b: Operand) -> Node:
    """Return the smaller of ``a`` and ``b``, element by element.

    Args:
        a, b: numbers of one dtype; nodes, numbers or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(arithmetic.Minimum, a, b)


def exp(x: Operand) -> Node:
    """Return the exponential function, e to the power of ``x``.

    Args:
        x: floating-point numbers of any shape.
    """
    return _apply(math_functions.Exp, x)


def log(x: Operand) -> Node:
    """Return the natural logarithm of ``x``.

    Args:
        x: floating-point numbers of any shape.
    """
    return _apply(math_functions.Log, x)


def sqrt(x: Operand) -> Node:
    """Return the square root of ``x``.

    Args:
        x: floating-point numbers of any shape.
    """
    return _apply(math_functions.Sqrt, x)


def sin(x: Operand) -> Node:
    """Return the sine of ``x``, in radians.

    Args:
        x: floating-point numbers of any shape.
    """
    return _apply(math_functions.Sin, x)


def cos(x: Operand) -> Node:
    """Return the cosine of ``x``, in radians.

    Args:
        x: floating-point numbers of any shape.
    """
    return _apply(math_functions.Cos, x)


def tanh(x: Operand) -> Node:
    """Return the hyperbolic tangent of ``x``.

    Args:
        x: floating-point numbers of any shape.
    """
    return _apply(math_functions.Tanh, x)


def sigmoid(x: Operand) -> Node:
    """Return the logistic function ``1 / (1 + exp(-x))``.

    Args:
        x: floating-point numbers of any shape.
    """
    return _apply(math_functions.Sigmoid, x)


def relu(x: Operand) -> Node:
    """Return the rectified linear unit ``max(x, 0)``; its derivative at 0 is 0.

    Args:
        x: floating-point numbers of any shape.
    """
    return _apply(math_functions.Relu, x)


def softplus(x: Operand) -> Node:
    """Return the softplus function ``log(1 + exp(x))``.

    Args:
        x: floating-point numbers of any shape.
    """
    return _apply(math_functions.Softplus, x)


def erf(x: Operand) -> Node:
    """Return the error function of ``x``.

    Args:
        x: floating-point numbers of any shape.
    """
    return _apply(math_functions.Erf, x)


def floor(x: Operand) -> Node:
    """Return the largest integer not greater than ``x``.

    Args:
        x: floating-point numbers of any shape.
    """
    return _apply(math_functions.Floor, x)


def less(a: Operand, b: Operand) -> Node:
    """Return whether ``a < b``, element by element.

    Args:
        a, b: numbers of one dtype; nodes, numbers or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(comparison.Less, a, b)


def less_equal(a: Operand, b: Operand) -> Node:
    """Return whether ``a <= b``, element by element.

    Args:
        a, b: numbers of one dtype; nodes, numbers or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(comparison.LessEqual, a, b)


def greater(a: Operand, b: Operand) -> Node:
    """Return whether ``a > b``, element by element.

    Args:
        a, b: numbers of one dtype; nodes, numbers or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(comparison.Greater, a, b)


def greater_equal(a: Operand, b: Operand) -> Node:
    """Return whether ``a >= b``, element by element.

    Args:
        a, b: numbers of one dtype; nodes, numbers or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(comparison.GreaterEqual, a, b)


def equal(a: Operand, b: Operand) -> Node:
    """Return whether ``a == b``, element by element.

    Args:
        a, b: numbers of one dtype; nodes, numbers or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(comparison.Equal, a, b)


def not_equal(a: Operand, b: Operand) -> Node:
    """Return whether ``a != b``, element by element.

    Args:
        a, b: numbers of one dtype; nodes, numbers or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(comparison.NotEqual, a, b)


def logical_and(a: Operand, b: Operand) -> Node:
    """Return whether ``a`` and ``b`` are both true, element by element.

    Args:
        a, b: booleans; nodes or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(comparison.LogicalAnd, a, b)


def logical_or(a: Operand, b: Operand) -> Node:
    """Return whether ``a`` or ``b`` is true, element by element.

    Args:
        a, b: booleans; nodes or arrays, whose shapes are broadcast.

    Raises:
        ShapeError E202: shapes that cannot be broadcast.
    """
    return _apply(comparison.LogicalOr, a, b)


def logical_not(x: Operand) -> Node:
    """Return whether ``x`` is false, element by element.

    Args:
        x: booleans of any shape.
    """
    return _apply(comparison.LogicalNot, x)


def is_finite(x: Operand) -> Node:
    """Return whether ``x`` is neither infinite nor NaN, element by element.

    Args:
        x: floating-point numbers of any shape.
    """
    return _apply(comparison.IsFinite, x)


def where(condition: Operand, a: Operand, b: Operand) -> Node:
    """Return ``a`` where ``condition`` is true, else ``b``; shapes are broadcast.

    Args:
        condition: booleans.
        a, b: numbers of one dtype; the shapes of all three are broadcast.

    Raises:
        DtypeError E253: ``condition`` is not boolean.
    """
    like = next((v for v in (a, b) if isinstance(v, Node)), None)
    return make_node(comparison.Where(), *same_shape(condition, lift(a, like), lift(b, like)))


def remainder(a: Operand, b: Operand) -> Node:
    """Return the remainder of ``a / b`` with the sign of ``b``, as Python's ``%``, NumPy and PyTorch.

    Formula: y = a - floor(a/b) b; da = dy and db = -floor(a/b) dy.

    Args:
        a: dividend, floating-point numbers or integers.
        b: divisor.

    Numerics: of floating-point numbers the error is that of the product, about one rounding of ``a``;
        integers are exact below 2^53. A divisor of 0 gives NaN; of integers, an undefined number.
    """
    a, b = same_shape(a, b)
    if not a.spec.is_float:
        return remainder(a.astype("float64"), b.astype("float64")).astype(a.dtype)
    quotient = floor(a / b)
    rest = a - where(equal(quotient, 0.0), 0.0, quotient * b)  # an infinite b has the quotient 0
    is_other_sign = logical_and(not_equal(rest, 0.0), not_equal(less(rest, 0.0), less(b, 0.0)))
    rest = where(is_other_sign, rest + b, rest)  # a quotient that was rounded up
    is_too_large = logical_and(greater_equal(abs(rest), abs(b)), is_finite(b))
    return where(is_too_large, rest - b, rest)  # or down


def power(x: Operand, exponent: Operand) -> Node:
    """Return ``x`` to the power of ``exponent``; the exponents 1 and 2 need no power function.

    Args:
        x: floating-point numbers.
        exponent: a number, or a node of the dtype of ``x``; shapes are broadcast.

    Numerics: ``x ** 2`` is the product ``x * x``, also for negative ``x``.
    """
    known = exponent
    if isinstance(exponent, Node) and isinstance(exponent.op, Constant):
        known = exponent.op.number
    if isinstance(x, Node) and isinstance(known, int | float) and known in (1, 2):
        return x if known == 1 else square(x)
    return make_node(arithmetic.Power(), *same_shape(x, exponent))


def clip(x: Node, low: float = -np.inf, high: float = np.inf) -> Node:
    """Return ``x`` limited to the interval from ``low`` to ``high``.

    Args:
        x: floating-point numbers of any shape.
        low, high: the ends of the interval, both included; infinite by default.
    """
    return make_node(math_functions.Clip(float(low), float(high)), x)
