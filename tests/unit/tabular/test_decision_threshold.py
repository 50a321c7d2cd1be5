"""The threshold in the facts of a model file, which may come from somewhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import chainrule as cr
from chainrule.tabular.comparison import Scores
from chainrule.tabular.threshold import stored_decision, stored_threshold


def model(facts: dict[str, object]) -> cr.Model:
    trained = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy")
    x = np.arange(16.0).reshape(8, 2)
    trained.fit(x, np.array(["a", "b"] * 4), epochs=1, verbose=False)
    return cr.Model.of(replace(trained.state, facts=facts))


@pytest.mark.parametrize("value", ["0.3", 7.0, -0.5, None, True, [0.2], float("nan")])
def test_an_invalid_threshold_in_a_model_file_is_not_used(value: object) -> None:
    assert stored_threshold(model({"threshold": {"value": 0.25}})) == 0.25
    assert stored_threshold(model({"threshold": {"value": value}})) is None
    assert stored_threshold(model({"threshold": value})) is None


@pytest.mark.parametrize(
    "fact",
    [
        {"value": 0.25},
        {"value": 0.25, "rule": "mcc"},
        {"value": 0.25, "rule": "cost"},
        {"value": 0.25, "rule": "cost", "cost": [1, 5]},
        {"value": 0.25, "rule": "cost", "cost": "nan:-1"},
        {"value": 0.25, "rule": "f1", "cost": "1:5"},
    ],
)
def test_a_damaged_fact_is_no_decision(fact: dict[str, object]) -> None:
    scores = Scores("classification", np.array([0, 1]), {"net": np.full((2, 2), 0.5)}, labels=("a", "b"))
    valid = stored_decision(model({"threshold": {"value": 0.25, "rule": "cost", "cost": "1:3"}}), scores)
    assert valid is not None
    assert (valid.value, valid.label, valid.chosen.recall, valid.chosen.cost) == (0.25, "b", 1.0, 0.5)
    assert stored_decision(model({"threshold": fact}), scores) is None
