"""The names of the columns of an Arrow file, from its first message: polars panics where a name repeats.

A file begins with ``ARROW1`` and two zero bytes; a stream begins with the message. The message is preceded by
0xFFFFFFFF (not in old files) and its length. It is a *flatbuffer*: a table whose first number is the distance
back to the list of the places of its fields. Its third field is the schema, whose second field is a list of
columns, whose first field is the name. Every number may be invalid.

Reference: the Apache Arrow columnar format (Message.fbs, Schema.fbs).
"""

from __future__ import annotations

import os
import struct

MAGIC, CONTINUATION = b"ARROW1\0\0", b"\xff\xff\xff\xff"
MAX_BYTES = 1 << 24  # of a schema
HEADER, COLUMNS, NAME = 2, 1, 0  # numbers of fields


def column_names(descriptor: int) -> list[str]:
    """The names of the columns, in order; empty if the schema cannot be read.

    Args:
        descriptor: the open file, whose position is not changed.
    """
    head = os.pread(descriptor, 16, 0)
    place = len(MAGIC) if head.startswith(MAGIC) else 0
    place += len(CONTINUATION) if head[place:].startswith(CONTINUATION) else 0
    size = int.from_bytes(head[place : place + 4], "little")
    if not 0 < size <= MAX_BYTES:
        return []
    try:
        return _names(os.pread(descriptor, size, place + 4))
    except (struct.error, UnicodeDecodeError):
        return []


def _names(message: bytes) -> list[str]:
    schema = _field(message, _target(message, 0), HEADER)
    columns = _field(message, schema, COLUMNS)
    names = []
    for i in range(min(_number(message, columns), len(message) // 4)):
        text = _field(message, _target(message, columns + 4 + 4 * i), NAME)
        names.append(message[text + 4 : text + 4 + _number(message, text)].decode())
    return names


def _number(message: bytes, place: int) -> int:
    return struct.unpack_from("<I", message, place)[0]


def _target(message: bytes, place: int) -> int:
    """Where the offset at a place leads to."""
    return place + _number(message, place)


def _field(message: bytes, table: int, number: int) -> int:
    """Where a field of a table is that is itself a table, a list or a text."""
    places = table - struct.unpack_from("<i", message, table)[0]
    if not 0 <= places <= len(message) or 4 + 2 * number >= struct.unpack_from("<H", message, places)[0]:
        raise struct.error
    (offset,) = struct.unpack_from("<H", message, places + 4 + 2 * number)
    if not offset:
        raise struct.error
    return _target(message, table + offset)
