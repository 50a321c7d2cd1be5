"""One engine in its own process; controlled through a pipe, with a line of JSON per request and result.

    make       make a variant ready, warm it up, and find how often it must run for one reading
    measure    one reading: seconds of wall and of processor time for each count
    drop       release a variant
    configure  set one of the engine's settings
    memory     the peak memory above that of the same work with a batch of one

Output of libraries goes to the error stream, so that the results are alone in theirs. Run by ``measure``, not
by users.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import chainrule
from benchmarks.descriptions import PASS, Case, named
from benchmarks.layer_cases import LAYER_CASES, LayerCase
from benchmarks.named_networks import BATCHES, NETWORKS, NetworkCase
from benchmarks.peers import MODULES, TASKS, Lap, Run, Variants

# A reading is a multiple of this many counts.
UNIT = {"step": PASS, "epoch": 1, "predict": 1, "layer": 1, "train": BATCHES}
MEMORY_COUNTS = {"step": 32, "epoch": 1, "predict": 32, "train": 3}
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Worker:
    """Holds the prepared variants.

    Args:
        name: the engine.
    """

    def __init__(self, name: str) -> None:
        self.peer = importlib.import_module(f"benchmarks.peers.{MODULES[name]}")
        self.runs: dict[str, tuple[Run, int]] = {}
        self.units: dict[str, int] = {}

    def variants(self, task: str, case: dict[str, Any]) -> Variants:
        """The peer's variants of a task."""
        assert task in TASKS
        return getattr(self.peer, task)(case_of(case))

    def list(self, task: str, case: dict[str, Any]) -> dict[str, Any]:
        """The names of the variants."""
        return {"variants": list(self.variants(task, case))}

    def make(self, key: str, task: str, case: dict[str, Any], variant: str, aim: float) -> dict[str, Any]:
        """Prepare a variant.

        Args:
            key: under which it is measured.
            task, case, variant: the work.
            aim: target seconds of a reading.
        """
        start = time.perf_counter()
        run, unit = self.variants(task, case)[variant](), UNIT[task]
        value = run(unit)
        first = time.perf_counter() - start
        count = unit
        while (spent := (reading := timed(run, count))["wall"] * count) < aim:
            count = unit * max(count // unit + 1, min(count // unit * 4, int(aim / spent * count / unit)))
        self.runs[key], self.units[key] = (run, count), unit
        value = value.value if isinstance(value, Lap) else value
        return {"value": value, "first": first, "count": count, **reading}

    def measure(self, key: str) -> dict[str, Any]:
        """One reading, after a short run that warms up caches and threads."""
        run, count = self.runs[key]
        if count > 2 * self.units[key]:
            run(self.units[key])
        return timed(run, count)

    def configure(self, name: str, value: Any) -> dict[str, Any]:
        """Set one of chainrule's settings in this process."""
        setattr(chainrule.settings, name, value)
        return {}

    def drop(self, key: str) -> dict[str, Any]:
        """Release a variant and its memory."""
        self.runs.pop(key, None)
        return {}

    def memory(self, task: str, case: dict[str, Any], variant: str) -> dict[str, Any]:
        """The peak memory of a task above its memory for a batch of one sample."""
        small = {**case, "batch": 1}
        runs = [self.variants(task, small)[variant]()]
        runs[0](UNIT[task])
        before = _kilobytes("VmRSS")
        runs.append(self.variants(task, case)[variant]())
        runs[1](UNIT[task])
        CLEAR.write_text("5")  # resets the peak: compilation is not included
        runs[1](MEMORY_COUNTS[task])
        return {"bytes": 1024 * (_kilobytes("VmHWM") - before)}


def case_of(described: dict[str, Any]) -> Case | LayerCase | NetworkCase:
    """A case from its JSON."""
    if "layer" in described:
        return replace(LAYER_CASES[described["layer"]], threads=described["threads"])
    if described["net"] in NETWORKS:
        return NetworkCase(**{**described, "net": NETWORKS[described["net"]]})
    return Case(**{**described, "net": named(described["net"])})


def timed(run: Run, count: int) -> dict[str, float]:
    """Seconds of wall and processor time for each of ``count``."""
    wall, cpu = time.perf_counter(), time.process_time()
    value = run(count)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if isinstance(value, Lap):
        wall, cpu = value.wall, value.cpu
    return {"wall": wall / count, "cpu": cpu / count}


def _kilobytes(name: str) -> int:
    """A number of this process's memory, from Linux."""
    match = re.search(rf"{name}:\s+(\d+) kB", STATUS.read_text())
    assert match, name
    return int(match[1])


def serve(name: str, results: TextIO) -> None:
    """Execute requests until there are no more."""

    def write_result(facts: dict[str, Any]) -> None:
        print(json.dumps(facts), file=results, flush=True)

    try:
        worker = Worker(name)
    except ImportError as error:
        write_result({"missing": str(error)})
        return
    write_result({"ready": name})
    for line in sys.stdin:
        request = json.loads(line)
        do: Callable[..., dict[str, Any]] = getattr(worker, request.pop("do"))
        try:
            write_result(do(**request))
        except Exception as error:  # any exception of a peer is reported, and the others continue
            text = str(error).strip().splitlines()
            write_result({"failed": f"{type(error).__name__}: {text[0] if text else ''}"[:200]})


if __name__ == "__main__":
    own = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.argv[1], own)
