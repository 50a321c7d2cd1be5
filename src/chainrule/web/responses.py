"""Responses of a server: JSON, errors as JSON, and lines of the log.

An error has one form, ``{"error": TEXT, "code": CODE, "request_id": ID}``, whose text is in the language of
the client. It never contains a traceback: what was not expected is in the log, under the id of the request.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from chainrule.errors import ChainruleError
from chainrule.messages import rendered

JSON_TYPE = b"application/json"
STATUS_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
    421: "misdirected",
    429: "overloaded",
    500: "internal",
    503: "unavailable",
    504: "timeout",
}


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))
_LOG_ENCODER = json.JSONEncoder(default=str)


class RequestError(Exception):
    """A request that is refused.

    Args:
        status: of HTTP.
        message: a sentence for the client, as of ``chainrule.errors.fact``.
        headers: of the response.
        code: of the error; by default that of the status.
    """

    def __init__(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, code: str = ""
    ) -> None:
        super().__init__(status, message)
        self.status, self.message = status, message
        self.headers = dict(headers or {})
        self.code = code or STATUS_CODES[status]

    def text(self, lang: str) -> str:
        """Return the sentence in a language."""
        return str(rendered(self.message, lang))


def invalid(message: str) -> RequestError:
    """Return the refusal of a request that is not as it must be."""
    return RequestError(400, message)


def refusal_of(error: ChainruleError, lang: str) -> RequestError:
    """Return the refusal of a request that is wrong in the words of chainrule."""
    return RequestError(400, error.render(lang), code=error.code)


class BytesResponse:
    """A response: an ASGI application that sends it.

    Args:
        body: of the response.
        content_type: of the body.
        headers: further ones.
        status: of HTTP.
    """

    def __init__(
        self, body: bytes, content_type: bytes, headers: Mapping[str, str] | None = None, status: int = 200
    ) -> None:
        self.body, self.content_type = body, content_type
        self.headers, self.status = headers or {}, status

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the response."""
        await send_response(send, self.status, self.content_type, self.body, self.headers)


class JsonResponse(BytesResponse):
    """A response of JSON.

    Args:
        content: what ``json`` writes.
        status: of HTTP.
    """

    def __init__(self, content: Any, status: int = 200) -> None:
        super().__init__(encoded(content), JSON_TYPE, None, status)


def encoded(content: Any) -> bytes:
    """Return a value as JSON in UTF-8."""
    return _ENCODER.encode(content).encode("utf-8", "backslashreplace")


async def send_response(
    send: Any, status: int, content_type: bytes, body: bytes, headers: Mapping[str, str]
) -> None:
    """Send a whole response."""
    fields = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    fields += [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def send_refusal(send: Any, refused: RequestError, lang: str, request_id: str) -> None:
    """Send an error as JSON."""
    content = {"error": refused.text(lang), "code": refused.code, "request_id": request_id}
    await send_response(send, refused.status, JSON_TYPE, encoded(content), refused.headers)


def log_line(event: str, **fields: Any) -> None:
    """Write an event to the standard error, as one line of JSON; a log that cannot be written is left out.

    Args:
        event: its name.
        fields: texts, numbers and booleans; control characters are escaped.
    """
    write_log([log_text(event, time.time(), fields)])


def log_text(event: str, at: float, fields: Mapping[str, Any]) -> str:
    """Return an event as a line of a log.

    Args:
        event: its name.
        at: when it was, in seconds as of ``time.time``.
        fields: as of ``log_line``.
    """
    stamp = f"{_second(int(at))}.{int(at * 1000) % 1000:03d}Z"
    return _LOG_ENCODER.encode({"time": stamp, "event": event, **fields})


def write_log(lines: Sequence[str]) -> None:
    """Write lines to the standard error; lines that cannot be written are left out."""
    with suppress(OSError, ValueError):
        sys.stderr.write("\n".join([*lines, ""]))
        sys.stderr.flush()


@lru_cache(1)
def _second(seconds: int) -> str:
    """Return a time of a log, without its fraction."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
