"""The command: ``python -m benchmarks.step`` measures everything, or with ``--only`` a part.

    python -m benchmarks.step                               everything, about half an hour
    python -m benchmarks.step --only step                   the five training steps
    python -m benchmarks.step --only step:LeNet-5 --rounds 31
    python -m benchmarks.step --quick --json out.json       only to see that everything runs

On a machine that has other work the ratios are still fair, the times are not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import facts, report
from benchmarks.measure import Effort, FailedError, MissingError, processors
from benchmarks.sections import Measure, Section, sections

ROUNDS = {False: 15, True: 2}
WIDTH = 140


def chosen(names: Sequence[str]) -> dict[str, Measure]:
    """The sections asked for: by name, or by what their names begin with; all where none is."""
    known = sections()
    return {
        name: measure
        for name, measure in known.items()
        if not names or any(name == asked or name.startswith(f"{asked}:") for asked in names)
    }


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser("python -m benchmarks.step", description="chainrule beside its peers")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=", ".join(sections()))
    parser.add_argument("--rounds", type=int, metavar="N", help="readings of each variant")
    parser.add_argument("--threads", type=int, default=min(2, len(processors())), metavar="N")
    parser.add_argument("--quick", action="store_true", help="only to see that everything runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every reading there")
    given = parser.parse_args(words)
    for name in given.only:
        if not chosen([name]):
            parser.error(f"--only {name}: not one of {', '.join(sections())}")
    for name in ("rounds", "threads"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            parser.error(f"--{name} is at least 1")
    if given.threads > len(processors()):
        parser.error(f"--threads {given.threads}: this machine lends {len(processors())} processors")
    if given.json is not None and not given.json.parent.is_dir():
        parser.error(f"--json {given.json}: there is no such folder")
    return given


def main(words: Sequence[str] | None = None) -> int:
    """Measure, show, write; 1 where a section could not be measured."""
    given, console = arguments(words), Console()
    if not console.is_terminal:
        console.width = WIDTH  # a file has no width of its own
    effort = Effort(given.rounds or ROUNDS[given.quick], given.threads, given.quick)
    found, known = [], facts.facts(effort.threads)
    told = ", ".join(f"{key} {value}" for key, value in known.items() if key != "versions")
    console.print(told, style="dim", highlight=False)
    is_whole = True
    for name, measure in chosen(given.only).items():
        console.print(f"measuring {name} ...", style="dim", highlight=False)
        try:
            section = measure(effort)
        except (FailedError, MissingError) as error:
            section, is_whole = Section(name, "", notes=[f"could not be measured: {error}"]), False
        report.show(section, console)
        found.append(section)
        if given.json is not None:  # after each, so that an interrupted run leaves what it has
            report.write(given.json, {**known, "rounds": effort.rounds, "load_after": facts.load()}, found)
    report.summary(found, console)
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
