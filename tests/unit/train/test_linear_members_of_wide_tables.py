"""Linear members of tables with more columns than rows are fitted to convergence before the training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.nn import EnsembleLinearModel
from chainrule.nn.layers.ensemble_linear import Problem, fit_linear_model
from chainrule.train.default_table_ensemble import (
    CONVERGED,
    LINEAR,
    CrossValidation,
    EnsembleTraining,
    recipe_for,
)
from chainrule.train.evaluation.ensemble_weights import GroupPredictions
from chainrule.train.single_member import single_member

ROWS, FEATURES, CLASSES = 48, 400, 3


def wide(seed: int, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Rows of classes that differ a little in each of many features."""
    draw = np.random.default_rng(seed)
    centers = 0.35 * np.random.default_rng(7).normal(size=(CLASSES, FEATURES))
    y = np.arange(rows) % CLASSES
    return (centers[y] + draw.normal(size=(rows, FEATURES))).astype(np.float32), y


def trained(x: np.ndarray, y: np.ndarray, epochs: int = 3) -> cr.Model:
    recipe = recipe_for(*x.shape)
    plan = CrossValidation(np.arange(len(x)) % recipe.folds, recipe.folds, recipe.members, len(recipe.groups))
    training = EnsembleTraining(recipe, plan, x, CLASSES, "cross_entropy")
    model = cr.Model.of(training.model())
    options: dict[str, Any] = {**training.fit_options(y), "epochs": epochs}
    model.fit(x, y, verbose=False, doctor=False, probes=False, **options)
    return model


def test_only_tables_with_more_inputs_than_rows_have_converged_members() -> None:
    assert recipe_for(80, 81).groups == (*recipe_for(80).groups[:-1], CONVERGED)
    for rows, features in ((80, 80), (1_000, 999), (5_000, 6_000)):
        assert recipe_for(rows, features) == recipe_for(rows)
        assert recipe_for(rows, features).groups[-1] == LINEAR


@pytest.mark.long
def test_a_wide_table_is_learned_as_well_as_by_logistic_regression() -> None:
    (x, y), (test_x, test_y) = wide(1), wide(2, 150)
    model = trained(x, y, epochs=20)
    probability = model.predict_proba(test_x)[np.arange(len(test_y)), test_y]
    weight, bias = fit_linear_model(x.astype(np.float64), np.eye(CLASSES)[y], np.ones(len(y)), "softmax")
    z = test_x @ weight.T + bias
    linear = np.exp(z - np.logaddexp.reduce(z, 1)[:, None])[np.arange(len(test_y)), test_y]
    assert -np.log(probability).mean() < -np.log(linear).mean() + 0.05


@pytest.mark.parametrize("mode", ["value", "softmax", "sigmoid"])
def test_the_penalized_loss_has_no_slope_at_the_solution(mode: str) -> None:
    draw = np.random.default_rng(3)
    rows, target = draw.normal(size=(12, 5)), np.eye(3)[np.arange(12) % 3]
    problem = Problem(rows, target, np.full(12, 1 / 12), mode)
    solution = problem.solved(0.1, np.zeros((6, 3)))
    _, gradient = problem.loss(solution)
    assert np.abs(rows.T @ gradient + 0.1 * solution[:-1]).max() < 1e-5
    assert np.abs(gradient.sum(0)).max() < 1e-4


def test_a_member_does_not_depend_on_rows_without_weight() -> None:
    x, y = wide(4)
    layer, weights = EnsembleLinearModel(2, CLASSES, "softmax"), np.ones((ROWS, 2))
    weights[:9, 1] = 0.0
    changed_x, changed_y = x.copy(), y.copy()
    changed_x[:9] += 5.0
    changed_y[:9] = 0
    before = layer.fitted_to_targets(x, y, weights)["weight"]
    after = layer.fitted_to_targets(changed_x, changed_y, weights)["weight"]
    assert np.array_equal(before[1], after[1])
    assert not np.array_equal(before[0], after[0])


def test_the_order_of_the_rows_has_no_influence() -> None:
    x, y = wide(5)
    order = np.random.default_rng(0).permutation(ROWS)
    target, weights = np.eye(CLASSES)[y], np.ones(ROWS)
    first = fit_linear_model(x.astype(float), target, weights, "softmax")[0]
    other = fit_linear_model(x[order].astype(float), target[order], weights, "softmax")[0]
    np.testing.assert_array_equal(first, other)


def test_a_weight_of_two_is_two_equal_rows() -> None:
    x, y = wide(5)
    counts = np.random.default_rng(1).integers(1, 4, ROWS)
    target, rows = np.eye(CLASSES)[y], x.astype(float)
    weighted = fit_linear_model(rows, target, counts.astype(float), "softmax")
    copies = np.repeat(np.arange(ROWS), counts)
    repeated = fit_linear_model(rows[copies], target[copies], np.ones(len(copies)), "softmax")
    np.testing.assert_array_equal(weighted[0], repeated[0])
    np.testing.assert_array_equal(weighted[1], repeated[1])


@pytest.mark.parametrize("seed", range(10))
def test_copies_of_rows_do_not_count_as_more_evidence(seed: int) -> None:
    draw = np.random.default_rng(seed)
    values = np.clip(0.7 + 0.1 * draw.normal(size=(12, 2)) + [0.0, 0.03], 0.05, 0.99)
    copies = np.repeat(np.arange(12), 50)
    weighted = GroupPredictions(np.array([1.0, 0.0]), np.arange(12), np.full(12, 50.0), values, None, 2.0)
    repeated = GroupPredictions(np.array([1.0, 0.0]), copies, np.ones(600), values[copies], None, 2.0)
    np.testing.assert_allclose(weighted.best_weights(), repeated.best_weights())


def test_training_saving_and_single_members_keep_the_fitted_weights(tmp_path: Path) -> None:
    x, y = wide(6)
    model = trained(x, y, epochs=1)
    path = next(name for name in model.state.states if name.endswith("converged.output.weight"))
    assert np.abs(model.state.states[path]).max() > 0
    model.save(tmp_path / "model.safetensors")
    assert np.array_equal(cr.load(tmp_path / "model.safetensors")(x), model(x))
    count = recipe_for(*x.shape).members
    member = cr.Model.of(single_member(model.state, 2 * count + 1))
    own = x @ model.state.states[path][0].T + model.state.states[path.replace("weight", "bias")][0]
    assert np.allclose(member(x), own, rtol=1e-3, atol=1e-3)


def test_other_weights_must_be_better_by_standard_errors() -> None:
    draw = np.random.default_rng(0)
    values = np.clip(0.8 + 0.1 * draw.normal(size=(40, 2)), 0.05, 0.99)
    equal = GroupPredictions(np.array([1.0, 0.0]), np.arange(40), np.ones(40), values, None, 2.0)
    assert equal.best_weights().tolist() == [1.0, 0.0]
    values[:, 1] = 0.99
    better = GroupPredictions(np.array([1.0, 0.0]), np.arange(40), np.ones(40), values, None, 2.0)
    assert better.best_weights()[1] > 0.8
