"""The sheet of an exercise: a text file with a line for each number, and its grades.

A sheet is read as text of at most 64 KiB: lines ``name = number``, comments after ``#``. Each answer is
right, follows from earlier answers of which one is wrong, is a known mistake, or is wrong.
"""

from __future__ import annotations

import math
import os
import re
import unicodedata
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np

from chainrule.errors import DataError, UsageError, fact, nearest
from chainrule.messages import Text, Texts, in_language, translated
from chainrule.page import screen
from chainrule.store import atomic_write
from chainrule_examples.article_exercise import (
    MISTAKES,
    QUESTIONS,
    TOLERANCE,
    Exercise,
    Question,
    exercise,
    number_text,
    wrong_values,
)

LIMIT = 1 << 16  # bytes of a sheet
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)
COMMAND = "chainrule example article"
TEXTS: Texts = {
    "title": "One training step on paper, exercise {seed}: a 2-3-1 network with half the squared error",
    "task": 'Compute with paper or a calculator. Write a number with four decimal places after each "=".',
    "symbols": (
        "w21 leads from input 1 to hidden neuron 2, v2 from hidden neuron 2 to the output; b2 and c are "
        "biases."
    ),
    "sigmoid": "Activation function: the sigmoid, g(z) = 1/(1 + e^(−z)), with g′(z) = g(z)·(1 − g(z)).",
    "loss": "Loss: J = ½·(ŷ − y)². Error signal δ: the derivative of J with respect to a weighted sum.",
    "others": "The other two activations, and the weighted sum of the output after the update:",
}
COMMENTS: Texts = {
    "right": "This is right.",
    "follows": "Computed correctly from your earlier numbers, one of which is wrong.",
    "rounded": "Right, but with too few decimal places: write four.",
    "wrong": "This is wrong. {symbol} = {formula}",
    "open": "No answer. {symbol} = {formula}",
}
HEADER: Texts = {"symbol": "number", "answer": "your answer", "comment": "comment"}
SOLUTION: Texts = {"symbol": "number", "formula": "formula", "numbers": "with numbers", "value": "value"}
WRITTEN: Text = "Written to {file}"
SCORE: Text = "{right} of {count} numbers are right. All steps: {command}"


def sheet_text(e: Exercise, lang: str) -> str:
    """Return the sheet of an exercise, with empty answers."""
    texts, known = in_language(TEXTS, lang), iter(e.numbers().items())
    rows = [", ".join(f"{name} = {number_text(value)}" for name, value in _next(known, n)) for n in (4, 9, 4)]
    rest = ", ".join(f"{name} = {number_text(value)}" for name, value in known)
    lines = [texts["title"].format(seed=e.seed), texts["task"], texts["symbols"], texts["sigmoid"]]
    lines += [texts["loss"], "", *(f"  {row}" for row in rows), texts["others"], f"  {rest}"]
    lines = [f"# {line}".rstrip() for line in lines] + ["", f"seed = {e.seed}", ""]
    for question in QUESTIONS:
        meaning = e.with_indices(translated(question.meaning, lang))
        lines += [f"# {meaning}", f"{e.with_indices(question.symbol)} ="]
    return "\n".join(lines) + "\n"


def _next(items: Iterator, count: int) -> list:
    return [next(items) for _ in range(count)]


def write_sheet(path: str, e: Exercise, lang: str) -> None:
    """Write a sheet to a new file.

    Raises:
        UsageError E609: the file exists; it may contain answers.
    """
    if os.path.lexists(path):
        fix = f"--sheet {os.path.splitext(path)[0]}-new.txt"
        raise UsageError("E609", where="--sheet", expected=fact("a new file"), received=path, fix=fix)
    atomic_write.write(path, sheet_text(e, lang).encode())


def read_sheet(path: str, seed: int | None = None) -> tuple[Exercise, dict[str, str]]:
    """Read a sheet; return its exercise and the answers as written, by key of the question.

    Args:
        path: a file that ``write_sheet`` wrote, with answers.
        seed: the seed that the sheet must have; ``None``: any.

    Raises:
        FileError E401 to E410: it cannot be read. DataError E307: it is not UTF-8.
        DataError E316: a line is missing, double or not ``name = number``.
        UsageError E601: it has another seed.
    """
    lines = _lines(path)
    place, text = lines.pop("seed", (path, ""))
    if not re.fullmatch(r"\d{1,9}", text):
        expected = fact('a line "{line}"', line="seed = 1")
        raise _damaged(place, expected, f'"{text}"' if text else fact("none"), 1 if seed is None else seed)
    e = exercise(int(text))
    if seed not in (None, e.seed):
        expected = fact("seed {seed}, as in {file}", seed=e.seed, file=path)
        fix = f"{COMMAND} --grade {path}"
        raise UsageError("E601", where=COMMAND, option="--seed", expected=expected, received=seed, fix=fix)
    keys = {e.with_indices(question.symbol): question.key for question in QUESTIONS}
    for name, (place, text) in lines.items():
        if name not in keys:
            known = nearest(name, keys) or next(iter(keys))
            raise _damaged(place, f"{known} =", f"{name} =", e.seed)
        if text and not (NUMBER.fullmatch(text) and math.isfinite(float(text))):
            raise _damaged(place, fact("a number such as {number}", number="0.1234"), f'"{text}"', e.seed)
    for name in keys:
        if name not in lines:
            raise _damaged(path, fact('a line "{line}"', line=f"{name} ="), fact("none"), e.seed)
    return e, {keys[name]: text for name, (_, text) in lines.items()}


