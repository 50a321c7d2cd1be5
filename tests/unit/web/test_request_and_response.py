"""What a request may take: bytes of its body, and seconds until its body and its response."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("starlette")

from chainrule.web import Access, BytesResponse, Guard, Limits
from chainrule.web.paths import Operation, Paths
from chainrule.web.request_and_response import Exchange

LIMITS = Limits(body_bytes=10, body_seconds=0.1, response_seconds=0.2)
HOST = (b"host", b"localhost")


async def echo(request: Exchange) -> BytesResponse:
    """Return the body."""
    return BytesResponse(await request.body(), b"text/plain")


async def sleep(request: Exchange) -> BytesResponse:
    """Return nothing, after a second."""
    await asyncio.sleep(1)
    return BytesResponse(b"", b"text/plain")


async def query(request: Exchange) -> BytesResponse:
    """Return the fields of the query."""
    return BytesResponse(json.dumps(request.query).encode(), b"text/plain")


REQUESTS: list[weakref.ref[Exchange]] = []


async def watch(request: Exchange) -> BytesResponse:
    """Return nothing; ``REQUESTS`` has a weak reference to the request."""
    REQUESTS.append(weakref.ref(request))
    return BytesResponse(await request.body(), b"text/plain")


OPERATIONS = {
    "/watch": Operation(watch, "POST", "/watch"),
    "/echo": Operation(echo, "POST", "/echo"),
    "/sleep": Operation(sleep, "GET", "/sleep"),
    "/query": Operation(query, "GET", "/query"),
}


def respond(method: str, path: str, parts: Sequence[bytes] = (b"",), pause: float = 0.0) -> tuple[int, bytes]:
    """The status and the body of the response to a request whose body arrives in parts, with pauses."""
    left, sent = list(parts), []
    name, _, fields = path.partition("?")

    async def receive() -> Any:
        await asyncio.sleep(pause)
        if not left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or parts[-1] != b""}

    async def send(message: Any) -> None:
        sent.append(message)

    guard = Guard(Paths(OPERATIONS), Access(None, frozenset(["localhost"])), LIMITS, logs_all=False)
    scope = {
        "type": "http",
        "method": method,
        "path": name,
        "query_string": fields.encode(),
        "headers": [HOST],
    }
    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize(
    ("request_of", "status", "body"),
    [
        (("POST", "/echo", [b"ab", b"cd", b""]), 200, b"abcd"),
        (("POST", "/echo", [b"abcdef", b"ghijk", b""]), 413, b"too_large"),
        (("POST", "/echo", [b"a", b"b", b""], 0.07), 408, b"timeout"),
        (("POST", "/echo", [b"ab"]), 400, b"closed before the end"),  # the client went away
        (("GET", "/sleep"), 504, b"timeout"),
        (("GET", "/query?a=1&b=&a=2"), 200, b'{"a": "2", "b": ""}'),
        (("GET", "/query?" + "a&" * 200), 400, b"too many"),
        (("GET", "/echo"), 405, b"method"),
        (("POST", "/echo/"), 404, b"no such path"),
    ],
)
def test_requests_are_bounded(request_of: Any, status: int, body: bytes) -> None:
    response = respond(*request_of)
    assert response[0] == status
    assert body in response[1]


def test_a_request_is_freed_without_a_garbage_collection() -> None:
    """Otherwise its memory is not used by the next request, which then waits for the caches."""
    REQUESTS.clear()
    gc.disable()
    try:
        for expected in (200, 413):
            assert respond("POST", "/watch", [b"ab" if expected == 200 else b"a" * 11, b""])[0] == expected
    finally:
        gc.enable()
    assert [reference() for reference in REQUESTS] == [None, None]
