"""Every attack: its points are in the ball and in the range of the data, and the model misclassifies them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.robustness import ATTACKS
from chainrule.robustness.attack_samples import problem_of, read_samples
from chainrule.robustness.ball import Ball

NORMS = ("inf", "2")
FAST: dict[str, Any] = {
    "pgd": {"steps": 8},
    "apgd": {"steps": 8},
    "apgd_dlr": {"steps": 8},
    "apgd_targeted": {"steps": 8, "targets": 2},
    "square": {"queries": 30},
    "fgsm": {},
}


@cache
def image_model() -> tuple[cr.Model, np.ndarray, np.ndarray]:
    """A small network on images of three patterns."""
    rng = np.random.default_rng(0)
    y = np.arange(48) % 3
    x = rng.uniform(0, 0.6, (48, 5, 5, 2)).astype("float32")
    for i, label in enumerate(y):
        x[i, label + 1, :, :] += 0.4
    net = cr.Sequential(cr.Conv(4, 3, activation="relu"), cr.Flatten(), cr.Dense(3))
    model = cr.Model(net, "cross_entropy", cr.Adam(0.02))
    model.fit(x, y, epochs=30, seed=0, verbose=False)
    return model, x, y


def linear_model(weight: np.ndarray, bias: float) -> cr.Model:
    """A linear classifier of two classes with one logit."""
    model = cr.Model(cr.Sequential(cr.Dense(1)), "binary_cross_entropy", dtype="float64")
    x = np.zeros((2, len(weight)))
    model.fit(x, np.array([0, 1]), epochs=1, verbose=False)
    return model.load_parameters({"dense1.weight": weight[None], "dense1.bias": np.array([bias])})


@pytest.mark.parametrize("method", ATTACKS)
@pytest.mark.parametrize("norm", NORMS)
@settings(max_examples=12, deadline=None)
@given(radius=st.floats(0, 1), seed=st.integers(0, 2**40), rows=st.integers(1, 9))
def test_points_are_in_the_ball_and_in_the_range(
    method: Any, norm: Any, radius: float, seed: int, rows: int
) -> None:
    model, x, y = image_model()
    result = model.attack(
        x[:rows], y[:rows], radius=radius, norm=norm, method=method, seed=seed, **FAST[method]
    )
    change = (result.adversarial.astype(np.float64) - x[:rows]).reshape(rows, -1)
    sizes = np.abs(change).max(axis=1) if norm == "inf" else np.sqrt((change**2).sum(axis=1))
    assert (sizes <= radius).all()
    assert result.adversarial.min() >= 0
    assert result.adversarial.max() <= 1
    assert result.adversarial.dtype == x.dtype


@pytest.mark.parametrize("method", ATTACKS)
@pytest.mark.parametrize("norm", NORMS)
def test_the_model_itself_misclassifies_what_counts_as_broken(method: Any, norm: Any) -> None:
    model, x, y = image_model()
    result = model.attack(
        x, y, radius=0.4 if norm == "inf" else 1.5, norm=norm, method=method, **FAST[method]
    )
    predictions, before = np.asarray(model.predict(result.adversarial)), np.asarray(model.predict(x))
    assert result.success.tolist() == ((before == y) & (predictions != y)).tolist()
    assert result.success.any()
    assert result.robust_accuracy.count == int(((before == y) & (predictions == y)).sum())


@pytest.mark.parametrize("method", ATTACKS)
def test_a_radius_of_zero_changes_nothing(method: Any) -> None:
    model, x, y = image_model()
    result = model.attack(x, y, radius=0, method=method, **FAST[method])
    assert (result.adversarial == x).all()
    assert result.robust_accuracy == result.clean_accuracy


@pytest.mark.parametrize("method", ATTACKS)
def test_equal_seeds_give_equal_bytes(method: Any) -> None:
    model, x, y = image_model()
    first, again = (model.attack(x, y, radius=0.2, method=method, seed=5, **FAST[method]) for _ in range(2))
    assert first.adversarial.tobytes() == again.adversarial.tobytes()


@pytest.mark.parametrize("method", ATTACKS)
@pytest.mark.parametrize("norm", NORMS)
def test_a_linear_classifier_is_broken_where_its_margin_allows_it(method: Any, norm: Any) -> None:
    """A change of radius r moves w x + b by at most r |w|_1, or r |w|_2."""
    rng = np.random.default_rng(1)
    weight, x = rng.normal(size=4), rng.normal(size=(40, 4))
    model, radius = linear_model(weight, 0.3), 0.35
    y = model.predict(x)
    reach = radius * (np.abs(weight).sum() if norm == "inf" else np.sqrt((weight**2).sum()))
    margin = np.abs(x @ weight + 0.3)
    breakable = margin < reach
    options: dict[str, Any] = {"square": {"queries": 300}}.get(method, {})
    result = model.attack(x, y, radius=radius, norm=norm, method=method, **options)
    assert not (result.success & ~breakable).any()
    assert 5 < breakable.sum() < 35
    clearly = margin < (0.9 if method == "square" else 1 - 1e-9) * reach
    assert result.success[clearly].all()


def test_the_ensemble_breaks_what_any_of_its_attacks_breaks() -> None:
    model, x, y = image_model()
    result = model.attack(x, y, radius=0.25, method="ensemble", steps=8, queries=30)
    assert [trial.name for trial in result.trials] == list(ATTACKS)
    assert int(result.success.sum()) >= max(trial.broken for trial in result.trials)
    assert {name for name in result.broken_by if name} <= set(ATTACKS)


def test_more_radius_breaks_no_fewer_samples() -> None:
    model, x, y = image_model()
    counts = [int(model.attack(x, y, radius=r, method="apgd").success.sum()) for r in (0.05, 0.1, 0.2, 0.4)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


@pytest.mark.parametrize("classes", [2, 3, 4, 6])
def test_the_targeted_objective_and_its_gradient_are_those_of_the_formula(classes: int) -> None:
    rng = np.random.default_rng(classes)
    weight, x = rng.normal(size=(classes, 5)), rng.normal(size=(30, 5))
    model = cr.Model(cr.Sequential(cr.Dense(classes)), "cross_entropy", dtype="float64")
    model.fit(x, np.arange(30) % classes, epochs=1, verbose=False)
    model.load_parameters({"dense1.weight": weight, "dense1.bias": np.zeros(classes)})
    labels = np.arange(30) % classes
    targets = (labels + 1 + np.arange(30) % (classes - 1)) % classes

    def value(x: np.ndarray) -> np.ndarray:
        z, every = x @ weight.T, np.arange(len(x))
        low = -np.sort(-z, axis=1)
        rest = low[:, 2:4].mean(axis=1) if classes > 2 else low[:, 0] - 1
        return (z[every, targets] - z[every, labels]) / (low[:, 0] - rest)

    samples = read_samples(model.state, x, labels, "attack")
    problem = problem_of(samples, Ball("inf", 1.0))
    result = problem.evaluate(np.zeros_like(x), np.arange(30), "targeted_dlr", targets)
    assert result.values == pytest.approx(value(x), rel=1e-9)
    assert result.gradient is not None
    step = 1e-6 * np.eye(5)
    differences = np.stack([(value(x + s) - value(x - s)) / 2e-6 for s in step], axis=1)
    assert np.allclose(result.gradient, differences, rtol=1e-4, atol=1e-6)


def test_a_class_that_is_not_the_closest_one_is_reached_by_the_targeted_attack() -> None:
    """Of z = (1, 0.9 + 0.02 x, 4/3 (1 - x) - 1) the closest class 1 is never the largest; class 2 can be."""
    net = cr.Sequential(cr.Dense(2, "relu"), cr.Dense(3))
    model = cr.Model(net, "cross_entropy", dtype="float64")
    model.fit(np.array([[-1.0], [0.0], [1.0]]), np.arange(3), epochs=1, verbose=False)
    model.load_parameters(
        {
            "dense1.weight": np.array([[1.0], [-1.0]]),
            "dense1.bias": np.array([0.0, 1.0]),
            "dense2.weight": np.array([[0.0, 0.0], [0.02, 0.0], [0.0, 4 / 3]]),
            "dense2.bias": np.array([1.0, 0.9, -1.0]),
        }
    )
    x, y = np.full((20, 1), 0.1), np.zeros(20, int)
    plain, targeted = (
        int(model.attack(x, y, radius=0.9, method=method, steps=30).success.sum())
        for method in ("apgd_dlr", "apgd_targeted")
    )
    assert targeted == 20
    assert plain < 10
