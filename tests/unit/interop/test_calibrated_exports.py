"""An exported file predicts as ``chainrule predict``: with the calibration of the model."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.events import Channel, notices
from chainrule.robustness import with_novelty_gate
from chainrule.tabular.predicted_columns import prediction_columns
from chainrule.train.model_state import CALIBRATION
from chainrule.uncertainty.calibration import Calibration
from chainrule.uncertainty.calibration_maps import Identity, Isotonic, ProbabilityMap, Temperature

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype("float32")
TWO = np.where(X[:, 0] > 0, "yes", "no")
THREE = np.array(["a", "b", "c"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0.3)]
NETWORKS: dict[str, tuple[int, Any, np.ndarray]] = {
    "two scores": (2, "cross_entropy", TWO),
    "one score": (1, "binary_cross_entropy", TWO),
    "three classes": (3, "cross_entropy", THREE),
}


def steps(count: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Knots of each class, of which some are close to one another, and flat pieces."""
    places = np.sort(RNG.random((count, 12)), axis=1)
    places[:, 5] = places[:, 4] + 1e-7
    images = np.sort(RNG.uniform(0.01, 0.99, (count, 12)), axis=1)
    images[:, 7:9] = images[:, 7:8]
    return tuple(zip(places, images, strict=True))


MAPS: dict[str, Any] = {
    "identity": lambda count: Identity(),
    "certain": lambda count: Temperature(0.4),
    "uncertain": lambda count: Temperature(3.0),
    "isotonic": lambda count: Isotonic(steps(count)),
    "one knot": lambda count: Isotonic(((np.array([0.3]), np.array([0.2])),) * count),
}


def calibrated(name: str, own: ProbabilityMap, dtype: Any) -> cr.Model:
    scores, loss, y = NETWORKS[name]
    model = cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(scores)), loss, cr.Adam(0.02), dtype=dtype)
    model.fit(X, y, epochs=5, seed=0, verbose=False, doctor=False)
    thresholds = {method: {0.9: np.full(len(set(y)), 0.1)} for method in ("threshold", "adaptive", "class")}
    facts = {**model.facts, CALIBRATION: Calibration(own, thresholds, 100).fact}
    return cr.Model.of(replace(model.state, facts=facts))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", MAPS)
@pytest.mark.parametrize("name", NETWORKS)
def test_files_predict_as_the_command(name: str, kind: str, dtype: str, tmp_path: Path) -> None:
    own = MAPS[kind](max(2, NETWORKS[name][0]))
    model = calibrated(name, own, dtype)
    assert model.calibration is not None
    columns = prediction_columns(model, X.astype(dtype), True)
    labels = columns.pop("prediction")
    expected = np.stack(list(columns.values()), 1)
    file = tmp_path / "model.py"
    model.export(file)
    spec = importlib.util.spec_from_file_location("exported", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result = module.network({"x": X.astype(dtype)})
    np.testing.assert_allclose(result["probabilities"], expected, rtol=2e-5, atol=2e-6)
    is_clear = np.diff(np.sort(expected, axis=1)[:, -2:], axis=1)[:, 0] > 1e-5
    assert is_clear.mean() > 0.9 or kind == "one knot"
    assert np.array_equal(result["label"][is_clear], labels[is_clear])


@pytest.mark.parametrize("suffix", [".onnx", ".c", ".html", ".stablehlo", "_torch.py"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_format_is_compared_with_the_command(name: str, suffix: str, tmp_path: Path) -> None:
    model = calibrated(name, Isotonic(steps(max(2, NETWORKS[name][0]))), "float32")
    assert model.export(tmp_path / f"model{suffix}").difference < 1e-5


def test_a_gate_that_is_not_in_the_file_is_stated(tmp_path: Path) -> None:
    model = cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(3)), "cross_entropy", cr.Adam(0.02))
    model.fit(X, THREE, epochs=5, seed=0, verbose=False, doctor=False)
    received: list[Any] = []
    with notices.deliver_to(Channel([received.append])):
        model.export(tmp_path / "plain.py")
        assert received == []
        cr.Model.of(with_novelty_gate(model.state, X[:200], X[200:])).export(tmp_path / "gated.py")
    (notice,) = received
    assert "names a class for every row" in notice.en
