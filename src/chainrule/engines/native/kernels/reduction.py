"""Sums, the largest and the smallest along the middle axis of (n, r, c).

Every reduction is seen as one of r rows of c numbers at each of n places: an axis that is not the last, or
several neighbouring ones, needs no kernel of its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.pointer import pointer
from chainrule.engines.native.kernels.kernel import FAR, REAL, Source, part, words


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


class Order(NamedTuple):
    """Numbers of a kind as whole numbers of the same size that can be compared in place of them.

    A broken number is a sign and a magnitude; counted from 0 up or down it is a whole number of the same
    order. NaN is put above all others. So the largest of many is found by instructions that have no
    exceptions, several numbers at a time.

    Args:
        whole: the kind of whole number.
        magnitude: which bits are not the sign; 0 where numbers are whole already.
        endless: the magnitude of infinity.
        sign: 1 to look for the largest, -1 for the smallest.
    """

    whole: type[np.integer]
    magnitude: int
    endless: int
    sign: int


def order_of(kind: str, sign: int) -> Order:
    """How numbers of a kind are compared."""
    if kind == "float32":
        return Order(np.int32, 0x7FFFFFFF, 0x7F800000, sign)
    if kind == "float64":
        return Order(np.int64, 0x7FFFFFFFFFFFFFFF, 0x7FF0000000000000, sign)
    return Order(REAL[kind], 0, 0, sign)


def largest_rows(kind: str, sign: int) -> Source:
    """For each place the largest (sign 1) or smallest (sign -1) over r rows; NaN if any is NaN.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y].
    """
    order = order_of(kind, sign)
    key, number, whole = key_of(order), number_of(order), order.whole
    size = whole().itemsize

    def run(block):
        w, zero = words(block), whole(0)
        r, c = w[1], w[2]
        for s in range(w[0]):
            x = w[3] + s * w[4] * size
            y = carray(pointer(w[7] + s * c * size, zero), c)
            if c > 1 and w[6] == 1:
                top_of_rows(y, r, c, x, w[5] * size, zero, key)
                for j in range(c):
                    y[j] = number(y[j])
            else:
                for j in range(c):
                    y[j] = number(top_of(x + j * w[6] * size, r, w[5], zero, key))

    return Source(run)


def argmax_rows(kind: str) -> Source:
    """For each place the index of the largest over r rows, the first one at a tie or the first NaN.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y].
    """
    order = order_of(kind, 1)
    key, whole = key_of(order), order.whole
    size = whole().itemsize

    def run(block):
        w, zero = words(block), whole(0)
        for s in range(w[0]):
            y = carray(pointer(w[7] + s * w[2] * 8, np.int64(0)), w[2])
            for j in range(w[2]):
                start = w[3] + (s * w[4] + j * w[6]) * size
                y[j] = first_of(start, w[1], w[5], zero, key, top_of(start, w[1], w[5], zero, key))

    return Source(run)


def key_of(order: Order) -> Any:
    """From the bits of a number to the whole number that is compared."""
    whole, magnitude, endless, sign = order

    @part
    def key(bits):
        if magnitude == 0:  # all bits changed over, small is large and large is small
            return bits if sign > 0 else whole(~bits)
        size = whole(bits & whole(magnitude))
        counted = whole(sign * size) if bits >= 0 else whole(-sign * size)
        return whole(magnitude) if size > endless else counted

    return key


def number_of(order: Order) -> Any:
    """And back."""
    whole, magnitude, _, sign = order

    @part
    def number(key):
        if magnitude == 0:
            return key if sign > 0 else whole(~key)
        counted = whole(key * sign)
        return counted if counted >= 0 else whole(whole(-counted) | whole(-magnitude - 1))

    return number


@part
def top_of_rows(y, r, c, x, row_bytes, zero, key):
    """y[j] = the largest of column j; four rows at a time, so that y is seldom read and written."""
    first = carray(pointer(x, zero), c)
    for j in range(c):
        y[j] = key(first[j])
    for i in range(1, r, 4):
        k = carray(pointer(x + i * row_bytes, zero), c)
        # Beyond the last row the last one is looked at again.
        m = carray(pointer(x + min(i + 1, r - 1) * row_bytes, zero), c)
        n = carray(pointer(x + min(i + 2, r - 1) * row_bytes, zero), c)
        p = carray(pointer(x + min(i + 3, r - 1) * row_bytes, zero), c)
        for j in range(c):
            y[j] = max(y[j], max(max(key(k[j]), key(m[j])), max(key(n[j]), key(p[j]))))


@part
def top_of(start, r, step, zero, key):
    """The largest of r numbers, ``step`` apart."""
    if step == 1:
        near = carray(pointer(start, zero), r)
        top = key(near[0])
        for i in range(r):  # the first one twice: r numbers are more often whole vectors than r - 1
            top = max(top, key(near[i]))
        return top
    far = carray(pointer(start, zero), FAR)
    top = key(far[0])
    for i in range(1, r):
        top = max(top, key(far[i * step]))
    return top


@part
def first_of(start, r, step, zero, key, top):
    """Where the first of r numbers stands that is the largest."""
    x = carray(pointer(start, zero), FAR)
    for i in range(r):
        if key(x[i * step]) == top:
            return i
    return 0
