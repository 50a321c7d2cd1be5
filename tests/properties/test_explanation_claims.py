"""Sentences of explanations of random networks hold in the graph, and the checker finds those that do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from campaigns.explanation_claims import CHECKS, GENERAL, Checker
from campaigns.explanation_matrices import matrix_equation_holds
from campaigns.explanations import faults_of

from article import article_trace
from chainrule.page.page import Equation, Lines, Page
from chainrule.step_explanation.narrative import explain
from chainrule.texts.sentence import Sentence
from chainrule.trace import Scalar, Trace

SEEDS = (0, 3, 5, 6, 7, 11)  # one of each kind of network; python -m campaigns.explanations checks 100


@pytest.fixture(scope="module")
def article() -> Trace:
    return article_trace(2)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_sentence_about_a_random_network_holds(seed: int) -> None:
    count, faults = faults_of(seed)
    assert faults == []
    assert count > 500


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_sentence_of_the_article_holds(article: Trace, lang: str) -> None:
    for depth in (1, 2, 3):
        assert Checker(article).check(explain(article, depth, lang)) == []


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
