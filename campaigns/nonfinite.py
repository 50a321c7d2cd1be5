"""Inject faults into trainings and compare the report on non-finite values with the known cause.

Run it as ``python campaigns/nonfinite.py``: it runs every training of ``campaigns/nonfinite_faults.py``,
writes the table of docs/nonfinite-values.md, and exits with 1 if a fault is not located correctly: operation,
layer, step, phase, rows and cause. ``--only NAME`` runs those whose family, network or name contains NAME and
writes nothing. ``--cost`` measures the processor time of the check in a training instead, and writes that
table.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.errors import TrainingError
from chainrule.events import EpochDone, Event, StepDone
from chainrule.train.callback.callback import every_step, last_step_only
from chainrule.train.nonfinite.failed_step_replay import Recorder
from chainrule.train.nonfinite.record import NonfiniteReport
from chainrule.train.step_execution import Updater

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from campaigns.nonfinite_faults import FAMILIES, Fault, Truth  # noqa: E402

PAGE = ROOT / "docs" / "nonfinite-values.md"
HEAD = (
    "| where the fault is | faults | operation | layer | step | phase | rows | cause | all |\n"
    + "|---" * 9
    + "|"
)
PARTS = ("operation", "layer", "step", "phase", "rows", "cause")
TURNS = 5  # of each measurement, of which the minimum is reported


def report_of(fault: Fault, **options: Any) -> NonfiniteReport | None:
    """The report of the non-finite tracer on a training that must fail; ``None`` if it did not."""
    try:
        fault.train(**options)
    except TrainingError as error:
        return error.report
    return None


def wrong(fault: Fault, report: NonfiniteReport | None) -> list[str]:
    """The parts of the report that are wrong."""
    if report is None:
        return list(PARTS)
    truth = fault.truth if fault.truth.step else one_by_one(fault)
    right = {
        "operation": not truth.ops or report.op in truth.ops,
        "layer": not truth.layer or report.layer == truth.layer,
        "step": report.step == truth.step and report.time == truth.time,
        "phase": not truth.phase or report.phase == truth.phase,
        "rows": truth.rows is None or truth.rows == (report.rows or report.dominant_rows),
        "cause": any(cause.key in truth.causes for cause in report.causes),
    }
    return [name for name in PARTS if not right[name]]


def one_by_one(fault: Fault) -> Truth:
    """The truth about a learning rate: where the training stops when every step is run singly."""
    steps = [0]

    def count(event: Event) -> None:
        if isinstance(event, StepDone):
            assert np.isfinite(event.loss)
            steps.append(event.step)

    report = report_of(fault, callbacks=[every_step(count)])
    assert report is not None
    return replace(fault.truth, ops=(report.op,), layer=report.layer, phase=report.phase, step=steps[-1] + 1)


def locate(only: str) -> tuple[str, int]:
    """The table of the faults whose name contains ``only``, and how many were not located."""
    lines, missed, total = [HEAD], 0, 0
    for family, source in FAMILIES.items():
        faults = [f for f in source() if only in f"{family} {f.kind} {f.name}"]
        if not faults:
            continue
        misses = []
        for fault in faults:
            report = report_of(fault)
            misses.append(wrong(fault, report))
            text = "nothing" if report is None else report.lines("en", 1)[0]
            outcome = f"missed {', '.join(misses[-1])}" if misses[-1] else "located"
            print(f"{outcome}: {fault.kind}, {fault.name}: {text}")
        counts = [sum(name not in missed_parts for missed_parts in misses) for name in PARTS]
        located = sum(not missed_parts for missed_parts in misses)
        lines.append(f"| {family} | {len(faults)} | {' | '.join(map(str, counts))} | {located} |")
        missed, total = missed + len(faults) - located, total + len(faults)
    return "\n".join([*lines, "", f"**{total - missed} of {total} located.**"]), missed


def dense() -> tuple[Any, np.ndarray, np.ndarray]:
    """A small network of fully connected layers."""
    x, y = random_samples(4096, 20)
    return cr.Sequential(cr.Dense(32, "relu"), cr.Dense(16, "relu"), cr.Dense(10)), x, y


def lenet() -> tuple[Any, np.ndarray, np.ndarray]:
    """LeNet-5 on 28 by 28."""
    x, y = random_samples(512, 28, 28, 1)
    layers = (
        cr.Conv(6, 5, padding="same", activation="relu"),
        cr.MaxPool(2),
        cr.Conv(16, 5, activation="relu"),
        cr.MaxPool(2),
        cr.Flatten(),
        cr.Dense(120, "relu"),
        cr.Dense(84, "relu"),
        cr.Dense(10),
    )
    return cr.Sequential(*layers), x, y


def block() -> tuple[Any, np.ndarray, np.ndarray]:
    """A block of a GPT, 64 wide, on 32 positions."""
    x, y = random_samples(256, 32, 64)
    layer = cr.TransformerEncoderLayer(4, causal=True)
    return cr.Sequential(layer, cr.GlobalAveragePool(), cr.Dense(10)), x, y


def random_samples(rows: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Random samples of ten classes."""
    draw = np.random.Generator(np.random.Philox(1))
    return draw.normal(size=(rows, *shape)).astype("float32"), np.arange(rows) % 10


