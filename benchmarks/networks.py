"""The command: ``python -m benchmarks.networks`` times training steps of the named networks beside peers'.

    python -m benchmarks.networks                                   everything, about half an hour
    python -m benchmarks.networks --only GPT --only LSTM --rounds 15
    python -m benchmarks.networks --json out.json --write           and the table in docs/results.md
    python -m benchmarks.networks --quick                           small batches, only to see that it runs

A step is forward, loss, backward and SGD with momentum, without dropout. All engines start with the same
parameters and use the same batches; their losses are compared. PyTorch runs in the better of its memory
formats, with fused updates and ``scaled_dot_product_attention``, eager and compiled; JAX under ``jit``. The
processes are measured in turn, and all keep freed memory. The memory of a step is measured separately, in new
processes with the default allocator.

The time to plan a step of ResNet-50, and until its first step is done, is measured in new processes too, with
compiled code on the disk.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

from benchmarks import command, report, required
from benchmarks.measure import ROOT, Effort, FailedError, Row, contest, environment_of, memory  # fmt: skip
from benchmarks.named_networks import BATCHES, NETWORKS, Network, NetworkCase
from benchmarks.peers import OURS
from benchmarks.peers import PEAK as PRODUCT
from benchmarks.peers.chainrule_networks import flops
from benchmarks.required import Verdict
from benchmarks.sections import Measure, Section, section_of

PEERS = ("PyTorch", "torch.compile", "JAX")
ROUNDS = {False: 9, True: 1}
TIMES = 3  # how often a start is measured
PLANNING = "ResNet-50, planning"
PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- networks -->", "<!-- end of networks -->"
HEAD = """\
| network, batch | chainrule | PyTorch | torch.compile | JAX | ratio to best | of peak | memory | PyTorch's |
|---|---|---|---|---|---|---|---|---|"""


def steps(net: Network, effort: Effort) -> Section:
    """The training step of a network."""
    if effort.is_quick:
        net = replace(net, batch=max(2, net.batch // 8))
    case = NetworkCase(net, net.batch, BATCHES * net.batch, effort.threads)
    comparison = contest([OURS, *PEERS, PRODUCT], "train", case, effort)
    section = section_of(f"{net.name}, batch {net.batch}", "a step", comparison, flops(net))
    for engine in (OURS, "PyTorch"):
        if (row := section.fastest(engine)) is not None:
            row.memory = memory(row, "train", case, effort)
    ours, peer, torch = section.fastest(OURS), section.best_peer(), section.fastest("PyTorch")
    if ours is not None and peer is not None:
        what = f"a step of {net.name}: times as fast as {peer.engine}"
        minimum, aim = required.TRAIN[net.name]
        section.verdicts.append(Verdict(what, peer.median / ours.median, minimum, True, aim))
    if ours is not None and torch is not None and ours.memory is not None and torch.memory:
        what, limit = f"memory of {net.name}: share of PyTorch's", required.TRAIN_MEMORY[net.is_normed]
        section.verdicts.append(Verdict(what, ours.memory / torch.memory, limit, False))
    return section


def planning(effort: Effort) -> Section:
    """The time until the first step of ResNet-50: its graph, its plan, the preparation, the first step."""
    section = Section(PLANNING, "once")
    readings = [_start_times(effort.threads) for _ in range(1 + (1 if effort.is_quick else TIMES))][1:]
    for what in readings[0]:
        times = [reading[what] for reading in readings]
        section.rows.append(Row(OURS, what, float("nan"), float("nan"), times, times))
    planned = statistics.median(reading["graph"] + reading["plan"] for reading in readings)
    section.verdicts.append(Verdict("planning ResNet-50, seconds", planned, required.PLANNING, False))
    return section


def _start_times(threads: int) -> dict[str, float]:
    """Seconds of the phases of a start in a new process."""
    words = [sys.executable, "-m", "benchmarks.planning", str(threads)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment_of(threads), cwd=ROOT)
    if done.returncode:
        raise FailedError((done.stderr.strip().splitlines() or ["no words"])[-1][:160])
    return json.loads(done.stdout.splitlines()[-1])


def sections() -> dict[str, Measure]:
    """Everything that can be measured, by name."""
    measures = {name: lambda e, net=net: steps(net, e) for name, net in NETWORKS.items()}
    return {**measures, "planning": planning}


# --- the table of the page


def line(section: Section) -> str:
    """A row of the page's table."""
    ours, peer, torch = section.fastest(OURS), section.best_peer(), section.fastest("PyTorch")
    times = [row for engine in (OURS, *PEERS) for row in [section.fastest(engine)]]
    times_of_engines = [report.seconds(row.median) if row is not None else "" for row in times]
    ratio = f"{peer.median / ours.median:.2f}" if ours is not None and peer is not None else ""
    share = f"{section.flops / ours.median / section.peak:.0%}" if ours is not None and section.peak else ""
    sizes = [report.size(row.memory) if row is not None else "" for row in (ours, torch)]
    return f"| {' | '.join([section.title, *times_of_engines, ratio, share, *sizes])} |"


def page(sections_done: Sequence[Section], rounds: int) -> str:
    """The text of the page."""
    lines = [f"`python -m benchmarks.networks --rounds {rounds}`, a training step, medians:", "", HEAD]
    lines += [line(section) for section in sections_done if section.flops]
    for section in sections_done:
        if section.title == PLANNING:
            phases = ", ".join(f"{row.variant} {report.seconds(row.median)}" for row in section.rows)
            lines += ["", f"The start of ResNet-50, batch 8, with compiled code on the disk: {phases}."]
    return "\n".join(lines)


def write(text: str) -> None:
    """Write a text between the marks of the page; at its end, if there are none."""
    before, mark, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    before = before if mark else f"{before.rstrip()}\n\n## The named networks, float32\n\n"
    after = rest.partition(END)[2] if mark else "\n"
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


# --- the command


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The parsed options."""
    small = "small batches, only to see that it runs"
    parser = command.parser_of("networks", "named networks beside peers", small)
    parser.add_argument(
        "--only", action="append", choices=sections(), metavar="NAME", help=", ".join(sections())
    )
    parser.add_argument("--write", action="store_true", help="write the table into docs/results.md")
    options = command.parsed(parser, words)
    if options.write and (options.quick or options.only):
        parser.error("--write takes all networks, at full length")
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; return 1 if something could not be measured."""
    options = arguments(words)
    effort = Effort(options.rounds or ROUNDS[options.quick], options.threads, options.quick)
    measures = {
        name: measure for name, measure in sections().items() if not options.only or name in options.only
    }
    sections_done, is_complete = command.measured(measures, effort, command.console_of(), options.json)
    if options.write:
        write(page(sections_done, effort.rounds))
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
