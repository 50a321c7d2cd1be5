"""The command: ``python -m benchmarks.networks`` times training steps of the named networks beside peers'.

    python -m benchmarks.networks                                   everything, about half an hour
    python -m benchmarks.networks --only GPT --only LSTM --rounds 15
    python -m benchmarks.networks --json out.json --write           and the table in docs/results.md
    python -m benchmarks.networks --precision bfloat16              beside PyTorch's autocast
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
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks import command, facts, report, required, results_page
from benchmarks.measure import ROOT, Effort, FailedError, Row, contest, environment_of, memory
from benchmarks.named_networks import BATCHES, NETWORKS, Network, NetworkCase
from benchmarks.peers import OURS
from benchmarks.peers import PEAK as PRODUCT
from benchmarks.peers.chainrule_networks import flops
from benchmarks.required import Verdict
from benchmarks.sections import Measure, Section, able, section_of

PEERS = ("PyTorch", "torch.compile", "JAX")
ROUNDS = {False: 9, True: 1}
TIMES = 3  # how often a start is measured
PLANNING = "ResNet-50, planning"


def steps(net: Network, effort: Effort) -> Section:
    """The training step of a network."""
    if effort.is_quick:
        net = replace(net, batch=max(2, net.batch // 8))
    case = NetworkCase(net, net.batch, BATCHES * net.batch, effort.threads, precision=effort.precision)
    comparison = contest(able([OURS, *PEERS, PRODUCT], effort), "train", case, effort)
    title = f"{net.name}, batch {net.batch}"
    section = section_of(title, "a step", comparison, flops(net), effort.precision)
    for engine in (OURS, "PyTorch"):
        if (row := section.fastest(engine)) is not None:
            row.memory = memory(row, "train", case, effort)
    ours, peer, torch = section.fastest(OURS), section.best_peer(), section.fastest("PyTorch")
    if ours is not None and peer is not None:
        what = f"a step of {net.name}: times as fast as {peer.engine}"
        minimum, aim = required.TRAIN[net.name] if effort.precision == "float32" else required.STEP_BFLOAT16
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


def page(known: Mapping[str, Any], sections_done: Sequence[Section], options: argparse.Namespace) -> str:
    """The text of the page."""
    words = f"python -m benchmarks.networks --rounds {options.rounds or ROUNDS[False]}"
    words += " --precision bfloat16" if options.precision == "bfloat16" else ""
    text = results_page.text_of(words, known, [section for section in sections_done if section.flops])
    for section in sections_done:
        if section.title == PLANNING:
            phases = ", ".join(f"{row.variant} {report.seconds(row.median)}" for row in section.rows)
            text += f"\n\nThe start of ResNet-50, batch 8, with compiled code on the disk: {phases}."
    return text


# --- the command


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The parsed options."""
    small = "small batches, only to see that it runs"
    parser = command.parser_of("networks", "named networks beside peers", small)
    command.add_precision(parser)
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
    rounds = options.rounds or ROUNDS[options.quick]
    effort = Effort(rounds, options.threads, options.quick, options.precision)
    known = facts.facts(options.threads)
    measures = {
        name: measure for name, measure in sections().items() if not options.only or name in options.only
    }
    sections_done, is_complete = command.measured(measures, effort, command.console_of(), options.json)
    if options.write:
        results_page.write(f"named networks, {options.precision}", page(known, sections_done, options))
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
