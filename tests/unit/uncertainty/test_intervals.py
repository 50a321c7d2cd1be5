"""Prediction intervals: as wide as the row requires, never below 0 for counts, and right for later rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.uncertainty.prediction_intervals import (
    INTERVAL_METHODS,
    LEVELS,
    MIN_ROWS,
    IntervalMethod,
    Intervals,
    Residuals,
    fit_intervals,
)


def rows(count: int, seed: int, scale: float = 1.0) -> Residuals:
    """Errors that grow with the first input, of a count that is predicted by its mean."""
    rng = np.random.Generator(np.random.Philox(seed))
    x = rng.random((count, 3)).astype(np.float32)
    mean = 5 + 20 * x[:, 1].astype(np.float64)
    spread = scale * (0.5 + 8 * x[:, 0])
    return Residuals(x, mean, np.maximum(mean + spread * rng.normal(size=count), 0))


def is_covered(intervals: Intervals, new: Residuals, level: float = 0.9) -> np.ndarray:
    low, high = intervals.ends(new.x, new.prediction, level)
    assert (low <= high).all()
    return (low <= new.y) & (new.y <= high)


@pytest.fixture(scope="module")
def fitted() -> dict[str, Intervals]:
    """The intervals of each method from the same rows."""
    return {
        method: fit_intervals(rows(1_200, 1), method=method, is_signed=False) for method in INTERVAL_METHODS
    }


def test_intervals_follow_the_row(fitted: dict[str, Intervals]) -> None:
    """Both methods cover 90 % of all rows; the quantiles cover quiet and noisy rows alike."""
    new = rows(4_000, 2)
    is_noisy = new.x[:, 0] > 0.5
    shares = {name: is_covered(intervals, new) for name, intervals in fitted.items()}
    for share in shares.values():
        assert 0.87 <= share.mean() <= 0.94
    assert shares["constant"][is_noisy].mean() < 0.85
    assert shares["constant"][~is_noisy].mean() > 0.95
    for part in (is_noisy, ~is_noisy):
        assert 0.86 <= shares["quantile"][part].mean() <= 0.95
    low, high = fitted["quantile"].ends(new.x, new.prediction, 0.9)
    assert (high - low)[is_noisy].mean() > 2 * (high - low)[~is_noisy].mean()


@pytest.mark.parametrize("method", INTERVAL_METHODS)
def test_every_level_has_its_coverage_and_ends_of_counts_are_not_negative(
    method: str, fitted: dict[str, Intervals]
) -> None:
    new, intervals = rows(4_000, 3), fitted[method]
    assert intervals.method == method
    assert intervals.measured is not None
    for level in LEVELS:
        assert is_covered(intervals, new, level).mean() == pytest.approx(level, abs=0.035)
        assert intervals.measured[level].share == pytest.approx(level, abs=0.02)
        assert intervals.ends(new.x, new.prediction, level)[0].min() >= 0.0
    signed = fit_intervals(rows(1_200, 1), method="constant")
    assert signed.ends(new.x, new.prediction, 0.95)[0].min() < 0.0
    np.testing.assert_array_equal(is_covered(signed, new), is_covered(fitted["constant"], new))


def test_intervals_of_later_rows_have_the_errors_of_later_rows() -> None:
    """The errors double from one period to the next."""
    early, recent, new = rows(800, 4), rows(400, 5, 2.0), rows(2_000, 6, 2.0)
    ignoring = fit_intervals(early, is_signed=False)
    assert is_covered(ignoring, new).mean() < 0.8
    for method in INTERVAL_METHODS:
        intervals = fit_intervals(early, recent, method=method, is_signed=False)
        assert intervals.is_later
        assert intervals.measured is None
        assert intervals.rows == 400
        assert 0.86 <= is_covered(intervals, new).mean() <= 0.94


@pytest.mark.parametrize("method", INTERVAL_METHODS)
def test_intervals_are_restored_from_plain_data(method: str, fitted: dict[str, Intervals]) -> None:
    restored, new = Intervals.of_fact(fitted[method].fact), rows(50, 7)
    assert restored is not None
    for level in LEVELS:
        expected = fitted[method].ends(new.x, new.prediction, level)
        np.testing.assert_array_equal(restored.ends(new.x, new.prediction, level), expected)


@pytest.mark.parametrize(
    "change",
    [
        {"margins": []},
        {"margins": {"0.3": 1.0}},
        {"margins": {"0.9": float("inf")}},
        {"margins": {"0.9": "1"}},
        {"lowest": "0"},
        {"rows": None},
        {"network": "?"},
        {"network": 3},
        {"numbers": [1.0]},
        {"numbers": [0.0, 0.0, 1.0]},
    ],
)
def test_damaged_intervals_of_a_file_are_not_used(
    change: dict[str, Any], fitted: dict[str, Intervals]
) -> None:
    assert Intervals.of_fact({**fitted["quantile"].fact, **change}) is None
    assert Intervals.of_fact(None) is None


@pytest.mark.parametrize("values", [(0.1, 2.9), (1 / 3, 1 / 3), (1e9 + 0.1, -7.3)])
def test_a_residual_equal_to_the_margin_is_inside(values: tuple[float, float]) -> None:
    """Of tied residuals, which are margins themselves, none is lost by rounding."""
    rng, coverage = np.random.default_rng(8), []
    for prediction in rng.normal(size=30) * 1_000:
        y = prediction + rng.choice(values, 100)
        same = Residuals(np.zeros((100, 1), np.float32), np.full(100, prediction), y)
        coverage.append(is_covered(fit_intervals(same, method="constant"), same, 0.95).mean())
    assert min(coverage) >= 0.95


def test_few_rows_have_constant_intervals_and_too_few_none() -> None:
    assert fit_intervals(rows(MIN_ROWS - 1, 9)).method == "constant"
    assert set(fit_intervals(rows(12, 9)).margins) == {0.5, 0.8, 0.9}
    same = rows(300, 9)
    exact = fit_intervals(Residuals(same.x, same.y, same.y))
    assert exact.method == "constant"
    assert is_covered(exact, Residuals(same.x, same.y, same.y)).all()


@pytest.mark.parametrize("method", INTERVAL_METHODS)
def test_intervals_of_new_groups_and_of_weighted_rows(method: IntervalMethod) -> None:
    new = rows(900, 10)
    groups = np.arange(900) // 150
    few = fit_intervals(Residuals(new.x, new.prediction, new.y, None, groups), method=method)
    assert set(few.margins) == {0.5, 0.8}, "six groups"
    weights = np.where(new.x[:, 0] > 0.5, 4.0, 1.0)
    weighted = fit_intervals(Residuals(new.x, new.prediction, new.y, weights), method=method)
    assert np.average(is_covered(weighted, new), weights=weights) == pytest.approx(0.9, abs=0.03)


def test_a_model_has_intervals_from_labeled_samples(tmp_path: Path) -> None:
    """Of arrays and of tables; a file keeps them, other parameters do not."""
    rng = np.random.default_rng(12)
    x = rng.random((1_000, 2)).astype("float32")
    y = (10 + 5 * x[:, 0] + (0.2 + 3 * x[:, 1]) * rng.normal(size=1_000)).astype("float32")
    frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "value": y})
    for is_table in (False, True):
        model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(1)), "mse", cr.Adam(0.02))
        with pytest.raises(cr.errors.TrainingError, match="E503"):
            model.calibrate_intervals(x, y)
        if is_table:
            model.fit(frame[:300], "value", epochs=20, seed=0, verbose=False)
            new: Any = frame[600:].drop("value")
            with pytest.raises(cr.errors.UsageError, match="calibrate_intervals"):
                model.predict_interval(new)
            model.calibrate_intervals(frame[300:600])
        else:
            model.fit(x[:300], y[:300, None], epochs=20, seed=0, verbose=False)
            new = x[600:]
            with pytest.raises(cr.errors.DataError, match="E331"):
                model.calibrate_intervals(x[:30], y[:30, None])
            model.calibrate_intervals(x[300:600], y[300:600, None])
        low, high = model.predict_interval(new)
        assert np.mean((low <= y[600:]) & (y[600:] <= high)) == pytest.approx(0.9, abs=0.06)
        assert np.corrcoef(high - low, x[600:, 1])[0, 1] > 0.7
        model.save(tmp_path / "model.safetensors")
        np.testing.assert_array_equal(cr.load(tmp_path / "model.safetensors").predict_interval(new)[0], low)
        model.load_parameters(model.parameters())
        with pytest.raises(cr.errors.UsageError, match="E101"):
            model.predict_interval(new)
