"""The guard around an application: every request passes it first.

It checks who sends it (``Access``), bounds the body and the time, gives every request an id, adds the headers
of security to every response, turns exceptions into responses without a traceback, and writes a line of the
log.
It is one plain ASGI application, because each layer around a small network costs more than the network.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Collection
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException

from chainrule.errors import ChainruleError, fact
from chainrule.web.bodies import Limits, too_large
from chainrule.web.paths import NO_PATH, OTHER_METHOD, POLICY_VIOLATION
from chainrule.web.request_and_response import AddedHeaders, Deadlines, Exchange, headers_of
from chainrule.web.responses import RequestError, log_text, refusal_of, send_refusal, send_response, write_log
from chainrule.web.token_host_and_origin import Access

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; worker-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_SECURITY = [
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
SECURITY_HEADERS = AddedHeaders(_SECURITY)
LAST_HEADERS = AddedHeaders([*_SECURITY, (b"connection", b"close")], is_prepared=False)  # of a connection
SETTLING = 0.05  # seconds until a request is counted and logged
REFUSALS = {
    401: fact("a token is needed: the header Authorization: Bearer TOKEN"),
    403: fact("pages of other sites may not send requests to this server"),
    421: fact("this server is not reached under the name in the header Host; see --allow-host"),
}
ROUTING = {400: fact("the request is not valid"), 404: NO_PATH, 405: OTHER_METHOD}
Observer = Callable[[str | None, str, int, float], None]
Completed: TypeAlias = "tuple[str | None, float, float, dict[str, Any]]"
"""A request that was completed: its route, seconds, time, and the fields of its line of the log. It refers to
nothing of the request, whose memory the next one uses while it is in the cache of the processor."""


class Guard:
    """An ASGI application that checks requests before another one handles them.

    The other application finds the ``Exchange`` in ``scope["state"]``, under ``"exchange"``, with its
    ``"request_id"``, ``"log"`` and ``"lang"`` beside it.

    Args:
        app: the application; its exceptions become responses.
        access: who may send requests.
        limits: of a request.
        observe: receives route (``None``: no such path), method, status and seconds of each request.
        close: releases what the application holds, after its last request.
        logs_all: whether the log has a line for each request, or only for those that failed unexpectedly.
        probes: paths that report the state of the server, also when it stops.
    """

    def __init__(
        self,
        app: Any,
        access: Access,
        limits: Limits,
        observe: Observer | None = None,
        close: Callable[[], Any] = lambda: None,
        logs_all: bool = True,
        probes: Collection[str] = (),
    ) -> None:
        self.app, self.access, self.limits, self.logs_all = app, access, limits, logs_all
        self.observe, self._close = observe, close
        self.deadlines = Deadlines(limits)
        self.completed: list[Completed] = []  # not counted yet
        self.probes = probes
        self.is_draining = False  # whether connections are closed after their next response
        self.is_stopping = False  # whether only the requests that have started are completed

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request."""
        if scope["type"] == "http":
            await self._respond(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def close(self) -> None:
        """Release what the application holds, after its last request."""
        self.settle()
        self._close()

    async def _connect(self, scope: Any, receive: Any, send: Any) -> None:
        """Connect a websocket, or close it."""
        headers = headers_of(scope)
        if self.access.refusal("GET", headers) is not None or "origin" not in headers:
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        await self.app(scope, receive, send)

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        """Respond to a request of HTTP, observe and log it."""
        exchange = Exchange(
            scope,
            receive,
            send,
            self.limits,
            LAST_HEADERS if self.is_draining or self.is_stopping else SECURITY_HEADERS,
            is_stopping=self.is_stopping,
            settle=self.settle,
        )
        scope.setdefault("app", None)  # Starlette then raises for unknown paths instead of responding itself
        scope.setdefault("state", {}).update(
            exchange=exchange, request_id=exchange.request_id, log=exchange.log, lang=exchange.lang
        )
        try:
            refused = await self._attempt(exchange)
            if refused is not None and not exchange.status:
                await send_refusal(exchange.send, refused, exchange.lang, exchange.request_id)
        finally:
            self.completed.append(_completed(exchange))
            scope["state"].clear()  # it refers to the exchange, and that to it
            if exchange.status >= 500:
                self.settle()
            elif len(self.completed) == 1:
                asyncio.get_running_loop().call_later(SETTLING, self.settle)

    def settle(self) -> None:
        """Count and log the requests that were completed since the last time, which costs less together."""
        completed, self.completed = self.completed, []
        lines = []
        for route, seconds, at, fields in completed:
            status = fields["status"]
            if self.observe is not None:
                self.observe(route, fields["method"], status, seconds)
            if self.logs_all or status >= 500:
                lines.append(log_text("request", at, fields))
        if lines:
            write_log(lines)

    async def _attempt(self, exchange: Exchange) -> RequestError | None:
        """Handle a request; returns the refusal if there is one."""
        self.deadlines.add(exchange)
        try:
            is_page = exchange.scope["path"] == "/"
            if not (is_page and await self._signs_in(exchange)):
                self._check(exchange)
                await self.app(exchange.scope, exchange.receive, exchange.send)
        except RequestError as refused:
            return refused
        except ChainruleError as error:
            return refusal_of(error, exchange.lang)
        except HTTPException as error:  # of Starlette
            status = error.status_code if error.status_code in ROUTING else 400
            return RequestError(status, ROUTING[status], error.headers)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if exchange.overdue is None or task is None or task.uncancel():
                raise  # the server stops
            return exchange.overdue
        except Exception as error:
            exchange.log.update(error=type(error).__name__, traceback=traceback.format_exc())
            return RequestError(500, fact("an internal error; the log has it under the id of the request"))
        finally:
            self.deadlines.remove(exchange)
        return None

    def _check(self, exchange: Exchange) -> None:
        """Refuse a request by its head."""
        headers = exchange.headers
        status = self.access.refusal(exchange.scope["method"], headers)
        if status is not None:
            more = {"www-authenticate": "Bearer"} if status == 401 else {}
            raise RequestError(status, REFUSALS[status], more)
        if self.is_stopping and exchange.scope["path"] not in self.probes:
            raise stopping()
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestError(415, fact("compressed bodies are not read; send the body as it is"))
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > self.limits.body_bytes:
            raise too_large(self.limits.body_bytes)

    async def _signs_in(self, exchange: Exchange) -> bool:
        """Respond to ``GET /?token=TOKEN`` of a browser with the cookie and the page without the token.

        Args:
            exchange: about the path ``/``.
        """
        scope = exchange.scope
        query = scope.get("query_string", b"")
        if scope["method"] != "GET" or b"token=" not in query:
            return False
        headers = {**exchange.headers, "authorization": f"Bearer {_token_in(query)}"}
        status = self.access.refusal("GET", headers)
        if status is not None:
            raise RequestError(status, REFUSALS[status])
        cookie = {"set-cookie": self.access.set_cookie(), "location": "/"}
        await send_response(exchange.send, 303, b"text/plain", b"", cookie)
        return True


def _completed(exchange: Exchange) -> Completed:
    """Return what is counted and logged of a request."""
    scope, seconds = exchange.scope, time.perf_counter() - exchange.start
    fields = {
        "id": exchange.request_id,
        "method": scope["method"],
        "path": scope["path"],
        "status": exchange.status,
        "ms": round(seconds * 1000, 3),
        **exchange.log,
    }
    return scope.get("route"), seconds, time.time(), fields


def stopping() -> RequestError:
    """Return the refusal of a request to a server that stops."""
    return RequestError(503, fact("the server stops; send the request again"), {"retry-after": "1"})


def _token_in(query: bytes) -> str:
    try:
        return parse_qs(query.decode("latin-1"), max_num_fields=8).get("token", [""])[0]
    except ValueError:
        return ""
