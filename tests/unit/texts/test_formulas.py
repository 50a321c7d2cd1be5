"""Every formula with words has a Chinese one with the same symbols."""

from __future__ import annotations

import re

import pytest

from chainrule.catalog import KINDS, block, to_unicode
from chainrule.texts.formulas import FORMULAS

WORDS = re.compile(
    r"\b(with|where|of|the|for|and|as|is|by|are|at|per|over|before|after|if|each|from|to|on|than|or|else|"
    r"otherwise|then|in|without|sum over|mean of)\b"
)
SYMBOLS = re.compile(r"[√←εαβγδσπη≥≤ŷ²⁻⁷]|\d+(?:\.\d+)?|\b[A-Za-z]+_[A-Za-z_]+\b")


def prose(kind: str, name: str) -> str:
    """The formula of a block as it is shown in English, if it is not parsed."""
    return " ".join(to_unicode(f.prose) for f in block(kind, name).formulas if f.tree is None)


BLOCKS = [(kind, name) for kind in KINDS for name in KINDS[kind].entries if WORDS.search(prose(kind, name))]


def test_the_table_has_all_formulas_with_words_and_no_others() -> None:
    assert len(BLOCKS) > 100
    listed = {(kind, name) for kind, names in FORMULAS.items() for name in names}
    assert set(BLOCKS) - listed == set()
    assert {(kind, name) for kind, name in listed if name not in KINDS[kind].entries} == set()


@pytest.mark.parametrize(("kind", "name"), BLOCKS)
def test_both_languages_have_the_same_symbols(kind: str, name: str) -> None:
    english, chinese = prose(kind, name), FORMULAS[kind][name]
    assert re.search("[一-鿿，。；]", chinese)
    assert set(SYMBOLS.findall(english)) == set(SYMBOLS.findall(chinese))
    assert not WORDS.search(re.sub(r"[A-Za-z]+_\w+|\bin_\(|\bthen\b", "", chinese)), chinese
    assert not re.search(r"[一-鿿][A-Za-z0-9]|[A-Za-z0-9][一-鿿]|[一-鿿] +[一-鿿]", chinese)


def test_an_index_behind_a_bracket_is_lowered() -> None:
    assert "softmax(z)ₖ" in prose("loss", "cross_entropy")
