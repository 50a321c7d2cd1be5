"""Screens in Chinese contain no English sentences: help, results and refusals of commands, and lists."""

from __future__ import annotations

import pkgutil
import re
import shlex
from pathlib import Path

import pytest

from chainrule.apps.cli import commands
from chainrule.apps.cli.main import COMMANDS, main
from chainrule.catalog import KINDS
from chainrule.catalog.questions import QUESTIONS
from chainrule.diagnosis import RULES
from end_to_end.conftest import Command
from english_words import english_sentences

HELP = [[module.name, "--help"] for module in pkgutil.iter_modules(commands.__path__)]
LISTS = ["terms", "faq", "errors", "rules", "models", *(kind.plural for kind in KINDS.values())]
SCREENS = [
    ["--help"],
    *HELP,
    ["example"],
    ["data", "list"],
    *(["show", name] for name in LISTS),
    *(["show", "faq", str(i)] for i in range(1, len(QUESTIONS) + 1)),
    *(["show", "rule", name] for name in RULES),
]
RESULTS = {
    "train": "train iris --quick --epochs 2 --net '4 tanh'",
    "tune": "tune iris --trials 2 --epochs 2",
    "resume": "resume run --epochs 4",
    "predict": "predict run iris",
    "evaluate": "evaluate run iris",
    "calibrate": "calibrate run iris",
    "quantize": "quantize run iris",
    "explain": "explain run iris --row 3 --depth 3",
    "attribute": "attribute run iris --row 3",
    "attack": "attack run iris --radius 0.1 --restarts 1",
    "labels": "labels run iris",
    "drift": "drift run iris",
    "audit": "audit run iris",
    "generate": "",
    "export": "export run --to html",
    "serve": "",
    "studio": "",
    "show": "show run",
    "plot": "plot run learning_curves",
    "check": "check iris",
    "plan": "plan iris",
    "doctor": "doctor run",
    "verify": "",
    "data": "data list",
    "learn": "learn 3 --slides part.html",
    "example": "example article --depth 3",
}
"""For each command a call with a result; none for a server, and for what needs other files."""
MISSING = {"verify": "verify no.onnx no.vnnlib", "serve": "serve no", "studio": "studio no.csv"} | {
    name: f"{name} no-run no.csv" for name in ("generate", "export", "doctor", "drift", "quantize", "labels")
}
"""Calls that are refused."""


def test_english_sentences_are_detected() -> None:
    assert english_sentences("说明：\n  the folder of trainings\n") == ["the folder of trainings"]
    assert english_sentences("来源：Karpathy, A recipe for training networks（基线）") == []


def test_each_command_has_a_call() -> None:
    assert list(RESULTS) == list(COMMANDS)
    assert {name for name, line in RESULTS.items() if not line} <= MISSING.keys()


@pytest.mark.parametrize("name", [name for name, line in RESULTS.items() if line])
def test_a_result_is_in_chinese(name: str, chainrule: Command, run: Path) -> None:
    outcome = chainrule(*shlex.split(RESULTS[name]), "--lang", "zh")
    assert outcome.code == 0, outcome.err
    assert english_sentences(outcome.out + outcome.err) == []
    assert name == "predict" or re.search("[一-鿿]", outcome.out + outcome.err)


@pytest.mark.parametrize("name", MISSING)
def test_a_refusal_is_in_chinese(name: str, chainrule: Command) -> None:
    outcome = chainrule(*MISSING[name].split(), "--lang", "zh")
    assert outcome.code == 2
    assert english_sentences(outcome.err) == []
    assert re.search("[一-鿿]", outcome.err)


@pytest.mark.parametrize("words", SCREENS, ids=" ".join)
def test_a_chinese_screen_has_no_english_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--lang", "zh"]) == 0
    screen = capsys.readouterr().out
    assert len(re.findall("[一-鿿]", screen)) > 10
    assert english_sentences(screen) == []
