"""``chainrule show RUN``: the profile of a training step, its plan, a saved plan."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from chainrule.plan.plan_record import PlanRecord

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("lang", "title"), [("en", "Time of one training step"), ("zh", "一个训练步的用时")])
def test_the_profile_uses_the_rows_of_the_training(chainrule, run: Path, lang: str, title: str) -> None:
    outcome = chainrule("show", run, "--profile", "--lang", lang)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith(title)
    assert re.search(r"\b150\b", outcome.out), "the rows of iris"
    assert "dense1" in outcome.out
    assert outcome.err == ""


def test_the_profile_is_written_as_svg(chainrule, run: Path) -> None:
    outcome = chainrule("show", run, "--profile", "--batch-size", 8, "--out", "step.svg")
    assert outcome.code == 0, outcome.err
    assert "Batch size 8" in outcome.out
    assert outcome.out.endswith("Written to step.svg\n")
    ElementTree.fromstring(Path("step.svg").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_profile_uses_random_rows_if_the_data_is_gone(chainrule, run: Path, lang: str) -> None:
    config = run / "config.toml"
    config.write_text(config.read_text(encoding="utf-8").replace('"iris"', '"gone.csv"'), encoding="utf-8")
    outcome = chainrule("show", run, "--profile", "--lang", lang)
    assert outcome.code == 0
    assert "gone.csv" in outcome.err
    assert ("random rows" if lang == "en" else "随机数据") in outcome.out


def test_a_saved_plan_is_shown_as_before(chainrule, run: Path) -> None:
    first = chainrule("show", run, "--plan", "--out", "step.json")
    assert first.code == 0, first.err
    again = chainrule("show", "step.json")
    assert again.code == 0, again.err
    assert first.out == f"{again.out}\nWritten to step.json\n"
    assert again.out.startswith("plan for B=32")
    assert PlanRecord.load("step.json").sizes == {"B": 32}
    assert chainrule("show", "step.json", "--lang", "zh").out.startswith("计划（B=32）")


def test_a_model_file_has_the_plan_of_its_folder(chainrule, run: Path) -> None:
    folder, file = (chainrule("show", r, "--plan") for r in (run, run / "model.safetensors"))
    assert folder.out == file.out
    assert chainrule("show", run / "model.safetensors", "--profile").code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--profile", "--plan"), "E601"),
        (("--out", "a.json"), "E601"),
        (("--batch-size", "8"), "E601"),
        (("--plan", "--out", "model.safetensors"), "E601"),
        (("--profile", "--out", "step.png"), "E601"),
        (("--plan", "--batch-size", "0"), "E102"),
        (("--profile", "--batch-size", "-1"), "E102"),
    ],
)
def test_incompatible_options_of_show_are_refused(chainrule, run: Path, words: tuple[str], code: str) -> None:
    outcome = chainrule("show", run, *words)
    assert outcome.code == 2
    assert f" {code} " in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize("words", [("op", "sigmoid", "--profile"), ("net", "64 relu", "--plan")])
def test_profile_and_plan_need_a_run(chainrule, words: tuple[str, ...]) -> None:
    outcome = chainrule("show", *words)
    assert outcome.code == 2
    assert "a RUN" in outcome.err


def test_a_file_that_is_no_plan_is_refused(chainrule) -> None:
    Path("other.json").write_text("{}", encoding="utf-8")
    for name, code in (("other.json", "E421"), ("none.json", "E401")):
        outcome = chainrule("show", name)
        assert outcome.code == 2
        assert f" {code} " in outcome.err


def test_the_profile_page_quotes_the_printed_headings(chainrule, run: Path) -> None:
    printed = chainrule("show", run, "--profile").out
    quoted = (ROOT / "docs" / "profile.md").read_text(encoding="utf-8")
    for heading in ("Stages and layers", "Whole steps", "Kernels, in execution order"):
        assert f"\n{heading}\n" in printed
        assert f"\n{heading}\n" in quoted
    words = [
        "stage",
        "layer",
        "time",
        "share",
        "flops",
        "speed",
        "of",
        "peak",
        "bytes",
        "speed",
        "of",
        "copy",
    ]
    for text in (printed, quoted):
        assert words in [line.split() for line in text.splitlines()]
