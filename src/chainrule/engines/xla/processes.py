"""Several processes that share a training: how they join, and what they must have in common.

All processes run the same program on the same rows; the runtime of JAX connects them. A decision that depends
on time, such as the number of steps of a call, belongs to the first process.

In every step all of them wait for the slowest one, so the time of a step does not show which one that is.
From time to time each process therefore computes the same products, and the first one names a process that
takes much longer than the fastest.
"""

from __future__ import annotations

import hashlib
import socket
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import version
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp
from jax.experimental import multihost_utils
from jax.extend.backend import register_backend_factory

from chainrule.engines.xla.devices import request_devices
from chainrule.errors import TrainingError, fact
from chainrule.events import notices
from chainrule.graph import Graph, fingerprint
from chainrule.settings import settings

JOIN_SECONDS, SILENT_SECONDS = 60, 10
"""Time for all processes to join; time after which a process that does not respond is considered lost."""
DIGEST_BYTES, WAIT_MILLISECONDS = 16, 24 * 3600 * 1000
ELSEWHERE = "192.0.2.1"  # reserved for documentation: an address behind the default route
FIRST_CHECK, CHECK_SECONDS = 5, 30
"""Seconds to the first comparison of the speed of processes, or one that confirms another; to the next."""
SLOW = 2.0  # times the seconds of the fastest process
SETTINGS = ("devices", "parallel", "mesh", "sharding", "matmul_precision")
ROUNDS, PRODUCTS, WIDTH, CPU_WIDTH = 10, 8, 4096, 512
Options = Iterable[tuple[Any, object]]
_EXCHANGES = count()
"""Numbers of the exchanges of texts; all processes make the same ones in the same order."""


def join(address: str | None = None, count: int | None = None, number: int | None = None) -> None:
    """Connect this process with the others of a training; call it before anything is computed.

    Args:
        address: HOST:PORT on which the first process listens; ``None``: a scheduler that JAX supports, such
            as Slurm, states it.
        count: the number of processes.
        number: the number of this one, from 0.

    JAX aborts this process if the others do not connect within a minute.
    """
    request_devices()
    jax.distributed.initialize(
        address, count, number, initialization_timeout=JOIN_SECONDS, heartbeat_timeout_seconds=SILENT_SECONDS
    )
    own = own_address(address) if address else ""  # a scheduler takes care of the names of its machines
    if own:
        _exchange_at(own)


def own_address(coordinator: str) -> str:
    """Return the address by which other machines reach this one; ``""`` if all processes are of this machine.

    Args:
        coordinator: HOST:PORT of the first process, as this machine reads it. Where it is the name of this
            machine, which is often that of the loopback interface, the address of the default route counts.
    """
    host = coordinator.rpartition(":")[0].strip("[]")
    targets = () if host == "localhost" or _is_loopback(host) else (host, ELSEWHERE)
    for target in targets:
        with suppress(OSError):
            family, kind, _, _, place = socket.getaddrinfo(target, 9, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind) as unused:
                unused.connect(place)  # chooses an address of this machine; nothing is sent
                own = str(unused.getsockname()[0])
            if not _is_loopback(own):
                return own
    return ""


def _is_loopback(address: str) -> bool:
    """Return whether an address is one of the loopback interface; a name is not."""
    with suppress(ValueError):
        return ip_address(address.partition("%")[0]).is_loopback
    return False


def _exchange_at(address: str) -> None:
    """Have the CPUs of this process exchange arrays at an address.

    JAX takes that of the name of the machine, which many systems define as 127.0.1.1, and has no setting.
    """
    with suppress(ImportError, AttributeError):  # of a version with other private names
        bridge, runtime = import_module("jax._src.xla_bridge"), import_module("jax._src.lib")._jax
        client, state = bridge.make_cpu_client, import_module("jax._src.distributed").global_state
        create = runtime.make_gloo_tcp_collectives

        def cpus() -> Any:
            return client(create(distributed_client=state.client, hostname=address))

        register_backend_factory("cpu", cpus)


