"""Reverse mode: shared nodes, disconnected inputs, refusals, higher orders."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.engines import evaluate
from chainrule.errors import GradientError
from chainrule.gradient import cotangents, grad
from chainrule.graph import Node, input_node, order
from chainrule.ops import functional as F


def scalar(name: str = "x") -> Node:
    """A single float64 input."""
    return input_node(name, (), "float64")


def test_gradients_of_several_readers_are_summed() -> None:
    x = scalar()
    y = x * x + F.sin(x) * x + x
    (dx,) = grad(y, [x])
    at = 0.7
    assert evaluate(dx, {"x": at}) == pytest.approx(2 * at + np.sin(at) + at * np.cos(at) + 1, rel=1e-14)


def test_a_node_used_as_both_operands_counts_twice() -> None:
    x = scalar()
    assert evaluate(grad(x * x, [x])[0], {"x": 3.0}) == 6.0
    assert evaluate(grad(x - x, [x])[0], {"x": 3.0}) == 0.0


def test_every_node_is_visited_once() -> None:
    x = scalar()
    y = x
    for _ in range(40):  # 2**40 paths, 40 nodes
        y = y + y
    (dx,) = grad(y, [x])
    assert evaluate(dx, {"x": 1.0}) == 2.0**40
    assert len(order([dx])) < 200


def test_gradients_with_respect_to_inner_nodes() -> None:
    x = scalar()
    inner = F.tanh(x)
    y = inner * inner
    d_inner, dx = grad(y, [inner, x])
    at = np.tanh(0.3)
    assert evaluate(d_inner, {"x": 0.3}) == pytest.approx(2 * at, rel=1e-14)
    assert evaluate(dx, {"x": 0.3}) == pytest.approx(2 * at * (1 - at**2), rel=1e-14)


def test_the_gradient_of_a_node_by_itself_is_one() -> None:
    x = scalar()
    assert evaluate(grad(x, [x])[0], {"x": 5.0}) == 1.0
    y = x * 2.0
    assert evaluate(grad(y, [y])[0], {"x": 5.0}) == 1.0


def test_third_order_derivatives() -> None:
    x = scalar()
    y = x**4.0 * F.exp(x)
    for _ in range(3):
        (y,) = grad(y, [x])
    at = 0.9
    exact = np.exp(at) * (at**4 + 12 * at**3 + 36 * at**2 + 24 * at)
    assert evaluate(y, {"x": at}) == pytest.approx(exact, rel=1e-12)


def test_forward_values_are_shared_with_the_gradient() -> None:
    x = scalar()
    y = F.sigmoid(x)
    (dx,) = grad(y, [x])
    assert sum(node.op.name == "sigmoid" for node in order([y, dx])) == 1


def test_a_disconnected_input_is_refused_or_has_gradient_zero() -> None:
    x, z = scalar(), input_node("z", (2, 3), "float64")
    with pytest.raises(GradientError) as caught:
        grad(x * x, [x, z])
    assert caught.value.code == "E272"
    _, dz = grad(x * x, [x, z], unused="zeros")
    np.testing.assert_array_equal(evaluate(dz), np.zeros((2, 3)))


def test_a_constant_path_gives_zero_gradients() -> None:
    x = scalar()
    assert evaluate(grad(F.sign(x), [x])[0], {"x": 2.0}) == 0.0
    mixed = F.stop_gradient(x) * x
    assert evaluate(grad(mixed, [x])[0], {"x": 3.0}) == 3.0


def test_a_path_without_derivative_is_refused() -> None:
    x = input_node("x", (4, 3), "float64")
    best = F.argmax(x, axis=1)
    with pytest.raises(GradientError) as caught:
        grad(best.astype("float64").sum(), [x])
    assert caught.value.code == "E271"
    assert "index is an integer" in str(caught.value) or "integers" in str(caught.value)


def test_a_path_without_derivative_beside_another_is_ignored() -> None:
    x = input_node("x", (4, 3), "float64")
    best = F.one_hot(F.argmax(x, axis=1), 3, "float64")
    (dx,) = grad((best * x).sum(), [x])
    array = np.cos(np.arange(12.0)).reshape(4, 3)
    hit = np.eye(3)[array.argmax(1)]
    np.testing.assert_array_equal(evaluate(dx, {"x": array}), hit)


@pytest.mark.parametrize("shape", [(3,), (1,), (None, 2)])
def test_only_scalars_have_a_gradient(shape: tuple[int | None, ...]) -> None:
    x = input_node("x", shape, "float64")
    with pytest.raises(GradientError) as caught:
        grad(x * 2.0, [x])
    assert caught.value.code == "E273"


def test_an_integer_has_no_gradient() -> None:
    n = input_node("n", (), "int64")
    with pytest.raises(GradientError) as caught:
        grad(n + n, [n])
    assert caught.value.code == "E273"


def test_cotangents_of_all_intermediate_nodes() -> None:
    x = scalar()
    a = x * 2.0
    b = F.tanh(a)
    arrived, blocked = cotangents(b, [x])
    assert {x, a, b} <= set(arrived)
    assert blocked == {}
    assert all(arrived[node].spec == node.spec for node in (x, a, b))
