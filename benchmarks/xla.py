"""The command: ``python -m benchmarks.xla`` times training steps of the XLA engine beside hand-written JAX.

    python -m benchmarks.xla                          five networks, about half an hour
    python -m benchmarks.xla --only GPT --rounds 15
    python -m benchmarks.xla --write                  and the table in docs/xla.md
    python -m benchmarks.xla --quick                  small batches, only to see that it runs

A step is forward, loss, backward and SGD with momentum. JAX is written by hand for each network, under
``jit`` with donated buffers: one step a call, and a ``lax.scan`` over a pass. The processes are measured in
turn; the ratio is that of the medians, to the faster variant of JAX. Networks of images have no variant with
a scan: XLA takes about 20 times as long on a CPU for the gradients of convolutions that JAX puts into a loop.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from benchmarks import command, report, required
from benchmarks.measure import ROOT, Effort, contest
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


def steps(net: Network, effort: Effort) -> Section:
    """The training step of a network."""
    if effort.is_quick:
        net = replace(net, batch=max(2, net.batch // 8))
    case = NetworkCase(net, net.batch, BATCHES * net.batch, effort.threads)
    comparison = contest([XLA, JAX], "train", case, effort, () if not net.has_images else (*VARIANTS, STEP))
    section = section_of(f"{net.name}, batch {net.batch}", "a step", comparison, flops(net))
    for variant, ratio in ratios(section).items():
        limit = required.XLA_OVER_JAX if variant == next(iter(VARIANTS)) else required.XLA_SHARDS_OVER_JAX
        what = f"a step of {net.name}, {variant}: times that of JAX"
        section.verdicts.append(Verdict(what, ratio, limit, False))
    return section


def ratios(section: Section) -> dict[str, float]:
    """The time of each variant of the engine, as a multiple of that of JAX."""
    peer = section.fastest(JAX)
    rows = {variant: section.fastest(XLA, variant) for variant in VARIANTS}
    return {v: row.median / peer.median for v, row in rows.items() if row is not None and peer is not None}


def page(sections: Sequence[Section], rounds: int) -> str:
    """The table of the page."""
    lines = [f"`python -m benchmarks.xla --rounds {rounds}`, a training step, medians:", "", HEAD]
    for section in sections:
        cells = [(XLA, variant) for variant in VARIANTS] + [(JAX, STEP), (JAX, SCAN)]
        rows = [section.fastest(*cell) for cell in cells]
        times = [report.seconds(row.median) if row is not None else "" for row in rows]
        lines.append(
            f"| {' | '.join([section.title, *times, *(f'{r:.2f}' for r in ratios(section).values())])} |"
        )
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
    options = command.parsed(parser, words)
    if options.write and (options.quick or options.only):
        parser.error("--write takes all networks, at full length")
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; return 1 if something could not be measured."""
    options = arguments(words)
    effort = Effort(options.rounds or ROUNDS[options.quick], options.threads, options.quick)
    measures = {
        name: lambda e, net=net: steps(net, e)
        for name, net in NETWORKS.items()
        if not options.only or name in options.only
    }
    sections, is_complete = command.measured(measures, effort, command.console_of(), options.json)
    if options.write:
        write(page(sections, effort.rounds))
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
