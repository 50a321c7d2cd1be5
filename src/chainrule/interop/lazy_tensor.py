"""A tensor of a file: its shape and dtype are known immediately, its elements are converted on access.

Files contain dtypes that NumPy does not have (``bfloat16``) or that are not supported here (``float16``).
``array`` converts to a supported dtype and copies only if necessary.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from chainrule.records import frozen


class Kind(NamedTuple):
    """A dtype of files.

    Args:
        stored: the NumPy dtype of the stored elements, little-endian.
        becomes: the dtype to which ``array`` converts.
    """

    stored: str
    becomes: str

    @property
    def width(self) -> int:
        """Bytes per element in the file."""
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
        kind: its dtype in the file, one of ``KINDS``.
        stored: its elements as stored in the file, in its shape.

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
        """The number of elements."""
        return math.prod(self.stored.shape)

    def array(self) -> np.ndarray:
        """Return the elements, converted to a supported dtype."""
        if self.kind == "bfloat16":
            return (self.stored.astype(np.uint32) << 16).view(np.float32)
        if self.kind == "bool":
            return self.stored != 0
        return self.stored.astype(KINDS[self.kind].becomes, copy=False)
