"""The formula of a node, composed of the formulas of the cards behind it."""

from __future__ import annotations

import pytest

import chainrule as cr
from chainrule.errors import UsageError


def _loss() -> tuple[cr.Node, cr.Node]:
    x, t = cr.input("x", (None, 2)), cr.input("t", (None, 1))
    w = cr.constant([[0.1, 0.2]])
    loss = cr.mean(cr.square(cr.sigmoid(x @ w.T) - t))
    return loss, cr.grad(loss, [w])[0]


def test_a_mean_is_a_sum_over_n() -> None:
    assert cr.formula(_loss()[0]) == "(Σᵢ (1/(1 + e^(−x·cᵀ)) − t)²)/n"


def test_shared_subexpressions_are_written_once() -> None:
    first, second, last = cr.formula(_loss()[1]).splitlines()
    assert first == "h₁ = 1/(1 + e^(−x·cᵀ))"
    assert second == "h₂ = h₁ − t"
    assert last == "(xᵀ·((1/n)·2 ⊙ h₂ ⊙ h₁ ⊙ (1 − h₁)))ᵀ"


def test_the_length_of_a_formula_is_linear_in_the_depth() -> None:
    x = cr.input("x", ())
    for _ in range(200):
        x = cr.tanh(x * x)
    assert len(cr.formula(x)) < 200 * 40


def test_a_formula_in_words_in_both_languages() -> None:
    x = cr.input("x", (None, 2))
    y = cr.square(x) * cr.square(x)
    assert cr.formula(y, "words", lang="en").splitlines() == [
        "h₁ equals x squared",
        "h₁ times, element by element, h₁",
    ]
    assert cr.formula(y, "words", lang="zh").splitlines() == ["h₁ 等于 x 的平方", "h₁ 按元素乘以 h₁"]
    with cr.settings.using(lang="zh"):
        assert cr.formula(x * 2.0, "words") == "2 乘以 x"


def test_terms_of_mathml_carry_the_name_of_their_value() -> None:
    weight = cr.input("dense1.weight", (None, 2))
    first, last = cr.formula(cr.square(weight) * cr.square(weight), "mathml").splitlines()
    assert first.count('data-node="dense1.weight"') == 1
    assert first.count('data-node="h1"') == 1
    assert last.count('data-node="h1"') == 2


def test_an_unknown_notation_or_language_is_refused() -> None:
    with pytest.raises(UsageError, match="latex"):
        cr.formula(_loss()[0], "latx")
    with pytest.raises(UsageError, match='lang="en"'):
        cr.formula(_loss()[0], "words", lang="eng")
