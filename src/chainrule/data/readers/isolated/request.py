"""A request to decode a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Options = Mapping[str, Any]
ROOM = 256_000_000  # bytes that a decoder may take beside the values: buffers of compressed parts, threads


class Request(NamedTuple):
    """A file to decode.

    Args:
        descriptor: the open file.
        options: those of the operation; ``limit``: bytes that the result may take.
        allow: is called with the number of bytes that the process may take from now on.
    """

    descriptor: int
    options: Options
    allow: Callable[[int], None]
