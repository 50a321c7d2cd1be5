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

from benchmarks import command
from benchmarks.measure import Effort
from benchmarks.sections import Measure, sections

ROUNDS = {False: 15, True: 2}


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
    parser = command.parser_of("step", "chainrule beside its peers")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=", ".join(sections()))
    given = command.parsed(parser, words)
    for name in given.only:
        if not chosen([name]):
            parser.error(f"--only {name}: not one of {', '.join(sections())}")
    return given


def main(words: Sequence[str] | None = None) -> int:
    """Measure, show, write; 1 where a section could not be measured."""
    given = arguments(words)
    effort = Effort(given.rounds or ROUNDS[given.quick], given.threads, given.quick)
    _, is_whole = command.measured(chosen(given.only), effort, command.console_of(), given.json)
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
