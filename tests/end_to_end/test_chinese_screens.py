"""Screens in Chinese contain no English sentences, and every command and list has one."""

from __future__ import annotations

import pkgutil
import re

import pytest

from chainrule.apps.cli import commands
from chainrule.apps.cli.main import main
from chainrule.catalog import KINDS
from chainrule.catalog.questions import QUESTIONS
from chainrule.diagnosis import RULES

HELP = [[module.name, "--help"] for module in pkgutil.iter_modules(commands.__path__)]
LISTS = ["terms", "faq", "errors", "rules", "models", *(kind.plural for kind in KINDS.values())]
SCREENS = [
    ["--help"], *HELP, ["example"], ["data", "list"], *(["show", name] for name in LISTS),
    *(["show", "faq", str(i)] for i in range(1, len(QUESTIONS) + 1)),
    *(["show", "rule", name] for name in RULES),
]  # fmt: skip
SENTENCE = re.compile(r"(?:\b[A-Za-z][a-z']+ ){2,}[a-z']{2,}\b")
GRAMMAR = re.compile(r"\b(of|the|is|are|with|and|for|from|which|that|not|has|by|in|to|on)\b")
CODE = re.compile(r"`[^`]*`|^ *chainrule .*|^用法.*|\[?\w+(?:\.\w+)*\(.*|[A-Z][a-z]+, [^（]*（", re.MULTILINE)
"""Code, commands, and titles of publications after the name of their author."""


def english_sentences(screen: str) -> list[str]:
    """The English sentences of a Chinese screen: three words or more, one of which is grammar."""
    sentences = (match[0] for match in SENTENCE.finditer(CODE.sub("", screen)))
    return [words for words in sentences if GRAMMAR.search(words)]


def test_english_sentences_are_detected() -> None:
    assert english_sentences("说明：\n  the folder of trainings\n") == ["the folder of trainings"]
    assert english_sentences("来源：Karpathy, A recipe for training networks（基线）") == []


@pytest.mark.parametrize("words", SCREENS, ids=" ".join)
def test_a_chinese_screen_has_no_english_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--lang", "zh"]) == 0
    screen = capsys.readouterr().out
    assert len(re.findall("[一-鿿]", screen)) > 10
    assert english_sentences(screen) == []
