"""Readings in turn: each engine has a process, and all are measured A B C A B C ... for several rounds."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.descriptions import Case
from benchmarks.named_networks import NetworkCase
from chainrule.settings import PrecisionName

ROOT = Path(__file__).parents[1]
AIM = {False: 0.2, True: 0.03}  # seconds of one reading, at full length and quick
LONG = 20.0  # seconds of a reading that is not repeated


class MissingError(Exception):
    """A peer that is not installed."""


class FailedError(Exception):
    """A peer that failed."""


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Args:
        rounds: readings of each variant.
        threads: of every engine.
        is_quick: a short run to see that everything works.
        precision: ``"float32"``, or ``"bfloat16"`` for the factors of products.
    """

    rounds: int
    threads: int
    is_quick: bool = False
    precision: PrecisionName = "float32"

    @property
    def aim(self) -> float:
        """Seconds of one reading."""
        return AIM[self.is_quick]


# Otherwise the C library may return memory to the system after every result and allocate it again, page by
# page; PyTorch's times then vary by a factor of several. Where memory itself is measured, the defaults of the
# library apply.
KEEPING = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}


def environment_of(threads: int) -> dict[str, str]:
    """The environment of a worker: every library uses this number of threads."""
    counters = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    return {
        **os.environ,
        **{f"{name}_NUM_THREADS": str(threads) for name in counters},
        "NPROC": str(threads),  # read by XLA
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        ),
    }


def processors() -> list[int]:
    """The processors that this process may use."""
    return (
        sorted(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else list(range(os.cpu_count() or 1))
    )


class Engine:
    """A worker process, as a context manager.

    Args:
        name: the engine.
        threads: the number of threads, and of processors.
        also: additional variables of its environment.

    Raises:
        MissingError: the engine is not installed.
    """

    def __init__(self, name: str, threads: int, also: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**environment_of(threads), **(also or {})},
            cwd=ROOT,
        )
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, processors()[:threads])
        try:
            self._read_result()
        except (MissingError, FailedError):
            self.close()
            raise

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and return its result.

        Raises:
            FailedError: the engine failed.
        """
        assert self.process.stdin is not None
        try:
            print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise FailedError(f"its process ended with {self.process.wait()}") from None
        return self._read_result()

    def _read_result(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise FailedError(f"its process ended with {self.process.wait()}")
        result = json.loads(line)
        if "missing" in result:
            raise MissingError(result["missing"])
        if "failed" in result:
            raise FailedError(result["failed"])
        return result

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass
class Row:
    """The readings of one variant of an engine.

    Args:
        engine, variant: their names.
        value: the number that all engines should agree in; NaN if there is none.
        first: seconds until the end of its first run, preparation included.
        wall, cpu: the readings, seconds for each count.
        memory: bytes above a batch of one, if measured.
    """

    engine: str
    variant: str
    value: float
    first: float
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: int | None = None

    @property
    def median(self) -> float:
        """The median of the wall times."""
        return statistics.median(self.wall)

    @property
    def spread(self) -> float:
        """The interquartile range of the wall times, as a fraction of the median."""
        if len(self.wall) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.wall, n=4, method="inclusive")
        return (high - low) / self.median


@dataclass
class Contest:
    """The rows of one comparison, and notes on it."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def best(self, engine: str) -> Row | None:
        """An engine's fastest variant."""
        return min(
            (row for row in self.rows if row.engine == engine), key=lambda row: row.median, default=None
        )


def contest(
    names: Sequence[str], task: str, case: Case | NetworkCase, effort: Effort, only: Sequence[str] = ()
) -> Contest:
    """All variants of all engines on one task, in turn.

    Args:
        names: the engines; missing or failing ones are reported in the notes.
        task: ``"step"``, ``"epoch"``, ``"predict"`` or ``"train"``.
        case: the network and its batch.
        effort: how many rounds.
        only: the variants to measure; all by default.
    """
    comparison = Contest()
    described = {**vars(case), "net": case.net.name}
    with ExitStack() as open_engines:
        prepared: list[tuple[Engine, Row]] = []
        for name in names:
            try:
                engine = open_engines.enter_context(Engine(name, effort.threads, KEEPING))
                variants = engine.ask("list", task=task, case=described)["variants"]
            except (MissingError, FailedError) as error:
                kind = "not installed" if isinstance(error, MissingError) else "failed"
                comparison.notes.append(f"{name} {kind}: {error}")
                continue
            variants = [variant for variant in variants if not only or variant in only]
            if not variants:
                comparison.notes.append(f"{name} does not have this network")
            prepared += _ready(engine, task, described, variants, effort, comparison.notes)
        comparison.rows = in_turn(prepared, effort.rounds, comparison.notes)
    return comparison


def made_ready(engine: Engine, key: str, task: str, case: Case | NetworkCase, effort: Effort) -> Row:
    """The row of an engine's first variant, prepared for measuring under its own key.

    Raises:
        FailedError: the engine failed.
    """
    described = {**vars(case), "net": case.net.name}
    variant = engine.ask("list", task=task, case=described)["variants"][0]
    facts = engine.ask("make", key=key, task=task, case=described, variant=variant, aim=effort.aim)
    return _row(engine, key, facts, [])


def _row(engine: Engine, variant: str, facts: dict[str, Any], notes: list[str]) -> Row:
    """The row of a prepared variant; it has its only reading if that took long."""
    row = Row(engine.name, variant, facts["value"], facts["first"])
    if facts["wall"] * facts["count"] > LONG:
        row.wall, row.cpu = [facts["wall"]], [facts["cpu"]]
        notes.append(f"{row.engine}, {row.variant}, was measured once: a reading took over {LONG:.0f} s")
    return row


def in_turn(prepared: list[tuple[Engine, Row]], rounds: int, notes: list[str]) -> list[Row]:
    """The rows with their readings; variants that fail are left out, those that have one not repeated."""
    rows, running = [row for _, row in prepared], [(engine, row) for engine, row in prepared if not row.wall]
    for number in range(1 + rounds):
        for engine, row in list(running):
            try:
                reading = engine.ask("measure", key=row.variant)
            except FailedError as error:
                notes.append(f"{row.engine}, {row.variant}, failed: {error}")
                running.remove((engine, row))
                rows.remove(row)
                continue
            if number > 0:  # the first round only warms up
                row.wall.append(reading["wall"])
                row.cpu.append(reading["cpu"])
    return rows


def _ready(
    engine: Engine, task: str, case: dict[str, Any], variants: Sequence[str], effort: Effort, notes: list[str]
) -> list[tuple[Engine, Row]]:
    """The engine's variants that could be prepared."""
    prepared = []
    for variant in variants:
        try:
            facts = engine.ask("make", key=variant, task=task, case=case, variant=variant, aim=effort.aim)
        except FailedError as error:
            notes.append(f"{engine.name}, {variant}, failed: {error}")
            continue
        prepared.append((engine, _row(engine, variant, facts, notes)))
    return prepared


def memory(row: Row, task: str, case: Case | NetworkCase, effort: Effort) -> int | None:
    """Bytes that a variant needs above a batch of one, in a new process; ``None`` if they cannot be measured.

    Only one batch of rows is in memory, so that the data hardly count.
    """
    described = {**vars(case), "net": case.net.name, "rows": case.batch}
    try:
        with Engine(row.engine, effort.threads) as engine:
            return engine.ask("memory", task=task, case=described, variant=row.variant)["bytes"]
    except (MissingError, FailedError):
        return None
