"""Where the trials of a search are computed: in this process, in processes of this machine, or on a cluster.

A cluster of Dask or Ray runs already; its scheduler places the trials, and repeats those of a worker that was
lost. A worker receives the options of the command and the settings of this process, and reads the rows once,
from the same place; other rows, or another version of chainrule, are refused. A process computes one trial at
a time, as each uses several threads itself.

Dask and Ray exchange pickled objects: a cluster can run code in this process.
"""

from __future__ import annotations

import logging
import os
import platform
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.metadata import version
from multiprocessing import get_context
from threading import Lock
from typing import Any, Protocol

from chainrule.errors import ChainruleError, UsageError, fact
from chainrule.escaping import printable
from chainrule.memoization import Memo
from chainrule.optional_dependency import missing
from chainrule.records import frozen
from chainrule.settings import planning_cores, settings
from chainrule.tabular.option_names import command, option
from chainrule.tabular.options import Options
from chainrule.tabular.search.problem import Problem
from chainrule.tabular.search.space import Settings

DASK, RAY = ("tcp://", "tls://"), "ray://"
CONNECT_SECONDS = 10
SHIPPED = (
    "dtype",
    "engine",
    "vector_bytes",
    "batch_invariant",
    "portable_bits",
    "matmul_precision",
    "precision",
)
"""Settings on which the result of a training depends; the number of cores is that of this machine."""
_problems, _one_trial = Memo(1), Lock()  # of a worker process


class Executor(Protocol):
    """What computes calls somewhere else, as the executors of ``concurrent.futures`` do."""

    def map(self, function: Callable[[Settings], float], calls: Iterable[Settings], /) -> Iterator[float]:
        """Yield the result of each call, in their order."""
        ...


@frozen
class SearchRecord:
    """What a worker must know of a search.

    Args:
        base: the options of the command, with absolute paths.
        fingerprint: of the rows.
        version: of chainrule.
        settings: those on which results depend.
    """

    base: Options
    fingerprint: str
    version: str
    settings: Mapping[str, Any]

    @staticmethod
    def of(problem: Problem) -> SearchRecord:
        """Return the search of a problem with the settings of this process."""
        base = problem.base
        paths = {
            name: os.path.abspath(path)
            for name in ("data", "test")
            if os.path.exists(path := getattr(base, name))
        }
        shipped = {name: getattr(settings, name) for name in SHIPPED} | {"cores": planning_cores()}
        return SearchRecord(
            replace(base, **paths), problem.prepared.fingerprint, version("chainrule"), shipped
        )

    def problem(self) -> Problem:
        """Return the problem, whose rows are read once in each process.

        Raises:
            UsageError E615: other rows than those of the search, or another version of chainrule.
        """
        own = version("chainrule")
        if own != self.version:
            raise _refused(fact("chainrule {version}", version=self.version), f"chainrule {own}")
        rows, file = fact("the rows of the search"), self.base.data
        try:
            problem = _problems(repr(self), lambda: Problem.of(self.base))
        except ChainruleError as error:
            raise _refused(
                rows, fact("{file} cannot be read ({code})", file=file, code=error.code)
            ) from error
        if problem.prepared.fingerprint != self.fingerprint:
            raise _refused(rows, fact("other rows in {file}", file=file))
        return problem


def score_of(search: SearchRecord, trial: Settings) -> float:
    """Return the score of a trial, in a worker process."""
    with _one_trial, settings.using(**search.settings):
        return search.problem().score(trial)


def _refused(expected: Any, received: Any) -> UsageError:
    return UsageError("E615", where=platform.node(), expected=expected, received=received)


