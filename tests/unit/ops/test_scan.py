"""Loops over time: several states and outputs, nested loops, sums over time, and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError
from chainrule.graph import Node, input_node, order
from chainrule.ops import functional as F

ENGINES = ("reference", "native")


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("engine", ENGINES)
def test_two_states_may_be_exchanged(engine: str) -> None:
    """Fibonacci numbers: neither state may be overwritten before the other has read it."""
    x = input_node("x", (None, 8), "float64")
    zero = x[:, 0] * 0.0
    (a, _), outputs = cr.scan(lambda s, c: ((s[1], s[0] + s[1]), s[0]), (zero, zero + 1.0), x)
    last, sequence = evaluate([a, outputs], {"x": np.ones((2, 8))}, engine)
    assert sequence.tolist() == [[0, 1, 1, 2, 3, 5, 8, 13]] * 2
    assert last.tolist() == [21, 21]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("reverse", [False, True])
def test_outputs_may_be_cells_states_views_and_constants(engine: str, reverse: bool) -> None:
    """A cell, the state before a step, a view of a value, and a constant, for every step."""
    x, w = input_node("x", (None, 3, 2), "float64"), input_node("w", (2,), "float64")

    def step(s: Node, c: Node) -> tuple[Node, tuple[Node, ...]]:
        after = s * w + c
        return after, (c, s, after[:, 0], F.reshape(after, (after.shape[0], 1, 2)), s * 0.0 + 2.0)

    _, outputs = cr.scan(step, x[:, 0] * 0.0, x, reverse=reverse)
    xs, ws = numbers(4, 3, 2), numbers(2, seed=1)
    cells, before, first, wide, two = evaluate(list(outputs), {"x": xs, "w": ws}, engine)
    state, expected = np.zeros((4, 2)), np.zeros((4, 3, 2))
    for t in (2, 1, 0) if reverse else (0, 1, 2):
        np.testing.assert_allclose(before[:, t], state, rtol=1e-12)
        state = expected[:, t] = state * ws + xs[:, t]
    np.testing.assert_array_equal(cells, xs)
    np.testing.assert_allclose(wide[:, :, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(first, expected[:, :, 0], rtol=1e-12)
    assert (two == 2).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loop_inside_a_loop(engine: str) -> None:
    """Running sums of running sums, with gradients."""
    x, w = input_node("x", (None, 3, 4), "float64"), input_node("w", (), "float64")

    def inner(s: Node, c: Node) -> tuple[Node, Node]:
        return s * w + c, s * w + c

    def outer(s: Node, row: Node) -> tuple[Node, Node]:  # row (B, 4)
        last, _ = cr.scan(inner, s, row)
        return cr.tanh(last), cr.tanh(last)

    _, y = cr.scan(outer, x[:, 0, 0] * 0.0, x)
    gradients = cr.grad((y * y).sum(), [x, w])
    value, *ours = evaluate([y, *gradients], {"x": numbers(2, 3, 4), "w": np.array(0.7)}, engine)
    xs, ws = torch.tensor(numbers(2, 3, 4), requires_grad=True), torch.tensor(0.7, dtype=torch.float64)
    ws.requires_grad_()
    state, outputs = xs[:, 0, 0] * 0.0, []
    for i in range(3):
        for j in range(4):
            state = state * ws + xs[:, i, j]
        state = torch.tanh(state)
        outputs.append(state)
    theirs = torch.stack(outputs, 1)
    (theirs * theirs).sum().backward()
    np.testing.assert_allclose(value, theirs.detach().numpy(), rtol=1e-12)
    for mine, peer in zip(ours, (xs.grad, ws.grad), strict=True):
        assert peer is not None
        np.testing.assert_allclose(mine, peer.numpy(), rtol=1e-10, atol=1e-12)


def test_loop_invariant_values_are_computed_once() -> None:
    """The square of a weight is computed before the loop, not in its step."""
    x, w = input_node("x", (None, 5, 2), "float64"), input_node("w", (2, 2), "float64")
    _, y = cr.scan(lambda s, c: (s @ (w * w) + c, s), x[:, 0], x)
    inside = {node.op.name for node in y.op.attributes["body"].nodes()}
    assert inside == {"matmul", "add"}
    assert "multiply" in {node.op.name for node in order([y])}


def test_a_weight_gradient_is_one_product_over_all_steps() -> None:
    """The backward loop carries only the cotangent of the state and adds nothing to the weight gradient."""
    x, w = input_node("x", (None, 5, 2), "float64"), input_node("w", (2, 2), "float64")
    _, y = cr.scan(lambda s, c: (cr.tanh(s @ w + c),) * 2, x[:, 0], x)
    (gradient,) = cr.grad(y.sum(), [w])
    back = [node.op.attributes["body"] for node in order([gradient]) if node.op.name == "scan"]
    assert {len(body.states) for body in back} == {1}
    assert any(node.op.name == "matmul" and "5*B" in str(node.inputs[1].shape) for node in order([gradient]))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_that_depends_on_all_samples_has_correct_gradients(engine: str) -> None:
    """A step that reads the mean of the batch cannot be divided."""
    x, w = input_node("x", (3, 4, 2), "float64"), input_node("w", (2,), "float64")

    def step(s: Node, c: Node) -> tuple[Node, Node]:
        after = cr.tanh((s - cr.mean(s, 0, keepdims=True)) * w + c)
        return after, after

    _, y = cr.scan(step, x[:, 0], x)
    cr.check_gradient(lambda x, w: _sum_of_squares(step_of(w), x), [numbers(3, 4, 2), numbers(2, seed=2)])
    nodes, arrays = [y, *cr.grad((y * y).sum(), [w])], {"x": numbers(3, 4, 2), "w": numbers(2)}
    for result, expected in zip(
        evaluate(nodes, arrays, engine), evaluate(nodes, arrays, "reference"), strict=True
    ):
        np.testing.assert_allclose(result, expected, rtol=1e-12)


def step_of(w: Node) -> Callable[[Node, Node], tuple[Node, Node]]:
    def step(s: Node, c: Node) -> tuple[Node, Node]:
        after = cr.tanh((s - cr.mean(s, 0, keepdims=True)) * w + c)
        return after, after

    return step


def _sum_of_squares(step: Any, x: Node) -> Node:
    return (cr.scan(step, x[:, 0], x)[1] ** 2.0).sum()


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 5),
    steps=st.integers(1, 6),
    width=st.integers(1, 4),
    axis=st.integers(0, 1),
    reverse=st.booleans(),
    last=st.booleans(),
    by_sample=st.booleans(),
)
def test_loops_of_all_forms_agree_with_torch(
    rows: int, steps: int, width: int, axis: int, reverse: bool, last: bool, by_sample: bool
) -> None:
    form = (None, steps, width) if axis else (steps, "B", width)
    x, w = input_node("x", form, "float64"), input_node("w", (width, width), "float64")
    v = input_node("v", (None, width) if by_sample else (width,), "float64")
    first = x[:, 0] if axis else x[0]
    final, outputs = cr.scan(lambda s, c: (cr.tanh(s @ w + c * v),) * 2, first, x, reverse=reverse, axis=axis)
    gradients = cr.grad(((final if last else outputs) ** 2.0).sum(), [x, w, v])
    shape = (rows, steps, width) if axis else (steps, rows, width)
    arrays = {"x": numbers(*shape), "w": numbers(width, width, seed=1) * 0.5}
    arrays["v"] = numbers(rows, width, seed=2) if by_sample else numbers(width, seed=2)
    theirs = {name: torch.tensor(a, requires_grad=True) for name, a in arrays.items()}
    cells = torch.unbind(theirs["x"], axis)
    state, states = cells[0], []
    for cell in reversed(cells) if reverse else cells:
        state = torch.tanh(state @ theirs["w"] + cell * theirs["v"])
        states.append(state)
    (state if last else torch.stack(states)).square().sum().backward()
    for engine in ENGINES:
        for mine, name in zip(evaluate(list(gradients), arrays, engine), arrays, strict=True):
            peer = theirs[name].grad
            assert peer is not None
            np.testing.assert_allclose(mine, peer.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("code", "step", "form"),
    [
        ("E227", lambda s, c: (cr.concatenate([s, c], 1), s), (None, 5, 3)),
        ("E227", lambda s, c: (s.astype("float32"), s), (None, 5, 3)),
        ("E228", lambda s, c: (s, s), (None, 0, 3)),
        ("E102", lambda s, c: s, (None, 5, 3)),
    ],
)
def test_invalid_loops_are_refused(code: str, step: Any, form: tuple[Any, ...]) -> None:
    x, start = input_node("x", form, "float64"), input_node("s", (None, 3), "float64")
    with pytest.raises(ChainruleError) as caught:
        cr.scan(step, start, x)
    assert caught.value.code == code


def test_sequences_of_different_lengths_are_refused() -> None:
    x, z = (input_node(name, (None, steps, 3), "float64") for name, steps in (("x", 5), ("z", 6)))
    with pytest.raises(ChainruleError, match="E228"):
        cr.scan(lambda s, c: (s + c[0] * c[1], s), x[:, 0], (x, z))
