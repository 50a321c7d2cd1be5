"""The paths of an application, as one table: all are known when the server starts, so that none is matched.

A path of a request is a key. There are no patterns, so that there is nothing that an unusual path could
match.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from chainrule.errors import fact
from chainrule.records import frozen
from chainrule.web.request_and_response import Exchange
from chainrule.web.responses import BytesResponse, RequestError

NO_PATH = fact("there is no such path; / describes all")
OTHER_METHOD = fact("this path does not take the method")
POLICY_VIOLATION = 1008  # code with which a refused websocket is closed


@frozen(eq=False)
class Operation:
    """What a server does for the requests to a path.

    Args:
        handle: returns the response to a request; raises ``RequestError`` and ``ChainruleError``.
        method: ``"GET"``, with which HEAD is accepted, too, or ``"POST"``.
        route: the name of the path in counters.
    """

    handle: Callable[[Exchange], Awaitable[BytesResponse]]
    method: str
    route: str


class Paths:
    """An ASGI application behind a ``Guard``, which finds the operation for a path.

    Args:
        operations: by path.
        unknown: returns the sentence about a path that does not exist.
    """

    def __init__(
        self, operations: Mapping[str, Operation], unknown: Callable[[str], str] = lambda path: NO_PATH
    ) -> None:
        self.operations, self.unknown = dict(operations), unknown

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Respond to a request."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        operation = self.operations.get(scope["path"])
        if operation is None:
            raise RequestError(404, self.unknown(scope["path"]))
        method = scope["method"]
        if method != operation.method and not (method == "HEAD" and operation.method == "GET"):
            allowed = "GET, HEAD" if operation.method == "GET" else operation.method
            raise RequestError(405, OTHER_METHOD, {"allow": allowed})
        scope["route"] = operation.route
        exchange = scope["state"]["exchange"]
        await exchange.respond(await operation.handle(exchange))
