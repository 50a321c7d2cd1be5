"""Pages in a terminal: no line is wider than the terminal, and no text is lost."""

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
def test_a_page_fits_the_terminal_and_keeps_all_text(lang: str, columns: int) -> None:
    model = trained(penalty=cr.L2(0.01))
    for page in (model.explain(X, 1, lang=lang), model.explain(X, 1, "dense1.weight[0,1]", 3, lang)):
        wrapped, full = text_page(page, columns), text_page(page)
        assert max(map(width, wrapped.splitlines())) <= columns
        characters = [sign for sign in wrapped if not sign.isspace() and sign not in "─═"]
        assert sorted(characters) == sorted(s for s in full if not s.isspace() and s not in "─═")


def test_a_table_with_empty_cells_and_long_words_is_rendered() -> None:
    table = Table(("", "what"), (("1", "a word and " + "x" * 40), ("", "")))
    text = text_page(Page("T", "en", (Section("", (table,)),)), 30)
    assert "x" * 40 in text
    assert "a word and" in text


def test_optimizer_state_and_penalty_use_defined_symbols() -> None:
    text = str(trained(penalty=cr.L2(0.01)).explain(X, 1, lang="en"))
    assert "the optimizer stores mean, square" in text
    assert "mean′" in text
    assert "J⁽¹⁾ = " in text
    assert "γ and β are the scale" in text
    assert "(Adam, η = 0.01)" in text


def test_depth_two_follows_one_path_and_depth_three_follows_three() -> None:
    model = trained()
    short, long = (str(model.explain(X, 1, "dense1.weight[0,1]", depth, "en")) for depth in (2, 3))
    assert short.count("(B") < long.count("(B")
    assert "largest add up to" in short


def test_depth_one_states_the_probability_of_the_class() -> None:
    text = str(trained().explain(X, 1, depth=1, lang="en"))
    assert "Target 1, predicted with probability" in text
    derivation = str(trained().explain(X, 1, "dense1.weight[0,1]", 1, "en"))
    assert "mean′" not in derivation
    assert "of its size" in derivation
