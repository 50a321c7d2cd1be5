"""Every initialiser has the spread it promises, from the key alone, and no two parameters begin alike."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError, ShapeError, UsageError
from chainrule.graph import input_node
from chainrule.keyed import key_of
from chainrule.nn.initialiser import INITIALISERS, fans, known_initialiser
from chainrule.spec import Spec

SHAPE = (120, 80)  # (O, I)


def drawn(
    init: nn.Initialiser, shape: tuple[int, ...], dtype: str = "float32", seed: int = 3, stream: int = 5
):
    """The first values of a parameter."""
    node = init(input_node("key", (2,), "uint32", "key"), shape, dtype, stream)
    assert node.spec == Spec(shape, dtype)
    return evaluate(node, {"key": key_of(seed)})


SPREAD = {
    "he": math.sqrt(2 / 80),
    "he_normal": math.sqrt(2 / 80),
    "ones": 0.0,
    "orthogonal": math.sqrt(1 / 120),
    "small": 0.01,
    "xavier": math.sqrt(2 / 200),
    "xavier_normal": math.sqrt(2 / 200),
    "zeros": 0.0,
}


@pytest.mark.parametrize("name", INITIALISERS)
def test_mean_and_spread_are_those_promised(name: str) -> None:
    values = drawn(INITIALISERS[name], SHAPE).astype("float64")
    n = values.size
    centre = 1.0 if name == "ones" else 0.0
    # Five standard errors: a draw outside is a fault, not bad luck; the key is fixed besides.
    assert abs(values.mean() - centre) <= 5 * SPREAD[name] / math.sqrt(n)
    assert abs(values.std() - SPREAD[name]) <= 5 * SPREAD[name] / math.sqrt(2 * n)


@pytest.mark.parametrize("name", ["he", "xavier"])
def test_a_uniform_draw_keeps_its_limit_and_fills_it(name: str) -> None:
    values, limit = drawn(INITIALISERS[name], SHAPE), math.sqrt(3) * SPREAD[name]
    assert np.abs(values).max() <= limit
    assert np.abs(values).max() > 0.99 * limit


@pytest.mark.parametrize("name", INITIALISERS)
def test_a_draw_depends_on_key_and_stream_alone(name: str) -> None:
    init = INITIALISERS[name]
    first = drawn(init, (6, 5))
    np.testing.assert_array_equal(first, drawn(init, (6, 5)))
    np.testing.assert_allclose(first, drawn(init, (6, 5), "float64"), rtol=1e-6, atol=1e-7)
    if name not in ("zeros", "ones"):
        assert not np.allclose(first, drawn(init, (6, 5), stream=6))
        assert not np.allclose(first, drawn(init, (6, 5), seed=4))


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (2, 2), (7, 3), (3, 7), (64, 64), (256, 256), (256, 100), (30, 3, 3, 4), (10, 784), (5, 0)],
)
@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_orthogonal_rows_or_columns_are_at_right_angles(shape: tuple[int, ...], gain: float) -> None:
    if gain != 1.0 and max(shape) > 100:
        return  # the gain is one factor at the end: small shapes show it
    w = drawn(nn.Orthogonal(gain), shape).astype("float64").reshape(shape[0], -1) / gain
    small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    assert np.abs(small - np.eye(len(small))).max(initial=0.0) <= 1e-6


@pytest.mark.parametrize("seed", range(40))
def test_orthogonal_does_not_depend_on_luck(seed: int) -> None:
    w = drawn(nn.Orthogonal(), (9, 9), "float64", seed)
    np.testing.assert_allclose(w @ w.T, np.eye(9), atol=1e-12)


def test_orthogonal_turns_both_ways() -> None:
    signs = {round(float(np.linalg.det(drawn(nn.Orthogonal(), (3, 3), "float64", s)))) for s in range(12)}
    assert signs == {-1, 1}


def test_fans_count_the_kernel() -> None:
    assert fans((16, 3, 3, 8)) == (72.0, 144.0)
    assert fans((5, 7)) == (7.0, 5.0)
    assert fans((5,)) == (5.0, 5.0)


def test_initialisers_by_name_in_a_layer() -> None:
    assert known_initialiser("small") == nn.SmallNormal(0.01)
    net = nn.Dense(4, weight_init="zeros", bias_init="ones")
    built = nn.build(net, {"x": Spec((2, 3), "float32")}, "float32")
    assert built.parameters["weight"].initialiser == nn.Fill(0.0)
    assert built.parameters["bias"].initialiser == nn.Fill(1.0)


def test_the_usual_spread_follows_the_activation() -> None:
    for activation, init in (
        ("relu", "he"),
        (nn.Activation("relu"), "he"),
        ("tanh", "xavier"),
        (None, "xavier"),
    ):
        built = nn.build(nn.Dense(4, activation), {"x": Spec((2, 3), "float32")}, "float32")
        assert built.parameters["weight"].initialiser == INITIALISERS[init]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (lambda: nn.Dense(4, weight_init="hee"), "E101"),
        (lambda: nn.Dense(4, bias_init=0.5), "E101"),
        (lambda: nn.Scaled(fan="inn"), "E101"),
        (lambda: nn.Scaled(law="gauss"), "E101"),
        (lambda: nn.Scaled(0.0), "E102"),
        (lambda: nn.SmallNormal(-1.0), "E102"),
        (lambda: nn.Orthogonal(0), "E102"),
        (lambda: nn.Fill("0"), "E102"),
    ],
)
def test_a_wrong_setting_is_refused(bad: Callable[[], object], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        bad()
    assert caught.value.code == code


def test_an_orthogonal_bias_is_refused() -> None:
    with pytest.raises(ChainruleError) as caught:
        nn.Orthogonal()(input_node("key", (2,), "uint32"), (5,), "float32", 0)
    assert isinstance(caught.value, ShapeError)
    assert caught.value.code == "E208"
