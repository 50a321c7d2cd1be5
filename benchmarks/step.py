"""The command: ``python -m benchmarks.step`` measures everything, or with ``--only`` a part.

    python -m benchmarks.step                               everything, about half an hour
    python -m benchmarks.step --only step                   the five training steps
    python -m benchmarks.step --only step:LeNet-5 --rounds 31
    python -m benchmarks.step --quick --json out.json       only to see that everything runs
    python -m benchmarks.step --only step --precision bfloat16 --write    with autocast; in docs/results.md

On a busy machine the ratios are still comparable, the times are not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import command, facts, results_page
from benchmarks.measure import Effort
from benchmarks.sections import Measure, Section, sections

ROUNDS = {False: 15, True: 2}
TABLES = {"step": "training steps", "inference": "predictions"}


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
    command.add_precision(parser)
    parser.add_argument("--write", action="store_true", help="write the complete tables into docs/results.md")
    options = command.parsed(parser, words)
    for name in options.only:
        if not chosen([name]):
            parser.error(f"--only {name}: not one of {', '.join(sections())}")
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; return 1 if a section could not be measured."""
    options = arguments(words)
    rounds, known = options.rounds or ROUNDS[options.quick], facts.facts(options.threads)
    effort = Effort(rounds, options.threads, options.quick, options.precision)
    measures = chosen(options.only)
    results, is_complete = command.measured(measures, effort, command.console_of(), options.json)
    if options.write:
        write(dict(zip(measures, results, strict=True)), known, options, rounds)
    return 0 if is_complete else 1


def write(
    results: Mapping[str, Section], known: Mapping[str, Any], options: argparse.Namespace, rounds: int
) -> None:
    """Write the table of each group of sections that was measured as a whole."""
    for group, title in TABLES.items():
        if set(names := chosen([group])) <= set(results):
            words = f"python -m benchmarks.step --only {group} --rounds {rounds}"
            words += " --precision bfloat16" if options.precision == "bfloat16" else ""
            text = results_page.text_of(words, known, [results[name] for name in names])
            results_page.write(f"{title}, {options.precision}", text)


if __name__ == "__main__":
    sys.exit(main())
