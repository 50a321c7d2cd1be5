"""Texts of explanations: equal keys and placeholders in both languages, all used, correct punctuation."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import chainrule
from case_loops import loop_over
from chainrule.diagnosis import RULES
from chainrule.messages import in_language, is_known
from chainrule.step_explanation.sections.matrix_form import PITFALLS
from chainrule.texts import TEXTS, render

EN, ZH = TEXTS, in_language(TEXTS, "zh")
PACKAGE = Path(chainrule.__path__[0])
SOURCES = "\n".join(
    file.read_text(encoding="utf-8")
    for file in PACKAGE.rglob("*.py")
    if file.relative_to(PACKAGE).parts[0] not in ("texts", "apps")
)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_placeholders() -> None:
    assert {key: (fields(EN[key]), fields(ZH[key])) for key in EN if fields(EN[key]) != fields(ZH[key])} == {}


def test_every_text_is_used() -> None:
    quoted = {key for text in re.findall(r'"([\w ]+)"', SOURCES) for key in text.split()}
    quoted |= set(PITFALLS) | {"memory_first", "memory_given"}
    prefixes = tuple(re.findall(r'f"(\w+_)\{', SOURCES))  # keys with a computed suffix
    assert {key for key in set(EN) - quoted if not key.startswith(prefixes)} == set()


def test_every_key_in_the_code_exists() -> None:
    keys = set(re.findall(r'(?:(?<!\.)\brender|label)\("(\w+)"', SOURCES))
    assert len(keys) > 40
    assert keys - set(EN) == set()


@loop_over("key", list(ZH))
def test_chinese_uses_full_width_punctuation(key: str) -> None:
    assert re.findall(r"[\u4e00-\u9fff][,;:?!]", ZH[key]) == []
    plain = re.sub(r"\{\w+\}", "", ZH[key])
    assert re.findall(r"[\u4e00-\u9fff][A-Za-z]|[A-Za-z][\u4e00-\u9fff]", plain) == []


def test_a_missing_fact_raises_key_error() -> None:
    with pytest.raises(KeyError):
        render("label_of", "en", number=1)


def test_every_source_of_a_threshold_is_a_citation_or_translated() -> None:
    sources = {rule.source for rule in RULES.values()}
    words = re.compile(r"\b(the|this|is|are|of|and|after|exact|to|by)\b")
    assert [source for source in sources if words.search(source) and not is_known(source)] == []
