"""A studio, from its options: what it opens, and how its process runs."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.records import frozen
from chainrule.studio.application import Application
from chainrule.studio.workbench import Workbench
from chainrule.web.access import Access
from chainrule.web.bodies import Limits
from chainrule.web.guard import Guard
from chainrule.web.listener import Listener, listen
from chainrule.web.process import Service, run

BODY_BYTES = 256 << 20  # of an uploaded table
STOP_SECONDS = 2


@frozen
class StudioOptions:
    """The options of a studio.

    Args:
        source: a file, a RUN, the name of a data set, or ``""``.
        host, port: the address; port 0 is any free one.
        token: the secret of the page.
        names: further names by which the studio is reached.
    """

    source: str = ""
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    names: tuple[str, ...] = ()


def start(options: StudioOptions, announce: Callable[[Listener], None]) -> int:
    """Run a studio until a signal stops the process; returns its exit code.

    Args:
        options: of the studio.
        announce: called when the address is bound and the source is open.

    Raises:
        UsageError E621: the address cannot be used. ChainruleError: the source cannot be opened.
    """
    listener = listen(options.host, options.port)
    access = Access.at(options.host, listener.port, options.token, options.names)
    limits = Limits(
        body_bytes=BODY_BYTES, body_seconds=120.0, response_seconds=300.0, stop_seconds=STOP_SECONDS
    )
    opened: list[Workbench] = []

    def load() -> Workbench:
        if not opened:
            opened.append(Workbench(options.source))
            announce(listener)
        return opened[0]

    def build(workbench: Workbench) -> Guard:
        return Application(workbench).guarded(access, limits)

    return run(Service(load, build), listener, limits)
