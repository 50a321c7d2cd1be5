"""Calibration, prediction sets, abstention, and samples of a network with dropout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.metrics import Predictions, score
from chainrule.uncertainty import Isotonic, Temperature, prediction_sets, risk_coverage, set_thresholds
from chainrule.uncertainty.calibration import LEVELS, Calibration, calibrate_probabilities
from chainrule.uncertainty.calibration_maps import MAPS, Identity, map_of
from chainrule.uncertainty.conformal_sets import SET_METHODS


def sample(rows: int, classes: int, sharpness: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes that are sample from probabilities, and these probabilities with another temperature."""
    rng = np.random.Generator(np.random.Philox(seed))
    logits = 1.5 * rng.normal(size=(rows, classes))
    true = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    y = (true.cumsum(axis=1) < rng.random(rows)[:, None]).sum(axis=1).clip(max=classes - 1)
    sharp = sharpness * logits
    return np.exp(sharp - np.logaddexp.reduce(sharp, axis=1, keepdims=True)), y


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("method", MAPS)
def test_a_map_restores_the_true_probabilities(method: str, classes: int, sharpness: float) -> None:
    mapped = MAPS[method].fitted(*sample(4_000, classes, sharpness, 1))
    p, y = sample(4_000, classes, sharpness, 2)
    truth, _ = sample(4_000, classes, 1.0, 2)
    calibrated = mapped(p)
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)
    assert np.abs(calibrated - truth).mean() < 0.03
    losses = [
        score(Predictions(y, q, None, "classification"), ["log_loss"])["log_loss"] for q in (p, calibrated)
    ]
    assert losses[1] < losses[0] + 0.01
    if sharpness != 1:
        assert losses[1] < losses[0]


def test_a_temperature_is_found_and_keeps_the_predicted_class() -> None:
    p, y = sample(20_000, 3, 2.5, 3)
    mapped = Temperature.fitted(p, y)
    assert mapped.value == pytest.approx(2.5, rel=0.05)
    np.testing.assert_array_equal(mapped(p).argmax(axis=1), p.argmax(axis=1))


def test_a_temperature_of_few_rows_without_errors_stays_moderate() -> None:
    """Else the first wrong row would have no probability: log-loss 0.213 instead of 0.106 without a map."""
    p, y = sample(4_000, 2, 1.0, 3)
    is_right = p.argmax(axis=1) == y
    few = Temperature.fitted(p[is_right][:30], y[is_right][:30])
    assert 0.1 < few.value < 1.0
    assert few.value < Temperature.fitted(p[is_right][:5], y[is_right][:5]).value < 1.0


@given(st.integers(0, 1000), st.integers(2, 4))
@settings(max_examples=20)
def test_an_isotonic_map_is_increasing_and_never_certain(seed: int, classes: int) -> None:
    p, y = sample(60, classes, 2.0, seed)
    mapped = Isotonic.fitted(p, y)
    for _, images in mapped.knots:
        assert (np.diff(images) >= 0).all()
        assert images.min() > 0
        assert images.max() < 1
    calibrated = mapped(sample(50, classes, 5.0, seed + 1)[0])
    assert ((calibrated > 0) & (calibrated < 1)).all()


@pytest.mark.parametrize("method", MAPS)
def test_a_map_is_restored_from_plain_data(method: str) -> None:
    p, y = sample(200, 3, 2.0, 5)
    mapped = MAPS[method].fitted(p, y)
    restored = map_of(mapped.fact, 3)
    assert restored is not None
    np.testing.assert_array_equal(restored(p), mapped(p))


@pytest.mark.parametrize("level", LEVELS[:3])
@pytest.mark.parametrize("sharpness", [0.5, 1.0, 4.0])
def test_prediction_sets_contain_the_true_class(level: float, sharpness: float) -> None:
    """Whether or not the probabilities are right."""
    rates = []
    for seed in range(200):
        p, y = sample(260, 5, sharpness, 100 + seed)
        inside = prediction_sets(p[60:], set_thresholds(p[:60], y[:60], level))
        assert inside.any(axis=1).all()
        rates.append(inside[np.arange(200), y[60:]].mean())
    assert np.mean(rates) >= level - 0.01
    assert np.mean(rates) <= level + 1 / 61 + 0.02


