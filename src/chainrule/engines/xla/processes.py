"""Several processes that share a training: how they join, and what they must have in common.

All processes run the same program on the same rows; the runtime of JAX connects them. A decision that depends
on time, such as the number of steps of a call, belongs to the first process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from chainrule.engines.xla.devices import request_devices
from chainrule.errors import TrainingError, fact
from chainrule.graph import Graph, fingerprint

JOIN_SECONDS, SILENT_SECONDS = 60, 10
"""Time for all processes to join; time after which a process that does not respond is considered lost."""
WORDS = 4  # 32-bit words of a digest


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


def agreed(value: float) -> float:
    """Return the value of the first process."""
    if jax.process_count() == 1:
        return value
    return float(multihost_utils.broadcast_one_to_all(np.float32(value)))


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
        (fact("the version of chainrule"), _digest(version("chainrule").encode())),
        (fact("the network or its training"), _digest(fingerprint(graph.outputs).encode())),
        (fact("the rows"), _array_digest(data)),
        (fact("the parameters or the optimizer"), _array_digest(state)),
    )
    # (processes, parts, WORDS)
    digests = multihost_utils.process_allgather(np.stack([digest for _, digest in parts]))
    differs = (digests != digests[0]).any(axis=2)
    if differs.any():
        part, _ = parts[int(np.argmax(differs.any(axis=0)))]
        others = ", ".join(map(str, np.flatnonzero(differs.any(axis=1))))
        received = fact("process {others} differs from process 0", others=others)
        raise TrainingError("E632", what=part, where="process_allgather", received=received)


def _digest(content: bytes) -> np.ndarray:
    return np.frombuffer(hashlib.blake2b(content, digest_size=4 * WORDS).digest(), np.uint32)


def _array_digest(arrays: Mapping[str, Any]) -> np.ndarray:
    total = hashlib.blake2b(digest_size=4 * WORDS)
    for label in sorted(arrays):
        array = np.ascontiguousarray(arrays[label])
        total.update(f"{label} {array.dtype} {array.shape}".encode())
        total.update(array.data.cast("B") if array.size else b"")
    return np.frombuffer(total.digest(), np.uint32)
