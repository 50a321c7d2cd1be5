"""What a process and its decoder exchange: requests, errors, and messages over a socket with open files."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from chainrule.data.tables.table import unusable_columns
from chainrule.errors import CATALOG, DataError, Message, alternatives, fact, join_facts
from chainrule.messages import JoinedMessage, known_fact

# A request to decode a file.

Options = Mapping[str, Any]
ROOM = 256_000_000  # bytes that a decoder may take beside the values: buffers of compressed parts, threads


class Request(NamedTuple):
    """A file to decode.

    Args:
        descriptor: the open file.
        options: those of the operation; ``limit``: bytes that the result may take.
        allow: is called with the number of bytes that the process may take from now on.
        block: the memory for rows of numbers, of an operation that writes such.
    """

    descriptor: int
    options: Options
    allow: Callable[[int], None]
    block: int | None = None


# The errors of operations of a decoder.

# Errors as plain values, so that a decoder can return them.
#
# Of an error that a decoder returns only codes of the catalog and templates of the Chinese texts are
# accepted.

_TEXTS = ("where", "expected", "received", "fix")


def error_record(error: DataError) -> dict[str, Any]:
    """Return an error as plain values."""
    texts = {name: _record(getattr(error, name)) for name in _TEXTS}
    details = {name: _record(value) for name, value in error.details.items()}
    return {"code": error.code, **texts, "notes": [_record(n) for n in error.notes], "details": details}


def error_of(record: Any) -> DataError:
    """Return the error of ``error_record``; ``ValueError``, ``TypeError`` or ``LookupError`` if malformed."""
    code = record["code"]
    if code not in CATALOG or not code.startswith("E3"):
        raise ValueError("an unknown code")
    texts = {name: _text(record[name]) for name in _TEXTS}
    details = {str(name): _text(value) for name, value in record["details"].items()}
    return DataError(code, **texts, notes=[str(_text(note)) for note in record["notes"]], **details)


def _record(text: object) -> Any:
    if isinstance(text, JoinedMessage):
        return {"separator": text.separator, "parts": [_record(part) for part in text.parts]}
    if isinstance(text, Message):
        values = {name: _record(value) for name, value in text.values.items()}
        return {"template": text.template, "values": values}
    return text if isinstance(text, int | float) else str(text)


def _text(record: Any) -> Any:
    if isinstance(record, dict) and "parts" in record:
        return join_facts(str(record["separator"]), [_text(part) for part in record["parts"]])
    if isinstance(record, dict):
        return known_fact(record["template"], {name: _text(v) for name, v in record["values"].items()})
    if not isinstance(record, str | int | float):
        raise TypeError("neither a text nor a number")
    return record


def strange_columns(name: str, columns: Mapping[str, Any], is_parquet: bool) -> DataError:
    """Return the error for columns of types that a table cannot have."""
    error = unusable_columns(name, {column: str(dtype) for column, dtype in columns.items()})
    nested = [name for name, dtype in columns.items() if dtype.is_nested()]
    if nested and is_parquet:
        error.fix = f"polars.read_parquet({name!r}).drop({nested!r}).write_parquet('plain.parquet')"
    return error


def repeated_name(source: str, message: str) -> DataError:
    """Return the error for a Parquet file with equal names, of which the message of polars quotes one."""
    name = message.partition("'")[2].rpartition("'")[0] or message
    received, fix = fact('"{name}" twice', name=name), fact("give every column its own name")
    return DataError("E305", where=source, expected=fact("distinct names"), received=received, fix=fix)


def missing_columns(source: str, columns: Sequence[str], missing: Sequence[str]) -> DataError:
    """Return the error for a file without some of the columns of a training."""
    received = fact('no "{names}"', names='", "'.join(missing[:8]))
    return DataError("E326", where=source, expected=", ".join(columns[:20]), received=received)


def no_numbers(column: str, dtype: str) -> DataError:
    """Return the error for an input without numbers."""
    return DataError("E340", where=column, expected=fact("a column of numbers"), received=dtype)


def too_large(name: str, size: int, rows: int, columns: int, limit: int) -> DataError:
    """Return the error for a file that expands to more than the limit, with ways to read it anyway."""
    received = fact(
        "{size:,} bytes: {rows:,} rows, {columns:,} columns", size=size, rows=rows, columns=columns
    )
    expected = fact("at most {limit:,} bytes", limit=limit)
    return DataError("E308", where=name, expected=expected, received=received, fix=raise_limit(size))


def raise_limit(size: int) -> str:
    """Return the fix for a file that needs more memory than ``settings.decode_limit``."""
    billions = -(-size // 10**9) + 1
    return alternatives(f"cr.settings.decode_limit = {billions}_000_000_000", fact("convert the file to CSV"))


LONGEST = 256_000_000  # bytes of a message: the names of the columns, at most 100,000
_LENGTH = struct.Struct("<Q")


def send_message(channel: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send a message, with open files."""
    blob = json.dumps(message).encode()
    socket.send_fds(channel, [_LENGTH.pack(len(blob))], list(descriptors))
    channel.sendall(blob)


def receive_message(channel: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Receive a message with its open files; ``EOFError``: no other side; ``ValueError``: malformed."""
    head, descriptors, _, _ = socket.recv_fds(channel, _LENGTH.size, 4)
    try:
        head += _received(channel, _LENGTH.size - len(head))
        (length,) = _LENGTH.unpack(head)
        if length > LONGEST:
            raise ValueError(f"a message of {length:,} bytes")
        message = json.loads(_received(channel, length))
        if not isinstance(message, dict):
            raise ValueError("a message that is no object")
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return message, descriptors


def _received(channel: socket.socket, length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        piece = channel.recv(min(length - len(content), 1 << 20))
        if not piece:
            raise EOFError
        content += piece
    return bytes(content)
