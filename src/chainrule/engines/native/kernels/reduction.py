"""Sums, the largest and the smallest along the middle axis of (n, r, c).

Every reduction is seen as one of r rows of c numbers at n places: an axis that is not the last, or several
neighbouring ones, needs no kernel of its own.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.kernels.kernel import EVERYTHING, kernel, part
from chainrule.engines.native.pointer import POINTER, i64


@cache
def sum_rows(kind: str) -> int:
    """For each place the sum over r rows: (n, r, c) -> (n, c), added to what is there or not.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y, add].
    """
    pointer, real, size = POINTER[kind], np.dtype(kind).type, np.dtype(kind).itemsize

    def dense(x, r):
        """The sum of numbers that lie side by side."""
        line, total = carray(pointer(x), r), real(0)
        for i in range(r):
            total += line[i]
        return total

    def apart(x, r, step):
        """The sum of numbers that lie ``step`` apart."""
        line, total = carray(pointer(x), EVERYTHING), real(0)
        for i in range(r):
            total += line[i * step]
        return total

    sum_dense, sum_apart = part(dense), part(apart)

    def by_columns(w, x, y):
        r, c = w[1], w[2]
        for j in range(c):
            line = x + j * w[6] * size
            y[j] += sum_dense(line, r) if w[5] == 1 else sum_apart(line, r, w[5])

    def by_rows(w, x, y):
        r, c = w[1], w[2]
        for i in range(r):
            row = carray(pointer(x + i * w[5] * size), c)
            for j in range(c):
                y[j] += row[j]

    add_columns, add_rows = part(by_columns), part(by_rows)

    def run(block):
        w = carray(i64(block), 9)
        n, c = w[0], w[2]
        for s in range(n):
            x, y = w[3] + s * w[4] * size, carray(pointer(w[7] + s * c * size), c)
            if w[8] == 0:
                y[:] = real(0)
            if c == 1 or w[6] != 1:
                add_columns(w, x, y)
            else:
                add_rows(w, x, y)

    return kernel(run).address


@cache
def largest_rows(kind: str, sign: int) -> int:
    """For each place the largest (sign 1) or smallest (sign -1) over r rows; NaN if any is NaN.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y].
    """
    pointer, size = POINTER[kind], np.dtype(kind).itemsize

    def best_of(line, r, step):
        best = line[0]
        for i in range(1, r):
            value = line[i * step]
            if best == best and (value * sign > best * sign or value != value):
                best = value
        return best

    return _each_place(part(best_of), pointer, pointer, size, size)


@cache
def argmax_rows(kind: str) -> int:
    """For each place the index of the largest over r rows, the first one at a tie or the first NaN.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y].
    """

    def where_best(line, r, step):
        best, where = line[0], 0
        for i in range(1, r):
            value = line[i * step]
            if best == best and (value > best or value != value):
                best, where = value, i
        return where

    return _each_place(part(where_best), POINTER[kind], i64, np.dtype(kind).itemsize, 8)
