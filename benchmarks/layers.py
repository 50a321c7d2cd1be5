"""The command: ``python -m benchmarks.layers`` times layers, losses, operations, optimizers beside PyTorch's.

    python -m benchmarks.layers                                     everything, about ten minutes
    python -m benchmarks.layers --only norm --only "pool: mean"     what begins with these words
    python -m benchmarks.layers --threads 1 --quick --json out.json

Both sides run in their own processes with the same number of threads, and are measured in turn. PyTorch runs
as for its users, in the best of its memory formats (and of an optimizer's forms), with an allocator that
keeps freed memory. The ratio is PyTorch's time divided by chainrule's; a ratio below 0.8 is marked.

With ``--quick`` the minimum of the times is used instead of the median: with one thread the minimum processor
time, which depends little on other work on the machine, with several threads the minimum wall time, because
threads that wait for one another may use processor time.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks import command, facts
from benchmarks.layer_cases import LAYER_CASES, LayerCase
from benchmarks.measure import KEEPING, Effort, Engine, FailedError, Row, in_turn
from benchmarks.peers import LAYERS
from benchmarks.report import seconds

ROUNDS = {False: 9, True: 3}
LEAST = 0.8  # minimum of PyTorch's time divided by chainrule's
AGREE = 1e-3
WIDTH = 130
OURS, PEER = LAYERS


@dataclass(frozen=True)
class Pair:
    """One pass of one case, measured for both.

    Args:
        case: the case.
        way: ``"forward"``, ``"both"`` or ``"update"``.
        ours, peer: the readings; for PyTorch those of its fastest variant.
        effort: determines the reported time.
    """

    case: LayerCase
    way: str
    ours: Row
    peer: Row
    effort: Effort

    def time(self, row: Row) -> float:
        """The reported time."""
        return time_of(row, self.effort)

    @property
    def ratio(self) -> float:
        """PyTorch's time divided by chainrule's."""
        return self.time(self.peer) / self.time(self.ours)

    @property
    def agrees(self) -> bool:
        """Whether both computed the same value, as far as it is comparable."""
        values = (self.ours.value, self.peer.value)
        return any(map(math.isnan, values)) or math.isclose(*values, rel_tol=AGREE, abs_tol=AGREE**2)

    def plain(self) -> dict[str, Any]:
        """All results as plain data."""
        readings = {
            side: {"variant": row.variant, "wall": row.wall, "cpu": row.cpu, "time": self.time(row)}
            for side, row in (("chainrule", self.ours), ("PyTorch", self.peer))
        }
        return {
            "case": self.case.name,
            "way": self.way,
            "ratio": self.ratio,
            "agrees": self.agrees,
            **readings,
        }


def time_of(row: Row, effort: Effort) -> float:
    """The reported time of a row."""
    if not effort.is_quick:
        return statistics.median(row.wall)
    return min(row.cpu if effort.threads == 1 else row.wall)


def measured(case: LayerCase, engines: Sequence[Engine], effort: Effort, notes: list[str]) -> list[Pair]:
    """All passes of a case for both, measured in turn."""
    described, variants = {"layer": case.name, "threads": effort.threads}, []
    for engine in engines:
        try:
            for variant in engine.ask("list", task="layer", case=described)["variants"]:
                prepared = engine.ask(
                    "make", key=variant, task="layer", case=described, variant=variant, aim=effort.aim
                )
                variants.append((engine, Row(engine.name, variant, prepared["value"], prepared["first"])))
        except FailedError as error:
            notes.append(f"{case.name}: {engine.name} failed: {error}")
    rows = in_turn(variants, effort.rounds, notes)
    for engine, row in variants:
        engine.ask("drop", key=row.variant)
    pairs = []
    for way in case.ways:
        best = [
            min(of, key=lambda row: time_of(row, effort))
            for name in (OURS, PEER)
            if (of := [row for row in rows if row.engine == name and row.variant.split(", ")[0] == way])
        ]
        if len(best) == len(engines):
            pairs.append(Pair(case, way, best[0], best[1], effort))
    return pairs


def table_of(pairs: Sequence[Pair]) -> Table:
    """A table of results; ratios that are too low are marked."""
    table = Table(box=None)
    for name in ("", "way", "chainrule", "PyTorch", "ratio", "", "PyTorch's form"):
        table.add_column(name, justify="right" if name in ("chainrule", "PyTorch", "ratio") else "left")
    for pair in pairs:
        mark = "SLOW" if pair.ratio < LEAST else ""
        mark += "" if pair.agrees else " other values"
        form = pair.peer.variant.partition(", ")[2]
        cells = (
            seconds(pair.time(pair.ours)),
            seconds(pair.time(pair.peer)),
            f"{pair.ratio:.2f}",
            mark,
            form,
        )
        table.add_row(pair.case.name, pair.way, *cells, style="red" if mark else "")
    return table


def chosen(names: Sequence[str]) -> list[LayerCase]:
    """The cases whose names begin with one of these; all if there are none."""
    return [case for name, case in LAYER_CASES.items() if not names or name.startswith(tuple(names))]


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The parsed options."""
    quick = "short readings, of which the least counts"
    parser = command.parser_of("layers", "layers beside PyTorch's", quick)
    families = ", ".join(dict.fromkeys(case.family for case in LAYER_CASES.values()))
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=families)
    options = command.parsed(parser, words)
    for name in options.only:
        if not chosen([name]):
            parser.error(f"--only {name}: nothing begins with that; there is {families}")
    return options


def write(path: Path, known: dict[str, Any], pairs: Sequence[Pair], notes: Sequence[str]) -> None:
    """Write the results as JSON."""
    results = {"facts": known, "notes": list(notes), "layers": [pair.plain() for pair in pairs]}
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; return 1 if something could not be measured, or values differ."""
    options, console = arguments(words), command.console_of(WIDTH)
    effort = Effort(options.rounds or ROUNDS[options.quick], options.threads, options.quick)
    known, notes, pairs = facts.facts(effort.threads), [], []
    command.print_machine(known, console)
    with ExitStack() as opened:
        engines = [opened.enter_context(Engine(name, effort.threads, KEEPING)) for name in LAYERS]
        for case in chosen(options.only):
            pairs_of_case = measured(case, engines, effort, notes)
            pairs += pairs_of_case
            for pair in pairs_of_case:
                text = f"{pair.case.name}, {pair.way}: {pair.ratio:.2f}"
                console.print(text, style="red" if pair.ratio < LEAST else "dim", highlight=False)
            if options.json is not None:  # after each case, so that an interrupted run leaves results
                write(options.json, known, pairs, notes)
    console.print(table_of(pairs))
    for note in notes:
        console.print(f"  note: {note}", style="dim", markup=False, highlight=False)
    slow = sum(pair.ratio < LEAST for pair in pairs)
    console.print(
        f"{len(pairs) - slow} of {len(pairs)} at least {LEAST} times as fast as PyTorch", style="bold"
    )
    return 1 if notes or not all(pair.agrees for pair in pairs) else 0


if __name__ == "__main__":
    sys.exit(main())
