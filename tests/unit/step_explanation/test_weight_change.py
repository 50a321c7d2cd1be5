"""``Model.what_if``: a network with changed weights compared with the original."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from article import article_trace
from chainrule.errors import UsageError
from chainrule.step_explanation.weight_change import what_if
from chainrule.trace import Trace

X = np.array([[0.0, 1.0], [1.0, -0.5], [0.5, 0.5], [-1.0, 2.0]])
Y = np.array([0.0, 1.0, 1.0, 0.0])


@pytest.fixture(scope="module")
def model() -> cr.Model:
    model = cr.Model(cr.Sequential(cr.Dense(3, "tanh"), cr.Dense(1)), "mse", cr.SGD(0.1))
    model.fit(X, Y, epochs=2, verbose=False)
    return model


@pytest.fixture(scope="module")
def traced() -> Trace:
    return article_trace()


def test_the_article_with_another_weight(traced: Trace) -> None:
    result = what_if(traced, {"dense1.weight[0,1]": 0.7})
    z = 0.1 * 1.0 + 0.7 * 0.5 + 0.1
    assert {c.name: c.new for c in result.values}["z₁⁽¹⁾"] == pytest.approx(z, rel=1e-15)
    assert [c.name for c in result.values] == ["z₁⁽¹⁾", "a₁⁽¹⁾", "z₁⁽²⁾", "ŷ", "J"]
    assert result.loss.old == traced.loss


def test_what_if_equals_a_network_with_that_weight(model: cr.Model) -> None:
    result = model.what_if({"dense2.weight[0,2]": -1.5, "dense1.bias[0]": 2}, X, Y)
    weights = model.parameters()
    weights["dense2.weight"][0, 2], weights["dense1.bias"][0] = -1.5, 2
    other = cr.Model(model.recipe.net, "mse", cr.SGD(0.1))
    assert model.network is not None
    other.initialize(dict(model.network.inputs)).load_parameters(weights)
    assert result.loss.new == pytest.approx(other.trace(X, Y).loss, rel=1e-15)
    assert result.loss.old == pytest.approx(model.trace(X, Y).loss, rel=1e-15)
    np.testing.assert_array_equal(result.predictions["y"][1], other.trace(X, Y).predictions["y"])
    assert [edit.new for edit in result.edits] == [-1.5, 2.0]


def test_unchanged_values_are_not_listed(model: cr.Model) -> None:
    assert model.what_if({"dense1.weight[0,0]": 5.0}, X[0], Y[0]).values == ()  # its input is 0
    same = float(model.parameters()["dense1.bias"][1])
    assert "The loss remains" in str(model.what_if({"dense1.bias[1]": same}, X, Y))
    names = [c.name for c in model.what_if({"dense1.bias[1]": 1.0}, X[0], Y[0]).values]
    assert "z₂⁽¹⁾" in names
    assert "z₁⁽¹⁾" not in names


@pytest.mark.parametrize(("lang", "words"), [("en", "The gradient predicts"), ("zh", "按梯度估计应为")])
def test_text_and_html_in_both_languages(model: cr.Model, lang: str, words: str) -> None:
    result = model.what_if({"dense1.bias[1]": 1.0}, X, Y, lang=lang)
    assert words in str(result)
    assert words in result.to_html()
    assert "WhatIf" in repr(result)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "E102"),
        ({"dense1.bias[0]": float("nan")}, "E102"),
        ({"dense1.bias[0]": "much"}, "E102"),
        ({"dense1.bais[0]": 1.0}, "E120"),
        ({"dense1.bias[9]": 1.0}, "E121"),
    ],
)
def test_invalid_changes_are_refused(model: cr.Model, changes: dict[str, float], code: str) -> None:
    with pytest.raises(UsageError) as error:
        model.what_if(changes, X[0], Y[0])
    assert error.value.code == code
