"""Rows found by their number: reading them, adding to them, and the 1 that stands for them.

A number outside its table is not read: the kernel sets the flag to 1 + the position of that number, or leaves
it where a later position is told already, and goes on.
"""

from __future__ import annotations

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.kernels.kernel import FAR, REAL, Source, part, words
from chainrule.engines.native.pointer import exchange_if, peek, pointer


@part
def is_outside(row, rows, flag, position):
    """Whether there is no such row; if so the flag says at which position."""
    if 0 <= row < rows:
        return False
    told = peek(flag)  # by another thread perhaps
    while told < 1 + position and not exchange_if(flag, told, 1 + position):
        told = peek(flag)
    return True


def take_rows(kind: str, index: str) -> Source:
    """Rows of a table by their index.

    Block: [how many, row length in numbers, table, its rows, table row stride, indices, index stride, Y,
    flag, position of the first].
    """
    real, number = REAL[kind], REAL[index]
    size = real().itemsize

    def run(block):
        w, zero = words(block), real(0)
        many, width, rows, stride, step, flag, first = w[0], w[1], w[3], w[4], w[6], w[8], w[9]
        table, made = carray(pointer(w[2], zero), FAR), carray(pointer(w[7], zero), FAR)
        where = carray(pointer(w[5], number(0)), FAR)
        for i in range(many):
            row = np.int64(where[i * step])
            if is_outside(row, rows, flag, first + i):
                continue
            if 0 < width <= 2:  # to begin a loop would take longer than to copy so few
                made[i * width] = table[row * stride]
                if width == 2:
                    made[i * 2 + 1] = table[row * stride + 1]
                continue
            source = carray(pointer(w[2] + row * stride * size, zero), width)
            target = carray(pointer(w[7] + i * width * size, zero), width)
            for j in range(width):
                target[j] = source[j]

    return Source(run)


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


def one_hot_rows(kind: str, index: str) -> Source:
    """A 1 at each index, among zeros.

    Block: [how many, depth, indices, index stride, Y, flag, position of the first].
    """
    real, number = REAL[kind], REAL[index]
    size = real().itemsize

    def run(block):
        w, zero = words(block), real(0)
        where = carray(pointer(w[2], number(0)), FAR)
        for i in range(w[0]):
            row = carray(pointer(w[4] + i * w[1] * size, zero), w[1])
            for j in range(w[1]):
                row[j] = zero
            at = np.int64(where[i * w[3]])
            if not is_outside(at, w[1], w[5], w[6] + i):
                row[at] = real(1)

    return Source(run)
