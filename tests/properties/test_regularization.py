"""Clipping, penalties and constraints compared with PyTorch, Keras and their formulas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from chainrule import nn
from chainrule.engines import check_gradient, evaluate
from chainrule.errors import UsageError
from chainrule.gradient import grad
from chainrule.graph import input_node
from chainrule.nn.serialization import FAMILIES
from chainrule.ops import functional as F

NUMBERS = arrays.arrays("float64", (2, 3), elements=st.floats(-1e3, 1e3))


@pytest.mark.long
@given(NUMBERS, NUMBERS, st.floats(1e-3, 1e3))
def test_clipped_gradients_are_pytorchs(a: np.ndarray, b: np.ndarray, limit: float) -> None:
    nodes = {name: input_node(name, (2, 3), "float64") for name in "ab"}
    clips = (nn.ClipValue(limit), nn.ClipNorm(limit), nn.ClipGlobalNorm(limit))
    clipped = [evaluate(list(clip(nodes).values()), {"a": a, "b": b}) for clip in clips]
    for ours, theirs in zip(clipped, _peer_clips(a, b, limit), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def _peer_clips(a: np.ndarray, b: np.ndarray, limit: float) -> list[list[np.ndarray]]:
    def clipped(*groups: tuple[int, ...], function: Callable) -> list[np.ndarray]:
        tensors = [torch.zeros(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]
        for tensor, g in zip(tensors, (a, b), strict=True):
            tensor.grad = torch.tensor(g)
        for group in groups:
            function([tensors[i] for i in group], limit)
        return [tensor.grad.numpy() for tensor in tensors]

    value, norm = torch.nn.utils.clip_grad_value_, torch.nn.utils.clip_grad_norm_
    return [
        clipped((0, 1), function=value),
        clipped((0,), (1,), function=norm),
        clipped((0, 1), function=norm),
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clips_accept_zero_gradients_and_no_parameters(dtype: str) -> None:
    for clip in (nn.ClipValue(), nn.ClipNorm(), nn.ClipGlobalNorm()):
        clipped = clip({"w": input_node("w", (3,), dtype)})
        np.testing.assert_array_equal(evaluate(clipped["w"], {"w": np.zeros(3)}), np.zeros(3))
        assert clip({}) == {}


def test_penalties_and_their_gradients_are_those_of_the_formula() -> None:
    w = input_node("w", (3,), "float64")
    feeds = {"w": [1.0, -2.0, 0.0]}
    one, two = nn.L1(0.1)(w), nn.L2(0.1)(w)
    np.testing.assert_allclose(evaluate([one, two], feeds), [0.3, 0.5], rtol=1e-12)
    np.testing.assert_allclose(evaluate(grad(one, [w])[0], feeds), [0.1, -0.1, 0.0], rtol=1e-12)
    np.testing.assert_allclose(evaluate(grad(two, [w])[0], feeds), [0.2, -0.4, 0.0], rtol=1e-12)
    assert F.sum(w).shape == two.shape


W = np.random.default_rng(3).normal(size=(4, 3, 2))
W[1] = 0.0


def keras_orthogonal(w: np.ndarray, factor: float) -> float:
    """Keras's documented formula for rows: the sum over every pair of normalized rows."""
    rows = w.reshape(len(w), -1)
    rows = rows / np.sqrt(np.maximum((rows**2).sum(1, keepdims=True), 1e-12))
    pairs = [abs(rows[i] @ rows[j]) for i in range(len(w)) for j in range(i)]
    return factor * sum(pairs) / len(pairs)


COSTS: dict[type[nn.Penalty], tuple[nn.Penalty, Callable[[np.ndarray], float]]] = {
    nn.L1: (nn.L1(0.3), lambda w: 0.3 * np.abs(w).sum()),
    nn.L2: (nn.L2(0.3), lambda w: 0.3 * (w**2).sum()),
    nn.L1L2: (nn.L1L2(strength=0.3, l1_ratio=0.2), lambda w: 0.06 * np.abs(w).sum() + 0.24 * (w**2).sum()),
    nn.OrthogonalPenalty: (nn.OrthogonalPenalty(0.3), lambda w: keras_orthogonal(w, 0.3)),
}


