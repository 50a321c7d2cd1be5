"""The guard around an application: every request passes it first.

It checks who sends it (``Access``), bounds the body and the time, gives every request an id, adds the headers
of security to every response, turns exceptions into responses without a traceback, and writes a line of the
log.
It is one plain ASGI application, because each layer around a small network costs more than the network.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from chainrule.errors import ChainruleError, fact
from chainrule.web.access import Access
from chainrule.web.bodies import Limits, bounded, too_large
from chainrule.web.responses import RequestError, log_line, refusal_of, send_refusal, send_response

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; worker-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
SECURITY_HEADERS = [
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
REFUSALS = {
    401: fact("a token is needed: the header Authorization: Bearer TOKEN"),
    403: fact("pages of other sites may not send requests to this server"),
    421: fact("this server is not reached under the name in the header Host; see --allow-host"),
}
ROUTING = {
    400: fact("the request is not valid"),
    404: fact("there is no such path; / describes all"),
    405: fact("this path does not take the method"),
}
POLICY_VIOLATION = 1008  # code with which a refused websocket is closed
Observer = Callable[[dict[str, Any], int, float], None]


class Guard:
    """An ASGI application that checks requests before another one handles them.

    The other application finds the id of the request and a dict of further fields of the line in the log in
    ``scope["state"]``, under ``"request_id"`` and ``"log"``.

    Args:
        app: the application; its exceptions become responses.
        access: who may send requests.
        limits: of a request.
        observe: receives scope, status and seconds of each request.
        close: releases what the application holds, after its last request.
        logs_all: whether the log has a line for each request, or only for those that failed unexpectedly.
    """

    def __init__(
        self,
        app: Any,
        access: Access,
        limits: Limits,
        observe: Observer | None = None,
        close: Callable[[], Any] = lambda: None,
        logs_all: bool = True,
    ) -> None:
        self.app, self.access, self.limits, self.logs_all = app, access, limits, logs_all
        self.observe, self.close = observe, close
        self.is_draining = False  # whether connections are closed after their next response

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request."""
        if scope["type"] == "http":
            await self._respond(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _connect(self, scope: Any, receive: Any, send: Any) -> None:
        """Connect a websocket, or close it."""
        if self.access.refusal("GET", _headers(scope)) is not None or "origin" not in _headers(scope):
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        await self.app(scope, receive, send)

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        """Respond to a request of HTTP, observe and log it."""
        start = time.perf_counter()
        exchange = _Exchange(scope, send, self.is_draining)
        try:
            refused = await self._attempt(exchange, receive)
            if refused is not None and not exchange.status:
                await send_refusal(exchange.send, refused, exchange.lang, exchange.request_id)
        finally:
            seconds = time.perf_counter() - start
            if self.observe is not None:
                self.observe(scope, exchange.status, seconds)
            fields = {"method": scope["method"], "path": scope["path"], "status": exchange.status}
            if self.logs_all or exchange.status >= 500:
                log_line(
                    "request", id=exchange.request_id, **fields, ms=round(seconds * 1000, 3), **exchange.log
                )

    async def _attempt(self, exchange: _Exchange, receive: Any) -> RequestError | None:
        """Handle a request; returns the refusal if there is one."""
        try:
            async with asyncio.timeout(self.limits.response_seconds) as deadline:
                exchange.deadline = deadline
                if not await self._signs_in(exchange):
                    self._check(exchange)
                    receive = bounded(receive, self.limits)
                    await self.app(exchange.scope, receive, exchange.send)
        except RequestError as refused:
            return refused
        except ChainruleError as error:
            return refusal_of(error, exchange.lang)
        except HTTPException as error:  # of Starlette
            status = error.status_code if error.status_code in ROUTING else 400
            return RequestError(status, ROUTING[status], error.headers)
        except ClientDisconnect:
            return RequestError(400, fact("the connection was closed before the end of the body"))
        except Exception as error:
            if isinstance(error, TimeoutError) and exchange.is_late:
                return RequestError(504, fact("the response takes longer than this server waits"))
            exchange.log.update(error=type(error).__name__, traceback=traceback.format_exc())
            return RequestError(500, fact("an internal error; the log has it under the id of the request"))
        finally:
            if not exchange.is_late:
                exchange.deadline = None
        return None

    def _check(self, exchange: _Exchange) -> None:
        """Refuse a request by its head."""
        headers = exchange.headers
        status = self.access.refusal(exchange.scope["method"], headers)
        if status is not None:
            more = {"www-authenticate": "Bearer"} if status == 401 else {}
            raise RequestError(status, REFUSALS[status], more)
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestError(415, fact("compressed bodies are not read; send the body as it is"))
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > self.limits.body_bytes:
            raise too_large(self.limits.body_bytes)

    async def _signs_in(self, exchange: _Exchange) -> bool:
        """Respond to ``GET /?token=TOKEN`` of a browser with the cookie and the page without the token."""
        scope = exchange.scope
        query = scope.get("query_string", b"")
        if scope["method"] != "GET" or scope["path"] != "/" or b"token=" not in query:
            return False
        headers = {**exchange.headers, "authorization": f"Bearer {_token_in(query)}"}
        status = self.access.refusal("GET", headers)
        if status is not None:
            raise RequestError(status, REFUSALS[status])
        cookie = {"set-cookie": self.access.set_cookie(), "location": "/"}
        await send_response(exchange.send, 303, b"text/plain", b"", cookie)
        return True


class _Exchange:
    """A request and the state of its response.

    Args:
        scope: of ASGI; receives the id and the fields of the log.
        send: of ASGI.
        is_last: whether the connection is closed after the response.
    """

    def __init__(self, scope: Any, send: Any, is_last: bool) -> None:
        self.scope, self.headers = scope, _headers(scope)
        self.lang = "zh" if self.headers.get("accept-language", "").lower().startswith("zh") else "en"
        passed = self.headers.get("x-request-id", "")
        self.request_id = passed if REQUEST_ID.fullmatch(passed) else secrets.token_hex(8)
        self.log: dict[str, Any] = {}
        self.status = 0
        self.deadline: asyncio.Timeout | None = None
        self._send = send
        self._added = [*SECURITY_HEADERS, (b"x-request-id", self.request_id.encode())]
        if is_last:
            self._added.append((b"connection", b"close"))
        scope.setdefault("app", None)  # Starlette then raises for unknown paths instead of responding itself
        scope["state"] = {
            **scope.get("state", {}),
            "request_id": self.request_id,
            "log": self.log,
            "lang": self.lang,
        }

    @property
    def is_late(self) -> bool:
        """Whether the response did not begin in time."""
        return self.deadline is not None and self.deadline.expired()

    async def send(self, message: Any) -> None:
        """Send a part of the response; the headers of security are added to its start."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.deadline is not None and not self.is_late:
                self.deadline.reschedule(None)  # what a stream takes after its start is not bounded
            own = {name for name, _ in message["headers"]}
            added = [field for field in self._added if field[0] not in own]
            message = {**message, "headers": [*message["headers"], *added]}
        await self._send(message)


def _headers(scope: Any) -> dict[str, str]:
    """Return the headers of a request by name; those that occur several times are joined by commas."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _token_in(query: bytes) -> str:
    try:
        return parse_qs(query.decode("latin-1"), max_num_fields=8).get("token", [""])[0]
    except ValueError:
        return ""
