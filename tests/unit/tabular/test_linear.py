"""Linear models equal scikit-learn's: ridge regression, logistic regression of two and of several classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge

from chainrule.tabular.baselines import lbfgs, logistic, ridge


@given(seed=st.integers(0, 10**6), rows=st.integers(2, 30), wide=st.integers(1, 12), weighted=st.booleans())
def test_ridge(seed: int, rows: int, wide: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(rows, wide)), rng.normal(size=rows)
    weights = rng.uniform(0.1, 2.0, rows) if weighted else None
    expected = Ridge().fit(x, y, sample_weight=weights)
    np.testing.assert_allclose(ridge(x, y, weights)(x)[:, 0], expected.predict(x), atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_logistic(classes: int, weighted: bool) -> None:
    rng = np.random.default_rng(classes)
    x = rng.normal(size=(60, 4))
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, 60 - classes)])
    weights = rng.uniform(0.1, 2.0, 60) if weighted else None
    model = logistic(x, y, classes, weights)
    expected = LogisticRegression(tol=1e-10, max_iter=10_000).fit(x, y, sample_weight=weights)
    np.testing.assert_allclose(model.weight.T, expected.coef_, atol=1e-3)
    assert model.bias - model.bias.mean() == pytest.approx(
        expected.intercept_ - expected.intercept_.mean(), abs=1e-3
    )


def test_logistic_regression_of_large_numbers_does_not_overflow() -> None:
    x = np.array([[-1e4], [1e4], [2e4]])
    with np.errstate(over="raise", invalid="raise"):
        for y, classes in (([0, 1, 1], 2), ([0, 1, 2], 3)):
            assert np.isfinite(logistic(x, np.array(y), classes)(x)).all()


def test_an_ill_conditioned_minimum_is_found() -> None:
    steep = np.array([1.0, 1e4])
    position = lbfgs(lambda x: (float(steep @ (x - 1) ** 2), 2 * steep * (x - 1)), np.array([-3.0, 5.0]))
    np.testing.assert_allclose(position, 1.0, atol=1e-4)
