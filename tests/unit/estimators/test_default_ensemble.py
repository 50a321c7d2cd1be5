"""The default of an estimator is the ensemble that ``chainrule train`` trains on the same rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.estimators import default_network as estimators
from chainrule.train.default_table_ensemble import recipe_for
from chainrule.train.single_member import member_weights, single_member


def rows(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of which the first feature decides the class."""
    x = np.random.default_rng(seed).random((count, 3))
    return x, (x[:, 0] > 0.5).astype(int)


def members(estimator: Any) -> int:
    """The number of members of a trained ensemble, from the history."""
    return sum(name.startswith("val_member") for name in estimator.model_.history[0])


def test_the_default_is_the_recipe_for_the_number_of_distinct_rows() -> None:
    x, y = rows(24)
    classifier = cr.TabularClassifier(epochs=2, random_state=0).fit(np.tile(x, (4, 1)), np.tile(y, 4))
    recipe = recipe_for(24)
    assert members(classifier) == recipe.members * len(recipe.groups)


@pytest.mark.parametrize("rows", [20, 1_000, 5_000, 50_000])
def test_settings_that_are_not_set_leave_the_recipe_as_it_is(rows: int) -> None:
    assert estimators.Settings("ensemble", None, None, None, None, None).recipe(rows) == recipe_for(rows)


@pytest.mark.long
def test_a_row_of_the_table_trains_most_of_the_members() -> None:
    x, y = rows(60)
    classifier = cr.TabularClassifier(random_state=0).fit(x, y)
    assert classifier.score(*rows(200, seed=1)) > 0.9


def test_two_rows_have_no_folds_and_train_a_single_network() -> None:
    x, y = np.array([[0.0], [1.0]]), np.array([0, 1])
    classifier = cr.TabularClassifier(random_state=0).fit(x, y)
    assert members(classifier) == 0
    assert classifier.score(x, y) == 1.0


@pytest.mark.parametrize("distinct", [1, 2])
def test_rows_of_one_or_two_levels_are_divided_into_folds(distinct: int) -> None:
    x, y = np.arange(40)[:, None] % distinct * 1.0, np.arange(40) % 2
    classifier = cr.TabularClassifier(random_state=0).fit(x, y)
    assert members(classifier) > 0
    assert classifier.score(x, y) == (1.0 if distinct == 2 else 0.5)


def test_warm_start_continues_with_other_rows_and_another_learning_rate() -> None:
    x, y = rows(60)
    warm = cr.TabularClassifier(epochs=5, warm_start=True, random_state=0).fit(x[:40], y[:40])
    (first, *_, last), count = [row["loss"] for row in warm.model_.history], members(warm)
    warm.set_params(learning_rate=1e-3).fit(x, y)
    assert warm.model_.history[0]["loss"] - last < 0.1 * (first - last)  # other rows, and their first batches
    assert warm.model_.history[-1]["loss"] < last
    assert members(warm) == count
    assert warm.model_.recipe.optimizer == replace(recipe_for(60), learning_rate=1e-3).optimizer


def test_warm_start_with_fewer_rows_than_folds_is_refused() -> None:
    warm = cr.TabularClassifier(epochs=2, warm_start=True, random_state=0).fit(*rows(60))
    with pytest.raises(cr.errors.DataError, match="E331"):
        warm.fit(*rows(8))


def test_partial_fit_updates_the_members_of_a_trained_ensemble() -> None:
    x = rows(60)[0]
    regressor = cr.TabularRegressor(epochs=3, learning_rate=0.01, random_state=0).fit(x, 100 * x[:, 0])
    before = regressor.score(x, 100 * x[:, 0])
    for _ in range(30):
        regressor.partial_fit(x, 100 * x[:, 0])
    assert regressor.score(x, 100 * x[:, 0]) > before
    assert regressor.n_iter_ == 33


def test_trainings_that_share_their_graphs_have_the_bits_of_those_that_do_not() -> None:
    x, y = rows(30)
    fit = lambda: cr.TabularClassifier(epochs=3, random_state=0).fit(x, y)  # noqa: E731
    first, other = fit(), cr.TabularClassifier(epochs=3, random_state=1).fit(x, y)
    again = fit()
    assert first.model_.state.network is other.model_.state.network
    assert np.abs(first.predict_proba(x) - other.predict_proba(x)).max() > 0
    np.testing.assert_array_equal(first.predict_proba(x), again.predict_proba(x))


@pytest.mark.long
def test_the_model_of_an_ensemble_explains_and_attributes_in_the_units_of_the_target() -> None:
    x = rows(40)[0]
    regressor = cr.TabularRegressor(epochs=3, random_state=0).fit(x, 1000 + 50 * x[:, 0])
    np.testing.assert_allclose(np.ravel(regressor.model_.predict(x)), regressor.predict(x))
    state = regressor.model_.state
    weights = member_weights(state)
    of_members = [
        np.ravel(cr.Model.of(single_member(state, number + 1)).predict(x)) for number in range(len(weights))
    ]
    np.testing.assert_allclose(weights @ of_members, regressor.predict(x), rtol=1e-6)
    assert regressor.model_.explain(x[0], 1000.0, depth=1, lang="en").title
    assert regressor.model_.attribute(x[:2])
