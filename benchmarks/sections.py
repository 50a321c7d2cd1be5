"""The comparisons: training steps, memory, epochs, predictions, a sweep of widths, and the start."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeAlias

from benchmarks import required
from benchmarks.descriptions import LENET, NETS, PASS, Case, Net, dense, named
from benchmarks.measure import KEEPING, Contest, Effort, Engine, Row, contest, in_turn, made_ready, memory
from benchmarks.peers import OURS, PEAK, PEERS
from benchmarks.peers.gemm import FLOPS
from benchmarks.required import Verdict
from benchmarks.startup import first_step, train_command

TRAINERS = [name for name in PEERS if name != "ONNX Runtime"]
PREDICTORS = [name for name in PEERS if name != "scikit-learn"]
EPOCH_ROWS = {False: 60_000, True: 6_000}
WIDTHS = {False: range(32, 257, 16), True: range(32, 65, 16)}
LARGE = 1024  # the batch at which memory is compared,
PLAIN = ("multi-step", "step by step", "fused", "one step a call")  # of these variants
AGREE = {"float32": 1e-3, "bfloat16": 0.03}  # maximum relative difference of the first losses
MIXED = (OURS, "PyTorch", "torch.compile", PEAK)  # the engines that choose operations for bfloat16


@dataclass
class Section:
    """One table of the report.

    Args:
        title: what is compared.
        unit: what the times are for.
        rows: one for each variant of each engine.
        flops: of one count, for the share of the peak; 0 where there is no share.
        peak: flops per second of the machine's own product, in the same rounds.
        verdicts: the requirements with their measured values.
        notes: what was left out, and why.
        standing: our variant that is compared; the fastest by default.
    """

    title: str
    unit: str
    rows: list[Row] = field(default_factory=list)
    flops: float = 0.0
    peak: float = 0.0
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    standing: str | None = None

    def best_peer(self) -> Row | None:
        """The fastest variant of all peers."""
        peers = [row for row in self.rows if row.engine != OURS]
        return min(peers, key=lambda row: row.median, default=None)

    def fastest(self, engine: str, variant: str | None = None) -> Row | None:
        """An engine's fastest variant, or the one of this name."""
        candidates = [r for r in self.rows if r.engine == engine and variant in (None, r.variant)]
        return min(candidates, key=lambda row: row.median, default=None)


Measure: TypeAlias = Callable[[Effort], Section]


def case_of(net: Net, batch: int, rows: int, effort: Effort) -> Case:
    """The case of a network with the threads and the precision of a run."""
    return Case(net, batch, rows, effort.threads, precision=effort.precision)


def able(names: Sequence[str], effort: Effort) -> list[str]:
    """The engines that have the precision of a run."""
    return [name for name in names if effort.precision == "float32" or name in MIXED]


def section_of(
    title: str, unit: str, comparison: Contest, flops: float, precision: str = "float32"
) -> Section:
    """A section of a comparison, without the matrix product, with notes on values that differ."""
    product = comparison.best(PEAK)
    rows = [row for row in comparison.rows if row.engine != PEAK]
    peak = FLOPS / product.median if product is not None else 0.0
    section = Section(title, unit, rows, flops, peak, notes=comparison.notes)
    known = [row for row in rows if not math.isnan(row.value)]
    ours = section.fastest(OURS) or next(iter(known), None)
    for row in rows:
        if ours is not None and abs(row.value - ours.value) > AGREE[precision] * max(1.0, abs(ours.value)):
            section.notes.append(
                f"{row.engine}, {row.variant}, computes something else: {row.value:.6g}, not {ours.value:.6g}"
            )
    return section


def steps(net: Net, effort: Effort) -> Section:
    """The training step of a network."""
    case = case_of(net, net.batch, PASS * net.batch, effort)
    comparison = contest(able([*TRAINERS, PEAK], effort), "step", case, effort)
    title, flops = f"Training step, {net.name}, batch {net.batch}", net.flops(net.batch, training=True)
    section = section_of(title, "a step", comparison, flops, effort.precision)
    for engine in able(TRAINERS, effort):
        row = section.fastest(engine)
        if row is not None:
            row.memory = memory(row, "step", case, effort)
    ours, peer = section.fastest(OURS), section.best_peer()
    if ours is not None and peer is not None and net.name in required.STEP:
        minimum, aim = required.STEP[net.name] if effort.precision == "float32" else required.STEP_BFLOAT16
        what = f"a step of {net.name}: times as fast as {peer.engine}"
        section.verdicts.append(Verdict(what, peer.median / ours.median, minimum, True, aim))
    return section


def large_memory(effort: Effort) -> Section:
    """Memory of a LeNet step at a large batch."""
    case = case_of(LENET, LARGE, PASS * LARGE, effort)
    quick = replace(effort, rounds=1, is_quick=True)
    comparison = contest(able([OURS, "PyTorch", "JAX"], effort), "step", case, quick, PLAIN)
    section = section_of(f"Memory of a step, {LENET.name}, batch {LARGE}", "a step", comparison, 0.0)
    section.rows = [
        row for engine in (OURS, "PyTorch", "JAX") if (row := section.fastest(engine)) is not None
    ]
    for row in section.rows:
        row.memory = memory(row, "step", case, effort)
    ours, torch = section.fastest(OURS), section.fastest("PyTorch")
    if ours is not None and torch is not None and ours.memory is not None and torch.memory:
        share = ours.memory / torch.memory
        section.verdicts.append(
            Verdict("extra memory: share of PyTorch's", share, required.MEMORY_SHARE, False)
        )
    section.notes.append("times here come from one quick reading; the memory is what is compared")
    return section


