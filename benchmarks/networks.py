"""The command: ``python -m benchmarks.networks`` times training steps of the named networks beside peers'.

    python -m benchmarks.networks                                   everything, about half an hour
    python -m benchmarks.networks --only GPT --only LSTM --rounds 15
    python -m benchmarks.networks --json out.json --write           and the table in docs/results.md
    python -m benchmarks.networks --quick                           small batches, only to see that it runs

A step is forward, loss, backward and SGD with momentum, nothing dropped at random. All engines begin with the
same parameters and take the same batches; their losses are compared. PyTorch runs in the better of its memory
formats, with fused updates and ``scaled_dot_product_attention``, as it is and compiled; JAX under ``jit``.
Processes of their own are asked in turn, and all keep the memory they have fetched. What a step takes in
memory is measured by itself, in fresh processes, where the C library gives back what it likes.

How long it takes to plan a step of ResNet-50, and until its first step is made, is measured in fresh
processes too, with compiled code on the disk.
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
from benchmarks.measure import (
    ROOT,
    Effort,
    FailedError,
    Row,
    contest,
    memory,
    surroundings,
)  # fmt: skip
from benchmarks.network_nets import BATCHES, NETWORKS, Network, NetworkCase
from benchmarks.peers import OURS
from benchmarks.peers import PEAK as PRODUCT
from benchmarks.peers.chainrule_networks import flops
from benchmarks.required import Verdict
from benchmarks.sections import Measure, Section, section_of

PEERS = ("PyTorch", "torch.compile", "JAX")
ROUNDS = {False: 9, True: 1}
TIMES = 3  # how often a beginning is measured
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
    found = contest([OURS, *PEERS, PRODUCT], "train", case, effort)
    made = section_of(f"{net.name}, batch {net.batch}", "a step", found, flops(net))
    for engine in (OURS, "PyTorch"):
        if (row := made.fastest(engine)) is not None:
            row.memory = memory(row, "train", case, effort)
    ours, peer, torch = made.fastest(OURS), made.best_peer(), made.fastest("PyTorch")
    if ours is not None and peer is not None:
        what = f"a step of {net.name}: times as fast as {peer.engine}"
        least, aim = required.TRAIN[net.name]
        made.verdicts.append(Verdict(what, peer.median / ours.median, least, True, aim))
    if ours is not None and torch is not None and ours.memory is not None and torch.memory:
        what, limit = f"memory of {net.name}: share of PyTorch's", required.TRAIN_MEMORY[net.is_normed]
        made.verdicts.append(Verdict(what, ours.memory / torch.memory, limit, False))
    return made


def planning(effort: Effort) -> Section:
    """How long a person waits for ResNet-50: its graph, its plan, all that is ready, the first step."""
    made = Section(PLANNING, "once")
    readings = [_beginning(effort.threads) for _ in range(1 + (1 if effort.is_quick else TIMES))][1:]
    for what in readings[0]:
        times = [reading[what] for reading in readings]
        made.rows.append(Row(OURS, what, float("nan"), float("nan"), times, times))
    planned = statistics.median(reading["graph"] + reading["plan"] for reading in readings)
    made.verdicts.append(Verdict("planning ResNet-50, seconds", planned, required.PLANNING, False))
    return made


def _beginning(threads: int) -> dict[str, float]:
    """Seconds of a beginning in a fresh process, by what they went into."""
    words = [sys.executable, "-m", "benchmarks.planning", str(threads)]
    done = subprocess.run(words, capture_output=True, text=True, env=surroundings(threads), cwd=ROOT)
    if done.returncode:
        raise FailedError((done.stderr.strip().splitlines() or ["no words"])[-1][:160])
    return json.loads(done.stdout.splitlines()[-1])


def sections() -> dict[str, Measure]:
    """Everything that can be measured, by name."""
    found = {name: lambda e, net=net: steps(net, e) for name, net in NETWORKS.items()}
    return {**found, "planning": planning}


# --- the table of the page


def line(section: Section) -> str:
    """A line of the page's table."""
    ours, peer, torch = section.fastest(OURS), section.best_peer(), section.fastest("PyTorch")
    times = [row for engine in (OURS, *PEERS) for row in [section.fastest(engine)]]
    told = [report.seconds(row.median) if row is not None else "" for row in times]
    ratio = f"{peer.median / ours.median:.2f}" if ours is not None and peer is not None else ""
    share = f"{section.flops / ours.median / section.peak:.0%}" if ours is not None and section.peak else ""
    sizes = [report.size(row.memory) if row is not None else "" for row in (ours, torch)]
    return f"| {' | '.join([section.title, *told, ratio, share, *sizes])} |"


def page(found: Sequence[Section], rounds: int) -> str:
    """What the page tells."""
    lines = [f"`python -m benchmarks.networks --rounds {rounds}`, a training step, medians:", "", HEAD]
    lines += [line(section) for section in found if section.flops]
    for section in found:
        if section.title == PLANNING:
            told = ", ".join(f"{row.variant} {report.seconds(row.median)}" for row in section.rows)
            lines += ["", f"The beginning of ResNet-50, batch 8, with compiled code on the disk: {told}."]
    return "\n".join(lines)


def write(text: str) -> None:
    """Put a text between the marks of the page; at its end, where there are none."""
    before, mark, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    before = before if mark else f"{before.rstrip()}\n\n## The named networks, float32\n\n"
    after = rest.partition(END)[2] if mark else "\n"
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


# --- the command


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """What was typed."""
    small = "small batches, only to see that it runs"
    parser = command.parser_of("networks", "named networks beside peers", small)
    parser.add_argument(
        "--only", action="append", choices=sections(), metavar="NAME", help=", ".join(sections())
    )
    parser.add_argument("--write", action="store_true", help="write the table into docs/results.md")
    given = command.parsed(parser, words)
    if given.write and (given.quick or given.only):
        parser.error("--write takes all networks, at full length")
    return given


def main(words: Sequence[str] | None = None) -> int:
    """Measure, show, write; 1 where something could not be measured."""
    given = arguments(words)
    effort = Effort(given.rounds or ROUNDS[given.quick], given.threads, given.quick)
    asked = {name: measure for name, measure in sections().items() if not given.only or name in given.only}
    found, is_whole = command.measured(asked, effort, command.console_of(), given.json)
    if given.write:
        write(page(found, effort.rounds))
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
