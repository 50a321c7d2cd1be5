"""A short response uses undocumented attributes of uvicorn: they exist, or it is sent by ASGI."""

from __future__ import annotations

import asyncio
import logging

import h11
import pytest

pytest.importorskip("starlette")

import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import RequestResponseCycle
from uvicorn.server import ServerState

from chainrule.web.process import _PARTS, _Joined, _Protocol
from chainrule.web.responses import BytesResponse


def test_a_request_of_uvicorn_has_the_attributes() -> None:
    connection, transport, log = h11.Connection(h11.SERVER), asyncio.Transport(), logging.getLogger()
    flow, event = FlowControl(transport), asyncio.Event()
    scope: dict[str, object] = {"type": "http"}
    request = RequestResponseCycle(
        scope,  # pyright: ignore[reportArgumentType]
        connection,
        transport,
        flow,
        log,
        log,
        False,
        [],
        event,
        lambda: None,
    )
    assert [name for name in _PARTS if not hasattr(request, name)] == []


def test_a_request_without_them_is_sent_by_asgi() -> None:
    loop = asyncio.new_event_loop()
    try:
        config = uvicorn.Config(lambda: None, http=_Protocol)
        config.load()
        protocol = _Protocol(config, ServerState(), {}, loop)
        protocol.cycle = object()  # pyright: ignore[reportAttributeAccessIssue]
        output = _Joined(asyncio.Transport(), protocol)
        assert not output.respond({"method": "GET"}, BytesResponse(b"{}", b"application/json"), b"")
        assert output.parts == []
    finally:
        loop.close()
