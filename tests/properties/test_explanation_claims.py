"""Sentences of explanations of random networks hold in the graph, and the checker finds those that do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from campaigns.explanation_claims import CHECKS, GENERAL, Checker
from campaigns.explanation_matrices import matrix_equation_holds
from campaigns.explanations import faults_of

import chainrule as cr
from article import article_trace
from chainrule.page.page import Equation, Lines, Page
from chainrule.step_explanation.narrative import explain
from chainrule.texts.sentence import Sentence
from chainrule.trace import Scalar, Trace, trace

SEEDS = (0, 3, 5, 6, 7, 11)  # one of each kind of network; python -m campaigns.explanations checks 100


@pytest.fixture(scope="module")
def article() -> Trace:
    return article_trace(2)


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_every_sentence_about_a_random_network_holds(seed: int) -> None:
    count, faults = faults_of(seed)
    assert faults == []
    assert count > 500


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_sentence_of_the_article_holds(article: Trace, lang: str) -> None:
    for depth in (1, 2, 3):
        assert Checker(article).check(explain(article, depth, lang)) == []


def test_every_sentence_holds_if_a_network_with_other_layer_names_has_the_same_graph() -> None:
    """Equal nodes are one node, so a node itself has the name in the network that was built first."""
    net = cr.Sequential(cr.Dense(2), cr.Activation("softsign"), cr.Dense(1), cr.Activation("sigmoid"))
    x, y = np.array([[1.0, 0.5]]), np.array([[1.0]])
    first = cr.Model(net, "half_mse", cr.SGD(0.25), dtype="float64", engine="reference").initialize(x)
    net = cr.Sequential(cr.Dense(2, "softsign"), cr.Dense(1, "sigmoid"))
    second = cr.Model(net, "half_mse", cr.SGD(0.25), dtype="float64", engine="reference").initialize(x)
    of_first, of_second = (trace(m.network, m.parameters(), {"x": x}, {"target": y}) for m in (first, second))
    assert {site.path for site in map(of_second.derivation.site_of, of_second.names)} >= {"dense1", "dense2"}
    for t in (of_first, of_second):
        assert Checker(t).check(explain(t, 1, "en")) == []


def equations(page: Page) -> list[Equation]:
    parts = [part for section in page.sections for part in section.parts]
    return [equation for part in parts if isinstance(part, Lines) for equation in part.equations]


def faults(article: Trace, check: Callable[[Checker], Any]) -> list[str]:
    checker = Checker(article)
    check(checker)
    return checker.faults


def test_a_derivative_at_the_value_instead_of_the_argument_is_found(article: Trace) -> None:
    count = 0
    for equation in equations(explain(article, 2)):
        values = [at for at, _ in equation.arguments if isinstance(at, Scalar)]
        wrong = replace(
            equation, arguments=tuple((at, article.formulas.leaf(at.node, at.index)) for at in values)
        )
        if values and not equation.note:
            count += bool(faults(article, lambda c, e=wrong: c.equation(e)))
    assert count > 2


def test_a_symbol_of_another_layer_or_element_is_found(article: Trace) -> None:
    equation = next(e for e in equations(explain(article, 2)) if e.steps)
    first, second = (layer.z for layer in article.layers)
    assert first is not None
    assert second is not None
    for node, index in ((second, (0, 0)), (first, (0, 2))):
        symbol = article.names[node].symbol(index, article.samples)
        assert faults(article, lambda c, s=symbol: c._symbol(Scalar(first, (0, 1)), s))
    assert faults(article, lambda c: c.equation(replace(equation, value=99.0)))


def test_a_wrong_number_and_a_text_without_a_record_are_found(article: Trace) -> None:
    page = explain(article, 1)
    sentences = [part for section in page.sections for part in section.parts if isinstance(part, Sentence)]
    line = next(s for s in sentences if s.key == "line_mean")
    facts = {**line.facts, "old": "9.000000"}
    wrong = Sentence.of("The mean loss over 2 samples is 9.000000; ", line.key, line.lang, facts, line.about)
    assert faults(article, lambda c: c.text(wrong))
    assert faults(article, lambda c: c.text("The sun is 3 km away."))


def test_matrix_equations_are_evaluated(article: Trace) -> None:
    assert matrix_equation_holds(article, "∂J/∂W^(1) = (1/n)·D^(1)ᵀ·X")
    assert not matrix_equation_holds(article, "∂J/∂W^(1) = D^(1)ᵀ·X")
    assert not matrix_equation_holds(article, "D^(1) = (D^(2)·W^(2))")


def test_no_sentence_is_both_checked_and_general() -> None:
    assert GENERAL.isdisjoint(CHECKS)
    assert len(CHECKS) > 80
