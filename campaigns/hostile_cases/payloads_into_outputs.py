"""Payloads in every place a text can come from, and a look at everything that is printed or written.

Each payload is a column's name, a cell and a label of a table, the name of the table's file and of the RUN
where the file system allows it, the argument of every option, and a text of a model file, a weights file and
the files of a RUN. Every command runs over them. What it prints on a terminal, what it prints into a pipe and
every file it writes are checked: no raw control character, no forged line, no active HTML or SVG, valid CSV,
JSON and TOML, and no exception that leaves ``main``.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path

from campaigns.hostile_cases import payload_folder as folder
from campaigns.hostile_cases.output_checks import csv_problems, file_problems, screen_problems
from campaigns.hostile_cases.payloads import PAYLOADS
from campaigns.hostile_cases.section import Section

from chainrule.settings import settings

FAULT = ("a fault of chainrule", "chainrule 的缺陷")
SLOW = 20.0  # seconds a command on a table of this size may take
TRAIN = ("--target", "label", "--epochs", "1", "--net", "2 tanh", "--histograms", "1")


def checked(section: Section, words: Iterable[object], is_terminal: bool = True) -> folder.Printed | None:
    """Run a command, check the screen and the files it left, and count the case; ``None`` if it crashed."""
    words = tuple(map(str, words))
    section.cases += 1
    shown = " ".join(ascii(word)[1:-1][:40] for word in words)
    before, start = _stamps(), time.perf_counter()
    try:
        printed = folder.run_command(*words, is_terminal=is_terminal)
    except BaseException as error:
        section.events.append(f"{shown}: {traceback.format_exception_only(error)[-1].strip()[:120]}")
        return None
    seconds = time.perf_counter() - start
    section.worst_seconds = max(section.worst_seconds, seconds)
    problems = [f"{seconds:.0f} s"] if seconds > SLOW else []
    is_csv = words[0] == "predict" and printed.code == 0 and not is_terminal
    problems += csv_problems(printed.out) if is_csv else screen_problems(printed.out)
    problems += screen_problems(printed.err)
    problems += ["a fault of chainrule"] if any(word in printed.err for word in FAULT) else []
    new = [place for place, stamp in _stamps().items() if before.get(place) != stamp]
    problems += [f"{place.name[:40]}: {p}" for place in new for p in file_problems(place)]
    section.events += [f"{shown}: {problem}" for problem in problems]
    return printed


def _stamps() -> dict[Path, tuple[int, int]]:
    """All files of the working folder with size and time."""
    found = {}
    for place in Path.cwd().rglob("*"):
        if place.is_file():
            facts = place.stat()
            found[place] = (facts.st_size, facts.st_mtime_ns)
    return found


def accepted(texts: Mapping[str, str], section: Section) -> dict[str, str]:
    """The payloads that a table may hold; a refusal of the others is checked like any output."""
    found = {}
    for name, text in texts.items():
        folder.write_table(Path("one.csv"), {name: text}, 0)
        printed = checked(section, ("check", "one.csv", "--target", "label"))
        if printed is not None and printed.code == 0:
            found[name] = text
    return found


def named_paths(text: str, section: Section) -> tuple[str, str]:
    """The table and the RUN under a payload's name, or under plain ones where no file can be called so."""
    name = f"{text[:60]}.csv"
    try:
        shutil.copy("t.csv", name)
    except (OSError, ValueError):
        checked(section, ("check", name))
        return "t.csv", "run"
    return (name, f"run {text[:60]}") if "/" not in text else ("t.csv", "run")


def over_a_training(texts: Mapping[str, str], seed: int, section: Section) -> str:
    """Train on a table full of these texts and run every command on the result; the RUN, if there is one."""
    folder.write_table(Path("t.csv"), texts, seed)
    draw = random.Random(seed)
    place = draw.randrange(len(texts))
    text = list(texts.values())[place]
    data, run = named_paths(text, section)
    trained = checked(section, ("train", data, *TRAIN, "--out", run))
    if trained is None or trained.code:
        section.events.append(f"no training: {trained.err[:120] if trained else 'crashed'!r}")
        return ""
    for words in folder.commands_of_run(run, data, text, f"{text} {place}".strip()):
        checked(section, words, is_terminal=draw.random() < 0.7)
    _round_trip(section, run, data, set(texts.values()))
    return run


def _round_trip(section: Section, run: str, data: str, texts: set[str]) -> None:
    """Predictions in a file are labels again: raw ones as they are, others without their apostrophe."""
    known = set(folder.labels_of(Path(run)))
    for is_raw in (True, False):
        checked(section, ("predict", run, data, "--out", "trip.tmp", *(["--raw"] if is_raw else [])))
        strange = folder.predictions(Path("trip.tmp"), is_raw) - known
        section.events += [f"predict --raw={is_raw}: {text!r:.60} is no label" for text in strange]
    if not known & texts:
        section.events.append("no payload became a label: nothing was tried")


def with_arguments(texts: Mapping[str, str], section: Section) -> None:
    """Each payload as the argument of every option, against a plain RUN."""
    folder.write_table(Path("plain.csv"), {"a": "a", "b": "b"}, 0)
    checked(section, ("train", "plain.csv", *TRAIN, "--out", "plain"))
    for text in texts.values():
        for words in folder.commands_of_text("plain", "plain.csv", text):
            checked(section, words)


def from_foreign_files(texts: Mapping[str, str], run: str, section: Section) -> None:
    """Files somebody else wrote."""
    for words in folder.write_foreign_files(Path(run), texts):
        checked(section, words)


def run(quick: bool, seed: int) -> list[Section]:
    """The three sections: texts in data, in arguments, and in files of others.

    In English each payload has a table of its own and is an argument of every option; in Chinese, and if
    ``quick``, tables hold many payloads and a sample of them are arguments.
    """
    sections = [Section("texts in a table"), Section("texts as arguments"), Section("foreign files")]
    for lang in ("en", "zh"):
        is_short = quick or lang == "zh"
        with tempfile.TemporaryDirectory() as place, folder.inside(Path(place)), settings.using(lang=lang):
            _in_one_language(sections, 16 if is_short else 1, 6 if is_short else len(PAYLOADS), seed)
    for section in sections:
        section.remark = f"{len(PAYLOADS)} payloads, English and Chinese"
    return sections


def _in_one_language(sections: list[Section], size: int, arguments: int, seed: int) -> None:
    """Run all three sections in the working folder.

    Args:
        sections: what was found is added to them.
        size: payloads of one table.
        arguments: how many payloads are tried as arguments.
        seed: mixes the payloads.
    """
    draw, (data, typed, foreign) = random.Random(seed), sections
    texts = accepted(PAYLOADS, data)
    names = draw.sample(sorted(texts), len(texts))
    for i in range(0, len(names), size):
        group = {name: texts[name] for name in names[i : i + size]}
        made = over_a_training(group, seed + i, data)
        if made:
            from_foreign_files(group, made, foreign)
        _emptied(Path.cwd())
    with_arguments({name: PAYLOADS[name] for name in draw.sample(sorted(PAYLOADS), arguments)}, typed)


def _emptied(place: Path) -> None:
    for entry in place.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
