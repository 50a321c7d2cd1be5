"""Parse the header of a ``.npy`` file without evaluating it.

    magic "\\x93NUMPY", version, length     10 or 12 bytes
    {'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }
    the elements

NumPy evaluates the header as a Python literal. Here it must have the form that NumPy writes: one dtype, one
order, one shape; parsing it costs nothing, and it cannot contain anything else.

Reference: NumPy enhancement proposal 1, "A simple file format for NumPy arrays".
"""

from __future__ import annotations

import re
from typing import IO, NamedTuple

import numpy as np

from chainrule.errors import fact

LONGEST = 4096  # maximum bytes of a header
AXES = 32
_HEADER = re.compile(
    r"\{'descr': '([<>|=][a-zA-Z]\d{0,9}(?:\[\w{1,9}\])?|\|O)', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\),? ?\}\s*"
)


class Layout(NamedTuple):
    """The memory layout of the array in a file.

    Args:
        dtype: dtype of the elements.
        shape: shape of the array.
        is_fortran: whether it is stored in column-major order.
        start: offset of the first element in the file.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    is_fortran: bool
    start: int


def read_layout(stream: IO[bytes]) -> Layout:
    """Read the layout of the array in a file; the stream is then at its first element.

    Raises:
        ValueError: the header does not have the form that NumPy writes.

    Example:
        >>> import io
        >>> stream = io.BytesIO()
        >>> np.save(stream, np.zeros((3, 2), np.float32))
        >>> _ = stream.seek(0)
        >>> read_layout(stream)[:3]
        (dtype('float32'), (3, 2), False)
    """
    begin = stream.read(8)
    width = {1: 2, 2: 4, 3: 4}.get(begin[6] if len(begin) == 8 else 0)
    if begin[:6] != b"\x93NUMPY" or width is None:
        raise ValueError("no array as NumPy writes it")
    length = int.from_bytes(stream.read(width), "little")
    if length > LONGEST:
        raise ValueError(f"a header of {length:,} bytes, more than {LONGEST:,}")
    text = stream.read(length).decode("latin-1")
    match = _HEADER.fullmatch(text)
    if match is None:
        raise ValueError(f"a header that is not of one type and shape: {ascii(text[:60])[1:-1]}")
    shape = tuple(int(part) for part in match.group(3).split(",") if part.strip())
    if len(shape) > AXES:
        raise ValueError(fact("{count} axes", count=len(shape)))
    try:
        dtype = np.dtype(match.group(1))
    except (TypeError, ValueError) as cause:
        raise ValueError(f"no type is called {match.group(1)}") from cause
    return Layout(dtype, shape, match.group(2) == "True", 8 + width + length)
