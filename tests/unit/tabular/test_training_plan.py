"""The rows of an ensemble: which members are trained, stopped and scored on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from chainrule.errors import UsageError
from chainrule.nn import L2
from chainrule.tabular.evaluation import evaluate_models
from chainrule.tabular.options import OF_ENSEMBLE, Options
from chainrule.tabular.training_plan import OVERRIDES, Folds, SplitRows, plan_of, prepare_data
from chainrule.train.default_table_ensemble import recipe_for


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 rows with 8 different inputs; the label is right in nine of ten."""
    draw = np.random.default_rng(3)
    size, color = draw.integers(0, 4, 400), draw.integers(0, 2, 400)
    is_noise = draw.random(400) < 0.1
    label = np.where((size + color > 2) ^ is_noise, "yes", "no")
    path = tmp_path_factory.mktemp("plans") / "repeated.csv"
    names = np.array(["red", "blue"])[color]
    pl.DataFrame({"size": size * 1.5, "color": names, "label": label}).write_csv(path)
    return path


def plan(file: Path, **options: object) -> Folds | SplitRows:
    chosen = Options(str(file), target="label", **options)
    return plan_of(chosen, prepare_data(chosen))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each of 60 different rows three times."""
    size = np.tile(np.random.default_rng(3).normal(size=60), 3)
    path = tmp_path_factory.mktemp("plans") / "copied.csv"
    pl.DataFrame({"size": size, "label": np.where(size > 0, "yes", "no")}).write_csv(path)
    return path


def folds_of_inputs(folds: Folds) -> list[set[int]]:
    """The folds of the rows with each different input."""
    of_inputs: dict[bytes, set[int]] = {}
    for row, fold in zip(folds.prepared.training.x, folds.cross_validation.folds, strict=True):
        of_inputs.setdefault(row.tobytes(), set()).add(int(fold))
    return list(of_inputs.values())


def test_copies_of_a_row_share_a_fold_and_observations_with_equal_inputs_do_not(
    copied: Path, repeated: Path
) -> None:
    same, separate = folds_of_inputs(plan(copied)), folds_of_inputs(plan(repeated))
    assert [len(places) for places in same] == [1] * 60
    assert len(separate) == 8
    assert min(len(places) for places in separate) > 2


@pytest.mark.parametrize("name", ["copied", "repeated"])
def test_no_baseline_is_fitted_on_rows_that_it_predicts(name: str, request: pytest.FixtureRequest) -> None:
    folds = plan(request.getfixturevalue(name))
    predicted = np.concatenate([positions for _, positions in folds.scored.baseline_fits])
    assert sorted(predicted) == list(range(len(folds.scored.rows.y)))
    for rows, positions in folds.scored.baseline_fits:
        assert 0 < len(rows.y) <= len(folds.prepared.training.y) - len(positions)
        fitted = {row.tobytes() for row in rows.x}
        assert name == "repeated" or not fitted & {row.tobytes() for row in folds.scored.rows.x[positions]}


@pytest.mark.long
def test_the_score_of_cross_validation_is_no_worse_than_chance(repeated: Path) -> None:
    folds = plan(repeated, epochs=15)
    model, training = folds.model(), folds.prepared.training
    model.fit(training.x, folds.prepared.labels(training), verbose=False, **folds.fit_options())
    scores = evaluate_models(model, folds.prepared.preparation, folds.scored)
    assert scores.folds == folds.scored.folds
    assert scores.metrics("net", ["accuracy"])["accuracy"] > 0.6
    assert scores.metrics("linear", ["accuracy"])["accuracy"] > 0.6


def test_a_verdict_counts_the_folds_of_the_scored_rows(copied: Path, repeated: Path) -> None:
    assert plan(copied).scored.folds == len(plan(copied).scored.baseline_fits) > 1
    assert plan(repeated, split="random").scored.folds == 0


def test_other_networks_and_test_rows_are_split_off(repeated: Path) -> None:
    assert isinstance(plan(repeated, quick=True), SplitRows)
    assert isinstance(plan(repeated, net="4 relu"), SplitRows)
    tested = plan(repeated, split="random")
    assert isinstance(tested, Folds)
    assert not tested.scored.is_cross_validated
    assert len(tested.scored.rows.y) == 80
    assert len(tested.prepared.training.y) == 320


DEFAULTS = Options("")


@pytest.mark.parametrize("name", OVERRIDES)
def test_an_option_that_is_passed_replaces_the_value_of_the_recipe(repeated: Path, name: str) -> None:
    default = getattr(DEFAULTS, name)
    (chosen, other), recipes = (plan(repeated, passed=(name,)), plan(repeated)), []
    for folds in (chosen, other):
        assert isinstance(folds, Folds)
        recipes.append(folds.recipe)
    assert getattr(recipes[0], name) == default
    assert getattr(recipes[1], name) == getattr(recipe_for(400), name)


def test_the_default_optimizer_and_penalty_replace_those_of_the_recipe_where_they_are_passed(
    repeated: Path,
) -> None:
    without = plan(repeated).model().state.recipe
    passed = plan(repeated, passed=("optimizer", "penalty")).model().state.recipe
    assert (type(without.optimizer).__name__, without.penalty) == ("AdamW", None)
    assert (type(passed.optimizer).__name__, passed.penalty) == ("Adam", L2(DEFAULTS.penalty))


@pytest.mark.parametrize("kind", [{"quick": True}, {"net": "8 relu"}], ids=["quick", "net"])
@pytest.mark.parametrize("name", OF_ENSEMBLE)
def test_a_setting_of_an_ensemble_is_refused_for_a_single_network(
    name: str, kind: dict[str, object], repeated: Path
) -> None:
    with pytest.raises(UsageError, match="E102") as raised:
        plan(repeated, passed=(name,), **kind)
    assert f"leave out {name}" in raised.value.fix


@pytest.mark.parametrize("options", [{}, {"quick": True}], ids=["folds", "rows"])
def test_the_table_of_rows_outside_the_training_has_their_cells(
    repeated: Path, options: dict[str, object]
) -> None:
    chosen = plan(repeated, epochs=1, **options)
    model, training = chosen.model(), chosen.prepared.training
    model.fit(training.x, chosen.prepared.labels(training), verbose=False, **chosen.fit_options())
    held_out = chosen.held_out(model)
    rows = held_out.rows
    np.testing.assert_array_equal(chosen.prepared.preparation.inputs(held_out.table), rows.x)
    np.testing.assert_array_equal(chosen.prepared.preparation.targets(held_out.table), rows.y)