class Agreement:
    """Numbers that all processes of a training have in common, and notices of slow processes."""

    def __init__(self) -> None:
        self._due = time.monotonic() + FIRST_CHECK
        self._slow: frozenset[int] = frozenset()  # at the last comparison

    def __call__(self, value: float) -> float:
        """Return the value of the first process; it decides when the speed of all is compared."""
        if jax.process_count() == 1:
            return value
        own = np.array([value, time.monotonic() >= self._due], np.float32)
        value, is_due = multihost_utils.broadcast_one_to_all(own).tolist()
        if is_due:
            self._compare()
        return value

    def _compare(self) -> None:
        seconds = multihost_utils.process_allgather(np.float32(product_seconds())).tolist()
        slow = slow_processes(seconds)
        if jax.process_index() == 0:
            for number in sorted(self._slow & slow.keys()):  # twice in succession
                notices.emit(slow_process(number, slow[number]))
        is_new = bool(slow.keys() - self._slow)
        self._slow = frozenset(slow)
        self._due = time.monotonic() + (FIRST_CHECK if is_new else CHECK_SECONDS)


def product_seconds() -> float:
    """Return the seconds that some products of matrices take on the first device of this process.

    The mean of some rounds without the longest one: a process that is stopped for a part of each 100
    milliseconds, as by a quota of a container, computes most short rounds in their usual time, and a single
    interruption does not affect the result.
    """
    device = jax.local_devices()[0]
    width = CPU_WIDTH if device.platform == "cpu" else WIDTH
    matrix = jax.device_put(np.full((width, width), 1 / width, np.float32), device)
    times = []
    for _ in range(ROUNDS + 1):  # the first round compiles
        start = time.perf_counter()
        _products(matrix).block_until_ready()
        times.append(time.perf_counter() - start)
    return statistics.mean(sorted(times[1:])[:-1])


@jax.jit
def _products(matrix: Any) -> Any:
    return lax.fori_loop(0, PRODUCTS, lambda _, y: jnp.matmul(y, matrix), matrix)


def slow_processes(seconds: Sequence[float]) -> dict[int, float]:
    """Return how many times longer than the fastest process each slow one takes, by its number.

    Example:
        >>> slow_processes([0.04, 0.05, 0.16])
        {2: 4.0}
    """
    fastest = min(seconds)
    return {number: own / fastest for number, own in enumerate(seconds) if own > SLOW * fastest}


def slow_process(number: int, times: float) -> Any:
    """Return the notice of a slow process."""
    count = jax.process_count()
    return fact(
        "process {number} of {count} is slow: the same products take {times:.1f} times as long there as in "
        "the fastest process, and all wait for it",
        number=number,
        count=count,
        times=times,
    )


def require_same_program(options: Callable[[], Options], where: str = "fit") -> None:
    """Check, before anything is computed, that all processes run the same code with the same options.

    Args:
        options: returns what the user sees of each option, and its value; called if there are several.
        where: what the user called.

    Raises:
        TrainingError E632: the processes differ.
    """
    if jax.distributed.is_initialized():
        _require_equal([*_program(), *_digests(options()), *_settings()], where)


def _settings() -> list[tuple[Any, str]]:
    """Return digests of the settings that determine which programs the devices run."""
    return _digests((fact("the setting {name}", name=name), getattr(settings, name)) for name in SETTINGS)


def _digests(values: Options) -> list[tuple[Any, str]]:
    return [(name, _digest(repr(value).encode())) for name, value in values]


@cache
def _program() -> tuple[tuple[Any, str], ...]:
    """Return digests of the files of chainrule, and of the versions of the libraries that compute."""
    total, root = hashlib.blake2b(digest_size=DIGEST_BYTES), Path(__file__).parents[2]
    for file in sorted(root.rglob("*.py")):
        content = file.read_bytes()
        total.update(f"{file.relative_to(root).as_posix()} {len(content)} ".encode() + content)
    libraries = ("jax", "jaxlib", "numpy")
    versions = [(fact("the version of {name}", name=name), version(name)) for name in libraries]
    return ((fact("the code of chainrule"), total.hexdigest()), *versions)


