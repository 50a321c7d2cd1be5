"""Jacobian-vector products agree with PyTorch's, and refuse tangents that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import chainrule as cr
from chainrule.errors import GradientError, ShapeError

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2))
DA, DB = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2))


def ours(a: Any, b: Any) -> Any:
    return cr.softmax(cr.tanh(a) @ b, -1) * cr.sum(a * a)


def theirs(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.softmax(torch.tanh(a) @ b, -1) * (a * a).sum()


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_the_derivative_in_a_direction_is_that_of_torch(engine: Any) -> None:
    a, b = cr.input("a", (3, 4), "float64"), cr.input("b", (4, 2), "float64")
    tangent = cr.input("da", (3, 4), "float64")
    pushed = cr.jvp(ours(a, b), [a, b], [tangent, DB])
    value = cr.evaluate(pushed, {"a": A, "b": B, "da": DA}, engine)
    tensors = [torch.tensor(x) for x in (A, B, DA, DB)]
    _, expected = torch.func.jvp(theirs, tuple(tensors[:2]), tuple(tensors[2:]))
    np.testing.assert_allclose(value, expected.numpy(), rtol=1e-10)


def test_directions_of_several_inputs_add_up_and_nest() -> None:
    x = cr.input("x", (), "float64")
    second = cr.jvp(cr.jvp(x**4, [x], [1.0]), [x], [1.0])  # 12 x^2
    doubled = cr.jvp(x**4, [x, x], [1.0, 1.0])
    assert [float(v) for v in cr.evaluate([second, doubled], {"x": 2.0})] == [48.0, 64.0]
    (gradient,) = cr.grad(cr.jvp(x**4, [x], [1.0]), [x])
    assert float(cr.evaluate(gradient, {"x": 2.0})) == 48.0


def test_any_batch_size() -> None:
    x = cr.input("x", (None, 3), "float64")
    pushed = cr.jvp(cr.sin(x).sum(-1), [x], [cr.cos(x)])
    values = RNG.normal(size=(5, 3))
    np.testing.assert_allclose(cr.evaluate(pushed, {"x": values}), (np.cos(values) ** 2).sum(-1))


def test_refused() -> None:
    x, z = cr.input("x", (3,), "float64"), cr.input("z", (3,), "float64")
    for tangents in ([np.ones(2)], [], [1.0]):
        with pytest.raises(ShapeError, match="E208"):
            cr.jvp(x * 2.0, [x], tangents)
    with pytest.raises(GradientError, match="E272"):
        cr.jvp(x * 2.0, [z], [np.ones(3)])
    with pytest.raises(GradientError, match="E271"):
        cr.jvp(cr.cast(cr.argmax(x), "float64"), [x], [np.ones(3)])
    with pytest.raises(GradientError, match="E273"):
        cr.jvp(cr.argmax(x), [x], [np.ones(3)])
    zeros = cr.evaluate(cr.jvp(x * 2.0, [z], [np.ones(3)], unused="zeros"), {"x": np.ones(3)})
    assert zeros.tolist() == [0.0] * 3
