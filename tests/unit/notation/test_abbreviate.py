"""Long formulas are abbreviated to an outline that is still a formula, short ones are unchanged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chainrule.notation import Tree, leaves, parse, to_latex, to_mathml, to_unicode, to_words
from chainrule.notation.abbreviate import DOTS, abbreviate
from random_formula import any_tree


@given(any_tree, st.integers(1, 12))
def test_an_abbreviation_is_short_and_contains_nothing_new(tree: Tree, limit: int) -> None:
    short = abbreviate(tree, limit)
    assert len(leaves(short)) <= max(2 * limit, 3)
    assert set(leaves(short)) - {DOTS} <= set(leaves(tree))
    if len(leaves(tree)) <= limit and leaves(tree):
        assert short == tree
    for write in (to_unicode, to_latex, to_mathml, to_words):
        assert write(short)


def test_short_parts_stay_and_long_ones_share_the_rest() -> None:
    tree = parse("a * (" + " + ".join(f"w[{i}] * x[{i}]" for i in range(1, 100)) + ") + b")
    assert to_unicode(abbreviate(tree, 12)) == "a·(w₁·x₁ + w₂·x₂ + … + w₉₉·x₉₉) + b"
    assert to_unicode(abbreviate(tree, 4)) == "a·… + b"
    assert abbreviate(tree, 500) is tree
