"""Values are added to the rows of a table, each found by its number; see ``fetch`` for the way back.

A number outside its table is not read: the kernel sets the flag to 1 + the position of that number, or leaves
it where a later position is told already, and goes on.
"""

from __future__ import annotations

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.pointer import exchange_if, peek, pointer
from chainrule.engines.native.kernels.kernel import FAR, REAL, Source, part, words


@part
def is_outside(row, rows, flag, position):
    """Whether there is no such row; if so the flag says at which position."""
    if 0 <= row < rows:
        return False
    told = peek(flag)  # by another thread perhaps
    while told < 1 + position and not exchange_if(flag, told, 1 + position):
        told = peek(flag)
    return True


def add_rows(kind: str, index: str) -> Source:
    """Add each value to its row of a table of zeros (or of what is there).

    Block: [how many, row length, values, table rows, add, indices, index stride, Y, flag].
    """
    real, number = REAL[kind], REAL[index]
    size = real().itemsize

    def run(block):
        w, zero = words(block), real(0)
        where = carray(pointer(w[5], number(0)), FAR)
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
