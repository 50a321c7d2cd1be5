"""Operators between nodes equal NumPy's, including broadcasting."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from chainrule.engines import evaluate
from chainrule.errors import DtypeError, ShapeError
from chainrule.graph import Node, input_node
from chainrule.ops import functional as F

SIGNS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@given(mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3), st.data())
def test_random_expressions_equal_numpys(shapes, data: st.DataObject) -> None:
    arrays = [np.cos(np.arange(np.prod(s)) + i).reshape(s) for i, s in enumerate(shapes.input_shapes)]
    nodes: list[Node] = [input_node(f"x{i}", a.shape, "float64") for i, a in enumerate(arrays)]
    for _ in range(data.draw(st.integers(1, 5))):
        i, j = (data.draw(st.integers(0, len(nodes) - 1)) for _ in range(2))
        sign = SIGNS[data.draw(st.sampled_from("+-*/"))]
        with np.errstate(all="ignore"):
            arrays.append(sign(arrays[i], arrays[j]))
        nodes.append(sign(nodes[i], nodes[j]))
    sign = SIGNS[data.draw(st.sampled_from(sorted(SIGNS)))]
    with np.errstate(all="ignore"):
        expected = sign(arrays[-1], arrays[0])
    result = evaluate(sign(nodes[-1], nodes[0]), {f"x{i}": arrays[i] for i in range(3)})
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@given(st.sampled_from(sorted(SIGNS)), st.integers(-3, 3))
def test_python_numbers_on_either_side_of_an_operator(sign: str, number: int) -> None:
    x, array = input_node("x", (3,), "float64"), np.array([-1.5, 0.5, 2.0])
    with np.errstate(all="ignore"):
        right, left = SIGNS[sign](array, number), SIGNS[sign](number, array)
    np.testing.assert_array_equal(evaluate(SIGNS[sign](x, number), {"x": array}), right)
    np.testing.assert_array_equal(evaluate(SIGNS[sign](number, x), {"x": array}), left)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, 0.5, 2.5])
def test_powers_equal_numpys(exponent: float) -> None:
    x, array = input_node("x", (3,), "float64"), np.array([0.5, 1.0, 2.0])
    np.testing.assert_allclose(evaluate(x**exponent, {"x": array}), array**exponent, rtol=1e-15)
    np.testing.assert_allclose(evaluate(2.0**x, {"x": array}), 2.0**array, rtol=1e-15)


@pytest.mark.parametrize("number", [2.0, -2.0, 0.75])
def test_remainders_equal_numpys(number: float) -> None:
    x, array = input_node("x", (4,), "float64"), np.array([-3.5, 1.0, 2.25, 7.0])
    expected = {"x % n": array % number, "n % x": number % array, "array % x": np.ones(4) % array}
    received = {"x % n": x % number, "n % x": number % x, "array % x": np.ones(4) % x}
    for title, node in received.items():
        np.testing.assert_allclose(evaluate(node, {"x": array}), expected[title], atol=1e-15)


PRODUCTS = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((4, 2, 3), (3, 2)),
    ((4, 2, 3), (4, 3, 2)),
    ((1, 2, 3), (4, 3, 2)),
    ((2, 3), (4, 3, 2)),
    ((3,), (4, 3, 2)),
    ((4, 2, 3), (3,)),
]


@pytest.mark.parametrize("shapes", PRODUCTS, ids=str)
def test_matmul_equals_numpys(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    a, b = (np.cos(np.arange(np.prod(s))).reshape(s) for s in shapes)
    x, y = input_node("a", a.shape, "float64"), input_node("b", b.shape, "float64")
    product = x @ y
    assert product.shape == (a @ b).shape
    np.testing.assert_allclose(evaluate(product, {"a": a, "b": b}), a @ b, rtol=1e-12, atol=1e-14)


def test_python_numbers_do_not_change_the_dtype() -> None:
    x = input_node("x", (2,), "float32")
    assert (x + 1).dtype == "float32"
    assert (1.5 * x).dtype == "float32"
    n = input_node("n", (2,), "int64")
    assert (n + 1).dtype == "int64"
    with pytest.raises(DtypeError) as caught:
        _ = n + 0.5
    assert caught.value.code == "E252"


def test_shapes_that_do_not_broadcast_are_refused() -> None:
    with pytest.raises(ShapeError) as caught:
        _ = input_node("x", (None, 3)) + input_node("y", (None, 4))
    assert caught.value.code == "E202"
    assert "(B, 3)" in str(caught.value)
    assert "(B, 4)" in str(caught.value)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (-1, 0)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "variance"])
def test_reductions_equal_numpys(name: str, axis, keepdims: bool) -> None:
    array = np.cos(np.arange(24.0)).reshape(2, 3, 4)
    x = input_node("x", (None, 3, 4), "float64")
    peer = getattr(np, {"variance": "var"}.get(name, name))
    result = evaluate(getattr(F, name)(x, axis, keepdims), {"x": array})
    np.testing.assert_allclose(result, peer(array, axis=axis, keepdims=keepdims), rtol=1e-12)


def test_an_axis_out_of_range_is_refused() -> None:
    x = input_node("x", (None, 3))
    for axis in (2, -3, (0, 0), (1, -1)):
        with pytest.raises(ShapeError) as caught:
            x.sum(axis)
        assert caught.value.code == "E205"
