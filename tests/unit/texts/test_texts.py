"""The sentences: the same keys and facts in both languages, all used, well set."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import chainrule
from chainrule.derive.sections.matrix_form import PITFALLS
from chainrule.texts import TABLES, say

EN, ZH = TABLES["en"], TABLES["zh"]
SOURCES = "\n".join(
    file.read_text(encoding="utf-8")
    for file in Path(chainrule.__path__[0]).rglob("*.py")
    if file.parent.name != "texts" and "apps" not in file.parts
)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same_things() -> None:
    assert list(EN) == list(ZH)
    assert {key: (fields(EN[key]), fields(ZH[key])) for key in EN if fields(EN[key]) != fields(ZH[key])} == {}


def test_every_sentence_is_used_somewhere() -> None:
    quoted = set(re.findall(r'"(\w+)"', SOURCES)) | set(PITFALLS) | {"memory_first", "memory_given"}
    begun = tuple(re.findall(r'f"(\w+_)\{', SOURCES))  # keys that end in what a value says
    assert {key for key in set(EN) - quoted if not key.startswith(begun)} == set()


def test_every_key_that_is_asked_for_exists() -> None:
    asked = set(re.findall(r'(?:say|label)\("(\w+)"', SOURCES))
    assert len(asked) > 50
    assert asked - set(EN) == set()


@pytest.mark.parametrize("key", list(ZH))
def test_chinese_uses_full_width_punctuation(key: str) -> None:
    assert re.findall(r"[\u4e00-\u9fff][,;:?!]", ZH[key]) == []
    plain = re.sub(r"\{\w+\}", "", ZH[key])
    assert re.findall(r"[\u4e00-\u9fff][A-Za-z]|[A-Za-z][\u4e00-\u9fff]", plain) == []


def test_a_fact_that_is_missing_is_our_own_mistake() -> None:
    with pytest.raises(KeyError):
        say("label_of", "en", number=1)
