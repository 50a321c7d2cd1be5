"""The Chinese descriptions of the arguments of building blocks."""

import re

import pytest

from chainrule.catalog import KINDS, block
from chainrule.catalog.docstring import docstring
from chainrule.models import MODELS
from chainrule.texts.arguments import ARGUMENTS, argument_key
from chainrule.texts.shapes import shapes_in_chinese


def _arguments(kind: str) -> list[tuple[str, str]]:
    """The arguments of all blocks or models of a kind, with the name of the block."""
    if kind == "model":
        return [
            (name, argument) for name, card in MODELS.items() for argument in docstring(card.net).arguments
        ]
    return [
        (name, argument.name.strip("*"))
        for name in KINDS[kind].entries
        for argument in block(kind, name).arguments
    ]


def test_every_kind_has_a_table():
    assert set(ARGUMENTS) == {*KINDS, "model"}


@pytest.mark.parametrize("kind", [*KINDS, "model"])
def test_every_argument_has_a_chinese_description(kind):
    missing = [(name, a) for name, a in _arguments(kind) if argument_key(kind, name, a) is None]
    assert missing == []


@pytest.mark.parametrize("kind", [*KINDS, "model"])
def test_every_description_belongs_to_an_argument(kind):
    used = {argument_key(kind, name, argument) for name, argument in _arguments(kind)}
    assert set(ARGUMENTS[kind]) - used == set()


@pytest.mark.parametrize("kind", [*KINDS, "model"])
def test_descriptions_are_chinese_sentences(kind):
    odd = [key for key, text in ARGUMENTS[kind].items() if not text.endswith("。") or "``" in text]
    assert odd == []


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("(B, I) -> (B, O); more leading axes are treated as more samples.", "(B, I) -> (B, O)。"),
        ("output (B, K), target (B,) integers 0 .. K-1 -> (B,). With axes in between, more.",
         "输出 (B, K)，目标 (B,) 整数 0 到 K-1 -> (B,)。"),
        ("given one node, every layer gets it.", ""),
    ],
)  # fmt: skip
def test_shapes_are_translated_clause_by_clause(english, chinese):
    assert shapes_in_chinese(english) == chinese


def test_most_shapes_of_layers_have_a_translation():
    texts = [block("layer", name).sections.get("Shapes", "") for name in KINDS["layer"].entries]
    translated = [shapes_in_chinese(text) for text in texts if text]
    assert sum(not text for text in translated) <= 25
    assert not any(re.search("[a-z]{3,} [a-z]{3,}", text) for text in translated)
