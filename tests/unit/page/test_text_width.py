"""A page in a terminal: nothing is wider than it, and nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.notation.text_columns import width
from chainrule.page.page import Page, Section, Table
from chainrule.page.terminal import text_page


def trained(**options: object) -> cr.Model:
    net = cr.Sequential(cr.Dense(9, "relu"), cr.LayerNorm(), cr.Dense(7, "tanh"), cr.Dense(3))
    model = cr.Model(net, "cross_entropy", cr.Adam(0.01), **options)  # pyright: ignore[reportArgumentType]
    x = np.random.default_rng(0).normal(size=(24, 5))
    model.fit(x, np.arange(24) % 3, epochs=1, verbose=False)
    return model


X = np.linspace(-1.0, 1.0, 5)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("columns", [80, 120])
def test_a_page_fits_the_terminal_and_loses_no_word(lang: str, columns: int) -> None:
    model = trained(penalty=cr.L2(0.01))
    for page in (model.explain(X, 1, lang=lang), model.explain(X, 1, "dense1.weight[0,1]", 3, lang)):
        folded, whole = text_page(page, columns), text_page(page)
        assert max(map(width, folded.splitlines())) <= columns
        kept = [sign for sign in folded if not sign.isspace() and sign not in "─═"]
        assert sorted(kept) == sorted(s for s in whole if not s.isspace() and s not in "─═")


def test_a_table_with_empty_cells_and_long_words_is_printed() -> None:
    table = Table(("", "what"), (("1", "a word and " + "x" * 40), ("", "")))
    text = text_page(Page("T", "en", (Section("", (table,)),)), 30)
    assert "x" * 40 in text
    assert "a word and" in text


def test_memory_and_penalty_are_told_in_letters_that_are_explained() -> None:
    text = str(trained(penalty=cr.L2(0.01)).explain(X, 1, lang="en"))
    assert "it remembers mean, square" in text
    assert "mean′" in text
    assert "J⁽¹⁾ = " in text
    assert "γ is the scale" in text
    assert "(Adam, η = 0.01)" in text


def test_one_way_is_followed_at_depth_two_and_three_at_depth_three() -> None:
    model = trained()
    short, long = (str(model.explain(X, 1, "dense1.weight[0,1]", depth, "en")) for depth in (2, 3))
    assert short.count("(B") < long.count("(B")
    assert "largest make" in short


def test_a_class_is_told_by_its_probability_at_depth_one() -> None:
    text = str(trained().explain(X, 1, depth=1, lang="en"))
    assert "Wanted 1, given the probability" in text
    ledger = str(trained().explain(X, 1, "dense1.weight[0,1]", 1, "en"))
    assert "mean′" not in ledger
    assert "of its size" in ledger
