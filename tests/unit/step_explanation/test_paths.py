"""Paths from the loss to a weight: their number, their sum, and the largest of them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from chainrule.nn import SGD, Activation, Dense, Layer, MultiHeadAttention, Residual, SequencePool, Sequential
from chainrule.step_explanation.narrative import explain
from chainrule.step_explanation.sections.weight_derivation import LISTED, MAX_SYMBOLS, Path, PathFinder, paths
from chainrule.step_explanation.writer import Writer
from chainrule.symbolic_shape import Size, Spec
from chainrule.trace import Scalar, Trace, trace
from chainrule.train.network import Network, Recipe

X, Y = np.array([[0.4, -1.1]]), np.array([[0.7]])


def traced(*layers: Layer) -> Trace:
    net = Sequential(*layers, Dense(1))
    network = Network(Recipe(net, "half_mse", SGD(0.1)), {"x": Spec((Size.symbol("B"), 2), "float32")})
    return trace(network, network.initialize(5)[0], {"x": X}, {"target": Y})


def paths_of(t: Trace, max_symbols: int = MAX_SYMBOLS) -> tuple[float, int, tuple[Path, ...]]:
    result = PathFinder(
        Writer(t, "en"), Scalar(t.derivation.gradients["dense1.weight"], (1, 0)), max_symbols
    ).result
    return result.total, result.count, result.ranked


@pytest.mark.parametrize(
    ("layers", "count"),
    [
        ((Dense(2, "tanh"),), 1),
        ((Dense(2, "tanh"), Dense(3, "sigmoid")), 3),
        ((Dense(2, "tanh"), Dense(2, "relu"), Dense(3, "tanh")), 6),
        ((Dense(2, "tanh"), Residual(Dense(2, "tanh"))), 3),
        ((Dense(2, "tanh"), Residual(Activation("sigmoid"))), 2),  # directly, and through the sigmoid
    ],
)
def test_the_paths_sum_to_the_derivative(layers: tuple[Layer, ...], count: int) -> None:
    t = traced(*layers)
    _, number, ranked = paths_of(t)
    assert number == len(ranked) == count
    assert sum(path.value for path in ranked) == pytest.approx(t.gradients["dense1.weight"][1, 0], rel=1e-12)
    assert [abs(path.value) for path in ranked] == sorted((abs(path.value) for path in ranked), reverse=True)


@pytest.mark.parametrize(("hidden", "text"), [((2,), "There is one path, with value "), ((2, 3), "3 paths")])
def test_the_number_of_paths_is_stated(hidden: tuple[int, ...], text: str) -> None:
    t = traced(*(Dense(n, "tanh") for n in hidden))
    weight = Scalar(t.derivation.gradients["dense1.weight"], (1, 0))
    assert text in str(paths(PathFinder(Writer(t, "en"), weight)).parts)


def test_the_largest_of_many_paths_match_brute_force() -> None:
    t = traced(Dense(2, "tanh"), Dense(6, "tanh"), Dense(5, "tanh"))
    total, number, ranked = paths_of(t)
    w2, w3, w4 = (t.parameters[f"dense{i}.weight"] for i in (2, 3, 4))
    s1, s2, s3 = (1 - t.values[layer.a][0] ** 2 for layer in t.layers[:3] if layer.a is not None)
    error = float(t.predictions["y"][0, 0] - Y[0, 0])
    every = [
        error * w4[0, p] * s3[p] * w3[p, o] * s2[o] * w2[o, 1] * s1[1] * X[0, 0]
        for o, p in product(range(6), range(5))
    ]
    largest = sorted(every, key=lambda v: -abs(v))[:LISTED]
    assert number == 30
    assert total == pytest.approx(t.gradients["dense1.weight"][1, 0], rel=1e-12)
    np.testing.assert_allclose([path.value for path in ranked], largest, rtol=1e-10)


def test_beyond_the_limit_paths_start_at_stored_signals() -> None:
    t = traced(Dense(2, "tanh"), Dense(6, "tanh"), Dense(5, "tanh"))
    total, number, _ = paths_of(t, max_symbols=10)
    assert 1 <= number < 30
    assert total == pytest.approx(t.gradients["dense1.weight"][1, 0], rel=1e-12)


def test_paths_are_listed_at_depth_three_only() -> None:
    t = traced(Dense(2, "tanh"), Dense(6, "tanh"), Dense(5, "tanh"))
    text = str(explain(t, 3, weight="dense1.weight[1,0]"))
    assert "There are 30 paths" in text
    assert "δ₁⁽⁴⁾ → δ" in text
    assert "30 条路径" in str(explain(t, 3, "zh", "dense1.weight[1,0]"))
    assert "There are" not in str(explain(t, 2, weight="dense1.weight[1,0]"))


def with_attention(seed: int) -> Trace:
    """A network whose bias of the keys has no influence: softmax subtracts what it adds to every score."""
    rng = np.random.default_rng(seed)
    net = Sequential(MultiHeadAttention(2), SequencePool("mean"), Dense(1))
    network = Network(Recipe(net, "half_mse", SGD(0.1)), {"x": Spec((Size.symbol("B"), 3, 2), "float32")})
    parameters, states = network.initialize(seed)
    arrays = {path: value + 0.5 * rng.normal(size=value.shape) for path, value in parameters.items()}
    return trace(network, arrays | states, {"x": rng.normal(size=(1, 3, 2))}, {"target": np.ones((1, 1))})


@pytest.mark.parametrize("seed", range(4))
def test_paths_that_cancel_have_no_signed_total(seed: int) -> None:
    t = with_attention(seed)
    for unit in range(2):
        weight = f"multi_head_attention1.key.bias[{unit}]"
        text = str(explain(t, 3, weight=weight))
        assert "with total 0 within the rounding error of their sum" in text
        assert "no influence to first order" in text
        assert "合计在求和的舍入误差范围内为 0" in str(explain(t, 3, "zh", weight))


@pytest.mark.parametrize("seed", range(4))
def test_other_paths_of_the_same_network_keep_their_sign(seed: int) -> None:
    t = with_attention(seed)
    others = [path for path in t.gradients if not path.endswith("key.bias")]
    assert others
    for path in others:
        for index in np.ndindex(t.gradients[path].shape):
            assert not PathFinder(Writer(t, "en"), Scalar(t.derivation.gradients[path], index)).cancels


def test_a_tiny_gradient_that_does_not_cancel_keeps_its_sign() -> None:
    t = traced(*[Dense(2, "sigmoid") for _ in range(9)])
    finder = PathFinder(Writer(t, "en"), Scalar(t.derivation.gradients["dense1.weight"], (0, 0)))
    assert 0 < abs(finder.result.total) < 1e-6
    assert not finder.cancels
