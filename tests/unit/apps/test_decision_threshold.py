"""The threshold in the facts of a model file, which may come from somewhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.decision_threshold import stored_threshold


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