def test_too_few_rows_for_a_level_give_sets_of_all_classes() -> None:
    p, y = sample(8, 4, 1.0, 0)
    for method in SET_METHODS:
        assert not set_thresholds(p, y, 0.9, method).any()
    assert prediction_sets(p, 0.0).all()


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=60))
def test_the_risk_at_each_coverage_is_the_share_of_errors_among_the_most_certain(
    rows: list[tuple[int, bool]],
) -> None:
    certain = np.array([0.5 + 0.05 * c for c, _ in rows])
    y = np.array([int(is_wrong) for _, is_wrong in rows])
    curve = risk_coverage(np.stack([certain + 1e-9, 1 - certain - 1e-9], axis=1), y)
    assert (np.diff(curve.confidence) <= 0).all()
    assert curve.risk[-1] == pytest.approx(y.mean())
    for confidence in np.unique(certain):
        decided = certain >= confidence
        index = decided.sum() - 1
        assert curve.risk[index] == pytest.approx(y[decided].mean())
        assert curve.coverage[index] == pytest.approx(decided.mean())


def test_a_promised_risk_is_kept_on_new_rows() -> None:
    broken, promised = 0, 0
    for seed in range(200):
        p, y = sample(3_000, 3, 1.0, 900 + seed)
        confidence = risk_coverage(p[:1_000], y[:1_000]).confidence_for(0.15)
        if confidence is None:
            continue
        promised += 1
        decided = p[1_000:].max(axis=1) >= confidence
        wrong = p[1_000:].argmax(axis=1) != y[1_000:]
        broken += wrong[decided].mean() > 0.15 + 2 * np.sqrt(0.15 * 0.85 / decided.sum())
    assert promised > 100
    assert broken <= 0.05 * promised


def test_no_confidence_is_promised_where_errors_are_too_frequent() -> None:
    p, y = sample(300, 3, 1.0, 1)
    assert risk_coverage(p, (p.argmax(axis=1) + 1) % 3).confidence_for(0.2) is None
    assert risk_coverage(p[:5], y[:5]).confidence_for(0.01) is None


X = np.random.default_rng(4).normal(size=(700, 3)).astype(np.float32)
Y = np.array(["a", "b", "c"])[(X[:, 0] > 0).astype(int) + (X[:, 1] + 0.5 * X[:, 2] > 0.7)]


@pytest.fixture(scope="module")
def model() -> cr.Model:
    net = cr.Sequential(cr.Dense(32, "relu"), cr.Dropout(0.4), cr.BatchNorm(), cr.Dense(3))
    trained = cr.Model(net, "cross_entropy", cr.Adam(0.01))
    trained.fit(X[:300], Y[:300], epochs=8, seed=0, verbose=False)
    return trained


