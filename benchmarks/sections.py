"""What is compared: training steps, memory, epochs, answers, a sweep of widths, and the beginning."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from benchmarks import required
from benchmarks.measure import KEEPING, Contest, Effort, Engine, Row, contest, in_turn, made_ready, memory
from benchmarks.nets import LENET, NETS, PASS, Case, Net, dense, named
from benchmarks.peers import OURS, PEAK, PEERS
from benchmarks.peers.gemm import FLOPS
from benchmarks.required import Verdict
from benchmarks.startup import first_step, train_command

TRAINERS = [name for name in PEERS if name != "ONNX Runtime"]
ANSWERERS = [name for name in PEERS if name != "scikit-learn"]
EPOCH_ROWS = {False: 60_000, True: 6_000}
WIDTHS = {False: range(32, 257, 16), True: range(32, 65, 16)}
LARGE = 1024  # the batch at which memory is compared,
PLAIN = ("stretch", "step by step", "fused", "one step a call")  # of these variants
AGREE = 1e-3  # how far, relatively, first losses may lie apart: float32, sums in another order


@dataclass
class Section:
    """One table of the report.

    Args:
        title: what is compared.
        unit: what the times are for.
        rows: one for each variant of each engine.
        flops: of one count, for the share of the peak; 0 where there is no share.
        peak: flops per second of the machine's own product, in the same rounds.
        verdicts: promises, and what became of them.
        notes: what was left out, and why.
        standing: our variant that stands for us; the fastest by default.
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
        wanted = [r for r in self.rows if r.engine == engine and variant in (None, r.variant)]
        return min(wanted, key=lambda row: row.median, default=None)


Measure: TypeAlias = Callable[[Effort], Section]


def section_of(title: str, unit: str, found: Contest, flops: float) -> Section:
    """A section of a contest; the product is taken out of the rows, and who does not agree is told."""
    product = found.best(PEAK)
    rows = [row for row in found.rows if row.engine != PEAK]
    peak = FLOPS / product.median if product is not None else 0.0
    made = Section(title, unit, rows, flops, peak, notes=found.notes)
    known = [row for row in rows if not math.isnan(row.value)]
    ours = made.fastest(OURS) or next(iter(known), None)
    for row in rows:
        if ours is not None and abs(row.value - ours.value) > AGREE * max(1.0, abs(ours.value)):
            made.notes.append(
                f"{row.engine}, {row.variant}, does other work: {row.value:.6g}, not {ours.value:.6g}"
            )
    return made


def steps(net: Net, effort: Effort) -> Section:
    """The training step of a net."""
    case = Case(net, net.batch, PASS * net.batch, effort.threads)
    found = contest([*TRAINERS, PEAK], "step", case, effort)
    made = section_of(
        f"Training step, {net.name}, batch {net.batch}", "a step", found, net.flops(net.batch, training=True)
    )
    for engine in TRAINERS:
        row = made.fastest(engine)
        if row is not None:
            row.memory = memory(row, "step", case, effort)
    ours, peer = made.fastest(OURS), made.best_peer()
    if ours is not None and peer is not None and net.name in required.STEP:
        least, aim = required.STEP[net.name]
        what = f"a step of {net.name}: times as fast as {peer.engine}"
        made.verdicts.append(Verdict(what, peer.median / ours.median, least, True, aim))
    return made


def large_memory(effort: Effort) -> Section:
    """Memory of a LeNet step at a large batch."""
    case = Case(LENET, LARGE, PASS * LARGE, effort.threads)
    quick = Effort(1, effort.threads, is_quick=True)
    found = contest([OURS, "PyTorch", "JAX"], "step", case, quick, PLAIN)
    made = section_of(f"Memory of a step, {LENET.name}, batch {LARGE}", "a step", found, 0.0)
    made.rows = [row for engine in (OURS, "PyTorch", "JAX") if (row := made.fastest(engine)) is not None]
    for row in made.rows:
        row.memory = memory(row, "step", case, effort)
    ours, torch = made.fastest(OURS), made.fastest("PyTorch")
    if ours is not None and torch is not None and ours.memory is not None and torch.memory:
        share = ours.memory / torch.memory
        made.verdicts.append(Verdict("extra memory: share of PyTorch's", share, required.MEMORY_SHARE, False))
    made.notes.append("times here come from one quick reading; the memory is what is compared")
    return made