class Evaluator:
    """Computation of the scores of trials, in their order.

    Args:
        executor: where they are computed; ``None``: in this process.
        address: that of its cluster, if it is one.
    """

    def __init__(self, problem: Problem, executor: Executor | None, address: str = "") -> None:
        self._problem, self._executor, self._address = problem, executor, address

    def scores(self, trials: Sequence[Settings]) -> Iterator[float]:
        """Yield the score of each trial."""
        if self._executor is not None:
            with _reported(self._address) if self._address else nullcontext():
                yield from self._executor.map(partial(score_of, SearchRecord.of(self._problem)), trials)
            return
        for trial in trials:
            yield self._problem.score(trial)


@contextmanager
def evaluator(problem: Problem, workers: int = 1, cluster: str | None = None) -> Iterator[Evaluator]:
    """Yield an evaluator.

    Args:
        workers: the number of processes of this machine.
        cluster: the address of a cluster, which computes instead.

    Raises:
        UsageError E615: a cluster that cannot be used. DataError E350: its library is not installed.
    """
    if cluster is not None:
        with _on_cluster(cluster) as executor:
            yield Evaluator(problem, executor, cluster)
    elif workers == 1:
        yield Evaluator(problem, None)
    else:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            yield Evaluator(problem, pool)


@contextmanager
def _on_cluster(address: str) -> Iterator[Executor]:
    """Yield an executor on the workers of a cluster."""
    if address.startswith(DASK):
        with _reported(address):
            client = _dask(address)
        try:
            yield client.get_executor()
        finally:
            client.close()
    elif address.startswith(RAY):
        ray = _library("ray")
        if address != "ray://auto":
            _require_listener(address)
        with _reported(address):
            place = "auto" if address == "ray://auto" else address
            ray.init(place, log_to_driver=False, logging_level=logging.ERROR)
        try:
            yield RayExecutor(ray)
        finally:
            ray.shutdown()
    else:
        expected = fact("tcp://HOST:8786 of Dask, or ray://HOST:10001 of Ray")
        fix = option("cluster", "tcp://HOST:8786")
        raise UsageError("E615", where=option("cluster"), expected=expected, received=address, fix=fix)


def _dask(address: str) -> Any:
    """Return a client of the scheduler at an address, which prints nothing when the connection is lost."""
    distributed = _library("dask", "distributed")
    _require_listener(address)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    return distributed.Client(address, timeout=CONNECT_SECONDS)


class RayExecutor:
    """Calls on the workers of a cluster of Ray.

    Args:
        ray: the library, connected with the cluster.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def map(self, function: Callable[[Settings], float], calls: Iterable[Settings], /) -> Iterator[float]:
        """Yield the result of each call, in their order; raises what a call raises."""
        part: Any = function  # a ``functools.partial``
        remote = self._ray.remote(part.func)
        for result in [remote.remote(*part.args, call) for call in calls]:
            try:
                yield self._ray.get(result)
            except self._ray.exceptions.RayTaskError as error:
                raise error.cause from None


def _library(extra: str, module: str = "") -> Any:
    try:
        return import_module(module or extra)
    except ImportError as cause:
        raise missing(extra, f"{command('tune_table')}, {option('cluster')}") from cause


def _require_listener(address: str) -> None:
    """Refuse an address without a program that listens; both libraries would try for a long time."""
    host, _, port = address.partition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        expected = fact("HOST:PORT after ://")
        raise UsageError("E615", where=option("cluster"), expected=expected, received=address)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as cause:
        expected = fact("a scheduler that responds within {seconds} s", seconds=CONNECT_SECONDS)
        received = getattr(cause, "strerror", None) or str(cause)
        raise UsageError("E615", where=address, expected=expected, received=received) from cause


@contextmanager
def _reported(address: str) -> Iterator[None]:
    """Raise what a cluster raises as E615."""
    try:
        yield
    except ChainruleError:
        raise
    except Exception as cause:  # of Dask, Ray and their connections
        lines = str(cause).strip().splitlines() or [""]
        received = printable(f"{type(cause).__name__}: {lines[0]}", 200)
        expected = fact("workers that have chainrule installed")
        raise UsageError("E615", where=address, expected=expected, received=received) from cause
