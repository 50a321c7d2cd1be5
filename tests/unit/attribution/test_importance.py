"""Permutation importance: what is not used gets nothing, and the numbers are those of shuffled rows."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from chainrule.attribution.importance.permutation import permutation_importances
from chainrule.data import read_table
from chainrule.errors import ChainruleError, TrainingError
from chainrule.model import Model
from chainrule.nn import SGD, Conv, Dense, Flatten, Sequential
from chainrule.prng import fold, key_of, permutation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = np.where(X[:, 0] > 0, "yes", "no")


@pytest.fixture(scope="module")
def blind() -> Model:
    """A model that does not look at its third column."""
    model = Model(Sequential(Dense(4, "tanh"), Dense(2)), "cross_entropy", SGD(0.3), dtype="float64")
    model.fit(X, Y, epochs=3, verbose=False)
    weight = model.parameters()["dense1.weight"]
    weight[:, 2] = 0
    model.load_parameters({"dense1.weight": weight})
    return model


@pytest.mark.parametrize("metric", [None, "log_loss", "roc_auc", "loss"])
def test_an_unused_column_is_worth_exactly_nothing(blind: Model, metric: str | None) -> None:
    found = blind.importance(X, Y, metric=metric)
    assert found["x3"] == 0
    assert not found.repeated[2].any()
    assert found["x1"] > 0
    assert found.names == ("x1", "x2", "x3")


@pytest.mark.parametrize(("metric", "sign"), [("accuracy", 1), ("log_loss", -1)])
def test_the_numbers_are_those_of_shuffled_rows(blind: Model, metric: str, sign: int) -> None:
    found = blind.importance(X, Y, metric=metric, repeats=2, seed=7)
    shuffled = X.copy()
    shuffled[:, 1] = X[permutation(fold(key_of(7), 1, 1), len(X)), 1]
    before, after = (blind.evaluate(x, Y, metrics=[metric])[metric] for x in (X, shuffled))
    assert found.score == before
    assert abs(found.repeated[1, 1] - sign * (before - after)) < 1e-12


def test_groups_are_shuffled_together() -> None:
    x = np.stack([np.arange(8.0), np.arange(8.0)], axis=1)
    together = permutation_importances(
        lambda z: -float(np.abs(z[:, 0] - z[:, 1]).sum()), x, [np.array([0, 1])], 3, 0
    )
    assert not together.any()


def test_a_table_is_judged_by_its_columns() -> None:
    table = {"a": X[:, 0], "kind": RNG.choice(["u", "v", "w"], 60).tolist(), "y": Y.tolist()}
    model = Model(Sequential(Dense(2)), "cross_entropy", SGD(0.1))
    model.fit(table, "y", epochs=1, verbose=False)
    found = model.importance(read_table(table), "y", lang="zh")
    assert found.names == ("a", "kind")
    assert "置换重要性" in str(found)
    for lang in ("Which columns the model relies on", "置换重要性"):
        assert lang in found.to_html()
    ElementTree.fromstring(found.to_svg())
    assert model.importance(read_table(table), "y", groups={"all": ["a", "kind"]}).names == ("all",)


def test_an_image_is_shuffled_by_patches() -> None:
    x = RNG.normal(size=(12, 4, 4, 1))
    model = Model(Sequential(Conv(1, 3), Flatten(), Dense(1)), "mse", SGD(0.01))
    model.fit(x, x[:, 0, 0, 0], epochs=1, verbose=False)
    found = model.importance(x, x[:, 0, 0, 0], repeats=1)
    assert found.metric == "r2"
    assert len(found.names) == 16
    assert "patch at 0, 3" in found.names


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ({"metric": "acuracy"}, "E101", "accuracy"),
        ({"metric": "r2"}, "E101", "r2"),
        ({"repeats": 0}, "E102", "repeats"),
        ({"seed": "a"}, "E102", "seed"),
        ({"groups": 5}, "E102", "groups"),
        ({"groups": {"a": ["x9"]}}, "E101", "x9"),
        ({"lang": "fr"}, "E101", "fr"),
        ({"repeat": 3}, "E101", "repeats"),
    ],
)
def test_bad_options_are_refused(blind: Model, options: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        blind.importance(X, Y, **options)
    assert caught.value.code == code
    assert says in str(caught.value)


def test_a_metric_that_cannot_be_said_is_refused(blind: Model) -> None:
    only = Y == "yes"
    with pytest.raises(ChainruleError) as caught:
        blind.importance(X[only], Y[only], metric="roc_auc")
    assert caught.value.code == "E102"


def test_a_model_that_learned_nothing_is_refused() -> None:
    with pytest.raises(TrainingError) as caught:
        Model(Dense(1), "mse").importance(X, X[:, 0])
    assert caught.value.code == "E503"
