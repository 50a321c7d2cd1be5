"""A node's formula, put together from the cards behind it."""

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


def test_what_is_needed_twice_is_written_once() -> None:
    first, second, last = cr.formula(_loss()[1]).splitlines()
    assert first == "h₁ = 1/(1 + e^(−x·cᵀ))"
    assert second == "h₂ = h₁ − t"
    assert last == "(xᵀ·(1/n)·2·h₂·h₁·(1 − h₁))ᵀ"


def test_a_deep_formula_grows_with_the_depth_and_no_faster() -> None:
    x = cr.input("x", ())
    for _ in range(200):
        x = cr.tanh(x * x)
    assert len(cr.formula(x)) < 200 * 40


def test_an_unknown_notation_is_refused() -> None:
    with pytest.raises(UsageError, match="latex"):
        cr.formula(_loss()[0], "latx")
