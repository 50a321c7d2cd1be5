"""The cost of ``settings.portable_bits``: ``python -m benchmarks.portable_bits``.

Two processes run the same steps and predictions in turn, one with the setting and one without, at each
vector width of this processor from 32 bytes. The ratio of a round compares two readings taken one after
the other, so that a slow minute of the machine falls on both.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from rich.table import Table

from benchmarks import command
from benchmarks.descriptions import NETS, PASS, Case, named
from benchmarks.measure import KEEPING, Effort, Engine, Row, in_turn, made_ready
from benchmarks.peers import OURS
from chainrule.engines.native.jit.target import WIDTHS, host_target

ROUNDS = {False: 15, True: 2}
PREDICTED, ROWS = "784-256-128-10", (1, 8, 64)
MINIMUM_WIDTH = 32


def cases(threads: int) -> dict[str, tuple[str, Case]]:
    """The task and case of each line of the table: the benchmark's steps, and predictions of few rows."""
    steps = {f"step, {net.name}": ("step", Case(net, net.batch, PASS * net.batch, threads)) for net in NETS}
    net = named(PREDICTED)
    predictions = {
        f"prediction, {net.name}, {rows} rows": ("predict", Case(net, rows, rows, threads)) for rows in ROWS
    }
    return {**steps, **predictions}


def compare(task: str, case: Case, width: int, effort: Effort) -> tuple[Row, Row]:
    """Readings without and with portable bits at one vector width, in turn."""
    prepared = []
    with ExitStack() as engines:
        for is_portable in (False, True):
            engine = engines.enter_context(Engine(OURS, effort.threads, KEEPING))
            engine.ask("configure", name="vector_bytes", value=width)
            engine.ask("configure", name="portable_bits", value=is_portable)
            prepared.append((engine, made_ready(engine, str(is_portable), task, case, effort)))
        without, portable = in_turn(prepared, effort.rounds, [])
    return without, portable


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print one table."""
    options = command.parsed(command.parser_of("portable_bits", "the cost of portable bits"), words)
    effort = Effort(options.rounds or ROUNDS[options.quick], options.threads, options.quick)
    console = command.console_of()
    table = Table("vectors", "case", "without", "with", "ratio", "middle half of the ratios")
    for width in (w for w in WIDTHS if MINIMUM_WIDTH <= w <= host_target().vector_bytes):
        for name, (task, case) in cases(options.threads).items():
            without, portable = compare(task, case, width, effort)
            ratios = sorted(b / a for a, b in zip(without.wall, portable.wall, strict=True))
            low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
            table.add_row(
                f"{width} bytes",
                name,
                f"{without.median * 1e6:.2f} µs",
                f"{portable.median * 1e6:.2f} µs",
                f"{statistics.median(ratios):.3f}",
                f"{low:.3f} to {high:.3f}",
            )
            console.print(f"measured {width} bytes, {name}", style="dim", highlight=False)
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
