"""Attacks toward one class: only its prediction counts, and samples of the class are left out."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.errors import UsageError
from chainrule.robustness import ATTACKS
from chainrule.robustness.attack_samples import problem_of, read_samples
from chainrule.robustness.ball import Ball

NORMS = ("inf", "2")
RADII = {"inf": 0.5, "2": 1.5}
QUERIES: dict[str, Any] = {"square": {"queries": 200}}
NAMES = np.array(["left", "middle", "right"])


@cache
def labeled_model() -> tuple[cr.Model, np.ndarray, np.ndarray]:
    """A small network on vectors of three classes with names."""
    rng = np.random.default_rng(0)
    k = np.arange(60) % 3
    x = (rng.normal(0, 0.3, (60, 4)) + np.eye(4)[k]).astype("float32")
    model = cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(3)), "cross_entropy", cr.Adam(0.02))
    model.fit(x, NAMES[k], epochs=40, seed=0, verbose=False)
    return model, x, NAMES[k]


@pytest.mark.parametrize("method", [*ATTACKS, "ensemble"])
@pytest.mark.parametrize("norm", NORMS)
def test_only_predictions_of_the_goal_count(method: Any, norm: Any) -> None:
    model, x, y = labeled_model()
    options = QUERIES.get(method, {})
    result = model.attack(x, y, radius=RADII[norm], norm=norm, method=method, target_class="right", **options)
    others = np.array(result.numbers) - 1
    assert others.tolist() == np.flatnonzero(y != "right").tolist()
    assert np.array_equal(result.x, x[others])
    before, after = np.asarray(model.predict(x[others])), np.asarray(model.predict(result.adversarial))
    assert result.success.tolist() == ((before == y[others]) & (after == "right")).tolist()
    assert result.success.any()
    assert result.robust_accuracy.count == int((before == y[others]).sum()) - int(result.success.sum())
    assert 'Goal: the prediction "right"' in str(result)


@pytest.mark.parametrize("method", ATTACKS)
def test_of_two_classes_a_goal_is_any_wrong_class(method: Any) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3)).astype("float32")
    y = (x[:, 0] > 0).astype(int)
    model = cr.Model(cr.Sequential(cr.Dense(1)), "binary_cross_entropy", cr.Adam(0.05))
    model.fit(x, y, epochs=30, seed=0, verbose=False)
    rows = y == 0
    options: dict[str, Any] = {"radius": 0.4, "method": method, **QUERIES.get(method, {})}
    goal = model.attack(x, y, target_class=1, **options)
    plain = model.attack(x[rows], y[rows], **options)
    assert goal.success.tolist() == plain.success.tolist()
    assert goal.success.any()


@pytest.mark.parametrize("method", ATTACKS)
def test_the_goal_of_a_linear_classifier_is_reached_where_it_can_be(method: Any) -> None:
    """Of z = (1 - x, 0, x - 1), class 2 is the largest only for x > 1; class 1 never is."""
    model = cr.Model(cr.Sequential(cr.Dense(3)), "cross_entropy", dtype="float64")
    model.fit(np.array([[-1.0], [0.0], [1.0]]), np.arange(3), epochs=1, verbose=False)
    weights = {"dense1.weight": np.array([[-1.0], [0.0], [1.0]]), "dense1.bias": np.array([1.0, 0.0, -1.0])}
    model.load_parameters(weights)
    x = np.linspace(-1, 0.95, 14)[:, None]
    y, radius = np.zeros(len(x), int), 1.0
    reached = model.attack(x, y, radius=radius, method=method, target_class=2, **QUERIES.get(method, {}))
    margin = (x[:, 0] + radius) - 1
    assert reached.success[margin > 0.1].all()
    assert not reached.success[margin < 0].any()
    never = model.attack(x, y, radius=radius, method=method, target_class=1, **QUERIES.get(method, {}))
    assert not never.success.any()


@pytest.mark.parametrize("objective", ["loss", "margin", "dlr"])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_objectives_of_a_goal_and_their_gradients_are_those_of_the_formula(
    objective: str, classes: int
) -> None:
    rng = np.random.default_rng(classes)
    weight, x = rng.normal(size=(classes, 4)), rng.normal(size=(30, 4))
    model = cr.Model(cr.Sequential(cr.Dense(classes)), "cross_entropy", dtype="float64")
    model.fit(x, np.arange(30) % classes, epochs=1, verbose=False)
    model.load_parameters({"dense1.weight": weight, "dense1.bias": np.zeros(classes)})
    goal = classes - 1

    def value(x: np.ndarray) -> np.ndarray:
        z = x @ weight.T
        if objective == "loss":
            return z[:, goal] - np.log(np.exp(z).sum(axis=1))
        margin, low = z[:, goal] - np.delete(z, goal, axis=1).max(axis=1), -np.sort(-z, axis=1)
        return margin if objective == "margin" or classes < 3 else margin / (low[:, 0] - low[:, 2])

    samples = read_samples(model.state, x, np.zeros(30, int))
    problem = problem_of(samples, Ball("inf", 1.0), goal)
    result = problem.evaluate(np.zeros_like(x), np.arange(30), objective)
    assert result.values == pytest.approx(value(x), rel=1e-9)
    step = 1e-6 * np.eye(4)
    differences = np.stack([(value(x + s) - value(x - s)) / 2e-6 for s in step], axis=1)
    assert result.gradient is not None
    assert np.allclose(result.gradient, differences, rtol=1e-4, atol=1e-6)


def test_cells_of_a_table_are_changed_toward_the_goal() -> None:
    rng = np.random.default_rng(0)
    table: dict[str, Any] = {"size": rng.normal(10, 3, 90).round(1).tolist()}
    table["class"] = ["small" if v < 8 else "large" if v > 12 else "medium" for v in table["size"]]
    model = cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(3)), "cross_entropy", cr.Adam(0.03))
    model.fit(table, "class", epochs=80, seed=0, verbose=False)
    result = model.attack(pl.DataFrame(table), change={"size": 5}, target_class="large")
    assert result.table is not None
    assert result.success.any()
    predicted = np.asarray(model.predict(result.table))
    assert (predicted[result.success] == "large").all()
    assert "large" not in {result.classes[k] for k in result.labels}


@pytest.mark.parametrize("name", ["rigth", 3, ""])
def test_a_class_that_is_none_is_refused_with_one_that_is(name: Any) -> None:
    model, x, y = labeled_model()
    with pytest.raises(UsageError, match="target_class") as raised:
        model.attack(x, y, radius=0.1, target_class=name)
    assert raised.value.code == "E101"
    assert "target_class=" in raised.value.fix


def test_samples_of_the_goal_alone_are_refused() -> None:
    model, x, y = labeled_model()
    with pytest.raises(UsageError, match="other classes") as raised:
        model.attack(x[y == "left"], y[y == "left"], radius=0.1, target_class="left")
    assert raised.value.code == "E102"
