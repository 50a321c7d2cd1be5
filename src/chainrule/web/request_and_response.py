"""A request and its response: what a handler reads, bounded in bytes and seconds, and what is logged.

The time until the body is complete, and then until the response begins, is bounded. A small network takes
less time than a timer of ``asyncio``, so that one timer looks at all requests in turn (``Deadlines``).
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from chainrule.errors import fact
from chainrule.memoization import cached_property
from chainrule.settings import Language
from chainrule.web.bodies import Limits, too_large
from chainrule.web.responses import BytesResponse, RequestError, invalid

MAX_FIELDS = 100  # of a query
LONGEST_PAUSE = 1.0  # seconds; requests are late by at most a quarter of it
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class AddedHeaders:
    """Headers that every response has, unless it has its own of that name.

    The parser of HTTP checks each header of each response, which takes longer than a small network. A
    connection that has an ``"output"`` in the state of its scope writes these headers as bytes that were
    prepared once.

    Args:
        fields: names in small letters, with their values.
        is_prepared: whether the parser need not see them; it must see ``connection``.
    """

    def __init__(self, fields: Sequence[tuple[bytes, bytes]], is_prepared: bool = True) -> None:
        self.fields = tuple(fields)
        self.names = frozenset(name for name, _ in fields)
        self.text = b"".join(b"%s: %s\r\n" % field for field in fields) if is_prepared else b""


class Exchange:
    """A request and the state of its response.

    Attributes:
        headers: by name; those that occur several times are joined by commas.
        lang: of the response, ``"en"`` or ``"zh"``.
        request_id: in the response and in the log.
        log: further fields of the line in the log.
        status: of the response; 0 before it begins.
        overdue: the refusal if the request was canceled because its time was over.
        task: that handles it; ``None`` if it may not be canceled.
        start: of the request, in seconds of ``time.perf_counter``.
        output: the transport, if it takes prepared headers and joins what is written.

    Args:
        scope, receive, send: of ASGI.
        limits: of the request.
        headers: that are added to the response.
        is_stopping: whether the server stops.
        settle: counts and logs the requests that were completed.
    """

    def __init__(
        self,
        scope: Any,
        receive: Any,
        send: Any,
        limits: Limits,
        headers: AddedHeaders,
        *,
        is_stopping: bool,
        settle: Callable[[], None],
    ) -> None:
        self.scope, self.limits = scope, limits
        self.is_stopping, self.settle = is_stopping, settle
        self.headers = headers_of(scope)
        self.lang: Language = (
            "zh" if self.headers.get("accept-language", "").lower().startswith("zh") else "en"
        )
        self.request_id = _request_id(self.headers)
        self.log: dict[str, Any] = {}
        self.status = 0
        self.overdue: RequestError | None = None
        self.task: asyncio.Task[Any] | None = None
        self.start = time.perf_counter()
        self._receive, self._send = receive, send
        self._bytes, self._is_complete, self._is_receiving = 0, False, False
        self._added = headers
        self.output: Any = scope.get("state", {}).get("output")

    @cached_property
    def query(self) -> dict[str, str]:
        """The fields of the query; of a repeated one the last.

        Raises:
            RequestError 400: there are too many.
        """
        text = self.scope.get("query_string", b"").decode("latin-1")
        try:
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)) if text else {}
        except ValueError:
            raise invalid(fact("the query has too many fields")) from None

    async def body(self) -> bytes:
        """Return the body.

        Raises:
            RequestError 413: it has more bytes than the limit. 400: the connection was closed before its end.
        """
        message = await self.receive()
        if self._is_complete:
            return message.get("body", b"")
        parts = [message.get("body", b"")]
        while not self._is_complete:
            message = await self.receive()
            parts.append(message.get("body", b""))
        return b"".join(parts)

    async def receive(self) -> Any:
        """Return the next message of ASGI: a part of the body, or the end of the connection."""
        if self._is_complete:  # the next message is the end of the connection, which may be long after
            return await self._receive()
        self._is_receiving = True
        message = await self._receive()
        self._is_receiving = False
        if message["type"] == "http.disconnect":
            raise invalid(fact("the connection was closed before the end of the body"))
        self._bytes += len(message.get("body", b""))
        if self._bytes > self.limits.body_bytes:
            raise too_large(self.limits.body_bytes)
        self._is_complete = not message.get("more_body", False)
        return message

    async def respond(self, response: BytesResponse) -> None:
        """Send a whole response."""
        added = self._added.text
        if added and self.output is not None and not response.headers:
            added = b"%sx-request-id: %s\r\n" % (added, self.request_id.encode())
            if self.output.respond(self.scope, response, added):
                self.status = response.status
                return
        await response(self.scope, self.receive, self.send)

    async def send(self, message: Any) -> None:
        """Send a part of the response; headers are added to its start."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = self._with_added(message)
        await self._send(message)
        if self.output is not None and message.get("more_body"):
            self.output.flush()

    def _with_added(self, message: Any) -> Any:
        """Return the start of a response with the headers that are added."""
        added, output, request_id = self._added, self.output, self.request_id.encode()
        own = {name for name, _ in message["headers"]}
        if output is not None:
            output.is_held = b"content-length" in own  # the body follows at once
            if added.text and added.names.isdisjoint(own):
                output.added = b"%sx-request-id: %s\r\n" % (added.text, request_id)
                return message
        fields = [*added.fields, (b"x-request-id", request_id)]
        return {**message, "headers": [*message["headers"], *(f for f in fields if f[0] not in own)]}

    def expire(self, now: float) -> None:
        """Cancel the request if its body or its response is late; what a stream takes is not bounded."""
        waited = now - self.start
        if self.status or self.task is None:
            return
        if waited >= self.limits.response_seconds:
            self.overdue = RequestError(504, fact("the response takes longer than this server waits"))
        elif self._is_receiving and waited >= self.limits.body_seconds:
            words = fact("the body did not arrive in time")
            self.overdue = RequestError(408, words, {"connection": "close"})
        else:
            return
        self.task.cancel()
        self.task = None


class Deadlines:
    """The requests whose time is bounded.

    Args:
        limits: of a request.
    """

    def __init__(self, limits: Limits) -> None:
        self.pause = min(limits.body_seconds, limits.response_seconds, LONGEST_PAUSE) / 4
        self.exchanges: set[Exchange] = set()
        self.is_watching = False

    def add(self, exchange: Exchange) -> None:
        """Bound the time of a request, which the current task handles."""
        exchange.task = asyncio.current_task()
        self.exchanges.add(exchange)
        if not self.is_watching:
            self.is_watching = True
            asyncio.get_running_loop().call_later(self.pause, self._look)

    def remove(self, exchange: Exchange) -> None:
        """Bound the time of a request no longer."""
        self.exchanges.discard(exchange)

    def _look(self) -> None:
        """Cancel the requests that are late, and look again later, as long as there are requests."""
        now = time.perf_counter()
        for exchange in tuple(self.exchanges):
            exchange.expire(now)
        self.is_watching = bool(self.exchanges)
        if self.is_watching:
            asyncio.get_running_loop().call_later(self.pause, self._look)


def _request_id(headers: Mapping[str, str]) -> str:
    """Return the id that a client passed, if it is valid; otherwise a new one."""
    passed = headers.get("x-request-id")
    is_valid = passed is not None and REQUEST_ID.fullmatch(passed)
    return passed if passed is not None and is_valid else f"{random.getrandbits(64):016x}"


def headers_of(scope: Any) -> dict[str, str]:
    """Return the headers of a request by name; those that occur several times are joined by commas."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers
