"""A tensor of a file: its shape and number kind are known at once, its numbers are looked at when wanted.

Files hold kinds of numbers that NumPy does not have (``bfloat16``) or in which nobody computes here
(``float16``). ``array`` gives what this system computes with; nothing is copied that need not be.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from chainrule.records import frozen


class Kind(NamedTuple):
    """A kind of numbers in files.

    Args:
        stored: NumPy's name of what stands in the file, little-endian.
        becomes: the kind in which its numbers are handed out.
    """

    stored: str
    becomes: str

    @property
    def width(self) -> int:
        """Bytes a number takes in the file."""
        return np.dtype(self.stored).itemsize


KINDS: dict[str, Kind] = {
    "float32": Kind("<f4", "float32"),
    "float64": Kind("<f8", "float64"),
    "float16": Kind("<f2", "float32"),
    "bfloat16": Kind("<u2", "float32"),  # the upper half of a float32, bit for bit
    "int8": Kind("<i1", "int64"),
    "int16": Kind("<i2", "int64"),
    "int32": Kind("<i4", "int32"),
    "int64": Kind("<i8", "int64"),
    "uint8": Kind("<u1", "int64"),
    "uint16": Kind("<u2", "int64"),
    "uint32": Kind("<u4", "uint32"),
    "bool": Kind("<u1", "bool"),
}


@frozen(eq=False)
class Tensor:
    """A tensor of a file.

    Args:
        kind: its number kind, one of ``KINDS``.
        stored: its numbers as they stand in the file, in its shape.

    Example:
        >>> half = Tensor("bfloat16", np.array([0x3F80, 0xC000], np.uint16))
        >>> half.array(), half.shape, half.size
        (array([ 1., -2.], dtype=float32), (2,), 2)
    """

    kind: str
    stored: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of its axes."""
        return self.stored.shape

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.stored.shape)

    def array(self) -> np.ndarray:
        """Its numbers in a kind that this system computes with."""
        if self.kind == "bfloat16":
            return (self.stored.astype(np.uint32) << 16).view(np.float32)
        if self.kind == "bool":
            return self.stored != 0
        return self.stored.astype(KINDS[self.kind].becomes, copy=False)
