"""``vmap``: gradients of samples, Jacobians, nested and unmapped arguments, as PyTorch's; and its errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import chainrule as cr
from chainrule.errors import ChainruleError, ShapeError, UsageError

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 4))
ENGINES = ["native", "reference"]


def loss(row: Any, w: Any) -> Any:
    return cr.logsumexp(cr.tanh(row @ w), -1)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [5, None])
def test_gradients_of_samples_are_those_of_torch(engine: Any, size: int | None) -> None:
    x, w = cr.input("x", (size, 3), "float64"), cr.input("w", (3, 4), "float64")
    gradients = cr.vmap(lambda row: cr.grad(loss(row, w), [row, w]))(x)
    values = cr.evaluate(gradients, {"x": X, "w": W}, engine)
    by_torch = torch.func.grad(lambda row, w: torch.logsumexp(torch.tanh(row @ w), -1), argnums=(0, 1))
    expected = torch.func.vmap(by_torch, in_dims=(0, None))(torch.tensor(X), torch.tensor(W))
    assert len(values) == 2
    for value, gradient in zip(values, expected, strict=True):
        np.testing.assert_allclose(value, gradient.numpy(), rtol=1e-10)


@pytest.mark.parametrize("engine", ENGINES)
def test_kernels_and_tables_of_each_element(engine: Any) -> None:
    images, kernels = RNG.normal(size=(4, 2, 6, 6, 3)), RNG.normal(size=(4, 5, 3, 3, 3))
    x, w = cr.input("x", images.shape, "float64"), cr.input("w", kernels.shape, "float64")
    y = cr.vmap(lambda x, w: cr.convolution(x, w, padding="same"))(x, w)
    dx, dw = cr.grad(cr.sum(cr.sin(y)), [x, w])
    results = cr.evaluate([y, dx, dw], {"x": images, "w": kernels}, engine)
    for v in range(4):
        one, kernel = cr.input("x", images.shape[1:], "float64"), cr.input("w", kernels.shape[1:], "float64")
        value = cr.convolution(one, kernel, padding="same")
        expected = [value, *cr.grad(cr.sum(cr.sin(value)), [one, kernel])]
        rows = cr.evaluate(expected, {"x": images[v], "w": kernels[v]}, engine)
        assert len(rows) == 3
        for result, row in zip(results, rows, strict=True):
            np.testing.assert_allclose(result[v], row, rtol=1e-9, atol=1e-10)


def test_a_jacobian_and_a_hessian_are_those_of_torch() -> None:
    x = cr.input("x", (3,), "float64")
    y = cr.softmax(cr.tanh(x @ cr.constant(W)), -1)
    forward = cr.vmap(lambda v: cr.jvp(y, [x], [v]), out_axes=-1)(np.eye(3))
    backward = cr.vmap(lambda v: cr.grad(cr.sum(y * v), [x])[0])(np.eye(4))
    (gradient,) = cr.grad(cr.logsumexp(y, -1), [x])
    hessian = cr.vmap(lambda v: cr.jvp(gradient, [x], [v]))(np.eye(3))
    values = cr.evaluate([forward, backward, hessian], {"x": X[0]})

    def theirs(x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(torch.tanh(x @ torch.tensor(W)), -1)

    point = torch.tensor(X[0])
    jacobian = torch.func.jacrev(theirs)(point).numpy()
    np.testing.assert_allclose(values[0], jacobian, rtol=1e-9)
    np.testing.assert_allclose(values[1], jacobian, rtol=1e-9)
    second = torch.func.hessian(lambda x: torch.logsumexp(theirs(x), -1))(point)
    np.testing.assert_allclose(values[2], second.numpy(), rtol=1e-8, atol=1e-12)


def test_functions_nest_and_axes_are_placed() -> None:
    a, b = cr.input("a", (2, None), "float64"), cr.input("b", (4,), "float64")
    feed = {"a": X[:2], "b": W[0]}
    outer = cr.vmap(cr.vmap(cr.multiply, (None, 0)), (0, None), 1)(a, b)  # over the rows of a, and over b
    np.testing.assert_allclose(cr.evaluate(outer, feed), np.einsum("ij,k->kij", X[:2], W[0]))
    table = cr.vmap(lambda row: cr.vmap(lambda v: row * v)(b), in_axes=-2, out_axes=2)(a)
    assert [str(n) for n in table.shape] == ["4", "a_1", "2"]
    np.testing.assert_allclose(cr.evaluate(table, feed), np.einsum("ij,k->kji", X[:2], W[0]))
    both = cr.vmap(lambda row, *, factor: (row * factor, b), out_axes=[0, 1])(a, factor=3.0)
    values = cr.evaluate(list(both), feed)
    np.testing.assert_allclose(values[0], 3 * X[:2])
    np.testing.assert_allclose(values[1], np.stack([W[0], W[0]], 1))


def test_a_loop_and_a_segment_that_is_recomputed() -> None:
    x, w = cr.input("x", (None, 4, 3), "float64"), cr.input("w", (3, 3), "float64")

    def last(sequence: Any) -> Any:  # (4, 3) -> (3,)
        def step(state: Any, cell: Any) -> Any:
            state = cr.tanh(state @ w + cell)
            return state, state

        state, _ = cr.scan(step, sequence[0] * 0.0, sequence, axis=0)
        return cr.remat(cr.sin(state) * 2.0, state)

    mapped = cr.vmap(last)(x)
    (dw,) = cr.grad(cr.sum(mapped), [w])
    sequences, weight = RNG.normal(size=(5, 4, 3)), W[:, :3]
    for engine in ENGINES:
        value, derivative = cr.evaluate([mapped, dw], {"x": sequences, "w": weight}, engine)
        state = np.zeros((5, 3))
        for t in range(4):
            state = np.tanh(state @ weight + sequences[:, t])
        np.testing.assert_allclose(value, 2 * np.sin(state), rtol=1e-10)
        shifted = [weight + h * np.eye(3)[0][:, None] * np.eye(3)[1] for h in (1e-6, -1e-6)]
        ends = [cr.evaluate(cr.sum(mapped), {"x": sequences, "w": w}, engine) for w in shifted]
        np.testing.assert_allclose(derivative[0, 1], (ends[0] - ends[1]) / 2e-6, rtol=1e-6)


def test_refused() -> None:
    x, y = cr.input("x", (3, 2), "float64"), cr.input("y", (4, 2), "float64")
    wrong: list[tuple[Any, Any, type[ChainruleError], str]] = [
        (cr.vmap(cr.add), (x, y), ShapeError, "E208"),
        (cr.vmap(cr.add, (0, 2)), (x, x), ShapeError, "E205"),
        (cr.vmap(cr.exp), (cr.constant(1.0),), ShapeError, "E205"),
        (cr.vmap(cr.exp, out_axes=3), (x,), ShapeError, "E205"),
        (cr.vmap(cr.exp, out_axes=[0, 0]), (x,), UsageError, "E102"),
        (cr.vmap(cr.add, (0,)), (x, x), UsageError, "E102"),
        (cr.vmap(cr.exp, None), (x,), UsageError, "E102"),
        (cr.vmap(lambda x: None), (x,), UsageError, "E113"),
        (cr.vmap(lambda x: (x, 1.0)), (x,), UsageError, "E113"),
    ]
    for function, arguments, kind, code in wrong:
        with pytest.raises(kind, match=code):
            function(*arguments)
