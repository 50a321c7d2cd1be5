"""Readings in turn: a process for each engine, asked A B C A B C ... until there are enough for a median."""

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

from benchmarks.nets import Case
from benchmarks.network_nets import NetworkCase

ROOT = Path(__file__).parents[1]
AIM = {False: 0.2, True: 0.03}  # seconds of one reading, at full length and quick


class MissingError(Exception):
    """A peer that is not installed."""


class FailedError(Exception):
    """A peer that could not do what it was asked."""


@dataclass(frozen=True)
class Effort:
    """How much trouble to take.

    Args:
        rounds: readings of each variant.
        threads: for every engine.
        is_quick: only to see that everything runs.
    """

    rounds: int
    threads: int
    is_quick: bool = False

    @property
    def aim(self) -> float:
        """Seconds of one reading."""
        return AIM[self.is_quick]


# Without it the C library may give memory back to the system after every result and fetch it again, page by
# page; PyTorch then takes up to several times as long, or not, as the sizes before happened to be. Where
# memory itself is measured it stays as the library has it.
KEEPING = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}


def surroundings(threads: int) -> dict[str, str]:
    """The environment of a worker: every library that counts threads counts the same."""
    counters = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    return {
        **os.environ,
        **{f"{name}_NUM_THREADS": str(threads) for name in counters},
        "NPROC": str(threads),  # what XLA takes for the number of processors
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        ),
    }


def processors() -> list[int]:
    """The processors this process may use."""
    return (
        sorted(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else list(range(os.cpu_count() or 1))
    )


class Engine:
    """A worker process, as a context.

    Args:
        name: the engine.
        threads: how many threads, on as many processors.
        also: further variables of its environment.

    Raises:
        MissingError: it is not installed.
    """

    def __init__(self, name: str, threads: int, also: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**surroundings(threads), **(also or {})}, cwd=ROOT,
        )  # fmt: skip
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, processors()[:threads])
        try:
            self._answer()
        except (MissingError, FailedError):
            self.close()
            raise

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Ask one thing.

        Raises:
            FailedError: the engine could not do it.
        """
        assert self.process.stdin is not None
        try:
            print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise FailedError(f"its process ended with {self.process.wait()}") from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise FailedError(f"its process ended with {self.process.wait()}")
        answer = json.loads(line)
        if "missing" in answer:
            raise MissingError(answer["missing"])
        if "failed" in answer:
            raise FailedError(answer["failed"])
        return answer

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
    """What was measured of one variant of an engine.

    Args:
        engine, variant: what it is.
        value: the number that all should agree in; NaN where there is none.
        first: seconds until it had run once, making it ready included.
        wall, cpu: the readings, seconds for each count.
        memory: bytes above a batch of one, where it was asked.
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
        """How far the middle half of the wall times lies apart, as a share of the median."""
        if len(self.wall) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.wall, n=4, method="inclusive")
        return (high - low) / self.median


@dataclass
class Contest:
    """The rows of one comparison, and what there is to say of it."""

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
        names: the engines; those that are missing or fail are told in the notes.
        task: ``"step"``, ``"epoch"``, ``"predict"`` or ``"train"``.
        case: the net and its batch.
        effort: how many rounds.
        only: the variants to measure; all by default.
    """
    found = Contest()
    described = {**vars(case), "net": case.net.name}
    with ExitStack() as open_engines:
        asked: list[tuple[Engine, Row]] = []
        for name in names:
            try:
                engine = open_engines.enter_context(Engine(name, effort.threads, KEEPING))
                variants = engine.ask("list", task=task, case=described)["variants"]
            except (MissingError, FailedError) as error:
                kind = "not installed" if isinstance(error, MissingError) else "failed"
                found.notes.append(f"{name} {kind}: {error}")
                continue
            variants = [variant for variant in variants if not only or variant in only]
            if not variants:
                found.notes.append(f"{name} does not have this net")
            asked += _ready(engine, task, described, variants, effort, found.notes)
        found.rows = in_turn(asked, effort.rounds, found.notes)
    return found


def made_ready(engine: Engine, key: str, task: str, case: Case | NetworkCase, effort: Effort) -> Row:
    """The row of an engine's first variant, ready to be measured under a key of its own.

    Raises:
        FailedError: the engine could not do it.
    """
    described = {**vars(case), "net": case.net.name}
    variant = engine.ask("list", task=task, case=described)["variants"][0]
    facts = engine.ask("make", key=key, task=task, case=described, variant=variant, aim=effort.aim)
    return Row(engine.name, key, facts["value"], facts["first"])


def in_turn(asked: list[tuple[Engine, Row]], rounds: int, notes: list[str]) -> list[Row]:
    """The rows, filled with readings; one that fails on the way is left out."""
    running = list(asked)
    for number in range(1 + rounds):
        for engine, row in list(running):
            try:
                reading = engine.ask("measure", key=row.variant)
            except FailedError as error:
                notes.append(f"{row.engine}, {row.variant}, failed: {error}")
                running.remove((engine, row))
                continue
            if number > 0:  # the first round only wakes up what has slept while others got ready
                row.wall.append(reading["wall"])
                row.cpu.append(reading["cpu"])
    return [row for _, row in running]


def _ready(
    engine: Engine, task: str, case: dict[str, Any], variants: Sequence[str], effort: Effort, notes: list[str]
) -> list[tuple[Engine, Row]]:
    """The engine's variants that could be made ready."""
    made = []
    for variant in variants:
        try:
            facts = engine.ask("make", key=variant, task=task, case=case, variant=variant, aim=effort.aim)
        except FailedError as error:
            notes.append(f"{engine.name}, {variant}, failed: {error}")
            continue
        made.append((engine, Row(engine.name, variant, facts["value"], facts["first"])))
    return made


def memory(row: Row, task: str, case: Case | NetworkCase, effort: Effort) -> int | None:
    """Bytes a variant needs above a batch of one, in a fresh process; ``None`` where it cannot be told.

    Only one batch of rows lies in memory, so that the data themselves hardly count.
    """
    described = {**vars(case), "net": case.net.name, "rows": case.batch}
    try:
        with Engine(row.engine, effort.threads) as engine:
            return engine.ask("memory", task=task, case=described, variant=row.variant)["bytes"]
    except (MissingError, FailedError):
        return None
