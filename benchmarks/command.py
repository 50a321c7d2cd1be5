"""What the commands of benchmarks have in common: options, console, running the sections."""

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
    """The parser of a command with the common options: rounds, threads, quick, json."""
    parser = argparse.ArgumentParser(f"python -m benchmarks.{name}", description=description)
    parser.add_argument("--rounds", type=int, metavar="N", help="readings of each variant")
    parser.add_argument("--threads", type=int, default=min(2, len(processors())), metavar="N")
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every reading there")
    return parser


def add_precision(parser: Any) -> None:
    """Add the option of the factors of products: float32, or bfloat16 beside PyTorch's autocast."""
    parser.add_argument(
        "--precision", choices=("float32", "bfloat16"), default="float32", help="of the factors of products"
    )


def parsed(parser: argparse.ArgumentParser, words: Sequence[str] | None) -> argparse.Namespace:
    """The parsed options; invalid numbers, and a file in no folder, are refused."""
    options = parser.parse_args(words)
    if not 1 <= options.threads <= len(processors()):
        parser.error(f"--threads {options.threads}: from 1 to {len(processors())} here")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds is at least 1")
    if options.json is not None and not options.json.parent.is_dir():
        parser.error(f"--json {options.json}: there is no such folder")
    return options


def console_of(width: int = WIDTH) -> Console:
    """The console; output to a file, which has no width, gets one."""
    console = Console()
    if not console.is_terminal:
        console.width = width
    return console


def print_machine(known: Mapping[str, Any], console: Console) -> None:
    """Print the machine that is measured."""
    line = ", ".join(f"{key} {value}" for key, value in known.items() if key != "versions")
    console.print(line, style="dim", highlight=False)


def measured(
    measures: Mapping[str, Measure], effort: Effort, console: Console, file: Path | None
) -> tuple[list[Section], bool]:
    """Measure and print sections one by one; return them, and whether all of them could be measured.

    Args:
        measures: the functions to run, by name.
        effort: how long to measure.
        console: for the output.
        file: all readings are written to it after each section, so that an interrupted run leaves results.
    """
    known, is_complete = facts.facts(effort.threads), True
    sections_done: list[Section] = []
    print_machine(known, console)
    for name, measure in measures.items():
        console.print(f"measuring {name} ...", style="dim", highlight=False)
        try:
            section = measure(effort)
        except (FailedError, MissingError) as error:
            section, is_complete = Section(name, "", notes=[f"could not be measured: {error}"]), False
        report.show(section, console)
        sections_done.append(section)
        if file is not None:
            report.write(file, {**known, "rounds": effort.rounds, "load_after": facts.load()}, sections_done)
    report.summary(sections_done, console)
    return sections_done, is_complete
