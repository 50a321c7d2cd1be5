"""Untrusted run folders: every entry is replaced by a link, a pipe, a folder or a hard link.

Each command runs over each such folder. Nothing outside the folder may change: names, bytes, modification
times. No command may hang, or end in anything but an error of the catalog or a result.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from campaigns.hostile_cases.isolated import run_isolated
from campaigns.hostile_cases.section import Section

from chainrule.apps.cli.main import COMMANDS as CLI_COMMANDS
from chainrule.apps.cli.main import main
from chainrule.apps.cli.texts import text_of
from chainrule.train.nonfinite.record import NAME

TEMPLATE = """
import sys
from chainrule.apps.cli.main import COMMANDS as CLI_COMMANDS, main
from chainrule.store import RunFolder
RunFolder.delete_checkpoints = lambda folder, keep=0: None  # all checkpoints are kept
words = ["train", "data.csv", "--target", "kind", "--epochs", "3", "--net", "4 relu", "--out", "run"]
words += ["--histograms", "1"]
sys.exit(main(words))
"""
EXTRA = (".lock.json", NAME, "log.csv", "log.jsonl", "models", "events", "page.html")


def prepare(place: Path) -> None:
    """Write a finished run folder in ``place``, with its checkpoints, and the data that it was trained on."""
    draw = random.Random(0)
    rows = [f"{draw.random():.3f},{draw.random():.3f},{draw.choice('ab')}" for _ in range(60)]
    (place / "data.csv").write_text("\n".join(["u,v,kind", *rows]) + "\n")
    subprocess.run([sys.executable, "-c", TEMPLATE], cwd=place, check=True, capture_output=True)


def entries(run: Path) -> list[str]:
    """The names in a run folder, and those that a command may write there."""
    own = [path.relative_to(run).as_posix() for path in run.rglob("*")]
    return sorted({*own, *EXTRA})


def _link(entry: Path, target: Path) -> None:
    entry.symlink_to(target)


def _socket(entry: Path, _: Path) -> None:
    short = Path(tempfile.mkdtemp()) / "s"  # the name of a socket has at most 107 bytes
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(short))
    shutil.move(short, entry)


def _hard_link(entry: Path, target: Path) -> None:
    if not target.is_file():
        raise ValueError("only a file has a second name")
    os.link(target, entry)


REPLACEMENTS: dict[str, Callable[[Path, Path], None]] = {
    "a link to a copy": _link,  # the target is a copy of the entry: only the link is unusual
    "a link to another file": lambda entry, target: _link(entry, target.parent / "precious"),
    "a link to a folder": lambda entry, target: _link(entry, target.parent / "folder"),
    "a link to nothing": lambda entry, target: _link(entry, target.parent / "absent"),
    "a relative link": lambda entry, target: _link(entry, Path(os.path.relpath(target, entry.parent))),
    "a link to itself": lambda entry, target: _link(entry, entry),
    "a second name": _hard_link,
    "a pipe": lambda entry, target: os.mkfifo(entry),
    "a socket": _socket,
    "a folder": lambda entry, target: entry.mkdir(),
}

COMMANDS: dict[str, list[str]] = {
    "train": ["train", "data.csv", "--target", "kind", "--epochs", "1", "--net", "4 relu", "--out", "run"],
    "resume": ["train", "data.csv", "--out", "run", "--resume"],
    "predict": ["predict", "run", "data.csv", "--out", "run/page.html"],
    "evaluate": ["evaluate", "run", "data.csv"],
    "explain": ["explain", "run", "data.csv", "--row", "1", "--html", "run/page.html"],
    "step": ["explain", "run", "data.csv", "--step", "1"],
    "plot": ["plot", "run", "weights"],
    "show": ["show", "run"],
    "doctor": ["doctor", "run"],
    "doctor page": ["doctor", "run", "--html", "run/page.html"],
}


def fit(resume: bool) -> Callable[[], int]:
    """A training from Python with every callback that writes, all of them into the run folder."""

    def work() -> int:
        import chainrule as cr  # noqa: PLC0415 the parent stays without threads

        x = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]] * 4
        model = cr.Model(cr.Sequential(cr.Dense(1)), "mse", cr.SGD(0.1))
        logs = [
            cr.CSVLog("run/log.csv"),
            cr.JSONLog("run/log.jsonl"),
            cr.Histograms(),
            cr.TensorBoard("run/events"),
            cr.Checkpoint("run/models/{epoch}.safetensors", max_to_keep=1),
        ]
        model.fit(
            x, [1.0, 1.0, 2.0, 0.0] * 4, epochs=2, run="run", resume=resume, callbacks=logs, verbose=False
        )
        model.save("run/model.safetensors")
        return 0

    return work


PYTHON = {"fit": fit(False), "fit, resumed": fit(True)}


def snapshot(outside: Path) -> dict[str, tuple[str, bytes, int]]:
    """Everything outside the run folder: kind, bytes and modification time by name."""
    entries = {}
    for path in sorted(outside.rglob("*")):
        facts = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        entries[path.relative_to(outside).as_posix()] = (oct(facts.st_mode), content, facts.st_mtime_ns)
    return entries


def attack(template: Path, place: Path, entry: str, replacement: str) -> Path | None:
    """Copy the run with one entry replaced; return the folder outside, or ``None`` if that is impossible."""
    outside, run = place / "outside", place / "run"
    shutil.copytree(template / "run", run)
    shutil.copy(template / "data.csv", place)
    (outside / "folder").mkdir(parents=True)
    (outside / "precious").write_bytes(b"precious")
    (outside / "folder" / "step-000000001.safetensors").write_bytes(b"precious")
    target, victim = outside / "copy", run / entry
    if victim.is_dir():
        shutil.copytree(victim, target)
        shutil.rmtree(victim)
    else:
        target.write_bytes((victim.read_bytes() if victim.exists() else b"") or b"epoch,loss\n")
        victim.unlink(missing_ok=True)
    try:
        REPLACEMENTS[replacement](victim, target)
    except ValueError:
        return None
    return outside


def case(template: Path, entry: str, replacement: str, command: str, section: Section) -> None:
    """Run one command over one folder and record an event if it is not handled."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        outside = attack(template, place, entry, replacement)
        if outside is None:
            return
        before = snapshot(outside)
        log = str(place / "printed")

        def work() -> str:
            os.chdir(place)
            try:
                return str(PYTHON[command]() if command in PYTHON else main(COMMANDS[command]))
            except OSError as error:  # includes FileError
                return "refused" if getattr(error, "code", "") else f"{type(error).__name__}: {error}"
            except Exception as error:
                return "refused" if getattr(error, "code", "") else f"{type(error).__name__}: {error}"

        outcome = run_isolated(work, quiet=log)
        name = f"{command} with {entry} as {replacement}"
        section.cases += 1
        section.worst_seconds = max(section.worst_seconds, outcome.seconds)
        section.worst_megabytes = max(section.worst_megabytes, outcome.megabytes)
        printed = Path(log).read_text(errors="replace") if Path(log).exists() else ""
        if outcome.code or outcome.text not in ("0", "1", "2", "refused"):
            section.events.append(f"{name}: ended with {outcome.code} {outcome.text[-300:]}")
        elif text_of("unexpected").partition("{")[0] in printed:
            section.events.append(f"{name}: {printed[-300:]}")
        if snapshot(outside) != before:
            section.events.append(f"{name}: something outside the folder changed")


def cases(run: Path) -> Iterator[tuple[str, str, str]]:
    """Every combination of entry, replacement and command."""
    yield from itertools.product(entries(run), REPLACEMENTS, (*COMMANDS, *PYTHON))


def run(quick: bool, seed: int, count: int | None = None) -> list[Section]:
    """Run all commands over all folders; ``quick`` samples a tenth, ``count`` that many."""
    section = Section("entries of a run folder replaced", remark="nothing outside changed")
    for name in CLI_COMMANDS:  # imported once instead of in every child; no library starts a thread
        import_module(f"chainrule.apps.cli.commands.{name}")
    import_module("chainrule.apps.cli.command_line")
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder)
        prepare(template)
        chosen = list(cases(template / "run"))
        if quick or count is not None:
            chosen = random.Random(seed).sample(chosen, len(chosen) // 10 if count is None else count)
        for entry, replacement, command in chosen:
            case(template, entry, replacement, command, section)
    return [section]
