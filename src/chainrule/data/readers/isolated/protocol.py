"""Messages between a process and its decoder: JSON over a socket, with open files beside it.

    8 bytes: length of the JSON    JSON, ASCII

JSON is read by both sides without executing anything (a pickle would execute what it contains). The decoder
reads hostile files, so that the other side trusts no message: their lengths are bounded.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any

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
