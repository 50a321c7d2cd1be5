"""What the commands of benchmarks have in common: options, screen, the run through what they measure."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import facts, report
from benchmarks.measure import Effort, FailedError, MissingError, processors
from benchmarks.sections import Measure, Section

WIDTH = 140


def parser_of(name: str, description: str, quick: str = "only to see that everything runs") -> Any:
    """The parser of a command with the options that all have: rounds, threads, quick, json."""
    parser = argparse.ArgumentParser(f"python -m benchmarks.{name}", description=description)
    parser.add_argument("--rounds", type=int, metavar="N", help="readings of each variant")
    parser.add_argument("--threads", type=int, default=min(2, len(processors())), metavar="N")
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every reading there")
    return parser


def parsed(parser: argparse.ArgumentParser, words: Sequence[str] | None) -> argparse.Namespace:
    """What was typed; numbers that make no sense, and a file in no folder, are refused."""
    given = parser.parse_args(words)
    if not 1 <= given.threads <= len(processors()):
        parser.error(f"--threads {given.threads}: from 1 to {len(processors())} here")
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds is at least 1")
    if given.json is not None and not given.json.parent.is_dir():
        parser.error(f"--json {given.json}: there is no such folder")
    return given


def console_of(width: int = WIDTH) -> Console:
    """The screen; a file, which has no width of its own, gets one."""
    console = Console()
    if not console.is_terminal:
        console.width = width
    return console


def told(known: Mapping[str, Any], console: Console) -> None:
    """Say on what machine it is measured."""
    line = ", ".join(f"{key} {value}" for key, value in known.items() if key != "versions")
    console.print(line, style="dim", highlight=False)


def measured(
    asked: Mapping[str, Measure], effort: Effort, console: Console, file: Path | None
) -> tuple[list[Section], bool]:
    """Measure and show sections one by one; whether all of them could be measured.

    Args:
        asked: what is measured, by name.
        effort: how carefully.
        console: the screen.
        file: every reading goes there after each section, so that an interrupted run leaves what it has.
    """
    known, is_whole = facts.facts(effort.threads), True
    found: list[Section] = []
    told(known, console)
    for name, measure in asked.items():
        console.print(f"measuring {name} ...", style="dim", highlight=False)
        try:
            section = measure(effort)
        except (FailedError, MissingError) as error:
            section, is_whole = Section(name, "", notes=[f"could not be measured: {error}"]), False
        report.show(section, console)
        found.append(section)
        if file is not None:
            report.write(file, {**known, "rounds": effort.rounds, "load_after": facts.load()}, found)
    report.summary(found, console)
    return found, is_whole
