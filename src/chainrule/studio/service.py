"""A studio, from its options: what it opens, and how its process runs.

The browser receives the address as soon as it is bound. It takes the files of the page while this process
imports the libraries of trainings and reads the data, which takes longer than anything else at the start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from chainrule.data.readers.read_options import NO_OPTIONS, ReadOptions
from chainrule.errors import fact
from chainrule.lazy_imports import without_collection
from chainrule.records import frozen
from chainrule.web.bodies import Limits
from chainrule.web.listener import Listener, listen
from chainrule.web.token_host_and_origin import Access

BODY_BYTES = 256 << 20  # of an uploaded table
STOP_SECONDS = 2
SWITCH_SECONDS = 0.001  # until a computation lets another thread respond to a request


@frozen
class StudioOptions:
    """The options of a studio.

    Args:
        source: a file, a RUN, the name of a data set, or ``""``.
        host, port: the address; port 0 is any free one.
        token: the secret of the page.
        names: further names by which the studio is reached.
        reading: how a file is read.
    """

    source: str = ""
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    names: tuple[str, ...] = ()
    reading: ReadOptions = NO_OPTIONS


def start(options: StudioOptions, announce: Callable[[Listener], None]) -> int:
    """Run a studio until a signal stops the process; returns its exit code.

    Args:
        options: of the studio.
        announce: called when the address is bound and the source exists.

    Raises:
        UsageError E621: the address cannot be used. E128: options of reading without a file. ChainruleError:
            the source cannot be opened.
    """
    if not options.source:
        options.reading.require_only((), "chainrule studio", fact("a studio without data"))
    listener = listen(options.host, options.port)
    workbench = None if _exists(options.source) else _open(options)
    announce(listener)
    sys.setswitchinterval(SWITCH_SECONDS)
    with without_collection():
        process = import_module("chainrule.web.process")
        application_class = import_module("chainrule.studio.application").Application
    access = Access.at(options.host, listener.port, options.token, options.names)
    limits = Limits(
        body_bytes=BODY_BYTES, body_seconds=120.0, response_seconds=300.0, stop_seconds=STOP_SECONDS
    )
    application = application_class(lambda: _open(options) if workbench is None else workbench)

    def stop_after_failure() -> None:
        application.opened.add_done_callback(lambda opened: opened.exception() and process.request_stop())

    guard = application.guarded(access, limits)
    code: int = process.run(
        process.Service(lambda: guard, lambda _: guard, stop_after_failure), listener, limits
    )
    if application.opened.done():
        application.opened.result()  # raises the error with which opening failed
    return code


def _exists(source: str) -> bool:
    """Return whether there is a file, a folder or a data set of that name, or no source at all."""
    return (
        not source
        or os.path.exists(source)
        or source in import_module("chainrule.studio.points").known_sets()
    )


def _open(options: StudioOptions) -> Any:
    """Return the workbench of a source, with the libraries that it needs."""
    with without_collection():
        return import_module("chainrule.studio.workbench").Workbench(options.source, options.reading)
