"""Payloads in every place that a text can come from, and checks of everything that is printed or written.

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
SLOW = 20.0  # seconds of computation that a command on a table of this size may take
TRAIN = ("--target", "label", "--epochs", "1", "--net", "2 tanh", "--histograms", "1")


def checked(section: Section, words: Iterable[object], is_terminal: bool = True) -> folder.Printed | None:
    """Run a command, check its output and the files it wrote, and count the case; ``None`` if it crashed."""
    words = tuple(map(str, words))
    section.cases += 1
    command = " ".join(ascii(word)[1:-1][:40] for word in words)
    before, start = _stamps(), time.process_time()
    try:
        printed = folder.run_command(*words, is_terminal=is_terminal)
    except BaseException as error:
        section.events.append(f"{command}: {traceback.format_exception_only(error)[-1].strip()[:120]}")
        return None
    seconds = time.process_time() - start
    section.worst_seconds = max(section.worst_seconds, seconds)
    problems = [f"{seconds:.0f} s"] if seconds > SLOW else []
    is_csv = words[0] == "predict" and printed.code == 0 and not is_terminal
    problems += csv_problems(printed.out) if is_csv else screen_problems(printed.out)
    problems += screen_problems(printed.err)
    problems += ["a fault of chainrule"] if any(word in printed.err for word in FAULT) else []
    new = [place for place, stamp in _stamps().items() if before.get(place) != stamp]
    problems += [f"{place.name[:40]}: {p}" for place in new for p in file_problems(place)]
    section.events += [f"{command}: {problem}" for problem in problems]
    return printed


def _stamps() -> dict[Path, tuple[int, int]]:
    """All files of the working folder with size and time."""
    stamps = {}
    for place in Path.cwd().rglob("*"):
        if place.is_file():
            facts = place.stat()
            stamps[place] = (facts.st_size, facts.st_mtime_ns)
    return stamps


def accepted(texts: Mapping[str, str], section: Section) -> dict[str, str]:
    """The payloads that a table may contain; refusals of the others are checked like any output."""
    payloads = {}
    for name, text in texts.items():
        folder.write_table(Path("one.csv"), {name: text}, 0)
        printed = checked(section, ("check", "one.csv", "--target", "label"))
        if printed is not None and printed.code == 0:
            payloads[name] = text
    return payloads


def named_paths(text: str, section: Section) -> tuple[str, str]:
    """The table and the RUN named as a payload, or with plain names if the file system refuses it."""
    name = f"{text[:60]}.csv"
    try:
        shutil.copy("t.csv", name)
    except (OSError, ValueError):
        checked(section, ("check", name))
        return "t.csv", "run"
    return (name, f"run {text[:60]}") if "/" not in text else ("t.csv", "run")


def over_a_training(texts: Mapping[str, str], seed: int, section: Section) -> str:
    """Train on a table of these texts and run every command on the result; return the RUN, if any."""
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
    """Predictions in a file are labels: raw ones unchanged, others without their apostrophe."""
    known = set(folder.labels_of(Path(run)))
    for is_raw in (True, False):
        words = ("predict", run, data, "--only-predictions", *(["--raw"] if is_raw else []))
        checked(section, (*words, "--out", "trip.tmp"))
        strange = folder.predictions(Path("trip.tmp"), is_raw) - known
        section.events += [f"predict --raw={is_raw}: {text!r:.60} is no label" for text in strange]
    if not known & {text.strip() for text in texts}:  # the reader strips blanks around cells
        section.events.append("no payload became a label: nothing was tried")


def with_arguments(texts: Mapping[str, str], section: Section) -> None:
    """Run each payload as the argument of every option, on an ordinary RUN."""
    folder.write_table(Path("plain.csv"), {"a": "a", "b": "b"}, 0)
    checked(section, ("train", "plain.csv", *TRAIN, "--out", "plain"))
    for text in texts.values():
        for words in folder.commands_of_text("plain", "plain.csv", text):
            checked(section, words)


def from_foreign_files(texts: Mapping[str, str], run: str, section: Section) -> None:
    """Run the commands on untrusted files."""
    for words in folder.write_foreign_files(Path(run), texts):
        checked(section, words)


def run(quick: bool, seed: int) -> list[Section]:
    """The three sections: texts in data, in arguments, and in untrusted files.

    In English each payload has its own table and is an argument of every option; in Chinese, and if
    ``quick``, tables contain many payloads and a sample of them are arguments.
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
        sections: receive the cases and events.
        size: payloads of one table.
        arguments: how many payloads are used as arguments.
        seed: mixes the payloads.
    """
    draw, (data, typed, foreign) = random.Random(seed), sections
    texts = accepted(PAYLOADS, data)
    names = draw.sample(sorted(texts), len(texts))
    for i in range(0, len(names), size):
        group = {name: texts[name] for name in names[i : i + size]}
        run_folder = over_a_training(group, seed + i, data)
        if run_folder:
            from_foreign_files(group, run_folder, foreign)
        _emptied(Path.cwd())
    with_arguments({name: PAYLOADS[name] for name in draw.sample(sorted(PAYLOADS), arguments)}, typed)


def _emptied(place: Path) -> None:
    for entry in place.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
