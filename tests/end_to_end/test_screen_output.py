"""Help, version, ``show`` and ``example`` on the terminal, in both languages."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from case_loops import loop_over
from chainrule.apps.cli.commands.example import EXAMPLES, example_module
from chainrule.apps.cli.main import COMMANDS
from chainrule.apps.cli.texts import WORDS, both_texts, text_in
from chainrule.messages import LANGUAGES, in_language
from chainrule.ops import CARDS

ROOT = Path(__file__).parents[2]
HEAVY = ("polars", "sklearn", "scipy", "matplotlib", "rich", "typer", "jinja2", "torch")
SLOW = ("scipy.signal", "scipy.optimize", "scipy.stats", "scipy.sparse", "sklearn", "matplotlib", "torch")


def test_version_help_and_unknown_options_without_a_command(chainrule) -> None:
    assert chainrule("--version").out == "chainrule 0.1.0\n"
    assert chainrule().out == chainrule("--help").out
    outcome = chainrule("--hlep")
    assert outcome.code == 2
    assert '"--hlep" is not known' in outcome.err


def test_help_lists_the_commands(chainrule) -> None:
    for words, text in ((["--help"], "train a network"), (["--lang", "zh", "--help"], "用表格训练网络")):
        outcome = chainrule(*words)
        assert outcome.code == 0
        assert text in outcome.out
        assert all(f"  {name} " in outcome.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_in_both_languages(chainrule, name: str) -> None:
    english, chinese = chainrule(name, "--help"), chainrule(name, "--lang", "zh", "--help")
    assert (english.code, chinese.code) == (0, 0)
    assert WORDS[name].split(",")[0][:30] in english.out
    assert text_in(name, "zh")[:6] in chinese.out
    assert not re.search(r" =\w", english.out), "an option without a text"


def test_help_imports_no_large_library() -> None:
    program = (
        "import sys; from chainrule.apps.cli.main import main; main(['--help']);"
        f"print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"


@pytest.mark.long
def test_no_command_imports_what_only_some_data_need() -> None:
    program = (
        "import importlib, pkgutil, sys; from chainrule.apps.cli import commands;"
        "names = [m.name for m in pkgutil.iter_modules(commands.__path__)];"
        "[importlib.import_module(f'{commands.__name__}.{name}') for name in names];"
        f"print([m for m in {SLOW} if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_a_closed_output_causes_no_traceback() -> None:
    program = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"
    words = [sys.executable, "-c", program, "show", "op", "sigmoid"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.wait()


@pytest.mark.parametrize("lang", ["en", "zh"])
@loop_over("card", [card.name for card in CARDS])
def test_every_operation_can_be_shown(chainrule, card: str, lang: str) -> None:
    outcome = chainrule("show", "op", card, "--lang", lang)
    assert outcome.code == 0, outcome.err
    assert f"{card}(" in outcome.out
    assert "y = " in outcome.out


def test_show_op_prints_formula_and_backward_pass(chainrule) -> None:
    outcome = chainrule("show", "op", "sigmoid")
    assert "y = 1/(1 + e^(−x))" in outcome.out
    assert "dx = dy ⊙ y ⊙ (1 − y)" in outcome.out
    assert "samples are independent" in outcome.out


def test_show_prints_the_summary_of_layers(chainrule) -> None:
    outcome = chainrule("show", "net", "64 relu, 10", "--inputs", 4)
    assert "dense2  Dense(10)                     (B, 10)         650" in outcome.out
    assert "970 parameters" in outcome.out


def test_examples_are_listed(chainrule) -> None:
    outcome = chainrule("example")
    assert all(name in outcome.out for name in EXAMPLES)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_article_example_prints_its_loss(chainrule, lang: str, depth: int) -> None:
    for samples, loss in ((1, "0.076447"), (2, "0.121227")):
        outcome = chainrule("example", "article", "--lang", lang, "--depth", depth, "--samples", samples)
        assert outcome.code == 0, outcome.err
        assert loss in outcome.out


def test_the_moons_example_beats_the_linear_model(chainrule) -> None:
    outcome = chainrule("example", "moons")
    line, net = (float(part.split()[-1]) for part in outcome.out.splitlines()[2:4])
    assert net > 0.95
    assert net > line


def test_the_digits_example_reaches_its_accuracy(chainrule) -> None:
    outcome = chainrule("example", "digits", "--lang", "zh")
    assert float(outcome.out.split("准确率 ")[1].split()[0]) > 0.88


@loop_over("lang", LANGUAGES)
@loop_over("name", EXAMPLES)
def test_every_option_of_an_example_has_help_in_both_languages(chainrule, name: str, lang: str) -> None:
    main, texts = example_module(name).main, getattr(example_module(name), "OPTIONS", {})
    first, *options = inspect.signature(main).parameters
    assert first == "lang"
    assert sorted(options) == sorted(texts)
    outcome = chainrule("example", name, "--help", "--lang", lang)
    assert outcome.code == 0, outcome.err
    printed = "".join(outcome.out.split())  # a text may be wrapped
    for option, text in in_language(texts, lang).items():
        assert f"--{option.replace('_', '-')}" in outcome.out
        assert "".join(text.split()) in printed
    outcome = chainrule("example", name, "--no-such-option")
    assert outcome.code == 2
    assert f"UsageError E601 in chainrule example {name}: --no-such-option" in outcome.err


def test_examples_have_at_most_100_lines() -> None:
    for name in EXAMPLES:
        file = Path(str(example_module(name).__file__))
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 100


def test_every_text_has_both_languages() -> None:
    for key in WORDS:
        english, chinese = both_texts(key)
        fields = [{part.split("}")[0] for part in text.split("{")[1:]} for text in (english, chinese)]
        assert fields[0] == fields[1], key
