"""Custom gradients: the value stays, the derivative is the given one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import chainrule as cr
from chainrule.errors import ShapeError

NUMBERS = arrays.arrays("float64", (5,), elements=st.floats(-1e6, 1e6))


@pytest.mark.parametrize("engine", ["reference", "native"])
@given(values=NUMBERS, gradients=NUMBERS)
def test_value_and_gradient_are_the_given_ones(
    engine: str, values: np.ndarray, gradients: np.ndarray
) -> None:
    x, slope = cr.input("x", (None,), "float64"), cr.input("slope", (None,), "float64")
    y = cr.custom_gradient(cr.floor(x), [(x, slope)])
    dx, dslope = cr.grad((3.0 * y).sum(), [x, slope], unused="zeros")
    outputs = cr.evaluate([y, dx, dslope], {"x": values, "slope": gradients}, engine)
    np.testing.assert_array_equal(outputs[0], np.floor(values))
    np.testing.assert_array_equal(outputs[1], 3.0 * gradients)
    np.testing.assert_array_equal(outputs[2], np.zeros(5))


def test_a_scalar_takes_the_gradient_of_each_input() -> None:
    a, b = cr.input("a", (2, 3), "float64"), cr.input("b", (3,), "float64")
    y = cr.custom_gradient((a * b).sum(), [(a, 2.0), (b, -b)])
    inputs = {"a": np.ones((2, 3)), "b": np.array([1.0, 2.0, 3.0])}
    value, da, db = cr.evaluate([y, *cr.grad(y, [a, b])], inputs)
    assert value == 12.0
    np.testing.assert_array_equal(da, np.full((2, 3), 2.0))
    np.testing.assert_array_equal(db, [-1.0, -2.0, -3.0])


def test_second_derivatives_are_those_of_the_given_gradient() -> None:
    x = cr.input("x", (None,), "float64")
    (dx,) = cr.grad(cr.custom_gradient(x, [(x, x * x)]).sum(), [x])
    (ddx,) = cr.grad(dx.sum(), [x], unused="zeros")
    np.testing.assert_array_equal(cr.evaluate([dx, ddx], {"x": [1.0, 2.0]}), [[1.0, 4.0], [0.0, 0.0]])


def test_a_gradient_of_another_shape_is_refused() -> None:
    x = cr.input("x", (4, 3), "float64")
    with pytest.raises(ShapeError, match="E201"):
        cr.custom_gradient(x * 2.0, [(x, x.sum(1))])
