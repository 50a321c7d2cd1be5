"""The exercise of the article's example: its values, the comments on answers, and sheets that are refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from chainrule_examples.article_exercise import (
    MISTAKES,
    QUESTIONS,
    TOLERANCE,
    Exercise,
    exercise,
    wrong_values,
)
from chainrule_examples.article_sheet import COMMENTS, comment, sheet_text

SEEDS = range(50)
sampled = cache(exercise)


def rounded(e: Exercise) -> dict[str, str]:
    """The right answers, with four decimal places."""
    return {key: f"{value:.4f}" for key, value in e.values.items()}


def numpy_step(e: Exercise) -> dict[str, float]:
    """The values of an exercise by the matrix formulas of part 4 of the course."""

    def forward(w: np.ndarray, b: np.ndarray, v: np.ndarray, c: float) -> tuple:
        z = w @ e.x + b
        a = 1 / (1 + np.exp(-z))
        return z, a, v @ a + c, 1 / (1 + np.exp(-(v @ a + c)))

    z, a, zo, out = forward(e.w, e.b, e.v, e.c)
    delta_o = (out - e.y) * out * (1 - out)
    delta = e.v * delta_o * a * (1 - a)
    v, w = e.v - e.learning_rate * delta_o * a, e.w - e.learning_rate * np.outer(delta, e.x)
    new = forward(w, e.b - e.learning_rate * delta, v, e.c - e.learning_rate * delta_o)
    np.testing.assert_allclose([e.new_zo, *e.hidden["z"], *e.hidden["a"]], [new[2], *z, *a], rtol=1e-12)
    j, k = e.j, e.k
    first = {"z": z[j], "a": a[j], "zo": zo, "out": out, "loss": (out - e.y) ** 2 / 2, "delta_o": delta_o}
    last = {"new_v": v[j], "new_w": w[j, k], "new_loss": (new[3] - e.y) ** 2 / 2}
    return first | {"grad_v": delta_o * a[j], "delta": delta[j], "grad_w": delta[j] * e.x[k]} | last


@pytest.mark.parametrize("seed", SEEDS)
def test_the_values_are_those_of_numpy_and_of_the_formulas(seed: int) -> None:
    e = sampled(seed)
    expected = numpy_step(e)
    assert list(e.values) == list(expected) == [question.key for question in QUESTIONS]
    np.testing.assert_allclose(list(e.values.values()), list(expected.values()), rtol=1e-10)
    known = SimpleNamespace(**e.values)
    np.testing.assert_allclose(
        [q.value(e, known) for q in QUESTIONS], list(e.values.values()), rtol=1e-10, atol=1e-14
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_rounded_answers_are_right_and_each_mistake_is_named(seed: int) -> None:
    e = sampled(seed)
    answers = rounded(e)
    assert {comment(e, question, answers) for question in QUESTIONS} == {"right"}
    for question in QUESTIONS:
        for key, value in wrong_values(e, question, e.values):
            assert comment(e, question, answers | {question.key: f"{value:.6f}"}) == key


@pytest.mark.parametrize("seed", SEEDS)
def test_a_reader_who_rounds_every_number_is_right(seed: int) -> None:
    e = sampled(seed)
    own: dict[str, float] = {}
    for question in QUESTIONS:
        own[question.key] = round(float(np.asarray(question.value(e, SimpleNamespace(**own)))), 4)
    answers = {key: str(value) for key, value in own.items()}
    assert {comment(e, question, answers) for question in QUESTIONS} <= {"right", "follows"}
    assert all(abs(value - e.values[key]) < 4 * TOLERANCE for key, value in own.items())


def test_numbers_after_a_mistake_follow_from_it() -> None:
    e = sampled(1)
    own: dict[str, float] = {}
    for question in QUESTIONS:
        before = SimpleNamespace(**own)
        own[question.key] = float(np.asarray(question.value(e, before)))
        if question.key == "delta_o":
            own["delta_o"] = before.out - e.y  # without the derivative of the sigmoid
    comments = [comment(e, question, {k: f"{v:.4f}" for k, v in own.items()}) for question in QUESTIONS]
    assert comments == ["right"] * 5 + ["no_slope"] + ["follows"] * 5 + ["right"]


def test_every_mistake_can_occur() -> None:
    assert {key for question in QUESTIONS for key in question.mistakes} == set(MISTAKES)
    assert not set(MISTAKES) & set(COMMENTS)


def filled(e: Exercise, answers: dict[str, str], lang: str = "en") -> str:
    """The text of a sheet with answers."""
    text = sheet_text(e, lang)
    for question in QUESTIONS:
        line = f"{e.with_indices(question.symbol)} ="
        text = text.replace(f"\n{line}\n", f"\n{line} {answers[question.key]}\n")
    return text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_sheet_is_written_filled_in_and_graded(chainrule: Callable, lang: str) -> None:
    e = sampled(7)
    command = ("example", "article", "--lang", lang)
    assert chainrule(*command, "--seed", "7", "--sheet", "sheet.txt").code == 0
    sheet = Path("sheet.txt")
    assert sheet.read_text(encoding="utf-8") == chainrule(*command, "--exercise", "--seed", "7").out
    answers = rounded(e) | {"z": f"{e.w[e.j] @ e.x:.4f}", "a": "", "loss": f"{e.values['loss']:.1f}"}
    text = filled(e, answers | {"new_loss": "9"}, lang).replace("= -", "= \N{MINUS SIGN}")
    sheet.write_text(text.replace("seed =", "seed \N{FULLWIDTH EQUALS SIGN}"), encoding="utf-8-sig")
    outcome = chainrule(*command, "--grade", "sheet.txt")
    assert outcome.code == 0, outcome.err
    words = {"en": ("The bias is missing.", "8 of 12"), "zh": ("缺少偏置", "12 个数中有 8 个正确")}
    assert all(word in outcome.out for word in words[lang])
    solution = chainrule(*command, "--solution", "--seed", "7").out
    assert all(f"{value:.4f}".replace("-", "−") in solution for value in e.values.values())


REFUSED = {  # what is wrong: how the sheet is changed, options, and what the message contains
    "a word": (lambda t: re.sub(r"(J =).*", r"\1 half", t), (), '"half"'),
    "a comma": (lambda t: re.sub(r"(J =).*", r"\1 0,5", t), (), '"0,5"'),
    "infinity": (lambda t: re.sub(r"(J =).*", r"\1 1e999", t), (), '"1e999"'),
    "no number": (lambda t: re.sub(r"(J =).*", r"\1 nan", t), (), '"nan"'),
    "a missing line": (lambda t: re.sub(r"\nJ =.*", "", t), (), 'a line "J ="'),
    "a double line": (lambda t: t + "J = 1\n", (), "line"),
    "another name": (lambda t: t.replace("J =", "j ="), (), "j ="),
    "a line of words": (lambda t: t + "what is this\n", (), "what is this"),
    "no seed": (lambda t: t.replace("seed = 7", ""), (), 'a line "seed = 1"'),
    "a long seed": (lambda t: t.replace("seed = 7", "seed = 7777777777"), (), "7777777777"),
    "another seed": (lambda t: t, ("--seed", "8"), "seed 7, as in sheet.txt"),
    "too long": (lambda t: t + "#" * 70_000, (), "65,536"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_sheet_ends_with_a_fix(chainrule: Callable, case: str) -> None:
    change, options, words = REFUSED[case]
    text = filled(sampled(7), rounded(sampled(7)))
    assert change(text) != text or options
    Path("sheet.txt").write_text(change(text), encoding="utf-8")
    outcome = chainrule("example", "article", "--grade", "sheet.txt", *options)
    assert outcome.code == 2
    assert words in outcome.err
    assert "fix" in outcome.err
    assert outcome.out == ""
    assert "Traceback" not in outcome.err


def test_a_sheet_that_is_not_text_or_not_there_is_refused(chainrule: Callable) -> None:
    Path("sheet.txt").write_bytes(b"J = \xff\n")
    for name in ("sheet.txt", "none.txt", "."):
        outcome = chainrule("example", "article", "--grade", name)
        assert outcome.code == 2, name
        assert "fix" in outcome.err


def test_a_sheet_with_answers_is_not_overwritten(chainrule: Callable) -> None:
    Path("sheet.txt").write_text("J = 1\n", encoding="utf-8")
    outcome = chainrule("example", "article", "--sheet", "sheet.txt")
    assert outcome.code == 2
    assert "--sheet sheet-new.txt" in outcome.err
    assert Path("sheet.txt").read_text(encoding="utf-8") == "J = 1\n"
