"""The sheets of a class: a folder of filled-in exercises, graded into one table.

Each text file (``.txt``) of the folder is the sheet of a student, named as the file. Sheets may have
different exercises. A sheet that cannot be read is a line of the table with its error; the others are graded.
Links and folders in the folder are not followed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from chainrule.errors import ChainruleError, UsageError, fact
from chainrule.escaping import csv_text, quoted, spreadsheet_cell
from chainrule.messages import Text, Texts, in_language, translated
from chainrule.page import screen
from chainrule.store import atomic_write
from chainrule_examples.article_exercise import MISTAKES, QUESTIONS
from chainrule_examples.article_sheet import COMMAND, WRITTEN, comment, print_grades, read_sheet

SUFFIX = ".txt"
HEADER: Texts = {"student": "student", "seed": "exercise", "right": "right", "comment": "wrong numbers"}
CLASS: Texts = {
    "follows": "{count} more follow from earlier numbers",
    "frequent": "Frequent mistakes",
    "students": "students",
    "mean": "{count} sheets, {mean} of {questions} numbers right on average",
}
SHORT: Texts = {  # the comments of a table
    "right": "right",
    "follows": "follows from an earlier number",
    "rounded": "too few decimal places",
    "wrong": "wrong, for a reason that is not known",
    "open": "no answer",
}
NOT_READ: Text = "cannot be read: {code}, {problem}"


@dataclass(frozen=True)
class Graded:
    """A sheet with the comments on its answers.

    Args:
        student: the name of the file.
        seed: of the exercise; ``None`` if the sheet could not be read.
        comments: the key of the comment on each question, see ``article_sheet.comment``.
        symbols: how the exercise writes each question.
        error: why the sheet could not be read.
    """

    student: str
    seed: int | None = None
    comments: dict[str, str] = field(default_factory=dict)
    symbols: dict[str, str] = field(default_factory=dict)
    error: ChainruleError | None = None

    @property
    def right(self) -> int:
        """The number of right answers."""
        return list(self.comments.values()).count("right")

    def wrong(self, texts: dict[str, str]) -> list[str]:
        """Return the wrong numbers with their comments; those that follow from others are left out."""
        return [
            f"{self.symbols[key]}: {texts[name]}"
            for key, name in self.comments.items()
            if name not in ("right", "follows")
        ]


def sheets(folder: str) -> list[str]:
    """Return the paths of the sheets of a folder, sorted by name.

    Raises:
        UsageError E601: the folder contains none.
    """
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.name.endswith(SUFFIX) and e.is_file(follow_symlinks=False)]
    if not names:
        expected = fact("a folder with sheets, such as {file}", file=f"anna{SUFFIX}")
        fix = f"{COMMAND} --exercise --sheet {quoted(os.path.join(folder, f'anna{SUFFIX}'))}"
        raise UsageError("E601", where=COMMAND, option="--grade", expected=expected, received=folder, fix=fix)
    return [os.path.join(folder, name) for name in sorted(names)]


def graded(path: str, seed: int | None = None) -> Graded:
    """Grade one sheet.

    Args:
        path: of the sheet.
        seed: that the sheet must have; ``None``: any.
    """
    student = os.path.basename(path).removesuffix(SUFFIX)
    try:
        e, answers = read_sheet(path, seed)
    except ChainruleError as error:
        return Graded(student, error=error)
    comments = {question.key: comment(e, question, answers) for question in QUESTIONS}
    symbols = {question.key: e.with_indices(question.symbol) for question in QUESTIONS}
    return Graded(student, e.seed, comments, symbols)


def class_csv(results: Iterable[Graded], lang: str) -> str:
    """Return the grades as CSV: a row for each student, a column for each number."""
    texts = in_language(SHORT | MISTAKES, lang)
    names = [question.symbol.format(j="j", k="k") for question in QUESTIONS]
    rows = [[*list(in_language(HEADER, lang).values())[:3], *names]]
    for result in results:
        student = spreadsheet_cell(result.student)
        if result.error is None:
            cells = [texts[result.comments[question.key]] for question in QUESTIONS]
            rows.append([student, str(result.seed), str(result.right), *map(spreadsheet_cell, cells)])
        else:
            rows.append([student, "", "", spreadsheet_cell(_problem(result.error, lang))])
            rows[-1] += [""] * (len(QUESTIONS) - 1)
    return csv_text(rows)


def _problem(error: ChainruleError, lang: str) -> str:
    return translated(NOT_READ, lang).format(code=error.code, problem=error.clause(lang))


def print_results(path: str, lang: str, *, seed: int | None = None, csv: str = "") -> None:
    """Print the grades of one sheet, or of a folder of sheets.

    Args:
        path: a sheet or a folder.
        lang: ``"en"`` or ``"zh"``.
        seed: that each sheet must have; ``None``: any.
        csv: file for the grades of a folder; ``""``: none.

    Raises:
        UsageError E601: ``csv`` without a folder. Otherwise as ``print_class`` and ``read_sheet``.
    """
    if os.path.isdir(path):
        print_class(path, lang, seed=seed, csv=csv)
        return
    if csv:
        expected = fact("a folder of sheets, as in --grade FOLDER")
        fix = f"{COMMAND} --grade sheets --csv grades.csv"
        raise UsageError("E601", where=COMMAND, option="--csv", expected=expected, received=path, fix=fix)
    print_grades(*read_sheet(path, seed), lang)


def print_class(folder: str, lang: str, *, seed: int | None = None, csv: str = "") -> None:
    """Print a table of the students of a folder and the frequent mistakes; write the grades as CSV.

    Args:
        folder: with the sheets.
        lang: ``"en"`` or ``"zh"``.
        seed: that each sheet must have; ``None``: any.
        csv: file for the grades; ``""``: none.

    Raises:
        UsageError E601: there are no sheets. UsageError E609: ``csv`` is one of them.
        DataError E307, E316, FileError: none of the sheets can be read; the error of the first one.
        FileError E402 to E410: ``csv`` cannot be written.
    """
    paths = sheets(folder)
    if csv:
        atomic_write.require_writable(csv)
        if os.path.exists(csv) and any(os.path.samefile(csv, path) for path in paths):
            raise UsageError(
                "E609", where="--csv", expected=fact("a new file"), received=csv, fix="--csv grades.csv"
            )
    results = [graded(path, seed) for path in paths]
    if all(result.error for result in results) and results[0].error is not None:
        raise results[0].error
    _print_table(results, lang)
    _print_frequent(results, lang)
    if csv:
        atomic_write.write(csv, class_csv(results, lang).encode("utf-8-sig"))
        screen.line(translated(WRITTEN, lang).format(file=csv))


def _print_table(results: list[Graded], lang: str) -> None:
    texts, words = in_language(SHORT | MISTAKES, lang), in_language(CLASS, lang)
    rows: list[tuple[str, str, str, str]] = []
    for result in results:
        if result.error is not None:
            rows.append((result.student, "–", "–", _problem(result.error, lang)))
            continue
        lines = result.wrong(texts)
        if follows := list(result.comments.values()).count("follows"):
            lines.append(words["follows"].format(count=follows))
        place = (result.student, str(result.seed), f"{result.right}/{len(QUESTIONS)}")
        rows.append((*place, lines[0] if lines else ""))
        rows += [("", "", "", line) for line in lines[1:]]
    screen.table(list(in_language(HEADER, lang).values()), rows, numbers=(1, 2))


def _print_frequent(results: list[Graded], lang: str) -> None:
    read = [result for result in results if result.error is None]
    words, texts = in_language(CLASS, lang), in_language(MISTAKES, lang)
    counts = Counter(name for result in read for name in {*result.comments.values()} if name in MISTAKES)
    if counts:
        screen.line()
        rows = [(str(count), texts[name]) for name, count in counts.most_common(5)]
        screen.table([words["students"], words["frequent"]], rows, numbers=(0,))
    if read:
        mean = sum(result.right for result in read) / len(read)
        screen.line()
        count = len(read)
        screen.line(words["mean"].format(count=count, mean=f"{mean:.1f}", questions=len(QUESTIONS)))