def epoch(effort: Effort) -> Section:
    """An epoch of ``fit``, with shuffling, mean loss and progress, against loops over tensors in memory."""
    net, rows = named("784-256-128-10"), EPOCH_ROWS[effort.is_quick]
    case = Case(net, net.batch, rows, effort.threads)
    found = contest([*TRAINERS, PEAK], "epoch", case, effort)
    title = f"Epoch over {rows:,} rows, {net.name}, batch {net.batch}"
    made = section_of(title, "an epoch", found, net.flops(rows, training=True))
    made.notes = [
        note for note in made.notes if "does other work" not in note
    ]  # each shuffles in its own way
    made.standing = "fit, an epoch"
    fit, bare = made.fastest(OURS, made.standing), made.fastest(OURS, "bare steps")
    ways = [row for name in ("PyTorch", "torch.compile") if (row := made.fastest(name)) is not None]
    torch = min(ways, key=lambda row: row.median, default=None)
    if fit is not None and torch is not None:
        ratio = torch.median / fit.median
        made.verdicts.append(
            Verdict("an epoch of fit: times as fast as PyTorch", ratio, required.EPOCH_OVER_PYTORCH, True)
        )
    if fit is not None and bare is not None:
        ratio = fit.median / bare.median
        made.verdicts.append(
            Verdict("an epoch of fit: times its bare steps", ratio, required.EPOCH_OVER_BARE, False)
        )
    made.notes.append("JAX takes whole batches only; the others also take the last, shorter one")
    return made


def answers(net: Net, batch: int, effort: Effort) -> Section:
    """Inference: one batch, from an array in memory to an array."""
    case = Case(net, batch, batch, effort.threads)
    found = contest([*ANSWERERS, PEAK], "predict", case, effort)
    title = f"Inference, {net.name}, batch {batch}"
    made = section_of(title, "an answer", found, net.flops(batch, training=False))
    made.standing = "program.run"
    ours, onnx = made.fastest(OURS, made.standing), made.fastest("ONNX Runtime")
    if batch == 1 and ours is not None and onnx is not None:
        what = f"an answer of {net.name}: times as fast as ONNX Runtime"
        made.verdicts.append(Verdict(what, onnx.median / ours.median, required.ANSWER_OVER_ONNX, True))
    return made


def sweep(effort: Effort) -> Section:
    """Steps of 10-w-w-10: wall and processor time should grow as the work does, without jumps.

    All widths are held by one process and measured in turn, so that none has a bad minute to itself.
    """
    made = Section("Sweep of widths, 10-w-w-10, batch 128", "a step")
    nets = [dense(f"10-{w}-{w}-10", "relu", 128) for w in WIDTHS[effort.is_quick]]
    with Engine(OURS, effort.threads, KEEPING) as engine:
        asked = []
        for net in nets:
            case = Case(net, net.batch, PASS * net.batch, effort.threads)
            asked.append((engine, made_ready(engine, net.name, "step", case, effort)))
        made.rows = in_turn(asked, effort.rounds, made.notes)
    if len(made.rows) == len(nets):
        flops = [net.flops(net.batch, training=True) for net in nets]
        made.verdicts = [_jump(kind, made.rows, flops) for kind in ("wall", "cpu")]
    return made


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
    """The first step ever, the first step of a later process, and the command a newcomer types first."""
    made = Section("Beginning", "once")
    for net in (named("784-256-128-10"), LENET):
        cold, warm = first_step(net, effort)
        for name, times in (("cold cache", cold), ("warm cache", warm)):
            made.rows.append(Row(OURS, f"first step, {net.name}, {name}", math.nan, math.nan, times, times))
        if net.is_dense:
            slow, fast = made.rows[-2].median, made.rows[-1].median
            made.verdicts.append(Verdict("first step ever, seconds", slow, required.FIRST_STEP, False))
            made.verdicts.append(Verdict("first step, warm, seconds", fast, required.WARM_STEP, False))
    times = train_command(effort)
    made.rows.append(Row(OURS, "chainrule train breast-cancer, warm", math.nan, math.nan, times, times))
    limit = required.TRAIN_COMMAND
    made.verdicts.append(
        Verdict("chainrule train breast-cancer, seconds", made.rows[-1].median, limit, False)
    )
    return made


def sections() -> dict[str, Measure]:
    """Everything that can be measured, by the name it is asked for with ``--only``."""
    found: dict[str, Measure] = {f"step:{net.name}": lambda e, net=net: steps(net, e) for net in NETS}
    found["memory"] = large_memory
    found["epoch"] = epoch
    for net in (named("784-256-128-10"), LENET):
        for batch in (1, 256):
            found[f"inference:{net.name}:{batch}"] = lambda e, net=net, batch=batch: answers(net, batch, e)
    return {**found, "sweep": sweep, "startup": startup}
