"""Composed elementary functions have the values of NumPy and two derivatives of PyTorch, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from case_loops import loop_over
from chainrule.errors import ShapeError, UsageError

BOTH_SIDES = [-700.0, -30.0, -3.0, -1.0, -0.5, -1e-9, 0.0, 1e-9, 0.3, 1.0, 1.7, 2.5, 30.0, 700.0]
INSIDE = [-0.999999, -0.6, -1e-9, 0.0, 1e-12, 0.3, 0.9999]
POINTS: dict[str, list[float]] = {
    "tan": [-1.5, -0.3, 0.0, 1.0, 1.5],
    "atan": [-1e200, *BOTH_SIDES, 1e200],
    "asin": INSIDE,
    "acos": INSIDE,
    "sinh": BOTH_SIDES,
    "cosh": BOTH_SIDES,
    "asinh": [-1e100, *BOTH_SIDES, 1e100],
    "acosh": [1.000001, 1.5, 2.0, 2.5, 1e100],
    "atanh": INSIDE,
    "expm1": BOTH_SIDES,
    "log1p": [-0.999999, -0.5, -1e-12, 0.0, 1e-12, 0.5, 30.0],
    "log2": [1e-300, 0.5, 1.0, 8.0, 1e300],
    "log10": [1e-300, 0.5, 1.0, 1000.0, 1e300],
}
STEPS = ["ceil", "trunc", "round"]
NUMPY = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh"}
NUMPY |= {"atanh": "arctanh", "is_nan": "isnan"}
SPECIAL = [-np.inf, -2.0, -0.0, 2.0, np.inf, np.nan]
ENGINES = ["native", "reference"]


@pytest.mark.parametrize("engine", ENGINES)
@loop_over("name", [*POINTS, *STEPS, "is_nan"])
def test_values_are_those_of_numpy(engine: Any, name: str) -> None:
    points = [*POINTS.get(name, [-2.5, -1.5, -0.7, 0.2, 0.5, 1.5, 2.5, 1e300]), *SPECIAL]
    for dtype, error in (("float64", 4e-15), ("float32", 1e-6)):
        x = np.array(points, dtype)
        with np.errstate(all="ignore"):
            expected = getattr(np, NUMPY.get(name, name))(x)
            x64 = np.array(x, "float64")
            expected = expected if name in (*STEPS, "is_nan") else getattr(np, NUMPY.get(name, name))(x64)
            value = cr.evaluate(getattr(cr, name)(cr.input("x", x.shape, dtype)), {"x": x}, engine)
            assert str(value.dtype) == ("bool" if name == "is_nan" else dtype)
            np.testing.assert_allclose(value, expected.astype(value.dtype), rtol=error, err_msg=name)


def beside_one(x: np.ndarray) -> np.ndarray:
    """1 - x^2, without cancellation."""
    return (1 - x) * (1 + x)


# The first and second derivative of each function.
Derivative = Callable[[np.ndarray], np.ndarray]
DERIVATIVES: dict[str, tuple[Derivative, Derivative]] = {
    "tan": (lambda x: 1 + np.tan(x) ** 2, lambda x: 2 * np.tan(x) * (1 + np.tan(x) ** 2)),
    "atan": (lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
    "asin": (lambda x: beside_one(x) ** -0.5, lambda x: x * beside_one(x) ** -1.5),
    "acos": (lambda x: -(beside_one(x) ** -0.5), lambda x: -x * beside_one(x) ** -1.5),
    "sinh": (np.cosh, np.sinh),
    "cosh": (np.sinh, np.cosh),
    "asinh": (lambda x: (1 + x * x) ** -0.5, lambda x: -x * (1 + x * x) ** -1.5),
    "acosh": (lambda x: (-beside_one(x)) ** -0.5, lambda x: -x * (-beside_one(x)) ** -1.5),
    "atanh": (lambda x: 1 / beside_one(x), lambda x: 2 * x / beside_one(x) ** 2),
    "expm1": (np.exp, np.exp),
    "log1p": (lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2),
    "log2": (lambda x: 1 / x / np.log(2), lambda x: -1 / x**2 / np.log(2)),
    "log10": (lambda x: 1 / x / np.log(10), lambda x: -1 / x**2 / np.log(10)),
}


@pytest.mark.parametrize("engine", ENGINES)
@loop_over("name", POINTS)
def test_two_derivatives_are_exact(engine: Any, name: str) -> None:
    points = np.array([v for v in POINTS[name] if 1e-100 < abs(v) < 100 or v == 0])
    x = cr.input("x", points.shape, "float64")
    (first,) = cr.grad(cr.sum(getattr(cr, name)(x)), [x])
    (second,) = cr.grad(cr.sum(first), [x])
    for node, exact in zip((first, second), DERIVATIVES[name], strict=True):
        value = cr.evaluate(node, {"x": points}, engine)
        np.testing.assert_allclose(value, exact(points), rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_angle_of_a_point(engine: Any) -> None:
    ends = np.array([-np.inf, -3.0, -1.0, -0.0, 0.0, 1e-300, 1.0, 2.0, np.inf, np.nan])
    y, x = (a.ravel() for a in np.meshgrid(ends, ends))
    nodes = cr.input("y", y.shape, "float64"), cr.input("x", x.shape, "float64")
    value = cr.evaluate(cr.atan2(*nodes), {"y": y, "x": x}, engine)
    np.testing.assert_allclose(value, np.arctan2(y, x), rtol=4e-15)
    np.testing.assert_array_equal(np.signbit(value), np.signbit(np.arctan2(y, x)))
    y, x = np.random.default_rng(0).normal(size=(2, 50))
    nodes = cr.input("y", y.shape, "float64"), cr.input("x", x.shape, "float64")
    gradients = cr.evaluate(list(cr.grad(cr.sum(cr.atan2(*nodes)), nodes)), {"y": y, "x": x}, engine)
    np.testing.assert_allclose(gradients[0], x / (x * x + y * y), rtol=1e-11)
    np.testing.assert_allclose(gradients[1], -y / (x * x + y * y), rtol=1e-11)


def test_steps_have_the_derivative_zero_and_conditions_their_table() -> None:
    x = cr.input("x", (3,), "float64")
    sums = [cr.sum(cr.ceil(x)), cr.sum(cr.trunc(x)), cr.sum(cr.round(x))]
    for total in sums:
        (gradient,) = cr.grad(total, [x], unused="zeros")
        assert cr.evaluate(gradient, {"x": [0.2, 1.5, -2.5]}).tolist() == [0.0, 0.0, 0.0]
    table = cr.logical_xor(cr.constant(np.array([[True], [False]])), cr.constant(np.array([True, False])))
    assert cr.evaluate(table).tolist() == [[False, True], [True, False]]


def test_a_shape_that_cannot_be_broadcast_and_a_wrong_count_are_refused() -> None:
    x = cr.input("x", (3, 1, 2), "float64")
    with pytest.raises(ShapeError, match="E202"):
        cr.atan2(x, cr.input("y", (5,), "float64"))
    wrong: list[tuple[Any, type[Exception], str]] = [
        (lambda: cr.squeeze(x, 0), ShapeError, "E208"),
        (lambda: cr.squeeze(x, 3), ShapeError, "E205"),
        (lambda: cr.expand_dims(x, 4), ShapeError, "E205"),
        (lambda: cr.expand_dims(x, (0, 0)), ShapeError, "E205"),
        (lambda: cr.swapaxes(x, 0, 3), ShapeError, "E205"),
        (lambda: cr.moveaxis(x, (0, 1), 2), UsageError, "E102"),
        (lambda: cr.moveaxis(x, 0, -4), ShapeError, "E205"),
        (lambda: cr.tile(x, -1), UsageError, "E102"),
        (lambda: cr.repeat(x, 1.5), UsageError, "E102"),  # pyright: ignore[reportArgumentType]
        (lambda: cr.roll(x, 0.5), UsageError, "E102"),  # pyright: ignore[reportArgumentType]
        (lambda: cr.roll(cr.input("y", (None, 2), "float64"), 1, 0), ShapeError, "E208"),
        (lambda: cr.tril(cr.input("y", (3,), "float64")), ShapeError, "E205"),
        (lambda: cr.triu(cr.input("y", (None, 2), "float64")), ShapeError, "E208"),
        (lambda: cr.eye(-1), UsageError, "E102"),
        (lambda: cr.cumprod(x, 5), ShapeError, "E205"),
        (lambda: cr.argmin(x, 3), ShapeError, "E205"),
    ]
    for call, kind, code in wrong:
        with pytest.raises(kind, match=code):
            call()
