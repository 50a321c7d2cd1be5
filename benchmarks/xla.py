"""The command: ``python -m benchmarks.xla`` times training steps of the XLA engine beside hand-written JAX.

    python -m benchmarks.xla                          five networks, about half an hour
    python -m benchmarks.xla --only GPT --rounds 15
    python -m benchmarks.xla --write                  and the table in docs/xla.md
    python -m benchmarks.xla --processor-time         compares that, on a machine with other jobs
    python -m benchmarks.xla --quick                  small batches, only to see that it runs

A step is forward, loss, backward and SGD with momentum. JAX is written by hand for each network, under
``jit`` with donated buffers: one step a call, and a ``lax.scan`` over a pass. The processes are measured in
turn; the ratio is that of the medians, to the faster variant of JAX. Networks of images have no variant with
a scan: XLA takes about 20 times as long on a CPU for the gradients of convolutions that JAX puts into a loop.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from benchmarks import command, report, required
from benchmarks.measure import ROOT, Effort, Row, contest
from benchmarks.named_networks import BATCHES, NETWORKS, Network, NetworkCase
from benchmarks.peers import XLA
from benchmarks.peers.chainrule_networks import flops
from benchmarks.peers.chainrule_xla import VARIANTS
from benchmarks.required import Verdict
from benchmarks.sections import Section, section_of

JAX = "JAX"
STEP, SCAN = "one step a call", "scan"
ROUNDS = {False: 9, True: 1}
PAGE = ROOT / "docs" / "xla.md"
BEGIN, END = "<!-- steps -->", "<!-- end of steps -->"
HEAD = """\
| network, batch | one device | eight shards | JAX, a step a call | JAX, scan | ratio | of the shards |
|---|---|---|---|---|---|---|"""


def steps(net: Network, clock: str, effort: Effort) -> Section:
    """The training step of a network, compared by ``"wall"`` or ``"cpu"`` time."""
    if effort.is_quick:
        net = replace(net, batch=max(2, net.batch // 8))
    case = NetworkCase(net, net.batch, BATCHES * net.batch, effort.threads)
    comparison = contest([XLA, JAX], "train", case, effort, (*VARIANTS, STEP) if net.has_images else ())
    section = section_of(f"{net.name}, batch {net.batch}", "a step", comparison, flops(net))
    for variant, ratio in ratios(section, clock).items():
        limit = required.XLA_OVER_JAX if variant == next(iter(VARIANTS)) else required.XLA_SHARDS_OVER_JAX
        what = f"a step of {net.name}, {variant}: times that of JAX"
        section.verdicts.append(Verdict(what, ratio, limit, False))
    return section


def time_of(row: Row, clock: str) -> float:
    """The median of the readings of a clock."""
    return statistics.median(row.cpu if clock == "cpu" else row.wall)


def ratios(section: Section, clock: str) -> dict[str, float]:
    """The time of each variant of the engine, as a multiple of that of the faster variant of JAX."""
    peer = min((time_of(row, clock) for row in section.rows if row.engine == JAX), default=None)
    rows = {row.variant: time_of(row, clock) for row in section.rows if row.engine == XLA}
    return {variant: rows[variant] / peer for variant in VARIANTS if variant in rows and peer is not None}


def page(sections: Sequence[Section], rounds: int, clock: str) -> str:
    """The table of the page."""
    option, kind = (" --processor-time", "processor time") if clock == "cpu" else ("", "time")
    title = f"`python -m benchmarks.xla --rounds {rounds}{option}`, {kind} of a training step, medians:"
    lines = [title, "", HEAD]
    for section in sections:
        cells = [(XLA, variant) for variant in VARIANTS] + [(JAX, STEP), (JAX, SCAN)]
        rows = [section.fastest(*cell) for cell in cells]
        times = [report.seconds(time_of(row, clock)) if row is not None else "" for row in rows]
        shares = [f"{ratio:.2f}" for ratio in ratios(section, clock).values()]
        lines.append(f"| {' | '.join([section.title, *times, *shares])} |")
    return "\n".join(lines)


def write(text: str) -> None:
    """Write a text between the marks of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The parsed options."""
    small = "small batches, only to see that it runs"
    parser = command.parser_of("xla", "the XLA engine beside hand-written JAX", small)
    parser.add_argument("--only", action="append", choices=NETWORKS, metavar="NAME", help=", ".join(NETWORKS))
    parser.add_argument("--write", action="store_true", help="write the table into docs/xla.md")
    parser.add_argument(
        "--processor-time", action="store_true", help="compare processor time, on a machine with other jobs"
    )
    options = command.parsed(parser, words)
    if options.write and (options.quick or options.only):
        parser.error("--write takes all networks, at full length")
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; return 1 if something could not be measured."""
    options = arguments(words)
    effort = Effort(options.rounds or ROUNDS[options.quick], options.threads, options.quick)
    clock = "cpu" if options.processor_time else "wall"
    measures = {
        name: partial(steps, net, clock)
        for name, net in NETWORKS.items()
        if not options.only or name in options.only
    }
    sections, is_complete = command.measured(measures, effort, command.console_of(), options.json)
    if options.write:
        write(page(sections, effort.rounds, clock))
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
