"""Prediction intervals of the regressor: from its own folds, and from other rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import chainrule as cr
from chainrule.uncertainty.prediction_intervals import INTERVAL_METHODS, IntervalMethod

ROWS, TRAINING = 3_000, 1_500


def data(is_frame: bool) -> tuple[Any, np.ndarray]:
    """Inputs, of which the second one is the size of the noise, and targets."""
    rng = np.random.default_rng(0)
    x = rng.random((ROWS, 2))
    y = 10 + 5 * x[:, 0] + (0.2 + 3 * x[:, 1]) * rng.normal(size=ROWS)
    side = np.where(x[:, 0] > 0.5, "left", "right")
    return (pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "side": side}) if is_frame else x), y


def rows_of(x: Any, rows: slice) -> Any:
    return x.iloc[rows] if isinstance(x, pd.DataFrame) else x[rows]


@pytest.mark.parametrize("is_frame", [False, True])
@pytest.mark.parametrize("net", ["ensemble", "16 relu"])
@pytest.mark.parametrize("method", INTERVAL_METHODS)
def test_intervals_of_a_fit_cover_new_rows(method: IntervalMethod, net: str, is_frame: bool) -> None:
    x, y = data(is_frame)
    first, new = slice(0, TRAINING), slice(TRAINING, ROWS)
    model = clone(cr.TabularRegressor(net, epochs=20, interval_method=method, random_state=0))
    model.fit(rows_of(x, first), y[first])
    widths = []
    for level in (0.8, 0.9):
        low, high = model.predict_interval(rows_of(x, new), level)
        assert low.shape == high.shape == (ROWS - TRAINING,)
        assert np.mean((low <= y[new]) & (y[new] <= high)) == pytest.approx(level, abs=0.05)
        widths.append(high - low)
    assert (widths[0] < widths[1]).all()
    if method == "quantile" and net == "ensemble":
        assert np.corrcoef(widths[1], np.asarray(x)[new, 1].astype(float))[0, 1] > 0.7
    middle = (low + high) / 2
    assert np.corrcoef(middle, model.predict(rows_of(x, new)))[0, 1] > 0.8


@pytest.mark.parametrize("is_frame", [False, True])
def test_intervals_are_formed_from_other_rows(is_frame: bool) -> None:
    x, y = data(is_frame)
    model = cr.TabularRegressor("16 relu", random_state=0).fit(rows_of(x, slice(0, 300)), y[:300])
    with pytest.raises(cr.errors.UsageError, match="interval_method"):
        model.predict_interval(x)
    report = model.calibrate_intervals(rows_of(x, slice(300, 600)), y[300:600])
    assert "90%" in str(report)
    low, high = model.predict_interval(rows_of(x, slice(600, ROWS)))
    assert np.mean((low <= y[600:]) & (y[600:] <= high)) == pytest.approx(0.9, abs=0.05)


def test_invalid_intervals_are_refused() -> None:
    x, y = data(False)
    small = cr.TabularRegressor("4 relu", epochs=1, random_state=0)
    with pytest.raises(ValueError, match='fix       method="quantile"'):
        clone(small).set_params(interval_method="quantil").fit(x, y)
    with pytest.raises(ValueError, match="E113"):
        clone(small).set_params(interval_method="constant").fit(x, np.stack([y, y], axis=1))
    with pytest.raises(ValueError, match="inconsistent numbers"):
        small.fit(x, y).calibrate_intervals(x, y[:-1])
    with pytest.raises(ValueError, match="at least 40 rows"):
        small.calibrate_intervals(x[:30], y[:30])
    with pytest.raises(ValueError, match="NaN"):
        small.calibrate_intervals(x, np.where(y > 12, np.nan, y))
    with pytest.raises(ValueError, match="E101"):
        clone(small).set_params(interval_method="constant").fit(x, y).predict_interval(x, 0.33)
