"""Every member of an ensemble is trained, stopped and scored on different rows; recipes fit any table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.train.default_table_ensemble import (
    CrossValidation,
    EnsembleTraining,
    fold_weights,
    out_of_fold,
    recipe_for,
)

RECIPES = [recipe_for(rows) for rows in (5, 100, 1_000, 5_000, 50_000)]


@given(st.integers(3, 12), st.integers(1, 3), st.integers(0, 2**32 - 1), st.data())
def test_each_row_has_one_role_for_each_member(
    count: int, groups: int, seed: int, data: st.DataObject
) -> None:
    members = data.draw(st.integers(1, count))
    fold = np.random.default_rng(seed).integers(0, count, 40)
    plan = CrossValidation(fold, count, members, groups)
    roles = plan.training + plan.validation + plan.scoring
    assert roles.shape == (40, members * groups)
    assert (roles == 1.0).all()
    assert sorted(plan.scored) == np.flatnonzero(plan.scoring.any(1)).tolist()
    assert (plan.scoring.sum(1)[plan.scored] == groups).all()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.folds} folds")
def test_a_recipe_leaves_rows_to_train_on(recipe) -> None:
    assert recipe.folds >= 3
    assert 1 <= recipe.members <= recipe.folds
    assert len(set(recipe.groups)) == len(recipe.groups) > 0


def trained(y: np.ndarray, x: np.ndarray) -> tuple[cr.Model, EnsembleTraining]:
    recipe = recipe_for(len(x))
    plan = CrossValidation(np.arange(len(x)) % recipe.folds, recipe.folds, recipe.members, len(recipe.groups))
    loss = "mse" if y.dtype.kind == "f" else "binary_cross_entropy"
    training = EnsembleTraining(recipe, plan, x, 1, loss)
    model = cr.Model.of(training.model())
    model.fit(x, y, verbose=False, **{**training.fit_options(y), "epochs": 15})
    return model, training


def test_labels_without_information_have_scores_of_chance() -> None:
    draw = np.random.default_rng(5)
    x, y = draw.normal(size=(240, 12)).astype(np.float32), draw.integers(0, 2, 240)
    model, training = trained(y, x)
    weights = fold_weights(model.state, x, y, training)
    rows, probabilities = out_of_fold(model.state, x, training.plan, weights)
    assert rows.tolist() == list(range(240))
    hits = (probabilities.argmax(1) == y).mean()
    assert abs(hits - 0.5) < 4 * 0.5 / np.sqrt(240)
    assert ((model.predict_proba(x).argmax(1) == y).mean()) > hits + 0.1  # it has learned the rows by heart


def test_the_label_of_a_row_does_not_change_its_own_prediction() -> None:
    draw = np.random.default_rng(6)
    x = draw.normal(size=(60, 3)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    other = y.copy()
    other[7] = 1 - other[7]
    (model, training), (changed, _) = trained(y, x), trained(other, x)
    plan = training.plan
    before, after = (out_of_fold(m.state, x, plan)[1] for m in (model, changed))
    same_fold = plan.folds == plan.folds[7]
    np.testing.assert_array_equal(before[same_fold], after[same_fold])
    assert (before[~same_fold] != after[~same_fold]).any()


def test_the_weights_for_a_fold_are_chosen_on_other_rows() -> None:
    draw = np.random.default_rng(7)
    x = draw.normal(size=(120, 3)).astype(np.float32)
    y = (x[:, 0] + draw.normal(size=120) > 0).astype(np.int64)
    model, training = trained(y, x)
    weights = fold_weights(model.state, x, y, training)
    assert weights.shape == (training.plan.count, 3)
    np.testing.assert_allclose(weights.sum(1), 1.0)
    fold = 4
    other = np.where(training.plan.folds == fold, 1 - y, y)
    changed = fold_weights(model.state, x, other, training)
    np.testing.assert_array_equal(changed[fold], weights[fold])
    assert (changed != weights).any()


@pytest.mark.long
def test_the_weights_are_those_of_the_kind_that_predicts_best() -> None:
    draw = np.random.default_rng(8)
    x = draw.normal(size=(200, 10)).astype(np.float32)
    noise = draw.normal(size=200)
    shares = {}
    for name, signal in (("linear", x @ np.linspace(-1, 1, 10)), ("bent", 3.0 * np.abs(x[:, 0]))):
        model, training = trained(((signal + noise) / 3.0).astype(np.float32), x)
        shares[name] = model.member_weights.reshape(3, -1).sum(1)
        np.testing.assert_allclose(shares[name].sum(), 1.0, rtol=1e-6)
        x_mean = fold_weights(model.state, x, (signal + noise) / 3.0, training).mean(0)
        np.testing.assert_allclose(x_mean, shares[name], atol=0.2)
    assert shares["linear"].argmax() == 2
    assert shares["bent"][2] < 0.2
