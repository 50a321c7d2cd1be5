"""Scatter-add: add values to the rows of a table by row index; ``codegen.gather`` is its inverse.

An index outside the table is skipped: the kernel sets the flag to 1 + the position of that index, unless the
flag holds a later position, and continues.
"""

from __future__ import annotations

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.numba_intrinsics import atomic_load, compare_exchange, pointer
from chainrule.engines.native.kernels.kernel import REAL, UNBOUNDED, Source, inlined, words


@inlined
def is_outside(row, rows, flag, position):
    """Return whether the row does not exist; if so, record the position of the index in the flag."""
    if 0 <= row < rows:
        return False
    recorded = atomic_load(flag)  # another thread may have set it
    while recorded < 1 + position and not compare_exchange(flag, recorded, 1 + position):
        recorded = atomic_load(flag)
    return True


def add_rows(dtype: str, index: str) -> Source:
    """Add each value to its row of a table of zeros (or of the present contents).

    Block: [count, row length, values, table rows, accumulate, indices, index stride, Y, flag].
    """
    real, number = REAL[dtype], REAL[index]
    size = real().itemsize

    def run(block):
        w, zero = words(block), real(0)
        where = carray(pointer(w[5], number(0)), UNBOUNDED)
        if w[4] == 0:
            table = carray(pointer(w[7], zero), w[3] * w[1])
            for j in range(w[3] * w[1]):
                table[j] = zero
        for i in range(w[0]):
            row = np.int64(where[i * w[6]])
            if is_outside(row, w[3], w[8], i):
                continue
            source = carray(pointer(w[2] + i * w[1] * size, zero), w[1])
            target = carray(pointer(w[7] + row * w[1] * size, zero), w[1])
            for j in range(w[1]):
                target[j] += source[j]

    return Source(run)