def _lines(path: str) -> dict[str, tuple[str, str]]:
    """Return the place and the text of each name of a sheet."""
    raw = atomic_write.read(path, LIMIT)
    try:
        content = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        received = f"0x{raw[error.start]:02x}"
        fix = fact("save the sheet as UTF-8")
        raise DataError("E307", where=path, expected="UTF-8", received=received, fix=fix) from error
    lines: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(unicodedata.normalize("NFKC", content).split("\n"), 1):
        if not (line := line.partition("#")[0].strip()):
            continue
        place = fact("{file} line {line}", file=path, line=number)
        name, sign, text = (part.strip() for part in line.partition("="))
        if not sign or name in lines:
            expected = fact("one line NAME = NUMBER for each number")
            raise _damaged(place, expected, line, 1)
        lines[name] = (place, text.replace("\N{MINUS SIGN}", "-"))
    return lines


def _damaged(where: str, expected: str, received: str, seed: int) -> DataError:
    """Return the error of a sheet that cannot be graded; the fix writes an empty one."""
    fix = f"{COMMAND} --exercise --seed {seed} --sheet exercise-{seed}.txt"
    return DataError("E316", where=where, expected=expected, received=received, fix=fix)


def comment(e: Exercise, question: Question, answers: dict[str, str]) -> str:
    """Return the key of the comment on an answer: of ``COMMENTS`` or ``MISTAKES``.

    Args:
        e: the exercise.
        question: one of ``QUESTIONS``.
        answers: as written, by key; empty for no answer.
    """
    text = answers[question.key]
    if not text:
        return "open"
    answer, right = float(text), e.values[question.key]
    own = {key: float(answers[key] or value) for key, value in e.values.items()}
    with np.errstate(all="ignore"):
        following = float(np.asarray(question.value(e, SimpleNamespace(**own))))
        candidates = [("right", right), ("follows", following)]
        candidates += wrong_values(e, question, e.values) + wrong_values(e, question, own)
    for key, value in candidates:
        if abs(answer - value) <= TOLERANCE:
            return key
    places = len(re.sub(r"[eE].*", "", text).partition(".")[2])
    return "rounded" if places < 4 and abs(answer - right) <= 0.5001 * 10**-places else "wrong"


def print_grades(e: Exercise, answers: dict[str, str], lang: str) -> None:
    """Print a comment on each answer and the number of right ones."""
    keys = [comment(e, question, answers) for question in QUESTIONS]
    texts = in_language(COMMENTS | MISTAKES, lang)
    rows = []
    for question, key in zip(QUESTIONS, keys, strict=True):
        symbol, formula = e.with_indices(question.symbol), e.with_indices(question.formula)
        remark = texts[key].format(symbol=symbol, formula=formula)
        rows.append((symbol, answers[question.key] or "–", remark))
        if key in MISTAKES:
            rows.append(("", "", f"{symbol} = {formula}"))
    screen.table(list(in_language(HEADER, lang).values()), rows, numbers=(1,))
    command = f"{COMMAND} --solution --seed {e.seed}"
    score = translated(SCORE, lang).format(right=keys.count("right"), count=len(keys), command=command)
    screen.line()
    screen.line(score)


def print_solution(e: Exercise, lang: str) -> None:
    """Print each number with its formula, first with symbols, then with numbers."""
    rows = [
        (
            e.with_indices(q.symbol),
            e.with_indices(q.formula),
            e.computation(q),
            f"{e.values[q.key]:.4f}".replace("-", "−"),
        )
        for q in QUESTIONS
    ]
    screen.table(list(in_language(SOLUTION, lang).values()), rows, numbers=(3,))


def print_exercise(seed: int, sheet: str, lang: str, *, solution: bool) -> None:
    """Write the sheet of an exercise or print it, and print the solution if it is wanted."""
    e = exercise(seed)
    if sheet:
        write_sheet(sheet, e, lang)
        screen.line(translated(WRITTEN, lang).format(file=sheet))
    if solution:
        print_solution(e, lang)
    elif not sheet:
        screen.block(sheet_text(e, lang).rstrip("\n"))
