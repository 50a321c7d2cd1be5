"""How a server runs: one process or several, graceful stop, and reload without losing a request.

A server is a ``Service``: ``load`` reads what it serves, ``build`` makes the application of it. Three signals
reach the main process:

- **SIGTERM, SIGINT**: requests that have started are completed, and the process ends with 0. Until then new
  ones are refused (503), except those that ask whether the server is alive or ready.
- **SIGHUP**: ``load`` again. If it fails, what is loaded stays, and the log states why.

With one process, the new application handles the next request, and the old one is closed after its last.
With several, the main process loads once and forks, so that all share the memory of what was loaded; it
starts no thread itself. At a reload it forks new ones; when they are ready, the old ones close each
connection after its next response. All processes share one socket, so that no connection is refused in
between.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from chainrule.errors import ChainruleError
from chainrule.records import frozen
from chainrule.web.bodies import Limits
from chainrule.web.listener import Listener
from chainrule.web.middleware import Guard
from chainrule.web.responses import BytesResponse, log_line

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
WATCHED = (*STOP_SIGNALS, signal.SIGHUP, signal.SIGCHLD)  # by the main process of several workers
REPLACED = signal.SIGUSR1  # to a worker: another one is ready, end when the connections have closed
MOMENT = 0.02  # seconds between two looks at the requests of a server that stops
PAUSE = 1.0  # seconds before a worker that failed is started again


@frozen(eq=False)
class Service:
    """What a server serves.

    Args:
        load: reads it; raises ``ChainruleError``. It starts no thread.
        build: returns the application, guarded, for what was loaded. It is called in each process.
        on_ready: called in each process when it accepts requests.
    """

    load: Callable[[], Any]
    build: Callable[[Any], Guard]
    on_ready: Callable[[], Any] = lambda: None


def run(service: Service, listener: Listener, limits: Limits, workers: int = 1) -> int:
    """Serve until a signal stops the process; returns its exit code.

    Args:
        service: what is served.
        listener: the address.
        limits: of requests and connections.
        workers: number of processes that respond.

    Raises:
        ChainruleError: what is served cannot be loaded.
    """
    loaded = service.load()
    if workers == 1:
        return _Worker(service, listener, limits).run(loaded)
    return _Supervisor(service, listener, limits, workers).run(loaded)


def request_reload() -> None:
    """Ask the main process of this server to reload, as ``kill -HUP`` does."""
    os.kill(_main_process(), signal.SIGHUP)


def request_stop() -> None:
    """Ask the main process of this server to stop, as ``kill`` does; it must accept requests already."""
    os.kill(_main_process(), signal.SIGTERM)


_MAIN: list[int] = []  # in a forked worker: the process that forked it


def _main_process() -> int:
    return _MAIN[0] if _MAIN else os.getpid()


_END = h11.EndOfMessage()
_PARTS = (
    *("scope", "default_headers", "keep_alive", "disconnected", "response_started", "response_complete"),
    *("waiting_for_100_continue", "message_event", "on_response"),
)
"""What ``_Joined.respond`` uses of a request of uvicorn, and no documentation lists."""


@lru_cache(1024)
def _head(status: int, content_type: bytes, length: int) -> h11.Response:
    """Return the head of a response."""
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % length)]
    return h11.Response(status_code=status, headers=headers, reason=STATUS_PHRASES[status])


class _Joined:
    """A transport that sends what belongs together at once: head and body of a response.

    Attributes:
        added: headers that the next part receives, which is the head of a response.
        is_held: whether what is written waits for ``flush``; otherwise it is sent after the present step of
            the loop.

    Args:
        transport: of the connection.
        protocol: that writes to it.
    """

    def __init__(self, transport: Any, protocol: H11Protocol) -> None:
        self.transport, self.protocol, self.loop = transport, protocol, protocol.loop
        self.parts: list[bytes] = []
        self.added, self.is_held = b"", False
        self.is_known: bool | None = None  # whether the requests of this uvicorn have ``_PARTS``
        self.is_closing = transport.is_closing
        self.pause_reading, self.resume_reading = transport.pause_reading, transport.resume_reading

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def respond(self, scope: Any, response: BytesResponse, added: bytes) -> bool:
        """Send a whole response of a connection that continues; return whether it is that.

        The parser of HTTP makes the head and counts the body, as for the parts of other responses. It takes
        half as long, since the events that do not depend on the body are created once.
        A version of uvicorn whose requests have other attributes sends the response by ASGI.

        Args:
            scope: of the request.
            response: without headers of its own.
            added: headers that were prepared.
        """
        protocol = self.protocol
        cycle, connection = protocol.cycle, protocol.conn
        if self.is_known is None:
            self.is_known = all(hasattr(cycle, name) for name in _PARTS)
        if not (
            self.is_known
            and cycle.scope is scope
            and connection.our_state is h11.SEND_RESPONSE
            and connection.their_state is h11.DONE
            and cycle.keep_alive
            and scope["method"] != "HEAD"
            and not (cycle.response_started or cycle.disconnected or protocol.flow.write_paused)
        ):
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        head = connection.send(_head(response.status, response.content_type, len(response.body)))
        body = connection.send(h11.Data(data=response.body))
        connection.send(_END)
        more = b"".join([b"%s: %s\r\n" % field for field in cycle.default_headers])
        self.parts.append(b"%s%s%s\r\n%s" % (head[:-2], more, added, body))
        cycle.message_event.set()
        cycle.on_response()
        return True

    def write(self, data: Any) -> None:
        """Send bytes soon."""
        if data:
            if not self.parts and not self.is_held:
                self.loop.call_soon(self.flush)
            if self.added:
                data, self.added = b"%s%s\r\n" % (data.removesuffix(b"\r\n"), self.added), b""
            self.parts.append(data)

    def close(self) -> None:
        """Send what was written, and close the connection."""
        self.flush()
        self.transport.close()

    def flush(self) -> None:
        """Send what was written."""
        self.is_held = False
        if self.parts:
            content, self.parts = b"".join(self.parts), []
            self.transport.write(content)


class _Protocol(H11Protocol):
    """HTTP, with a bound on the time until the head of a request is complete."""

    head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the time for the first request."""
        output: Any = _Joined(transport, self)
        self.app_state = {**self.app_state, "output": output}
        super().connection_made(output)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Receive bytes; a request that is not complete must be so in time."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for_head()
        else:
            self._stop_waiting()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Continue as a websocket, which sends through the transport itself."""
        self.transport = self.transport.transport  # pyright: ignore[reportAttributeAccessIssue]
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Send the response, and continue with the next request of the connection."""
        self.transport.flush()  # pyright: ignore[reportAttributeAccessIssue]
        super().on_response_complete()
        self._stop_waiting()

    def _wait_for_head(self) -> None:
        if self.head_timer is None and not self.transport.is_closing():
            seconds = self.config.header_seconds  # pyright: ignore[reportAttributeAccessIssue]
            self.head_timer = self.loop.call_later(seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None


class _Server(uvicorn.Server):
    """The server of a process, whose signals are those of its worker."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the worker."""
        yield


class _Worker:
    """A process that handles requests.

    Args:
        service: what is served.
        listener: the address.
        limits: of requests and connections.
        ready: called when requests are accepted.
        main: a pipe whose other end is open as long as the main process; ``None`` in that process itself.
    """

    def __init__(
        self,
        service: Service,
        listener: Listener,
        limits: Limits,
        ready: Callable[[], Any] = lambda: None,
        main: int | None = None,
    ) -> None:
        self.service, self.listener, self.limits, self.ready = service, listener, limits, ready
        self.main = main
        self.active: dict[Guard, int] = {}
        self.guard: Guard | None = None
        self.reloading: asyncio.Task[None] | None = None
        self.stopping: asyncio.Task[None] | None = None

    def run(self, loaded: Any) -> int:
        """Handle requests until a signal stops the process; returns its exit code."""
        self.guard = self.service.build(loaded)
        _freeze()
        config = uvicorn.Config(
            self,
            http=_Protocol,
            ws="auto",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # a client must not choose its address
            server_header=False,
            backlog=1024,
            limit_concurrency=self.limits.connections,
            timeout_keep_alive=self.limits.keep_alive_seconds,
            timeout_graceful_shutdown=self.limits.stop_seconds,
            h11_max_incomplete_event_size=self.limits.header_bytes,
        )
        config.header_seconds = self.limits.header_seconds  # pyright: ignore[reportAttributeAccessIssue]
        self.server = _Server(config)
        asyncio.run(self._serve())
        return 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request by the application of this moment."""
        guard = self.guard
        assert guard is not None
        self.active[guard] = self.active.get(guard, 0) + 1
        try:
            await guard(scope, receive, send)
        finally:
            self.active[guard] -= 1
            self._close_replaced(guard)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._stop)
        if self.main is not None:
            loop.add_signal_handler(REPLACED, lambda: loop.create_task(self._drain()))
            loop.add_reader(self.main, self._main_ended, self.main)
        else:
            loop.add_signal_handler(signal.SIGHUP, self._begin_reload)
        loop.call_soon(self._announce)
        await self.server.serve(sockets=[self.listener.socket])
        if self.guard is not None:
            self.guard.close()

    def _announce(self) -> None:
        """Report that requests are accepted, once they are."""
        if self.server.started:
            log_line("ready", process=os.getpid())
            self.service.on_ready()
            self.ready()
        else:
            asyncio.get_running_loop().call_later(0.005, self._announce)

    def _main_ended(self, main: int) -> None:
        """Stop when the main process ended without stopping its workers."""
        asyncio.get_running_loop().remove_reader(main)
        self._stop()

    def _stop(self) -> None:
        """Stop: a second signal does not wait for requests."""
        assert self.guard is not None
        if self.guard.is_stopping:
            self.server.force_exit = self.server.should_exit = True
            return
        self.guard.is_stopping = True
        self.stopping = asyncio.get_running_loop().create_task(self._complete())

    async def _complete(self) -> None:
        """End when the requests that have started are completed."""
        end = time.monotonic() + self.limits.stop_seconds
        while any(self.active.values()) and time.monotonic() < end:
            await asyncio.sleep(MOMENT)
        self.server.should_exit = True

    async def _drain(self) -> None:
        """End when all connections have closed, each after its next response or after it was idle."""
        assert self.guard is not None
        self.guard.is_draining = True
        for server in self.server.servers:
            server.close()
        await asyncio.sleep(self.limits.keep_alive_seconds)
        self.server.should_exit = True

    def _begin_reload(self) -> None:
        if self.reloading is None or self.reloading.done():
            self.reloading = asyncio.get_running_loop().create_task(self._reload())

    async def _reload(self) -> None:
        """Load again, in a thread, and exchange the application."""
        with reported():
            loaded = await asyncio.to_thread(self.service.load)
            old, self.guard = self.guard, self.service.build(loaded)
            self.guard.is_stopping = self.stopping is not None
            log_line("reloaded")
            if old is not None:
                self.active.setdefault(old, 0)
                self._close_replaced(old)

    def _close_replaced(self, guard: Guard) -> None:
        """Close an application that was replaced, after its last request."""
        if guard is not self.guard and not self.active[guard]:
            del self.active[guard]
            guard.close()
            asyncio.get_running_loop().call_soon(_freeze)


def _freeze() -> None:
    """Exempt what is loaded from later searches for garbage, which a few requests cause each time.

    What was loaded before and is no longer used is collected first. Nothing is done while a thread imports
    modules (``without_collection``), which freezes them itself.
    """
    if not gc.isenabled():
        return
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _ignore(number: int, frame: Any) -> None:
    """Handle a signal that is received as a byte."""


class _Supervisor:
    """The main process of several workers.

    Args:
        service: what is served.
        listener: the address.
        limits: of requests and connections.
        workers: number of processes that respond.
    """

    def __init__(self, service: Service, listener: Listener, limits: Limits, workers: int) -> None:
        self.service, self.listener, self.limits, self.count = service, listener, limits, workers
        self.workers: set[int] = set()  # that respond; others have been replaced
        self.replaced: set[int] = set()
        self.signals = socket.socketpair()  # one byte for each signal, whichever thread it interrupts
        self.signals[1].setblocking(False)
        self.life = os.pipe()  # the workers see its end when this process ends

    def run(self, loaded: Any) -> int:
        """Start the workers, and start again those that fail, until a signal stops all."""
        for number in WATCHED:
            signal.signal(number, _ignore)
        signal.set_wakeup_fd(self.signals[1].fileno(), warn_on_full_buffer=False)
        self.workers = {self._fork(loaded) for _ in range(self.count)}
        while True:
            number = self.signals[0].recv(1)[0]
            if number in STOP_SIGNALS:
                return self._stop()
            if number == signal.SIGHUP:
                with reported():
                    loaded = self.service.load()
                    new = {self._fork(loaded) for _ in range(self.count)}
                    self._send(REPLACED)
                    self.replaced |= self.workers
                    self.workers = new
                    log_line("reloaded")
            for _ in range(self._ended()):
                time.sleep(PAUSE)
                self.workers.add(self._fork(loaded))

    def _fork(self, loaded: Any) -> int:
        """Start a worker, and return its process when it accepts requests."""
        reader, writer = os.pipe()
        parent = os.getpid()
        process = os.fork()
        if process:
            os.close(writer)
            with os.fdopen(reader, "rb") as pipe:
                pipe.read(1)  # empty if the worker ended
            return process
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            os.close(reader)
            os.close(self.life[1])
            _MAIN[:] = [parent]

            def ready() -> None:
                os.write(writer, b"1")
                os.close(writer)

            code = _Worker(self.service, self.listener, self.limits, ready, self.life[0]).run(loaded)
        except Exception as error:
            log_line("worker failed", error=f"{type(error).__name__}: {error}")
        finally:
            with suppress(OSError, ValueError):
                sys.stderr.flush()
            os._exit(code)

    def _send(self, number: signal.Signals) -> None:
        for process in self.workers:
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def _ended(self) -> int:
        """Collect the processes that ended; returns how many of them were to respond."""
        failed = 0
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self.replaced.discard(ended)
                if ended in self.workers:
                    self.workers.discard(ended)
                    log_line("worker ended", process=ended)
                    failed += 1
        return failed

    def _stop(self) -> int:
        """Stop all workers, and wait for them."""
        self.workers |= self.replaced
        self._send(signal.SIGTERM)
        for process in self.workers:
            with suppress(ChildProcessError):
                os.waitpid(process, 0)
        return 0


@contextmanager
def reported() -> Iterator[None]:
    """Log an error of a reload: what is loaded stays."""
    try:
        yield
    except ChainruleError as error:
        log_line("reload failed", code=error.code, error=error.render("en"))
    except Exception as error:
        log_line("reload failed", error=f"{type(error).__name__}: {error}", traceback=traceback.format_exc())
