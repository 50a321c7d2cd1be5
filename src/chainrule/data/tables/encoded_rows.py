"""The encoded rows of a table, written where they are needed, a block of rows at a time.

The features of a category are zeros but one, so that the inputs of a table may take several times the memory
of the table. What depends on all rows (the faults, the notices, whether a number could overflow) is computed
once; then any rows can be encoded, with the same result as all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.findings import Finding
from chainrule.records import frozen
from chainrule.settings import settings

T = TypeVar("T")
Writer = Callable[[np.ndarray, slice], None]
MANY_ROWS = 20_000  # from which threads save time
BLOCK = 1 << 16  # rows that are encoded together; a multiple of those that a network predicts at once
PART = 1 << 13  # rows that a thread writes at once, which stay in its cache


@frozen(eq=False)
class EncodedRows:
    """Rows of a table, from which inputs are computed.

    Args:
        count: the number of rows.
        features: the number of features.
        writers: for each column, or several, the position of the first feature, the one after the last, and a
            function that writes its own features of some rows to an array of zeros.
        notices: for the user.
    """

    count: int
    features: int
    writers: tuple[tuple[int, int, Writer], ...]
    notices: tuple[Finding, ...]

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield the inputs (n, F), ``BLOCK`` rows at a time; the last block has the rest."""
        for start in range(0, self.count, BLOCK):
            yield self._inputs(slice(start, min(start + BLOCK, self.count)))

    def inputs(self) -> np.ndarray:
        """Return the inputs of all rows, (N, F)."""
        return self._inputs(slice(0, self.count))

    def _inputs(self, rows: slice) -> np.ndarray:
        x = np.zeros((rows.stop - rows.start, self.features), np.float32)

        def write(start: int) -> None:
            part = slice(start, min(start + PART, rows.stop))
            for first, end, writer in self.writers:
                writer(x[part.start - rows.start : part.stop - rows.start, first:end], part)

        for _ in of_each(write, range(rows.start, rows.stop, PART), len(x)):
            pass
        return x


def of_each(function: Callable[[int], T], arguments: Sequence[int], rows: int) -> Iterable[T]:
    """Return the results in order, by several threads where there are many rows.

    polars and NumPy compute without holding the interpreter lock.
    """
    threads = min(pl.thread_pool_size(), settings.threads)
    if threads == 1 or len(arguments) <= 1 or rows < MANY_ROWS:
        return map(function, arguments)
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, arguments))