def test_a_calibration_is_saved_with_the_model(model: cr.Model, tmp_path: Path) -> None:
    before = model.predict_proba(X[500:])
    report = model.calibrate(X[300:500], Y[300:500])
    assert report.calibration.rows == 100
    assert report.after["accuracy"] == report.before["accuracy"]
    assert "90%" in str(report)
    model.save(tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors")
    assert model.calibration is not None
    assert loaded.calibration is not None
    np.testing.assert_array_equal(loaded.predict_proba(X[500:]), before)
    np.testing.assert_array_equal(loaded.calibration.sets(before, 0.9), model.calibration.sets(before, 0.9))
    with pytest.raises(cr.errors.UsageError, match="E101"):
        loaded.calibration.sets(before, 0.5)
    for kind in SET_METHODS:
        sets = loaded.calibration.sets(before, 0.9, kind)
        np.testing.assert_array_equal(sets, model.calibration.sets(before, 0.9, kind))
        assert kind in str(report)
    with pytest.raises(cr.errors.UsageError, match="adaptive"):
        loaded.calibration.sets(before, 0.9, "adaptiv")  # type: ignore[arg-type]


@pytest.mark.parametrize("method", MAPS)
@pytest.mark.parametrize("rows", [40, 120])
def test_no_calibration_makes_log_loss_worse(rows: int, method: str) -> None:
    """Neither on the rows that fit it nor on those that measure it; the report states it."""
    unchanged = 0
    for seed in range(10):
        p, y = sample(rows, 3, 1.0, 5_000 + seed)
        report = calibrate_probabilities(p, y, method=method, seed=seed)
        assert report.after["log_loss"] <= report.before["log_loss"]
        if report.calibration.map.name == Identity.name:
            unchanged += 1
            assert "is not used" in str(report)
            np.testing.assert_array_equal(report.calibration.map(p), p)
            assert map_of(report.calibration.map.fact, 3) is not None
    assert unchanged > 1, "right probabilities need no map"
    p, y = sample(2_000, 3, 3.0, 1)
    assert calibrate_probabilities(p, y, method=method).calibration.map.name == method


@pytest.mark.parametrize(
    "change",
    [
        {"map": None},
        {"map": {"method": "temperature", "value": -1.0}},
        {"map": {"method": "temperature", "value": float("nan")}},
        {"map": {"method": "isotonic", "knots": [[[0.0, 1.0], [1.0, 0.0]]] * 3}},
        {"map": {"method": "isotonic", "knots": [[[0.0, 1.0], [0.0]]] * 3}},
        {"map": {"method": "isotonic", "knots": [[[0.0], [0.5]]] * 2}},
        {"map": {"method": "isotonic", "knots": [[[True], [0.5]]] * 3}},
        {"thresholds": {"threshold": {"0.9": [0.5] * 3}}},
        {"thresholds": {key: {"0.9": [2.0] * 3} for key in SET_METHODS}},
        {"thresholds": {key: {"0.9": [0.5] * 2} for key in SET_METHODS}},
        {"thresholds": {key: {"0.9": 0.5} for key in SET_METHODS}},
        {"thresholds": {key: {"0.123": [0.5] * 3} for key in SET_METHODS}},
        {"thresholds": []},
        {"rows": 0},
        {"rows": "many"},
    ],
)
def test_a_damaged_calibration_of_a_file_is_not_used(change: dict[str, Any]) -> None:
    thresholds = {method: {0.9: np.full(3, 0.2)} for method in SET_METHODS}
    valid = Calibration(Temperature(1.5), thresholds, 50).fact
    assert Calibration.of_fact(valid, 3) is not None
    assert Calibration.of_fact({**valid, **change}, 3) is None


def test_samples_of_dropout_vary_around_the_prediction(model: cr.Model) -> None:
    samples = model.dropout_samples(X[500:540], 200, seed=3)
    assert samples.shape == (200, 40, 3)
    np.testing.assert_allclose(samples.sum(axis=2), 1, rtol=1e-5)
    assert samples.std(axis=0).max() > 0.02
    assert np.abs(samples.mean(axis=0) - model.predict_proba(X[500:540])).mean() < 0.05
    np.testing.assert_array_equal(samples[:3], model.dropout_samples(X[500:540], 3, seed=3))
    with pytest.raises(cr.errors.UsageError, match="E102"):
        model.dropout_samples(X, 0)


def test_calls_that_cannot_work_are_refused(model: cr.Model) -> None:
    plain = cr.Model(cr.Sequential(cr.Dense(1)), "mse")
    with pytest.raises(cr.errors.TrainingError, match="E503"):
        plain.calibrate(X, Y)
    plain.fit(X[:20], X[:20, :1], epochs=1, verbose=False)
    with pytest.raises(cr.errors.TrainingError, match="E507"):
        plain.calibrate(X, X[:, :1])
    with pytest.raises(cr.errors.UsageError, match="Dropout"):
        plain.dropout_samples(X)
    with pytest.raises(cr.errors.UsageError, match="E122"):
        model.calibrate(X)
    with pytest.raises(cr.errors.UsageError, match="E101"):
        model.calibrate(X, Y, method="temprature")  # type: ignore[arg-type]
    with pytest.raises(cr.errors.DataError, match="E331"):
        model.calibrate(X[:39], Y[:39])


def test_other_parameters_have_no_calibration() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.BatchNorm(), cr.Dense(3)), "cross_entropy")
    model.fit(X[:100], Y[:100], epochs=1, verbose=False)
    changes = (
        lambda: model.load_parameters(model.parameters()),
        lambda: model.load_states(model.states()),
        lambda: model.fit(X[:100], Y[:100], epochs=1, warm_start=True, verbose=False),
        lambda: model.partial_fit(X[:50], Y[:50]),
    )
    for change in changes:
        model.calibrate(X[300:400], Y[300:400])
        assert model.calibration is not None
        change()
        assert model.calibration is None
