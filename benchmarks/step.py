"""The command: ``python -m benchmarks.step`` measures everything, or with ``--only`` a part.

    python -m benchmarks.step                               everything, about half an hour
    python -m benchmarks.step --only step                   the five training steps
    python -m benchmarks.step --only step:LeNet-5 --rounds 31
    python -m benchmarks.step --quick --json out.json       only to see that everything runs

On a busy machine the ratios are still comparable, the times are not.
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
    """The sections with these names, or whose names begin with them; all if there are no names."""
    known = sections()
    return {
        name: measure
        for name, measure in known.items()
        if not names or any(name == prefix or name.startswith(f"{prefix}:") for prefix in names)
    }


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The parsed options."""
    parser = command.parser_of("step", "chainrule beside its peers")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=", ".join(sections()))
    options = command.parsed(parser, words)
    for name in options.only:
        if not chosen([name]):
            parser.error(f"--only {name}: not one of {', '.join(sections())}")
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; return 1 if a section could not be measured."""
    options = arguments(words)
    effort = Effort(options.rounds or ROUNDS[options.quick], options.threads, options.quick)
    _, is_complete = command.measured(chosen(options.only), effort, command.console_of(), options.json)
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
