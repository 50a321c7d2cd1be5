"""A server of models, from its options: what is loaded, how it is built, and how the process runs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable

from chainrule.records import frozen
from chainrule.serve.batch_queue import QueueLimits
from chainrule.serve.measurements import Measurements
from chainrule.serve.models import Repository, load_models
from chainrule.serve.routes import Application
from chainrule.web.bodies import Limits
from chainrule.web.listener import Listener, listen
from chainrule.web.middleware import Guard
from chainrule.web.process import Service, run
from chainrule.web.token_host_and_origin import Access

DIRECT_SECONDS = 0.001
SHARED_MEMORY = "/dev/shm"  # of Linux


@frozen
class ServeOptions:
    """The options of a server.

    Args:
        runs: run folders or model files, as of ``load_models``.
        host, port: the address; port 0 is any free one.
        workers: number of processes that respond.
        token: the secret of the clients; ``None`` for none.
        names: further names by which the server is reached.
        queue: rows of a batch, rows that wait, and seconds that a batch waits for more.
        response_seconds: until a response begins.
        body_bytes: the largest body.
    """

    runs: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    token: str | None = None
    names: tuple[str, ...] = ()
    queue: tuple[int, int, float] = (256, 4096, 0.0)
    response_seconds: float = 30.0
    body_bytes: int = 8 << 20


def start(options: ServeOptions, announce: Callable[[Listener], None]) -> int:
    """Serve models until a signal stops the process; returns its exit code.

    Args:
        options: of the server.
        announce: called when the address is bound and the models are loaded.

    Raises:
        UsageError E621: the address cannot be used. Others as ``load_models``.
    """
    listener = listen(options.host, options.port)
    access = Access.at(options.host, listener.port, options.token, options.names)
    limits = Limits(body_bytes=options.body_bytes, response_seconds=options.response_seconds)
    folder = _folder_of_counters() if options.workers > 1 else None
    measurements = Measurements(folder)
    is_announced = False

    def load() -> Repository:
        nonlocal is_announced
        repository = load_models(options.runs)
        if not is_announced:
            announce(listener)
            is_announced = True
        return repository

    def build(repository: Repository) -> Guard:
        return Application(repository, measurements, QueueLimits(*options.queue, DIRECT_SECONDS)).guarded(
            access, limits
        )

    try:
        return run(Service(load, build), listener, limits, options.workers)
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _folder_of_counters() -> str:
    """Create a folder in memory, if there is such a place: a counter on a full disk would end its process."""
    place = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    return tempfile.mkdtemp(prefix="chainrule-counters-", dir=place)
