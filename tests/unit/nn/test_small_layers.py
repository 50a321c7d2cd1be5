"""Unpooling, activity penalties, hierarchical softmax, discretization: cases beyond the table of layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError, ShapeError, UsageError
from chainrule.gradient import grad
from chainrule.graph import input_node
from chainrule.ops import functional as F
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("E102", lambda: nn.MaxPool(2, return_indices=1)),
        ("E102", lambda: nn.MaxPool(2, dilation=0)),
        ("E102", lambda: nn.MaxUnpool(0)),
        ("E102", lambda: nn.MaxUnpool(2, output_size=0)),
        ("E101", lambda: nn.MaxUnpool(2, padding="full")),
        ("E102", lambda: nn.ActivityRegularization(0.1)),
        ("E102", lambda: nn.ActivityRegularization(nn.OrthogonalPenalty())),
        ("E102", lambda: nn.Rescaling("1/255")),
        ("E102", lambda: nn.Normalization(mean=0.0, variance=0.0)),
        ("E102", lambda: nn.Normalization(mean=(0.0, "1"), variance=1.0)),
        ("E102", lambda: nn.Discretization((2.0, 1.0))),
        ("E102", lambda: nn.Discretization(())),
        ("E101", lambda: nn.CategoryEncoding(3, mode="multihot")),
        ("E102", lambda: nn.CategoryEncoding(0)),
        ("E102", lambda: nn.AdaptiveLogSoftmax(10, (5, 5))),
        ("E102", lambda: nn.AdaptiveLogSoftmax(10, ())),
        ("E102", lambda: nn.AdaptiveLogSoftmax(10, (5,), div_value=0)),
        ("E104", lambda: nn.TimeDistributed("conv")),
    ],
)
def test_a_setting_out_of_its_range_is_refused(code: str, make: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("code", "net", "inputs"),
    [
        ("E231", nn.MaxUnpool(2), {"x": (B, 2, 2, 3)}),
        ("E231", nn.MaxUnpool(2), {"values": (B, 2, 2, 3), "winner": (B, 2, 2, 3)}),
        ("E231", nn.MaxUnpool(2), {"values": (B, 2, 2, 3), "indices": (B, 2, 1, 3)}),
        (
            "E231",
            nn.MaxUnpool(2),
            {"values": (B, 2, 2, 3), "indices": (B, 2, 2, 3)},
        ),  # indices are not integers
        (
            "E216",
            nn.Sequential(nn.MaxPool(2, return_indices=True), nn.MaxUnpool(2, output_size=9)),
            {"x": (B, 4, 4, 1)},
        ),
        ("E208", nn.Normalization(mean=(1.0, 2.0), variance=1.0), {"x": (B, 3)}),
        ("E208", nn.CategoryEncoding(3), {"x": (B,)}),
        ("E208", nn.AdaptiveLogSoftmax(10, (2, 5), div_value=4.0), {"x": (B, 8)}),
        ("E208", nn.TimeDistributed(nn.Dense(2)), {"x": (B, 3)}),
        ("E208", nn.TimeDistributed(nn.MaxPool(2, return_indices=True)), {"x": (B, 3, 4, 2)}),
    ],
)
def test_an_input_that_does_not_fit_is_refused(code: str, net: nn.Layer, inputs: Mapping[str, tuple]) -> None:
    with pytest.raises(ShapeError) as caught:
        nn.build(net, {name: Spec(shape, "float32") for name, shape in inputs.items()}, "float32")
    assert caught.value.code == code
    assert "{" not in caught.value.clause("zh")


@settings(max_examples=20)
@given(
    some.integers(1, 3), some.integers(1, 3), some.integers(0, 1), some.integers(0, 2**31), some.booleans()
)
def test_unpooled_values_are_at_their_former_positions(
    window: int, places: int, rest: int, seed: int, volumes: bool
) -> None:
    n = window * places + min(rest, window - 1)
    shape = (2, n, 2, 1) if volumes else (2, n, 3)
    sizes = (window, 1) if volumes else (window,)
    x = np.random.default_rng(seed).normal(size=shape)
    net = nn.Sequential(nn.MaxPool(sizes, return_indices=True), nn.MaxUnpool(sizes, output_size=shape[1:-1]))
    back = evaluate(nn.build(net, {"x": Spec(shape, "float64")}, "float64").output, {"x": x}, "reference")
    assert ((back == x) | (back == 0)).all()
    cut = x[:, : window * places].reshape(2, places, window, *shape[2:])
    there = back[:, : window * places].reshape(cut.shape)
    np.testing.assert_array_equal(there.sum(2), cut.max(2))


def test_the_activity_penalty_is_added_per_sample() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 1))
    regularized = cr.Sequential(cr.Dense(4, "tanh"), cr.ActivityRegularization(cr.L1(0.5)), cr.Dense(1))
    results = {}
    for name, net in (
        ("with", regularized),
        ("without", cr.Sequential(regularized.layers[0], regularized.layers[2])),
    ):
        model = cr.Model(net, loss="mse", optimizer=cr.SGD(1e-9), dtype="float64", engine="reference")
        results[name] = model.fit(x, y, epochs=1, batch_size=6, seed=0, verbose=False)[0]["loss"], model
    losses = {name: loss for name, (loss, _) in results.items()}
    weights = results["with"][1].parameters()
    active = np.tanh(x @ weights["dense1.weight"].T + weights["dense1.bias"])
    assert losses["with"] - losses["without"] == pytest.approx(0.5 * np.abs(active).sum(1).mean(), abs=1e-6)


def test_an_activity_penalty_silences_units() -> None:
    x = np.random.default_rng(1).normal(size=(64, 4)).astype("float32")
    quiet = {}
    for strength in (0.0, 0.05):
        net = cr.Sequential(cr.Dense(8, "relu"), cr.ActivityRegularization(cr.L1(strength)), cr.Dense(4))
        model = cr.Model(net, loss="mse", optimizer=cr.Adam(0.01), engine="reference")
        model.fit(x, x, epochs=60, batch_size=16, seed=0, verbose=False)
        weights = model.parameters()
        quiet[strength] = np.maximum(x @ weights["dense1.weight"].T + weights["dense1.bias"], 0).mean()
    assert quiet[0.05] < quiet[0.0] / 2


def test_a_decoder_is_trained_and_saved(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(12, 4, 4, 1)).astype("float32"), rng.normal(size=12).astype("float32")
    inner = cr.Parallel("none", values=cr.Conv(1, 1), indices=cr.Identity())
    layers = (cr.MaxPool(2, return_indices=True), inner, cr.MaxUnpool(2), cr.Flatten(), cr.Dense(1))
    model = cr.Model(cr.Sequential(*layers), loss="mse")
    model.fit(x, y, epochs=2, batch_size=5, seed=0, verbose=False)
    model.save(tmp_path / "decoder.safetensors")
    np.testing.assert_array_equal(cr.load(tmp_path / "decoder.safetensors").predict(x), model.predict(x))


def test_the_probabilities_of_a_hierarchy_sum_to_one() -> None:
    built = nn.build(
        nn.AdaptiveLogSoftmax(9, (2, 5), div_value=2.0), {"x": Spec((B, 8), "float64")}, "float64"
    )
    rng = np.random.default_rng(3)
    arrays = {path: rng.normal(size=p.spec.at({}).shape) for path, p in built.parameters.items()}
    y = evaluate(built.output, {**arrays, "x": rng.normal(size=(4, 8))}, "reference")
    np.testing.assert_allclose(np.exp(y).sum(-1), 1.0, rtol=1e-12)


def test_a_number_on_a_boundary_belongs_to_the_upper_interval() -> None:
    built = nn.build(nn.Discretization((1.0, 3.0)), {"x": Spec((B,), "float32")}, "float32")
    values = np.array([0.9, 1.0, 2.0, 3.0, 9.0, -np.inf], "float32")
    assert evaluate(built.output, {"x": values}).tolist() == [0, 1, 1, 2, 2, 0]


def test_native_convolution_by_transposed_weights() -> None:
    """Regression: weights whose axes were transposed before their only use gave wrong results."""
    rng = np.random.default_rng(4)
    x, w = input_node("x", (B, 5, 5, 3), "float64"), input_node("w", (4, 3, 2, 2), "float64")
    y = F.convolution(x, F.transpose(w, (0, 2, 3, 1)))  # (O, C, k, k) -> (O, k, k, C)
    gradient = grad((y * y).sum(), [x])[0]
    arrays = {"x": rng.normal(size=(2, 5, 5, 3)), "w": rng.normal(size=(4, 3, 2, 2))}
    expected, result = (evaluate(gradient, arrays, engine) for engine in ("reference", "native"))
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("words", "attempt"),
    [
        ("no axis of length 0", lambda fit: fit(cr.Sequential(cr.LSTM(2), cr.Dense(1)), np.ones((4, 0, 3)))),
        ("more rows", lambda fit: fit(cr.Sequential(cr.BatchNorm(), cr.Dense(1)), np.ones((1, 3)))),
        ("batch_size=4", lambda fit: fit(cr.Sequential(cr.BatchNorm(), cr.Dense(1)), np.ones((4, 3)), 3)),
        ("stride=1", lambda fit: cr.Conv(3, 3, stride=0)),
        ("kernel_size=3", lambda fit: cr.Conv(3, 0)),
        ("cr.LayerNorm()", lambda fit: fit(cr.Sequential(cr.InstanceNorm()), np.ones((4, 1, 1, 2)))),
    ],
)
def test_the_error_suggests_a_fix(words: str, attempt: Callable[..., object]) -> None:
    def fit(net: cr.Layer, x: np.ndarray, batch_size: int = 2) -> None:
        model = cr.Model(net, loss="mse")
        model.fit(x, np.ones(len(x)), epochs=1, batch_size=batch_size, verbose=False)

    with pytest.raises(ChainruleError) as caught:
        attempt(fit)
    assert words in str(caught.value)


def test_a_residual_without_a_shortcut_refuses_named_values() -> None:
    x = {name: np.ones((2, 3), np.float32) for name in ("a", "b")}
    with pytest.raises(ShapeError, match="E208"):
        cr.Model(nn.Residual(nn.Dot()), "mse").initialize(x)
    towers = nn.Residual(nn.Dot(), shortcut=nn.Parallel("add", a=nn.Dense(1), b=nn.Dense(1)))
    assert cr.Model(towers, "mse").initialize(x)(x).shape == (2, 1)
