"""The sheets of a class: graded into a table and a file, with a mistake of each kind, also for bad files."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from chainrule_examples.article_class import graded, sheets
from chainrule_examples.article_exercise import QUESTIONS, exercise
from chainrule_examples.article_sheet import sheet_text

CLASS = Path("class")


def write(name: str, seed: int, changes: dict[str, str], lang: str = "en") -> None:
    """Write a filled-in sheet whose answers are right except for the changes."""
    CLASS.mkdir(exist_ok=True)
    e = exercise(seed)
    text = sheet_text(e, lang)
    answers = {key: f"{value:.4f}" for key, value in e.values.items()} | changes
    for question in QUESTIONS:
        line = f"{e.with_indices(question.symbol)} ="
        text = text.replace(f"\n{line}\n", f"\n{line} {answers[question.key]}\n")
    (CLASS / name).write_text(text, encoding="utf-8")


def write_class() -> None:
    """Write four sheets, one of which cannot be read, and a link and a folder that are no sheets."""
    e = exercise(2)
    signal = f"{e.values['out'] - e.y:.4f}"
    write("anna.txt", 1, {})
    write("=bo.txt", 2, {"delta_o": signal, "new_loss": ""}, "zh")
    write("carl.txt", 3, {"z": "77", "loss": f"{2 * exercise(3).values['loss']:.4f}"})
    (CLASS / "dora.txt").write_text("seed = 4\n", encoding="utf-8")
    (CLASS / "link.txt").symlink_to(CLASS / "anna.txt")
    (CLASS / "folder.txt").mkdir()
    (CLASS / "remarks.md").write_text("no sheet", encoding="utf-8")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_class_is_graded_and_each_mistake_is_named(chainrule: Callable, lang: str) -> None:
    write_class()
    outcome = chainrule("example", "article", "--lang", lang, "--grade", CLASS, "--csv", "grades.csv")
    assert (outcome.code, outcome.err) == (0, "")
    words = {
        "en": ("δo: The factor g′ of the activation", "z3: wrong", "The factor ½ is missing.", "no answer"),
        "zh": ("δo: 缺少激活函数的导数", "z3: 错误", "缺少因子 ½", "没有作答"),
    }
    assert all(word in outcome.out for word in words[lang]), outcome.out
    assert [line.split()[0] for line in outcome.out.splitlines()[1:] if line[:1] not in (" ", "")][:4] == [
        "=bo",
        "anna",
        "carl",
        "dora",
    ]
    assert "E316" in outcome.out
    with open("grades.csv", encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert {len(row) for row in rows} == {len(header)} == {3 + len(QUESTIONS)}
    assert [row[0] for row in rows] == ["'=bo", "anna", "carl", "dora"]
    assert [row[2] for row in rows] == ["10", "12", "10", ""]
    assert "E316" in rows[3][3]


def test_the_grades_are_those_of_single_sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_class()
    results = {result.student: result for result in map(graded, sheets("class"))}
    assert list(results) == ["=bo", "anna", "carl", "dora"]
    assert results["anna"].right == len(QUESTIONS)
    assert results["=bo"].comments["delta_o"] == "no_slope"
    assert results["=bo"].comments["new_loss"] == "open"
    assert results["carl"].comments["loss"] == "no_half"
    assert results["carl"].comments["z"] == "wrong"
    assert results["dora"].error is not None
    assert graded("class/anna.txt", seed=9).error is not None


def test_what_cannot_be_graded_is_refused(chainrule: Callable) -> None:
    Path("empty").mkdir()
    write("anna.txt", 1, {})
    before = (CLASS / "anna.txt").read_bytes()
    for words, code in (
        (("--grade", "empty"), "E601"),
        (("--grade", "class", "--csv", "class/anna.txt"), "E609"),
        (("--grade", "class", "--csv", "nowhere/grades.csv"), "E407"),
        (("--grade", "class/anna.txt", "--csv", "grades.csv"), "E601"),
        (("--csv", "grades.csv"), "E601"),
    ):
        outcome = chainrule("example", "article", *words)
        assert (outcome.code, outcome.out) == (2, ""), (words, outcome.out)
        assert code in outcome.err, outcome.err
        assert "fix" in outcome.err
    assert not Path("grades.csv").exists()
    assert (CLASS / "anna.txt").read_bytes() == before
