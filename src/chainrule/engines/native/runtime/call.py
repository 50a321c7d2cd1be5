"""A kernel with the words of its block, some of which are known only when memory is laid out."""

from __future__ import annotations

from typing import Any

from chainrule.engines.native.runtime.partition import Share
from chainrule.records import frozen


@frozen
class Address:
    """A word that holds where something lies: a buffer's address plus ``offset`` bytes."""

    buffer: int
    offset: int = 0


@frozen
class Adds:
    """A word for whether a result is added to what is there: not for the first part of a batch (the sum
    begins), but for the others.

    Args:
        others: bits of the word that stay.
    """

    others: int = 0


@frozen
class Place:
    """A word for the place of a part's first number in the batch: its first row times ``per_row``."""

    per_row: int


FLAG = Address(-1)  # where a kernel says that an index was out of range
Word = Any  # an int, an Address, Adds or Place


@frozen
class Call:
    """A kernel with its block.

    Args:
        kernel: its address.
        words: the block.
        share: how it is divided among lanes, where it can be.
    """

    kernel: int
    words: tuple[Word, ...]
    share: Share | None = None
