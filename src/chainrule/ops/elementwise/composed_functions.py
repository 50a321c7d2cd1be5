"""Elementary functions composed of cards: inverse trigonometric, hyperbolic, near 0 and 1, rounding.

Each is a formula of ``exp``, ``log``, ``sqrt``, ``sin`` and ``tanh`` that loses no digits where the plain one
cancels, such as ``exp(x) - 1`` near 0. The formulas are smooth wherever the function is, so derivatives of
any order are those of the parts. Functions of float32 are computed in float64 where the formula has many
roundings.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from chainrule.graph import Node
from chainrule.ops.elementwise.broadcasting_functions import (
    Operand,
    abs,
    cos,
    equal,
    exp,
    floor,
    full_like,
    greater,
    is_finite,
    less,
    log,
    logical_and,
    logical_not,
    logical_or,
    negative,
    not_equal,
    same_shape,
    sign,
    sin,
    sqrt,
    square,
    tanh,
    where,
)
from chainrule.ops.elementwise.cast_and_stop_gradient import cast


def _in_float64(function: Callable[..., Node], *values: Operand) -> Node:
    """Return a function computed in float64, in the dtype of the values."""
    nodes = same_shape(*values)
    wide = [cast(x, "float64") if x.dtype == "float32" else x for x in nodes]
    return cast(function(*wide), nodes[0].dtype)


# --- near 0


def log1p(x: Operand) -> Node:
    """Return ``log(1 + x)``, accurate for small ``x`` too.

    Formula: y = log(u) + (x - (u - 1))/u with u = 1 + x as rounded; dx = dy/u.

    Args:
        x: floating-point numbers from -1 on.

    Numerics: the second term restores what rounding u lost, so the relative error is a few roundings for
        any ``x``. -1 gives minus infinity, smaller numbers NaN.
    """
    (x,) = same_shape(x)
    is_near = less(abs(x), 0.5)
    near = where(is_near, x, 0.0)
    u = near + 1.0
    return where(is_near, log(u) + (near - (u - 1.0)) / u, log(x + 1.0))


def expm1(x: Operand) -> Node:
    """Return ``exp(x) - 1``, accurate for small ``x`` too.

    Formula: y = tanh(x/2) (exp(x) + 1) where |x| < 1/2; dx = dy exp(x).

    Args:
        x: floating-point numbers of any shape.

    Numerics: a relative error of a few roundings for any ``x``.
    """
    (x,) = same_shape(x)
    is_near = less(abs(x), 0.5)
    near = where(is_near, x, 0.0)
    return where(is_near, tanh(near * 0.5) * (exp(near) + 1.0), exp(x) - 1.0)


# --- logarithms


def log2(x: Operand) -> Node:
    """Return the logarithm of ``x`` to the base 2.

    Formula: y = log(x) / log(2).

    Args:
        x: floating-point numbers of any shape.
    """
    return log(x) / math.log(2.0)


def log10(x: Operand) -> Node:
    """Return the logarithm of ``x`` to the base 10.

    Formula: y = log(x) / log(10).

    Args:
        x: floating-point numbers of any shape.
    """
    return log(x) / math.log(10.0)


# --- trigonometric functions and their inverses


def tan(x: Operand) -> Node:
    """Return the tangent of ``x``, in radians.

    Formula: y = sin(x) / cos(x); dx = dy (1 + y^2).

    Args:
        x: floating-point numbers of any shape.
    """
    return sin(x) / cos(x)


def atan(x: Operand) -> Node:
    """Return the angle from -pi/2 to pi/2 with the tangent ``x``.

    Formula: three times atan(x) = 2 atan(x / (1 + sqrt(1 + x^2))), then the series; dx = dy / (1 + x^2).

    Args:
        x: floating-point numbers of any shape.
    """
    return _in_float64(_atan, x)


def _atan(x: Node) -> Node:
    is_large = greater(abs(x), 1.0)
    t = where(is_large, 1.0 / where(is_large, x, 1.0), x)
    for _ in range(3):
        t = t / (sqrt(square(t) + 1.0) + 1.0)
    squared, total = square(t), full_like(t, 0.0)
    for k in range(8, -1, -1):  # |t| < 0.1: the next term is below 1e-18
        total = total * squared + (-1.0) ** k / (2 * k + 1)
    angle = total * t * 8.0
    return where(is_large, sign(x) * (math.pi / 2) - angle, angle)


def atan2(y: Operand, x: Operand) -> Node:
    """Return the angle of the point (x, y), from -pi to pi.

    Formula: the inverse tangent of y/x in the quadrant of the point; with r^2 = x^2 + y^2 the gradients are
        x/r^2 for y and -y/r^2 for x.

    Args:
        y, x: floating-point numbers; shapes are broadcast.

    Numerics: a zero has a sign, as in IEEE 754: ``atan2(-0.0, -1.0)`` is -pi.
    """
    return _in_float64(_atan2, y, x)


def _atan2(y: Node, x: Node) -> Node:
    are_infinite = logical_and(logical_not(is_finite(x)), logical_not(is_finite(y)))
    x, y = (where(are_infinite, sign(value), value) for value in (x, y))
    is_steep = greater(abs(y), abs(x))
    numerator, denominator = where(is_steep, x, y), where(is_steep, y, x)
    angle = _atan(numerator / where(equal(denominator, 0.0), 1.0, denominator))
    side = where(_is_below_zero(y), -1.0, full_like(y, 1.0))
    flat = where(_is_below_zero(x), angle + side * math.pi, angle)
    return where(is_steep, side * (math.pi / 2) - angle, flat)


def _is_below_zero(x: Node) -> Node:
    """Return whether a number is negative, as -0 is."""
    return logical_or(less(x, 0.0), less(1.0 / where(equal(x, 0.0), x, 1.0), 0.0))


def asin(x: Operand) -> Node:
    """Return the angle from -pi/2 to pi/2 with the sine ``x``.

    Formula: y = 2 atan(x / (1 + sqrt(1 - x^2))); dx = dy / sqrt(1 - x^2).

    Args:
        x: floating-point numbers from -1 to 1; others give NaN.
    """
    return _in_float64(lambda x: _atan(x / (sqrt((1.0 - x) * (1.0 + x)) + 1.0)) * 2.0, x)


def acos(x: Operand) -> Node:
    """Return the angle from 0 to pi with the cosine ``x``.

    Formula: y = 2 atan(sqrt((1 - x) / (1 + x))); dx = -dy / sqrt(1 - x^2).

    Args:
        x: floating-point numbers from -1 to 1; others give NaN.
    """
    return _in_float64(lambda x: _atan(sqrt((1.0 - x) / (1.0 + x))) * 2.0, x)


# --- hyperbolic functions and their inverses


def sinh(x: Operand) -> Node:
    """Return the hyperbolic sine of ``x``.

    Formula: y = (exp(x) - exp(-x)) / 2; where |x| < 1/2, 2t / (1 - t^2) with t = tanh(x/2); dx = dy cosh(x).

    Args:
        x: floating-point numbers of any shape.
    """
    return _in_float64(_sinh, x)


def _sinh(x: Node) -> Node:
    is_near = less(abs(x), 0.5)
    t = tanh(where(is_near, x, 0.0) * 0.5)
    rising, falling = exp(x * 0.5), exp(x * -0.5)
    far = rising * 0.5 * rising - falling * 0.5 * falling
    return where(is_near, t * 2.0 / (1.0 - square(t)), far)


def cosh(x: Operand) -> Node:
    """Return the hyperbolic cosine of ``x``.

    Formula: y = (exp(x) + exp(-x)) / 2; dx = dy sinh(x).

    Args:
        x: floating-point numbers of any shape.
    """
    return _in_float64(_cosh, x)


def _cosh(x: Node) -> Node:
    rising, falling = exp(x * 0.5), exp(x * -0.5)  # whose squares overflow no earlier than the result
    return rising * 0.5 * rising + falling * 0.5 * falling


def asinh(x: Operand) -> Node:
    """Return the number with the hyperbolic sine ``x``.

    Formula: y = log1p(2x / (1 - x + sqrt(1 + x^2))); where |x| > 1, sign(x) log(|x| + sqrt(1 + x^2));
        dx = dy / sqrt(1 + x^2).

    Args:
        x: floating-point numbers of any shape.
    """
    return _in_float64(_asinh, x)


def _asinh(x: Node) -> Node:
    is_far = greater(abs(x), 1.0)
    near, far = where(is_far, 0.0, x), where(is_far, abs(x), 1.0)
    small = log1p(near * 2.0 / (1.0 - near + sqrt(square(near) + 1.0)))
    return where(is_far, sign(x) * (log(far) + log(1.0 + sqrt(1.0 + square(1.0 / far)))), small)


def acosh(x: Operand) -> Node:
    """Return the number of at least 0 with the hyperbolic cosine ``x``.

    Formula: y = log(x + sqrt(x^2 - 1)); dx = dy / sqrt(x^2 - 1).

    Args:
        x: floating-point numbers from 1 on; others give NaN.
    """
    return _in_float64(_acosh, x)


def _acosh(x: Node) -> Node:
    is_far = greater(x, 2.0)
    near, far = where(is_far, 1.5, x), where(is_far, x, 2.0)
    small = log1p(near - 1.0 + sqrt(near - 1.0) * sqrt(near + 1.0))
    return where(is_far, log(far) + log(1.0 + sqrt(1.0 - square(1.0 / far))), small)


def atanh(x: Operand) -> Node:
    """Return the number with the hyperbolic tangent ``x``.

    Formula: y = (log1p(x) - log1p(-x)) / 2; dx = dy / (1 - x^2).

    Args:
        x: floating-point numbers from -1 to 1; others give NaN.
    """
    return _in_float64(lambda x: (log1p(x) - log1p(negative(x))) * 0.5, x)


# --- rounding


def ceil(x: Operand) -> Node:
    """Return the smallest integer not less than ``x``; its derivative is 0.

    Args:
        x: floating-point numbers of any shape.
    """
    return negative(floor(negative(x)))


def trunc(x: Operand) -> Node:
    """Return ``x`` without its fraction, rounded towards 0; its derivative is 0.

    Args:
        x: floating-point numbers of any shape.
    """
    (x,) = same_shape(x)
    return where(less(x, 0.0), ceil(x), floor(x))


def round(x: Operand) -> Node:
    """Return the nearest integer, the even one of two equally near; its derivative is 0.

    Args:
        x: floating-point numbers of any shape.
    """
    (x,) = same_shape(x)
    low = floor(x)
    rest = x - low
    even = floor((low + 1.0) * 0.5) * 2.0
    return where(greater(rest, 0.5), low + 1.0, where(less(rest, 0.5), low, even))


# --- conditions


def is_nan(x: Operand) -> Node:
    """Return whether ``x`` is NaN, element by element.

    Args:
        x: floating-point numbers of any shape.
    """
    return not_equal(x, x)


def logical_xor(a: Operand, b: Operand) -> Node:
    """Return whether exactly one of ``a`` and ``b`` is true, element by element.

    Args:
        a, b: booleans; nodes or arrays, whose shapes are broadcast.
    """
    return not_equal(a, b)
