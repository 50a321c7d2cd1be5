"""Baselines of a model: a constant prediction and a linear model."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.train.evaluation.baseline import baselines


def test_the_constant_baseline_ignores_its_inputs() -> None:
    x, y = np.arange(10.0).reshape(-1, 1), np.array([0] * 3 + [1] * 7)
    constant = baselines(x, y, classes=2)[0].predict(np.array([[-1e6], [1e6]]))
    np.testing.assert_allclose(constant, [[0.3, 0.7]] * 2)
    values = baselines(x, x[:, 0], classes=0)[0].predict(np.array([[-1e6], [1e6]]))
    np.testing.assert_allclose(values, [[4.5], [4.5]])


def test_the_linear_baseline_fits_a_linear_target() -> None:
    x = np.random.Generator(np.random.Philox(0)).normal(size=(200, 3))
    y = x @ [1.0, -2.0, 0.5] + 4.0
    prediction = baselines(x, y, classes=0)[1].predict(x)
    assert prediction.shape == (200, 1)
    assert np.abs(prediction[:, 0] - y).max() < 0.05


def test_a_class_without_rows_has_probability_zero() -> None:
    x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 2, 2])
    assert len(baselines(x, y, classes=3)) == 2
    for baseline in baselines(x, y, classes=3):
        prediction = baseline.predict(x)
        assert prediction.shape == (4, 3)
        assert prediction[:, 1].max() == 0
        np.testing.assert_allclose(prediction.sum(axis=1), 1)


def test_sample_weights_change_the_linear_baseline() -> None:
    x, y = np.array([[0.0], [0.0], [0.0], [1.0]]), np.array([0, 0, 1, 1])
    plain, heavy = (baselines(x, y, 2, w)[1].predict(x)[0, 1] for w in (None, np.array([1.0, 1.0, 9.0, 1.0])))
    assert heavy > plain + 0.2
    assert plain == pytest.approx(0.35, abs=0.15)
