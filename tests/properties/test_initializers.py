"""Every initializer has its documented mean and variance and depends only on key and stream."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError, ShapeError, UsageError
from chainrule.graph import input_node
from chainrule.nn.initializer import INITIALIZERS, fans, known_initializer, truncated_std
from chainrule.prng import key_of
from chainrule.symbolic_shape import Spec
from slow_imports import stats

SHAPE = (120, 80)  # (O, I)


def initial_values(
    init: nn.Initializer, shape: tuple[int, ...], dtype: str = "float32", seed: int = 3, stream: int = 5
):
    """The initial values of a parameter."""
    node = init(input_node("key", (2,), "uint32", "key"), shape, dtype, stream)
    assert node.spec == Spec(shape, dtype)
    return evaluate(node, {"key": key_of(seed)})


SPREAD = {
    "eye": math.sqrt(80 / 9600 - (80 / 9600) ** 2),
    "lecun": math.sqrt(1 / 80),
    "lecun_normal": math.sqrt(1 / 80),
    "normal": 0.05,
    "sparse": 0.01 * math.sqrt(0.5),
    "truncated_normal": 0.05 * truncated_std(2.0),
    "uniform": 0.1 / math.sqrt(12),
    "he": math.sqrt(2 / 80),
    "he_normal": math.sqrt(2 / 80),
    "ones": 0.0,
    "orthogonal": math.sqrt(1 / 120),
    "small": 0.01,
    "xavier": math.sqrt(2 / 200),
    "xavier_normal": math.sqrt(2 / 200),
    "zeros": 0.0,
}


FILLED = {"ones": 1.0, "eye": 80 / 9600}  # the mean, if it is not 0


@pytest.mark.parametrize("name", SPREAD)
def test_mean_and_standard_deviation_are_the_documented_ones(name: str) -> None:
    values = initial_values(INITIALIZERS[name], SHAPE).astype("float64")
    n = values.size
    mean = FILLED.get(name, 0.0)
    # Five standard errors: a deviation beyond them is a fault, and the key is fixed.
    assert abs(values.mean() - mean) <= 5 * SPREAD[name] / math.sqrt(n)
    assert abs(values.std() - SPREAD[name]) <= 5 * SPREAD[name] / math.sqrt(2 * n)


@pytest.mark.parametrize("name", ["he", "xavier", "lecun", "uniform"])
def test_uniform_values_fill_the_interval_up_to_the_limit(name: str) -> None:
    values, limit = initial_values(INITIALIZERS[name], SHAPE), math.sqrt(3) * SPREAD[name]
    assert np.abs(values).max() <= limit
    assert np.abs(values).max() > 0.99 * limit


@pytest.mark.parametrize("name", INITIALIZERS)
def test_values_depend_only_on_key_and_stream(name: str) -> None:
    init = INITIALIZERS[name]
    shape = (6, 3, 5) if name == "dirac" else (6, 5)
    first = initial_values(init, shape)
    np.testing.assert_array_equal(first, initial_values(init, shape))
    np.testing.assert_allclose(first, initial_values(init, shape, "float64"), rtol=1e-6, atol=1e-7)
    if name not in ("zeros", "ones", "eye", "dirac"):
        assert not np.allclose(first, initial_values(init, shape, stream=6))
        assert not np.allclose(first, initial_values(init, shape, seed=4))


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (2, 2), (7, 3), (3, 7), (64, 64), (256, 256), (256, 100), (30, 3, 3, 4), (10, 784), (5, 0)],
)
@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_orthogonal_rows_or_columns_are_orthonormal(shape: tuple[int, ...], gain: float) -> None:
    if gain != 1.0 and max(shape) > 100:
        return  # the gain is a factor; small shapes are enough
    w = initial_values(nn.Orthogonal(gain), shape).astype("float64").reshape(shape[0], -1) / gain
    small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    assert np.abs(small - np.eye(len(small))).max(initial=0.0) <= 1e-6


@pytest.mark.parametrize("seed", range(40))
def test_orthogonal_is_orthogonal_for_every_seed(seed: int) -> None:
    w = initial_values(nn.Orthogonal(), (9, 9), "float64", seed)
    np.testing.assert_allclose(w @ w.T, np.eye(9), atol=1e-12)


def test_orthogonal_has_both_determinants() -> None:
    signs = {
        round(float(np.linalg.det(initial_values(nn.Orthogonal(), (3, 3), "float64", s)))) for s in range(12)
    }
    assert signs == {-1, 1}


def test_fans_count_the_kernel() -> None:
    assert fans((16, 3, 3, 8)) == (72.0, 144.0)
    assert fans((5, 7)) == (7.0, 5.0)
    assert fans((5,)) == (5.0, 5.0)


def test_a_layer_accepts_initializers_by_name() -> None:
    assert known_initializer("small") == nn.SmallNormal(0.01)
    net = nn.Dense(4, weight_initializer="zeros", bias_initializer="ones")
    built = nn.build(net, {"x": Spec((2, 3), "float32")}, "float32")
    assert built.parameters["weight"].initializer == nn.Fill(0.0)
    assert built.parameters["bias"].initializer == nn.Fill(1.0)


def test_the_default_initializer_depends_on_the_activation() -> None:
    for activation, init in (
        ("relu", "he"),
        (nn.Activation("relu"), "he"),
        ("tanh", "xavier"),
        (None, "xavier"),
    ):
        built = nn.build(nn.Dense(4, activation), {"x": Spec((2, 3), "float32")}, "float32")
        assert built.parameters["weight"].initializer == INITIALIZERS[init]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (lambda: nn.Dense(4, weight_initializer="hee"), "E101"),
        (lambda: nn.Dense(4, bias_initializer=0.5), "E101"),
        (lambda: nn.Scaled(fan="inn"), "E101"),
        (lambda: nn.Scaled(distribution="gauss"), "E101"),
        (lambda: nn.Scaled(gain=0.0), "E102"),
        (lambda: nn.SmallNormal(-1.0), "E102"),
        (lambda: nn.Orthogonal(0), "E102"),
        (lambda: nn.Fill("0"), "E102"),
        (lambda: nn.Uniform(1.0, 1.0), "E102"),
        (lambda: nn.Uniform("0"), "E102"),
        (lambda: nn.Normal(0.0, -1.0), "E102"),
        (lambda: nn.TruncatedNormal(cut=0.1), "E102"),
        (lambda: nn.Eye(float("nan")), "E102"),
        (lambda: nn.Dirac(0), "E102"),
        (lambda: nn.SparseNormal(1.5), "E102"),
    ],
)
def test_an_invalid_setting_is_refused(bad: Callable[[], object], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        bad()
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("init", "shape"),
    [
        (nn.Orthogonal(), (5,)),
        (nn.Eye(), (5,)),
        (nn.Eye(), (5, 3, 2)),
        (nn.Dirac(), (5, 3)),
        (nn.Dirac(2), (5, 3, 3)),
        (nn.SparseNormal(), (5,)),
    ],
)
def test_a_shape_that_the_initializer_does_not_support_is_refused(
    init: nn.Initializer, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ChainruleError) as caught:
        init(input_node("key", (2,), "uint32"), shape, "float32", 0)
    assert isinstance(caught.value, ShapeError)
    assert caught.value.code == "E208"


@pytest.mark.parametrize("cut", [0.5, 1.0, 2.0, 3.0])
def test_a_truncated_normal_has_scipys_distribution(cut: float) -> None:
    values = initial_values(nn.TruncatedNormal(1.0, 0.5, cut=cut), (300, 200), "float64")
    peer = stats().truncnorm(-cut, cut, 1.0, 0.5)
    assert np.abs(values - 1.0).max() <= 0.5 * cut
    assert np.unique(values).size > 0.999 * values.size  # values are not clipped to the limits
    assert stats().kstest(values.reshape(-1)[:20_000], peer.cdf).pvalue > 1e-4
    assert truncated_std(cut) * 0.5 == pytest.approx(peer.std(), rel=1e-9)


@pytest.mark.parametrize("fan", ["in", "out", "mean"])
@pytest.mark.parametrize("distribution", ["uniform", "normal", "truncated"])
def test_a_scaled_distribution_has_the_variance_of_its_fan(distribution: str, fan: str) -> None:
    values = initial_values(
        nn.Scaled(gain=1.5, fan=fan, distribution=distribution), (40, 3, 3, 60), "float64"
    )
    fan_in, fan_out = 9 * 60, 9 * 40
    expected = 1.5 / {"in": fan_in, "out": fan_out, "mean": (fan_in + fan_out) / 2}[fan]
    assert values.var() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("shape", [(4, 3, 2), (4, 3, 5, 3), (2, 3, 4, 5, 6)])
def test_dirac_equals_pytorchs(shape: tuple[int, ...], groups: int) -> None:
    peer = torch.nn.init.dirac_(torch.empty(shape[0], shape[-1], *shape[1:-1]), groups).movedim(1, -1)
    np.testing.assert_array_equal(initial_values(nn.Dirac(groups), shape), peer.numpy())


def test_eye_equals_pytorchs() -> None:
    np.testing.assert_array_equal(
        initial_values(nn.Eye(2.0), (3, 5)), 2 * torch.nn.init.eye_(torch.empty(3, 5)).numpy()
    )


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_each_column_has_its_share_of_zeros_at_random_places(share: float) -> None:
    values = initial_values(nn.SparseNormal(share, std=2.0), (33, 50))
    assert ((values == 0).sum(axis=0) == math.ceil(share * 33)).all()
    if 0 < share < 1:
        assert len({column.tobytes() for column in (values == 0).T}) > 40
        assert values[values != 0].std() == pytest.approx(2.0, rel=0.1)
