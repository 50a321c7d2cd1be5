"""Some rows of an array, read from it when they are asked for.

NumPy can view every second row of an array, but not rows in any other selection: ``x[index]`` copies them. A
training set that is split at random would be copied that way, which ends a training on arrays larger than
memory. A ``RowView`` keeps the array and the row numbers; a batch of it is one gather from the array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.records import frozen

LARGE = 1 << 24  # bytes from which an array is viewed; a smaller one is copied, which reads faster


@frozen(eq=False)
class RowView:
    """The rows ``index`` of ``array``, as an array that is not there yet.

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
        """The numbers of these rows, copied; ``rows`` selects along the first axis alone."""
        return self.array[self.index[rows]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All rows, copied."""
        return np.asarray(self.array[self.index], dtype)


def pick_rows(array: Any, index: np.ndarray) -> Any:
    """Rows of an array: a view of a large one, a copy of a small one."""
    return RowView(array, index) if array.nbytes >= LARGE else array[index]


def whole_rows(array: Any, index: np.ndarray, count: int) -> np.ndarray:
    """An array of ``count`` rows that has these rows at ``index``: what ``pick_rows`` was given.

    Args:
        array: a view, whose own array is returned; or an array, whose rows are put at ``index`` among zeros.
        index: the row numbers.
        count: rows of the whole.
    """
    if isinstance(array, RowView):
        return array.array
    whole = np.zeros((count, *array.shape[1:]), array.dtype)
    whole[index] = array
    return whole
