"""Requests to an application of the server or the studio in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any


def exchange(
    guard: Any,
    method: str,
    path: str,
    body: bytes = b"",
    kind: str = "application/json",
    lang: str = "en",
    *,
    fields: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Return status and body of a response.

    Args:
        guard: the application behind its checks.
        method: ``"GET"`` or ``"POST"``.
        path: with the query.
        body, kind, lang: content, ``Content-Type`` and ``Accept-Language``.
        fields: further headers.
    """
    messages: list[Any] = []
    place, _, query = path.partition("?")
    head = {"host": "localhost", "content-type": kind, "accept-language": lang, **(fields or {})}
    scope = {"type": "http", "method": method, "path": place, "query_string": query.encode(), "root_path": ""}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in head.items()]

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(guard(scope, receive, send))
    content = b"".join(message.get("body", b"") for message in messages[1:])
    return messages[0]["status"], content


def post(
    guard: Any,
    path: str,
    body: Any,
    kind: str = "application/json",
    lang: str = "en",
    *,
    fields: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    """Return status and JSON of a response to a POST; a body that is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, response = exchange(guard, "POST", path, content, kind, lang, fields=fields)
    return status, json.loads(response)