def require_same(graph: Graph, data: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Check that all processes train the same network from the same state on the same rows.

    Args:
        graph: the step of the training.
        data: arrays by label.
        state: arrays by label.

    Raises:
        TrainingError E632: the processes differ.
    """
    if jax.process_count() == 1:
        return
    parts = (
        *_program(),
        *_settings(),
        (fact("the network or its training"), _digest(fingerprint(graph.outputs).encode())),
        (fact("the rows"), _array_digest(data)),
        (fact("the parameters or the optimizer"), _array_digest(state)),
    )
    _require_equal(parts, "fit")


def require_same_rows(identity: str) -> None:
    """Check that all processes read parts of the same rows.

    Args:
        identity: a description of the rows.

    Raises:
        TrainingError E632: the processes differ.
    """
    if jax.process_count() > 1:
        _require_equal(((fact("the rows"), _digest(identity.encode())),), "fit")


def rows_of_all(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return arrays with the rows of the same arrays of all processes, in the order of the processes."""
    if jax.process_count() == 1:
        return dict(arrays)
    own = len(next(iter(arrays.values())))
    counts = multihost_utils.process_allgather(np.int64(own)).tolist()
    results = {}
    with jax.enable_x64(True):
        for label in sorted(arrays):
            array = arrays[label]
            padded = np.zeros((max(counts), *array.shape[1:]), array.dtype)
            padded[:own] = array
            every = multihost_utils.process_allgather(padded)  # (processes, rows, ...)
            results[label] = np.concatenate([part[:n] for part, n in zip(every, counts, strict=True)])
    return results


def _require_equal(parts: Sequence[tuple[Any, str]], where: str) -> None:
    """Raise E632 if one of the digests, each with its name, is another one in another process."""
    texts = _texts_of_all(" ".join(text for _, text in parts))
    every = {number: text.split() for number, text in texts.items()}
    for place, (name, _) in enumerate(parts):
        own = slice(place, place + 1)  # empty where a process has fewer
        others = [str(number) for number, digests in every.items() if digests[own] != every[0][own]]
        if others:
            received = fact("process {others} differs from process 0", others=", ".join(others))
            fix = fact("start all processes with the same version, command and files")
            raise TrainingError("E632", what=name, where=where, received=received, fix=fix)


def _texts_of_all(text: str) -> dict[int, str]:
    """Return the texts of all processes by number; of two where this one differs from that of process 0.

    The service that connects the processes exchanges the texts, not the devices: these wait forever where
    processes compute different programs. A process that is lost while others wait for its text ends their
    training. JAX has no public name for the service; in a version without it the devices exchange the texts.
    """
    try:
        state = import_module("jax._src.distributed").global_state
        write, read = state.client.key_value_set, state.client.blocking_key_value_get
    except (ImportError, AttributeError):
        return _texts_by_devices(text)
    exchange, own, total = next(_EXCHANGES), state.process_id, state.num_processes
    write(f"chainrule/{exchange}/{own}", text)
    first = read(f"chainrule/{exchange}/0", WAIT_MILLISECONDS)
    if first != text:  # they may disagree about the number of processes, so this one reads no others
        return {0: first, own: text}
    return {n: read(f"chainrule/{exchange}/{n}", WAIT_MILLISECONDS) for n in range(total)}


def _texts_by_devices(text: str) -> dict[int, str]:
    content = np.frombuffer(text.encode(), np.uint8)
    every = rows_of_all({"byte": content, "process": np.full(len(content), jax.process_index())})
    numbers = range(jax.process_count())
    return {number: every["byte"][every["process"] == number].tobytes().decode() for number in numbers}


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def _array_digest(arrays: Mapping[str, Any]) -> str:
    total = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for label in sorted(arrays):
        array = np.ascontiguousarray(arrays[label])
        total.update(f"{label} {array.dtype} {array.shape}".encode())
        total.update(array.data.cast("B") if array.size else b"")
    return total.hexdigest()