@pytest.mark.parametrize("cost", FAMILIES["penalty"][1].values())
def test_a_penalty_is_its_formula_with_the_right_gradient(cost: type[nn.Penalty]) -> None:
    penalty, formula = COSTS[cost]
    w = input_node("w", W.shape, "float64")
    np.testing.assert_allclose(evaluate(penalty(w), {"w": W}), formula(W), rtol=1e-12)
    check_gradient(penalty, [np.where(W == 0, 0.7, W) + 0.01])


def test_the_orthogonal_penalty_of_one_unit_is_zero() -> None:
    w = input_node("w", (1, 5), "float64")
    assert evaluate(nn.OrthogonalPenalty()(w), {"w": np.ones((1, 5))}) == 0
    assert evaluate(nn.OrthogonalPenalty()(w[0]), {"w": np.ones((1, 5))}) == pytest.approx(0.01)  # five units


def unit_lengths(w: np.ndarray) -> np.ndarray:
    return np.sqrt((w**2).sum(axis=tuple(range(1, w.ndim)), keepdims=True))


EXPECTED: dict[type[nn.Constraint], tuple[nn.Constraint, Callable[[np.ndarray], np.ndarray]]] = {
    nn.MaxNorm: (nn.MaxNorm(1.2), lambda w: w * np.minimum(unit_lengths(w), 1.2) / (unit_lengths(w) + 1e-7)),
    nn.UnitLength: (nn.UnitLength(), lambda w: w / (unit_lengths(w) + 1e-7)),
    nn.NonNegative: (nn.NonNegative(), lambda w: w * (w >= 0)),
    nn.MinMaxNorm: (
        nn.MinMaxNorm(min_value=0.5, max_value=1.2, rate=0.3),
        lambda w: (
            w * (0.3 * np.clip(unit_lengths(w), 0.5, 1.2) + 0.7 * unit_lengths(w)) / (unit_lengths(w) + 1e-7)
        ),
    ),
}


@pytest.mark.parametrize("limit", FAMILIES["constraint"][1].values())
def test_a_constraint_is_keras_formula(limit: type[nn.Constraint]) -> None:
    constraint, formula = EXPECTED[limit]
    w = input_node("w", W.shape, "float64")
    np.testing.assert_allclose(evaluate(constraint(w), {"w": W}), formula(W), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("limit", FAMILIES["constraint"][1].values())
def test_a_constraint_applied_twice_changes_nothing(limit: type[nn.Constraint]) -> None:
    constraint = limit()
    w = input_node("w", W.shape, "float64")
    once = evaluate(constraint(w), {"w": W})
    np.testing.assert_allclose(evaluate(constraint(w), {"w": once}), once, atol=1e-6)


def test_unit_length_normalizes_a_vector_as_one_row() -> None:
    b = input_node("b", (2,), "float64")
    np.testing.assert_allclose(evaluate(nn.UnitLength()(b), {"b": [3.0, 4.0]}), [0.6, 0.8], rtol=1e-6)


BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: nn.ClipValue(0.0), "limit"),
    (lambda: nn.ClipNorm(-1.0), "limit"),
    (lambda: nn.L1(-1.0), "strength"),
    (lambda: nn.L2(10**5000 * -1), "strength"),
    (lambda: nn.L1L2(strength=0.1, l1_ratio=1.5), "ratio"),
    (lambda: nn.OrthogonalPenalty(-1.0), "strength"),
    (lambda: nn.MaxNorm(0.0), "max_value"),
    (lambda: nn.MinMaxNorm(min_value=2.0, max_value=1.0), "min_value"),
    (lambda: nn.MinMaxNorm(min_value=0.0, max_value=0.0), "max_value"),
    (lambda: nn.MinMaxNorm(rate=0.0), "rate"),
]


@pytest.mark.parametrize("bad", BAD)
def test_a_regularization_setting_out_of_range_is_refused(bad: tuple[Callable[[], object], str]) -> None:
    make, name = bad
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.code == "E102"
    assert f"{name} is out of its range" in str(caught.value)
