"""Certificates beside predictions hold for the predictions that are printed, whatever decides them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.commands.predict import CERTIFICATE, certificate_columns
from chainrule.errors import ChainruleError, TrainingError, UsageError
from chainrule.robustness import certify, with_novelty_gate
from chainrule.tabular.predicted_columns import prediction_columns
from chainrule.tabular.threshold import network_threshold, with_threshold
from chainrule.train.model_state import CALIBRATION
from chainrule.uncertainty.calibration import Calibration
from chainrule.uncertainty.calibration_maps import Isotonic, ProbabilityMap, Temperature

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 4)).astype("float32")
Y = np.where(X[:, 0] * X[:, 1] + X[:, 2] > 0, "yes", "no")
RADIUS = 0.05
STEPS = Isotonic(
    (
        (np.array([0.0, 1.0]), np.array([0.0, 1.0])),
        (np.linspace(0, 1, 5), np.array([0.02, 0.1, 0.2, 0.7, 0.9])),
    )
)


def model_of(scores: int = 2, own: ProbabilityMap | None = None, **options: Any) -> cr.Model:
    loss: Any = "cross_entropy" if scores == 2 else "binary_cross_entropy"
    net = cr.Sequential(cr.Dense(16, "relu"), cr.Dense(scores))
    model = cr.Model(net, loss, cr.Adam(0.02), **options)
    model.fit(X, Y, epochs=8, seed=0, verbose=False, doctor=False)
    if own is None:
        return model
    thresholds = {method: {0.9: np.full(2, 0.1)} for method in ("threshold", "adaptive", "class")}
    return cr.Model.of(
        replace(model.state, facts={**model.facts, CALIBRATION: Calibration(own, thresholds, 100).fact})
    )


MODELS: dict[str, tuple[Any, float | None]] = {
    "low": (lambda: with_threshold(model_of(), 0.2), None),
    "high, one score": (lambda: with_threshold(model_of(1), 0.8), None),
    "passed": (model_of, 0.3),
    "isotonic": (lambda: model_of(2, STEPS), None),
    "isotonic, one score, passed": (lambda: model_of(1, STEPS), 0.15),
    "temperature, cost": (lambda: with_threshold(model_of(2, Temperature(2.0)), 0.25, cost="1:3"), None),
    "temperature, chosen": (lambda: with_threshold(model_of(2, Temperature(2.0)), 0.25), None),
    "bfloat16": (lambda: with_threshold(model_of(precision="bfloat16"), 0.2), None),
    "gate": (
        lambda: cr.Model.of(with_novelty_gate(model_of().state, X[:200], X[200:], false_alarms=0.1)),
        None,
    ),
}


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_every_row_is_counted_once(seconds: float) -> None:
    counts: list[int] = []
    options: dict[str, Any] = {"radius": 0.3, "threshold": 0.3, "seconds": seconds}
    certificate = certify(model_of().state, X[:60], advance=counts.append, **options)
    assert len(set(certificate.status)) > 1
    assert sum(counts) == 60
    assert len(counts) > 4


@pytest.mark.parametrize("name", MODELS)
def test_proven_predictions_are_those_that_are_printed(name: str) -> None:
    model, passed = MODELS[name][0](), MODELS[name][1]
    printed = prediction_columns(model, X, False, passed)["prediction"].astype(str)
    columns = certificate_columns(model, X, RADIUS, passed, printed)
    is_proven, is_broken = (columns[CERTIFICATE] == status for status in ("proven", "broken"))
    assert is_proven.mean() > 0.5
    assert is_proven.sum() < len(X)
    for i in range(60):
        change = RNG.uniform(-1, 1, X.shape) if i % 2 else np.sign(RNG.normal(size=X.shape))
        changed = np.clip(X + RADIUS * change, X - RADIUS, X + RADIUS).astype("float32")
        is_within = (np.abs(changed.astype("float64") - X) <= RADIUS).all(1)
        after = prediction_columns(model, changed, False, passed)["prediction"].astype(str)
        assert not (is_proven & is_within & (after != printed) & (after != "unknown")).any()
    assert (columns["changed prediction"][is_broken] != printed[is_broken]).all()
    assert not columns["changed prediction"][~is_broken].any()
    assert not (is_proven & (printed == "unknown")).any()


def test_a_threshold_of_printed_probabilities_is_one_of_the_network() -> None:
    assert network_threshold(model_of()) is None
    assert network_threshold(model_of(2, Temperature(2.0))) is None
    model = model_of(2, STEPS)
    assert model.calibration is not None
    assert network_threshold(model) == pytest.approx(0.65)  # from 0.2 to 0.7 between 0.5 and 0.75
    assert network_threshold(model, 0.1) == pytest.approx(0.25)
    assert network_threshold(model, 0.95) == 2.0
    assert network_threshold(with_threshold(model, 0.4)) == 0.4


@pytest.mark.parametrize("threshold", [0, 1, 2.0, "half", float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(threshold: Any) -> None:
    with pytest.raises(ChainruleError):
        model_of().certify(X[:3], radius=0.1, threshold=threshold)


class Doubled(cr.CrossEntropy):
    """Cross-entropy whose probabilities are those of doubled scores."""

    def prediction(self, prediction: cr.Node) -> cr.Node:
        return super().prediction(prediction * 2.0)


def test_probabilities_of_other_scores_are_refused() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(2)), Doubled())
    model.fit(X, Y, epochs=1, verbose=False)
    with pytest.raises(TrainingError, match="E582"):
        model.certify(X[:3], radius=0.1, threshold=0.3)


def test_other_models_are_refused() -> None:
    three = cr.Model(cr.Dense(3), "cross_entropy")
    three.fit(X, np.arange(400) % 3, epochs=1, verbose=False)
    with pytest.raises(TrainingError, match="E582"):
        three.certify(X[:3], radius=0.1, threshold=0.3)
    with pytest.raises(UsageError, match="E102"):
        model_of().certify(X[:3], radius=0.1, norm="2", method="smoothing", threshold=0.3)
