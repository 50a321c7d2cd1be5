"""Sums, the largest and the smallest along the middle axis of (n, r, c).

Every reduction is seen as one of r rows of c numbers at each of n places: an axis that is not the last, or
several neighbouring ones, needs no kernel of its own.
"""

from __future__ import annotations

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.kernels.kernel import FAR, REAL, Source, part, words
from chainrule.engines.native.pointer import pointer


def sum_rows(kind: str) -> Source:
    """For each place the sum over r rows: (n, r, c) -> (n, c), added to what is there or not.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y, add].
    """
    real = REAL[kind]
    size = real().itemsize

    def run(block):
        w, zero = words(block), real(0)
        n, r, c = w[0], w[1], w[2]
        for s in range(n):
            x = w[3] + s * w[4] * size
            y = carray(pointer(w[7] + s * c * size, zero), c)
            if w[8] == 0:
                for j in range(c):
                    y[j] = zero
            if c > 1 and w[6] == 1:
                add_rows(y, r, c, x, w[5] * size, zero)
            elif w[5] == 1:
                add_dense_columns(y, r, c, x, w[6] * size, zero)
            else:
                add_columns(y, r, c, carray(pointer(x, zero), FAR), w[5], w[6], zero)

    return Source(run)


@part
def add_rows(y, r, c, x, row_bytes, zero):
    """y += X[i] for every row i, at address ``x``."""
    for i in range(r):
        row = carray(pointer(x + i * row_bytes, zero), c)
        for j in range(c):
            y[j] += row[j]


@part
def add_dense_columns(y, r, c, x, column_bytes, zero):
    """y[j] += the sum of column j, whose numbers lie side by side."""
    for j in range(c):
        column, total = carray(pointer(x + j * column_bytes, zero), r), zero
        for i in range(r):
            total += column[i]
        y[j] += total


@part
def add_columns(y, r, c, x, row, column, zero):
    """y[j] += the sum of column j, whose numbers lie apart."""
    for j in range(c):
        total = zero
        for i in range(r):
            total += x[i * row + j * column]
        y[j] += total


def largest_rows(kind: str, sign: int) -> Source:
    """For each place the largest (sign 1) or smallest (sign -1) over r rows; NaN if any is NaN.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y].
    """
    real = REAL[kind]
    size = real().itemsize

    def run(block):
        w, zero = words(block), real(0)
        for s in range(w[0]):
            x = carray(pointer(w[3] + s * w[4] * size, zero), FAR)
            y = carray(pointer(w[7] + s * w[2] * size, zero), w[2])
            for j in range(w[2]):
                y[j] = x[best(x, w[1], w[5], j * w[6], sign) * w[5] + j * w[6]]

    return Source(run)


def argmax_rows(kind: str) -> Source:
    """For each place the index of the largest over r rows, the first one at a tie or the first NaN.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y].
    """
    real = REAL[kind]
    size = real().itemsize

    def run(block):
        w, zero = words(block), real(0)
        for s in range(w[0]):
            x = carray(pointer(w[3] + s * w[4] * size, zero), FAR)
            y = carray(pointer(w[7] + s * w[2] * 8, np.int64(0)), w[2])
            for j in range(w[2]):
                y[j] = best(x, w[1], w[5], j * w[6], 1)

    return Source(run)


@part
def best(x, r, step, start, sign):
    """Which of r numbers, ``step`` apart, is the largest (sign 1) or smallest (-1); a NaN is both."""
    top, where = x[start], 0
    for i in range(1, r):
        value = x[start + i * step]
        if top == top and (value * sign > top * sign or value != value):
            top, where = value, i
    return where