def epoch(effort: Effort) -> Section:
    """An epoch of ``fit``, with shuffling, mean loss and progress, against loops over tensors in memory."""
    net, rows = named("784-256-128-10"), EPOCH_ROWS[effort.is_quick]
    case = case_of(net, net.batch, rows, effort)
    comparison = contest(able([*TRAINERS, PEAK], effort), "epoch", case, effort)
    title = f"Epoch over {rows:,} rows, {net.name}, batch {net.batch}"
    section = section_of(title, "an epoch", comparison, net.flops(rows, training=True))
    section.notes = [
        note for note in section.notes if "computes something else" not in note
    ]  # every engine shuffles in its own way
    section.standing = "fit, an epoch"
    fit, bare = section.fastest(OURS, section.standing), section.fastest(OURS, "bare steps")
    ways = [row for name in ("PyTorch", "torch.compile") if (row := section.fastest(name)) is not None]
    torch = min(ways, key=lambda row: row.median, default=None)
    if fit is not None and torch is not None:
        ratio = torch.median / fit.median
        section.verdicts.append(
            Verdict("an epoch of fit: times as fast as PyTorch", ratio, required.EPOCH_OVER_PYTORCH, True)
        )
    if fit is not None and bare is not None:
        ratio = fit.median / bare.median
        section.verdicts.append(
            Verdict("an epoch of fit: times its bare steps", ratio, required.EPOCH_OVER_BARE, False)
        )
    section.notes.append("JAX uses full batches only; the others also use the last, shorter one")
    return section


def inference(net: Net, batch: int, effort: Effort) -> Section:
    """Inference: one batch, from an array in memory to an array."""
    case = case_of(net, batch, batch, effort)
    comparison = contest(able([*PREDICTORS, PEAK], effort), "predict", case, effort)
    title, flops = f"Inference, {net.name}, batch {batch}", net.flops(batch, training=False)
    section = section_of(title, "a prediction", comparison, flops, effort.precision)
    section.standing = "model(x)"
    ours, onnx = section.fastest(OURS, section.standing), section.fastest("ONNX Runtime")
    if ours is not None and onnx is not None:
        what, limit = f"{batch} predictions of {net.name}", required.PREDICTION_OVER_ONNX[net.name]
        ratio = onnx.median / ours.median
        section.verdicts.append(Verdict(f"{what}: times as fast as ONNX Runtime", ratio, limit, True))
    return section


def sweep(effort: Effort) -> Section:
    """Steps of 10-w-w-10: wall and processor time should grow with the work, without jumps.

    One process measures all widths in turn, so that a slow minute affects all of them.
    """
    section = Section("Sweep of widths, 10-w-w-10, batch 128", "a step")
    nets = [dense(f"10-{w}-{w}-10", "relu", 128) for w in WIDTHS[effort.is_quick]]
    with Engine(OURS, effort.threads, KEEPING) as engine:
        prepared = []
        for net in nets:
            case = case_of(net, net.batch, PASS * net.batch, effort)
            prepared.append((engine, made_ready(engine, net.name, "step", case, effort)))
        section.rows = in_turn(prepared, effort.rounds, section.notes)
    if len(section.rows) == len(nets):
        flops = [net.flops(net.batch, training=True) for net in nets]
        section.verdicts = [_jump(kind, section.rows, flops) for kind in ("wall", "cpu")]
    return section


def _jump(kind: str, rows: list[Row], flops: list[float]) -> Verdict:
    """The largest growth from one width to the next, as a multiple of the growth of the work."""
    times = [_median(row, kind) for row in rows]
    pairs = zip(pairwise(times), pairwise(flops), strict=True)
    worst = max((b / a) / (g / f) for (a, b), (f, g) in pairs)
    return Verdict(
        f"sweep: largest jump of {kind} time over that of flops", worst, required.SWEEP_SLACK, False
    )


def _median(row: Row, kind: str) -> float:
    values = sorted(getattr(row, kind))
    return values[len(values) // 2]


def startup(effort: Effort) -> Section:
    """The first step ever, the first step of a later process, and a first command."""
    section = Section("Start", "once")
    for net in (named("784-256-128-10"), LENET):
        cold, warm = first_step(net, effort)
        for name, times in (("cold cache", cold), ("warm cache", warm)):
            section.rows.append(
                Row(OURS, f"first step, {net.name}, {name}", math.nan, math.nan, times, times)
            )
        if net.is_dense:
            slow, fast = section.rows[-2].median, section.rows[-1].median
            section.verdicts.append(Verdict("first step ever, seconds", slow, required.FIRST_STEP, False))
            section.verdicts.append(Verdict("first step, warm, seconds", fast, required.WARM_STEP, False))
    times = train_command(effort)
    section.rows.append(Row(OURS, "chainrule train breast-cancer, warm", math.nan, math.nan, times, times))
    limit = required.TRAIN_COMMAND
    section.verdicts.append(
        Verdict("chainrule train breast-cancer, seconds", section.rows[-1].median, limit, False)
    )
    return section


def sections() -> dict[str, Measure]:
    """Everything that can be measured, by its name for ``--only``."""
    measures: dict[str, Measure] = {f"step:{net.name}": lambda e, net=net: steps(net, e) for net in NETS}
    measures["memory"] = large_memory
    measures["epoch"] = epoch
    for net in (named("784-256-128-10"), LENET):
        for batch in (1, 16, 64, 256):
            measures[f"inference:{net.name}:{batch}"] = lambda e, net=net, batch=batch: inference(
                net, batch, e
            )
    return {**measures, "sweep": sweep, "startup": startup}
