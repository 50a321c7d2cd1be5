"""Formulas with words have the same symbols in Chinese; descriptions of arguments are sentences."""

from __future__ import annotations

import re

from pages.translations import WORDS, block_texts

from case_loops import loop_over
from chainrule.catalog import KINDS, block, to_unicode
from chainrule.messages import translated

SYMBOLS = re.compile(r"[√←εαβγδσπη≥≤ŷ²⁻⁷]|\d+(?:\.\d+)?|\b[A-Za-z]+_[A-Za-z_]+\b")


def prose(kind: str, name: str) -> str:
    """The formula of a block, if it is not parsed."""
    return " ".join(f.prose for f in block(kind, name).formulas if f.tree is None)


BLOCKS = [
    (kind, name)
    for kind in KINDS
    for name in KINDS[kind].entries
    if WORDS.search(to_unicode(prose(kind, name)))
]


@loop_over(("kind", "name"), BLOCKS)
def test_both_languages_have_the_same_symbols(kind: str, name: str) -> None:
    english, chinese = prose(kind, name), translated(prose(kind, name), "zh", f"{kind}.{name}")
    assert re.search("[一-鿿，。；]", chinese)
    assert set(SYMBOLS.findall(to_unicode(english))) == set(SYMBOLS.findall(chinese))
    assert not WORDS.search(re.sub(r"[A-Za-z]+_\w+|\bin_\(|\bthen\b", "", chinese)), chinese
    assert not re.search(r"[一-鿿][A-Za-z0-9]|[A-Za-z0-9][一-鿿]|[一-鿿] +[一-鿿]", chinese)


def test_an_index_behind_a_bracket_is_lowered() -> None:
    assert "softmax(z)ₖ" in to_unicode(prose("loss", "cross_entropy"))


def test_descriptions_of_arguments_are_chinese_sentences() -> None:
    texts = block_texts()
    arguments = {key: translated(key[1], "zh", key[0]) for key in texts if key[0].count(".") == 2}
    assert len(BLOCKS) > 100
    assert len(arguments) > 800
    assert [key for key, text in arguments.items() if not text.endswith("。") or "``" in text] == []