# Each with its batch size and the number of measured epochs.
NETS = {
    "dense 20-32-16-10, batch 32": (dense, 32, 80),
    "LeNet-5, batch 64": (lenet, 64, 4),
    "a block of a GPT, batch 16": (block, 16, 3),
}


@contextmanager
def timed() -> Iterator[list[float]]:
    """Measures the processor time of the non-finite tracer in a training inside the block."""
    spent = [0.0]
    places: list[tuple[Any, str]] = [(Recorder, "begin"), (Recorder, "record"), (Updater, "is_finite")]
    originals = [getattr(owner, name) for owner, name in places]

    def measured(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            begin = time.process_time()
            try:
                return call(*arguments)
            finally:
                spent[0] += time.process_time() - begin

        return run

    for (owner, name), call in zip(places, originals, strict=True):
        setattr(owner, name, measured(call))
    try:
        yield spent
    finally:
        for (owner, name), call in zip(places, originals, strict=True):
            setattr(owner, name, call)


def cost() -> str:
    """The table of processor times: of a step, and of the tracer in it; the minimum of several runs."""
    lines = ["| network | time per step | non-finite check | fraction |", "|---|---|---|---|"]
    for name, (make, batch, epochs) in NETS.items():
        net, x, y = make()
        model = cr.Model(net, "cross_entropy", cr.Adam(1e-4))
        turns = [spent(model, x, y, batch, epochs) for _ in range(TURNS)]
        total, part = (min(column) for column in zip(*turns, strict=True))
        lines.append(f"| {name} | {total:,.1f} µs | {part:,.2f} µs | {100 * part / (total - part):.2f} % |")
    return "\n".join(lines)


def spent(model: Any, x: np.ndarray, y: np.ndarray, batch: int, epochs: int) -> tuple[float, float]:
    """Processor time of a step and of the tracer in it, in microseconds, after compilation."""
    marks: list[tuple[float, float]] = []
    with timed() as own:

        def mark(event: Event) -> None:
            if isinstance(event, EpochDone):
                marks.append((time.process_time(), own[0]))

        model.fit(
            x,
            y,
            epochs=epochs + 1,
            batch_size=batch,
            verbose=False,
            probes=False,
            callbacks=[last_step_only(mark)],
        )
    steps = epochs * -(-len(x) // batch)
    total, part = ((last - first) / steps * 1e6 for first, last in zip(marks[0], marks[-1], strict=True))
    return total, part


def write(name: str, command: str, text: str) -> None:
    """Replace a table between the marks of the page."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    PAGE.write_text(f"{before}{begin}\n`{command}`:\n\n{text}\n{end}{after}", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Run all trainings, print and write the table; return 1 if a fault is not located."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--cost", action="store_true")
    options = parser.parse_args(words)
    cr.settings.threads = 1
    if options.cost:
        table = cost()
        print(table)
        write("cost", "python campaigns/nonfinite.py --cost", table)
        return 0
    table, missed = locate(options.only)
    print(table)
    if not options.only:
        write("faults", "python campaigns/nonfinite.py", table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
