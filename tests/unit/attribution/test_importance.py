"""Permutation importance: an unused column gets 0, and the values are those of shuffled rows."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from chainrule.attribution.permutation_importance_and_partial_dependence import permutation_importances
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
    """A model whose weights for the third column are 0."""
    model = Model(Sequential(Dense(4, "tanh"), Dense(2)), "cross_entropy", SGD(0.3), dtype="float64")
    model.fit(X, Y, epochs=3, verbose=False)
    weight = model.parameters()["dense1.weight"]
    weight[:, 2] = 0
    model.load_parameters({"dense1.weight": weight})
    return model


@pytest.mark.parametrize("metric", [None, "log_loss", "roc_auc", "loss"])
def test_an_unused_column_has_importance_zero(blind: Model, metric: str | None) -> None:
    importance = blind.importance(X, Y, metric=metric)
    assert importance["x3"] == 0
    assert not importance.repeated[2].any()
    assert importance["x1"] > 0
    assert importance.names == ("x1", "x2", "x3")


@pytest.mark.parametrize(("metric", "sign"), [("accuracy", 1), ("log_loss", -1)])
def test_importance_is_the_drop_of_the_metric_on_shuffled_rows(blind: Model, metric: str, sign: int) -> None:
    importance = blind.importance(X, Y, metric=metric, repeats=2, seed=7)
    shuffled = X.copy()
    shuffled[:, 1] = X[permutation(fold(key_of(7), 1, 1), len(X)), 1]
    before, after = (blind.evaluate(x, Y, metrics=[metric])[metric] for x in (X, shuffled))
    assert importance.score == before
    assert abs(importance.repeated[1, 1] - sign * (before - after)) < 1e-12


def test_groups_are_shuffled_together() -> None:
    x = np.stack([np.arange(8.0), np.arange(8.0)], axis=1)
    together = permutation_importances(
        lambda z: -float(np.abs(z[:, 0] - z[:, 1]).sum()), x, [np.array([0, 1])], 3, 0
    )
    assert not together.any()


def test_the_features_of_a_table_are_its_columns() -> None:
    table = {"a": X[:, 0], "kind": RNG.choice(["u", "v", "w"], 60).tolist(), "y": Y.tolist()}
    model = Model(Sequential(Dense(2)), "cross_entropy", SGD(0.1))
    model.fit(table, "y", epochs=1, verbose=False)
    importance = model.importance(read_table(table), "y", lang="zh")
    assert importance.names == ("a", "kind")
    assert "置换重要性" in str(importance)
    for lang in ("Which columns the model relies on", "置换重要性"):
        assert lang in importance.to_html()
    ElementTree.fromstring(importance.to_svg())
    assert model.importance(read_table(table), "y", groups={"all": ["a", "kind"]}).names == ("all",)


def test_the_features_of_an_image_are_patches() -> None:
    x = RNG.normal(size=(12, 4, 4, 1))
    model = Model(Sequential(Conv(1, 3), Flatten(), Dense(1)), "mse", SGD(0.01))
    model.fit(x, x[:, 0, 0, 0], epochs=1, verbose=False)
    importance = model.importance(x, x[:, 0, 0, 0], repeats=1)
    assert importance.metric == "r2"
    assert len(importance.names) == 16
    assert "patch at 0, 3" in importance.names


@pytest.mark.parametrize(
    ("options", "code", "message"),
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
def test_bad_options_are_refused(blind: Model, options: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        blind.importance(X, Y, **options)
    assert caught.value.code == code
    assert message in str(caught.value)


def test_an_undefined_metric_is_refused(blind: Model) -> None:
    only = Y == "yes"
    with pytest.raises(ChainruleError) as caught:
        blind.importance(X[only], Y[only], metric="roc_auc")
    assert caught.value.code == "E102"


def test_an_untrained_model_is_refused() -> None:
    with pytest.raises(TrainingError) as caught:
        Model(Dense(1), "mse").importance(X, X[:, 0])
    assert caught.value.code == "E503"


def test_columns_with_one_value_are_named_and_equal_rows_refused(blind: Model) -> None:
    constant = X.copy()
    constant[:, 0] = 1.0
    assert '"x1"' in str(blind.importance(constant, Y))
    assert '"x1"' not in str(blind.importance(X, Y))
    for rows in (X[:1], np.tile(X[:1], (5, 1))):
        with pytest.raises(ChainruleError) as caught:
            blind.importance(rows, Y[: len(rows)])
        assert caught.value.code == "E102"
        assert caught.value.fix
