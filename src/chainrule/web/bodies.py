"""The body of a request: bounded in size and time, and parsed as strict JSON.

The JSON of the standard library accepts ``NaN`` and ``Infinity``, other encodings than UTF-8, and repeated
keys, of which it keeps the last. Here all but the standard is refused, and ``read_json`` refuses repeated
keys, too: two programs that read such a text differently see different requests.
"""

from __future__ import annotations

import json
from typing import Any

from chainrule.errors import fact
from chainrule.records import frozen
from chainrule.store.json_document import repeated_key
from chainrule.web.responses import RequestError, invalid

MEBIBYTE = 1 << 20


@frozen
class Limits:
    """What a server accepts of one request.

    Args:
        body_bytes: the largest body.
        header_bytes: the largest head of a request.
        header_seconds: until the head of a request is complete.
        body_seconds: until the body is complete.
        response_seconds: until the response begins.
        keep_alive_seconds: how long a connection without a request stays open.
        stop_seconds: how long requests may run after the server received a signal to stop.
        connections: the largest number of connections.
    """

    body_bytes: int = 8 * MEBIBYTE
    header_bytes: int = 1 << 14
    header_seconds: float = 10.0
    body_seconds: float = 20.0
    response_seconds: float = 30.0
    keep_alive_seconds: int = 5
    stop_seconds: int = 30
    connections: int = 1000


async def read_json(request: Any) -> Any:
    """Return the JSON in the body of a request, an ``Exchange`` or one of Starlette.

    Raises:
        RequestError 415: the body is of another type. 413: it is too large. 400: it is not JSON, or a key
            occurs twice in one object.
    """
    if media_type(request.headers.get("content-type", "")) != "application/json":
        expected = fact("the header Content-Type: application/json")
        raise RequestError(415, fact("the body is not JSON; expected {expected}", expected=expected))
    return parse_json(await request.body(), may_repeat_keys=False)


def media_type(content_type: str) -> str:
    """Return the type in a header Content-Type, without parameters.

    Example:
        >>> media_type("Application/JSON; charset=utf-8")
        'application/json'
    """
    return content_type.partition(";")[0].strip().lower()


def parse_json(content: bytes, may_repeat_keys: bool = True) -> Any:
    """Return the value of a JSON text in UTF-8.

    Args:
        content: the text.
        may_repeat_keys: whether the last value of a repeated key counts; otherwise it is refused.

    Raises:
        RequestError 400: it is not JSON.

    Example:
        >>> parse_json(b'{"a": [1, 2.5, null]}')
        {'a': [1, 2.5, None]}
    """
    try:
        text = content.decode("utf-8")
        value = (_LAST_KEY if may_repeat_keys else _DISTINCT_KEYS).decode(text)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half of a pair of surrogates is no character
    except UnicodeError:
        raise invalid(fact("the body is not UTF-8, or contains half a character")) from None
    except RecursionError:
        raise invalid(fact("the JSON of the body is nested too deep")) from None
    except json.JSONDecodeError as error:
        place = {"line": error.lineno, "column": error.colno}
        raise invalid(fact("the body is not JSON: line {line}, column {column}", **place)) from None
    except ValueError:  # an integer of thousands of digits
        raise invalid(fact("the JSON of the body contains a number with too many digits")) from None
    return value


def _refuse_constant(text: str) -> Any:
    raise invalid(fact("{text} is not JSON; a missing value is null", text=text))


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON whose keys differ."""
    record = dict(pairs)
    if len(record) < len(pairs):
        raise invalid(fact('the key "{key}" occurs twice in one object', key=repeated_key(pairs)[:80]))
    return record


_LAST_KEY = json.JSONDecoder(parse_constant=_refuse_constant)
_DISTINCT_KEYS = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_distinct)


def too_large(limit: int) -> RequestError:
    """Return the refusal of a body of more bytes than a limit."""
    words = fact("the body has more than {limit:,} bytes", limit=limit)
    return RequestError(413, words, {"connection": "close"})  # the rest of the body is not read
