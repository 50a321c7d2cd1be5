"""Certificates and attacks of models whose predictions are rounded: they hold for ``predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr

KINDS = ("float32", "bfloat16", "int8", "bfloat16 and int8")
RADIUS = 0.003


def trained(kind: str, network: str) -> tuple[cr.Model, np.ndarray, np.ndarray]:
    """A model of this kind, and rows with labels."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 6)).astype("float32")
    y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype(int)
    layers: tuple[Any, ...] = (cr.Dense(32, "relu"), cr.Dense(32, "relu"), cr.Dense(2))
    if network == "convolution":
        x = x.reshape(-1, 6, 1)
        layers = (cr.Conv(8, 3, activation="relu"), cr.Flatten(), cr.Dense(2))
    precision = "bfloat16" if "bfloat16" in kind else "float32"
    model = cr.Model(cr.Sequential(*layers), "cross_entropy", cr.Adam(0.01), precision=precision)
    model.fit(x, y, epochs=6, verbose=False)
    if "int8" in kind:
        model.quantize(x)
    return model, x, y


@pytest.mark.parametrize("network", ["dense", "convolution"])
@pytest.mark.parametrize("kind", KINDS)
def test_proven_predictions_stay_and_counterexamples_change_them(kind: str, network: str) -> None:
    model, x, _ = trained(kind, network)
    near = np.argsort(np.abs(model.predict_proba(x)[:, 1] - 0.5))[:300]
    x = x[near]
    labels, certificate = model.predict(x), model.robustness.certify(x, radius=RADIUS, seconds=0.0)
    is_proven = np.array(certificate.status) == "proven"
    assert 50 < is_proven.sum() < 300
    rng = np.random.default_rng(1)
    for i in range(60):
        change = rng.uniform(-1.0, 1.0, x.shape)
        change = np.sign(change) if i % 2 else change
        changed = np.clip(x + RADIUS * change, x - RADIUS, x + RADIUS).astype("float32")
        is_within = (
            np.abs(changed.astype("float64") - x.astype("float64")).reshape(len(x), -1).max(1) <= RADIUS
        )
        is_changed = model.predict(changed) != labels
        assert not (is_proven & is_within & is_changed).any()
    points = certificate.counterexamples
    for row, point in points.items():
        assert model.predict(np.asarray(point)[None].reshape(1, *x.shape[1:]))[0] != labels[row]


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_reports_what_predict_returns(kind: str) -> None:
    model, x, y = trained(kind, "dense")
    attack = model.attack(x, y, radius=0.1)
    is_changed = (model.predict(attack.adversarial) != y) & (model.predict(x) == y)
    np.testing.assert_array_equal(is_changed, attack.success)


def test_what_was_measured_on_other_predictions_does_not_hold_in_8_bits() -> None:
    model, x, y = trained("float32", "dense")
    model.calibrate(x, y)
    facts, exact = dict(model.state.facts), model.predict_proba(x)
    model.quantize(x)
    assert "calibration" in facts
    assert "calibration" not in model.state.facts
    model.calibrate(x, y)
    assert "calibration" in model.state.facts
    assert model.quantize(None).state.facts == facts
    np.testing.assert_array_equal(model.predict_proba(x), exact)


def test_the_ranges_of_a_quantization_are_not_private() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5)).astype("float32")
    y = (x[:, 0] > 0).astype(int)
    model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(2)), "cross_entropy", cr.SGD(0.1))
    private = cr.Privacy(epsilon=3.0, delta=1e-3)
    model.fit(x, y, epochs=1, batch_size=100, verbose=False, privacy=private)
    reasons = []
    for samples in (None, x, None):
        model.quantize(samples)
        spent = model.privacy.spent
        assert spent is not None
        reasons.append(spent.unprotected)
    assert reasons == [(), ("quantization",), ()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".onnx", ".py", ".c"])
def test_an_exported_file_computes_without_rounding(kind: str, suffix: str, tmp_path: Path) -> None:
    model, _, _ = trained(kind, "dense")
    exported = model.export(tmp_path / f"net{suffix}")
    assert exported.difference < 1e-5
