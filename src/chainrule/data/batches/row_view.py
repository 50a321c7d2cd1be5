"""A selection of rows of an array, gathered on access.

NumPy can view every second row of an array, but not an arbitrary selection: ``x[index]`` copies the rows. A
training set that is split at random would be copied that way, which fails for arrays larger than memory. A
``RowView`` keeps the array and the row numbers; a batch of it is one gather from the array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.records import frozen

LARGE = 1 << 24  # bytes from which an array is viewed; a smaller one is copied, which is faster to read


@frozen(eq=False)
class RowView:
    """The rows ``index`` of ``array``, gathered on access.

    Args:
        array: (N, ...) rows first.
        index: (M,) row numbers, int64.

    Example:
        >>> view = RowView(np.arange(6.0).reshape(3, 2), np.array([2, 0]))
        >>> view.shape, view[:1].tolist(), np.asarray(view).tolist()
        ((2, 2), [[4.0, 5.0]], [[4.0, 5.0], [0.0, 1.0]])
    """

    array: np.ndarray
    index: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.index), *self.array.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def size(self) -> int:
        return len(self.index) * (self.array[0].size if len(self.array) else 0)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Gather and copy the given rows; ``rows`` indexes the first axis."""
        return self.array[self.index[rows]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Gather and copy all rows."""
        return np.asarray(self.array[self.index], dtype)


def pick_rows(array: Any, index: np.ndarray) -> Any:
    """Select rows of an array: a view of a large one, a copy of a small one."""
    return RowView(array, index) if array.nbytes >= LARGE else array[index]


def restore_rows(array: Any, index: np.ndarray, count: int) -> np.ndarray:
    """Restore an array of ``count`` rows that has the given rows at ``index``: the inverse of ``pick_rows``.

    Args:
        array: a view, whose base array is returned; or an array, whose rows are placed at ``index`` among
            zeros.
    """
    if isinstance(array, RowView):
        return array.array
    restored = np.zeros((count, *array.shape[1:]), array.dtype)
    restored[index] = array
    return restored


def is_mapped(array: np.ndarray) -> bool:
    """Return whether an array lies in a memory-mapped file; a conversion would load all of it.

    Example:
        >>> is_mapped(np.zeros(2))
        False
    """
    part: object = array
    while isinstance(part, np.ndarray) and not isinstance(part, np.memmap):
        part = part.base
    return isinstance(part, np.memmap)
