"""Promises that hold for every kind of model, with each option."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.robustness import with_novelty_gate

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 5)).astype("float32")
CLASSES = np.array(["a", "b", "c"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0.3)]
TWO = np.where(X[:, 0] > 0, "yes", "no")
VALUES = (X[:, :1] * 2 + X[:, 1:2] ** 2).astype("float32")
IMAGES = RNG.normal(size=(120, 6, 6, 1)).astype("float32")
TOKENS = RNG.integers(1, 20, size=(120, 7))
Trained = tuple[cr.Model, np.ndarray, Any]


def trained(
    net: cr.Layer,
    loss: Any,
    x: np.ndarray,
    y: Any,
    optimizer: Any = None,
    batch_size: int | None = 32,
    **options: Any,
) -> Trained:
    """A model after three epochs, with its rows and targets."""
    model = cr.Model(net, loss, optimizer or cr.Adam(0.01), **options)
    model.fit(x, y, epochs=3, batch_size=batch_size, seed=0, verbose=False, doctor=False)
    return model, x, y


def classifier(*layers: cr.Layer, **options: Any) -> Trained:
    x = X.astype(options.get("dtype", "float32"))
    return trained(
        cr.Sequential(cr.Dense(8, "relu"), *layers, cr.Dense(3)), "cross_entropy", x, CLASSES, **options
    )


def regression(**options: Any) -> Trained:
    return trained(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(1)), "mse", X, VALUES, **options)


def binary() -> Trained:
    return trained(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(1)), "binary_cross_entropy", X, TWO)


def convolution(**options: Any) -> Trained:
    net = cr.Sequential(cr.Conv(4, 3, activation="relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(3))
    return trained(net, "cross_entropy", IMAGES, CLASSES, **options)


def tokens(**options: Any) -> Trained:
    net = cr.Sequential(cr.Embedding(20, 6), cr.LSTM(5), cr.Dense(2))
    return trained(net, "cross_entropy", TOKENS, TWO, **options)


def ensemble() -> Trained:
    layers = (
        cr.RepeatVector(4),
        cr.EnsembleDense(8, "relu"),
        cr.EnsembleDense(3),
        cr.EnsembleMean("softmax"),
    )
    return trained(cr.Sequential(*layers), "cross_entropy", X, CLASSES)


def quantized(fitted: Trained) -> Trained:
    fitted[0].quantize(fitted[1])
    return fitted


def calibrated(fitted: Trained, method: Any) -> Trained:
    fitted[0].calibrate(fitted[1], fitted[2], method=method)
    return fitted


def gated(fitted: Trained) -> Trained:
    model, x, y = fitted
    return cr.Model.of(with_novelty_gate(model.state, x[:80], x[80:])), x, y


def with_intervals(fitted: Trained) -> Trained:
    fitted[0].calibrate_intervals(fitted[1], fitted[2])
    return fitted


def private() -> Trained:
    model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(3)), "cross_entropy", cr.Adam(0.01))
    model.fit(X, CLASSES, epochs=2, verbose=False, doctor=False, privacy=cr.Privacy(epsilon=8, delta=1e-3))
    return model, X, CLASSES


KINDS: dict[str, Callable[[], Trained]] = {
    "float64": lambda: classifier(dtype="float64"),
    "bfloat16": lambda: classifier(precision="bfloat16"),
    "int8": lambda: quantized(classifier()),
    "int8 of bfloat16": lambda: quantized(classifier(precision="bfloat16")),
    "temperature": lambda: calibrated(classifier(), "temperature"),
    "isotonic": lambda: calibrated(classifier(), "isotonic"),
    "isotonic, one score": lambda: calibrated(binary(), "isotonic"),
    "gate": lambda: gated(classifier()),
    "regression": regression,
    "intervals": lambda: with_intervals(regression()),
    "regression in int8": lambda: quantized(regression()),
    "averaged": lambda: classifier(optimizer=cr.EMA(cr.Adam(0.01), decay=0.9)),
    "schedule-free": lambda: classifier(optimizer=cr.ScheduleFreeAdamW(0.01)),
    "full batches": lambda: classifier(optimizer=cr.LBFGS(), batch_size=None),
    "private": private,
    "dropout": lambda: classifier(cr.Dropout(0.3)),
    "batch norm": lambda: classifier(cr.BatchNorm()),
    "batch norm in int8": lambda: quantized(classifier(cr.BatchNorm())),
    "spectral norm in int8": lambda: quantized(classifier(cr.SpectralNorm(cr.Dense(8, "relu")))),
    "weight norm": lambda: classifier(cr.WeightNorm(cr.Dense(8, "relu"))),
    "convolution": convolution,
    "convolution in int8": lambda: quantized(convolution()),
    "convolution in bfloat16": lambda: convolution(precision="bfloat16"),
    "tokens": tokens,
    "tokens in int8": lambda: quantized(tokens()),
    "ensemble": ensemble,
}


@pytest.fixture(scope="module", params=KINDS)
def fitted(request: pytest.FixtureRequest) -> Trained:
    return KINDS[request.param]()


def test_a_file_keeps_everything(fitted: Trained, tmp_path: Path) -> None:
    model, x, y = fitted
    model.save(tmp_path / "a.safetensors")
    loaded = cr.Model.load(tmp_path / "a.safetensors")
    for other in (loaded, copy.deepcopy(model)):
        np.testing.assert_array_equal(other.predict(x), model.predict(x))
        assert other.evaluate(x, y) == model.evaluate(x, y)
        assert other.summary() == model.summary()
    loaded.save(tmp_path / "b.safetensors")
    assert (tmp_path / "b.safetensors").read_bytes() == (tmp_path / "a.safetensors").read_bytes()


def test_metrics_are_those_of_the_predictions(fitted: Trained) -> None:
    model, x, y = fitted
    predicted, values = np.asarray(model.predict(x)), model.evaluate(x, y)
    if model.task == "classification":
        assert values["accuracy"] == pytest.approx((predicted == y).mean(), abs=1e-6)
    else:
        assert values["mae"] == pytest.approx(np.abs(predicted.reshape(-1, 1) - y).mean(), rel=1e-5)


def test_displays_and_commands_work(
    fitted: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, x, y = fitted
    assert "<table>" in model._repr_html_()
    assert model.plot.weights().text
    assert len(str(model.explain(x[:1], y[:1]))) > 300
    file, rows = str(tmp_path / "m.safetensors"), str(tmp_path / "rows.npz")
    model.save(file)
    assert model.network is not None
    (name,) = model.network.inputs
    arrays: dict[str, Any] = {name: x, "y": y}
    np.savez(rows, **arrays)
    for words in (
        ["show", file],
        ["predict", file, rows],
        ["evaluate", file, rows],
        ["explain", file, rows, "--row", "1"],
    ):
        for lang in ("en", "zh"):
            capsys.readouterr()
            assert main([*words, "--lang", lang]) == 0, capsys.readouterr().err
            assert capsys.readouterr().out


def test_a_training_is_repeated_as_it_was(fitted: Trained) -> None:
    model, x, y = fitted
    if model.task == "classification":
        model.robustness.label_issues(x, y, folds=2, epochs=1)
