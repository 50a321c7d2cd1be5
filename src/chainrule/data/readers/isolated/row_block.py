"""Rows of numbers in memory that a decoder writes and its parent reads: one array, row after row.

A network takes rows, a file has columns. The decoder arranges the numbers as rows while they are in its
cache, and writes them to memory that both processes have and that is used again for the next rows. The parent
copies each row once, to its place in a training.

The memory is not sealed against writing, in contrast to that of columns: any bytes are valid numbers, and the
parent uses only its copy. Its size cannot change, where the system has such files.

Rejected: new shared memory for the columns of each part, which the parent arranges as rows: its pages take
longer than the numbers. Mapping the memory in the decoder: each request would map every page again.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from typing import Any

import numpy as np

from chainrule.data.readers.lazy_polars import pl

_CACHED = 1 << 19  # bytes of rows that are arranged at once
_LEAST_ROWS = 256  # of them; the columns of fewer rows take longer to begin than to copy


class RowBlock:
    """Memory for rows of float32 numbers.

    Args:
        rows: the largest number of rows.
        columns: the number of columns.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns, size = rows, columns, max(1, 4 * rows * columns)
        if hasattr(os, "memfd_create"):
            self._file: Any = os.fdopen(os.memfd_create("rows", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "r+b")
            self._file.truncate(size)
            seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
            fcntl.fcntl(self._file.fileno(), fcntl.F_ADD_SEALS, seals)
        else:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed with this object
            self._file.truncate(size)
        content = mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ)
        self._numbers = np.frombuffer(content, np.float32, rows * columns)

    @property
    def descriptor(self) -> int:
        """The descriptor of the file that has the memory."""
        return self._file.fileno()

    def array(self, rows: int) -> np.ndarray:
        """Return the first rows, (rows, columns), as the decoder wrote them last; read-only."""
        return self._numbers[: rows * self.columns].reshape(rows, self.columns)


def write_rows(frame: pl.DataFrame, descriptor: int) -> None:
    """Write columns of numbers and booleans as rows of float32 numbers; a missing value is NaN.

    Raises ``OSError`` where the memory is too small.
    """
    number = pl.Float32
    others = [column.cast(number) for column in frame.get_columns() if column.dtype != number]
    frame = (frame.with_columns(others) if others else frame).rechunk()
    columns = [column.to_numpy() for column in frame.get_columns()]
    count = max(_LEAST_ROWS, _CACHED // (4 * max(1, len(columns))))
    rows = np.empty((min(count, max(1, frame.height)), len(columns)), np.float32)
    for start in range(0, frame.height, count):
        part = rows[: min(count, frame.height - start)]
        for place, column in enumerate(columns):
            part[:, place] = column[start : start + count]
        if part.size and os.pwrite(descriptor, part.data, 4 * start * len(columns)) < part.nbytes:
            raise OSError("the memory for the rows is too small")
