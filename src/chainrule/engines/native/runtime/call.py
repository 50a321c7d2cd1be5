"""A kernel call: a kernel and the words of its argument block.

Some words depend on where buffers are in memory and are filled in when memory is laid out.
"""

from __future__ import annotations

from typing import Any

from chainrule.engines.native.runtime.partition import Partition
from chainrule.records import frozen


@frozen
class Address:
    """A word that holds the address of a buffer plus ``offset`` bytes."""

    buffer: int
    offset: int = 0


@frozen
class Accumulate:
    """A word that holds whether a result is added to memory.

    It is 0 for the first microbatch, which starts a sum, and 1 for the others.

    Args:
        flags: bits of the word that do not depend on the microbatch.
    """

    flags: int = 0


@frozen
class RowOffset:
    """A word that holds the position of a microbatch's first number in the batch.

    It is the first row times ``per_row``.
    """

    per_row: int


FLAG = Address(-1)  # of the flag that a kernel sets when an index is out of range
Word = Any  # an int, an Address, Accumulate or RowOffset


@frozen
class Call:
    """A kernel with its block.

    Args:
        kernel: its address.
        words: the block.
        partition: how the call is divided among replicas, if it can be.
    """

    kernel: int
    words: tuple[Word, ...]
    partition: Partition | None = None
