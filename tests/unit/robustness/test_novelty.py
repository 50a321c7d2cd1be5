"""Novelty: strange rows have large scores, rows like the reference the expected share of small levels."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.robustness.novelty_scores import (
    METHODS,
    MIN_ROWS,
    class_gaussians,
    mahalanobis,
    nearest_distance,
)


def rows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = rng.normal(size=(count, 4)) + 3.0 * y[:, None]
    return x.astype("float32"), y


@cache
def trained() -> cr.Model:
    x, y = rows(400, 0)
    model = cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(2)), "cross_entropy", cr.Adam(0.02))
    model.fit(x, y, epochs=15, seed=0, verbose=False)
    return model


@pytest.mark.parametrize("method", METHODS)
def test_rows_like_the_reference_are_rarely_novel(method: Any) -> None:
    result = trained().novelty(rows(600, 1)[0], rows(800, 2)[0], method)
    assert result.share == pytest.approx(0.05, abs=0.035)
    assert not result.is_shifted
    assert ((result.levels > 0) & (result.levels <= 1)).all()


def test_the_smallest_reference_suffices_for_a_strange_row() -> None:
    far = np.full((1, 4), 1e3, "float32")
    assert trained().novelty(far, rows(MIN_ROWS, 2)[0], "distance").share == 1.0
    with pytest.raises(ChainruleError, match=f"at least {MIN_ROWS} rows"):
        trained().novelty(far, rows(MIN_ROWS - 1, 2)[0], "distance")


@pytest.mark.parametrize("method", METHODS)
def test_rows_between_the_classes_are_novel(method: Any) -> None:
    rng = np.random.default_rng(3)
    between = (1.5 + 0.2 * rng.normal(size=(50, 4))).astype("float32")
    between[:, 0] += 6.0
    between[:, 1] -= 6.0
    result = trained().novelty(between, rows(800, 2)[0], method, lang="en")
    assert result.share > 0.5 or method == "energy"
    if method != "energy":
        assert result.is_shifted
        assert "not like the reference" in str(result)
        assert "与参照不同" in result.to_html()


def test_distances_are_those_of_their_definitions() -> None:
    rng = np.random.default_rng(0)
    reference, x = rng.normal(size=(60, 3)), rng.normal(size=(7, 3))
    direct = np.sort(np.linalg.norm(x[:, None] - reference, axis=2), axis=1)[:, :5].mean(axis=1)
    assert nearest_distance(x, reference) == pytest.approx(direct)
    means, precision = class_gaussians(reference, None)
    covariance = np.cov(reference.T)
    expected = [(row - means[0]) @ np.linalg.inv(covariance) @ (row - means[0]) for row in x]
    assert mahalanobis(x, means, precision) == pytest.approx(np.array(expected), rel=1e-4)


def test_a_model_of_values_has_no_energy() -> None:
    x, y = rows(40, 0)
    model = cr.Model(cr.Sequential(cr.Dense(3, "relu"), cr.Dense(1)), "mse")
    model.fit(x, y.astype("float32"), epochs=1, verbose=False)
    assert model.novelty(x, x).scores.shape == (40,)
    with pytest.raises(ChainruleError, match="E570"):
        model.novelty(x, x, "energy")


@pytest.mark.parametrize(("method", "count", "code"), [("mahalanobs", 40, "E101"), ("energy", 10, "E102")])
def test_what_cannot_be_compared_is_refused(method: Any, count: int, code: str) -> None:
    with pytest.raises(ChainruleError) as raised:
        trained().novelty(rows(10, 1)[0], rows(count, 2)[0], method)
    assert raised.value.code == code
