"""Sum, maximum, minimum and argmax along the middle axis of an array of shape (n, r, c).

Every reduction is expressed in this form, r rows of c numbers for each of n outer indices, so a reduction
over an inner axis or over several adjacent axes needs no kernel of its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.numba_intrinsics import pointer
from chainrule.engines.native.kernels.kernel import REAL, UNBOUNDED, Source, inlined, words


def sum_rows(dtype: str) -> Source:
    """Sum over r rows for each outer index: (n, r, c) -> (n, c), accumulated into Y or written.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y, accumulate].
    """
    real = REAL[dtype]
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
                add_columns(y, r, c, carray(pointer(x, zero), UNBOUNDED), w[5], w[6], zero)

    return Source(run)


@inlined
def add_rows(y, r, c, x, row_bytes, zero):
    """Add every row X[i] to y; ``x`` is the address of the first."""
    for i in range(r):
        row = carray(pointer(x + i * row_bytes, zero), c)
        for j in range(c):
            y[j] += row[j]


@inlined
def add_dense_columns(y, r, c, x, column_bytes, zero):
    """Add to y[j] the sum of column j, whose numbers are contiguous."""
    for j in range(c):
        column, total = carray(pointer(x + j * column_bytes, zero), r), zero
        for i in range(r):
            total += column[i]
        y[j] += total


@inlined
def add_columns(y, r, c, x, row, column, zero):
    """Add to y[j] the sum of column j, whose numbers are strided."""
    for j in range(c):
        total = zero
        for i in range(r):
            total += x[i * row + j * column]
        y[j] += total


class Order(NamedTuple):
    """An integer encoding of numbers that preserves their order.

    A floating-point number is a sign and a magnitude; counted up or down from 0 it becomes an integer of the
    same order. NaN is placed above all others. Integers are compared without exceptional cases, several at a
    time.

    Args:
        integer: the integer type of the same size.
        magnitude: mask of the bits other than the sign; 0 for numbers that are integers already.
        infinity: the magnitude of infinity.
        sign: 1 to search for the maximum, -1 for the minimum.
    """

    integer: type[np.integer]
    magnitude: int
    infinity: int
    sign: int


def order_of(dtype: str, sign: int) -> Order:
    """Return the encoding in which numbers of a dtype are compared."""
    if dtype == "float32":
        return Order(np.int32, 0x7FFFFFFF, 0x7F800000, sign)
    if dtype == "float64":
        return Order(np.int64, 0x7FFFFFFFFFFFFFFF, 0x7FF0000000000000, sign)
    return Order(REAL[dtype], 0, 0, sign)


def extreme_rows(dtype: str, sign: int) -> Source:
    """Find the maximum (sign 1) or minimum (-1) over r rows for each outer index; NaN if any number is NaN.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y].
    """
    order = order_of(dtype, sign)
    encode, decode, integer = encoder(order), decoder(order), order.integer
    size = integer().itemsize

    def run(block):
        w, zero = words(block), integer(0)
        r, c = w[1], w[2]
        for s in range(w[0]):
            x = w[3] + s * w[4] * size
            y = carray(pointer(w[7] + s * c * size, zero), c)
            if c > 1 and w[6] == 1:
                column_maxima(y, r, c, x, w[5] * size, zero, encode)
                for j in range(c):
                    y[j] = decode(y[j])
            else:
                for j in range(c):
                    y[j] = decode(strided_maximum(x + j * w[6] * size, r, w[5], zero, encode))

    return Source(run)


def argmax_rows(dtype: str) -> Source:
    """Find the index of the maximum over r rows for each outer index: the first at a tie, or of a NaN.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y].
    """
    order = order_of(dtype, 1)
    encode, integer = encoder(order), order.integer
    size = integer().itemsize

    def run(block):
        w, zero = words(block), integer(0)
        for s in range(w[0]):
            y = carray(pointer(w[7] + s * w[2] * 8, np.int64(0)), w[2])
            for j in range(w[2]):
                start = w[3] + (s * w[4] + j * w[6]) * size
                y[j] = first_index(
                    start, w[1], w[5], zero, encode, strided_maximum(start, w[1], w[5], zero, encode)
                )

    return Source(run)


def encoder(order: Order) -> Any:
    """Return the function from the bits of a number to the integer that is compared."""
    integer, magnitude, infinity, sign = order

    @inlined
    def encode(bits):
        if magnitude == 0:  # inverting all bits reverses the order
            return bits if sign > 0 else integer(~bits)
        absolute = integer(bits & integer(magnitude))
        encoded = integer(sign * absolute) if bits >= 0 else integer(-sign * absolute)
        return integer(magnitude) if absolute > infinity else encoded

    return encode


def decoder(order: Order) -> Any:
    """Return the inverse of ``encoder``."""
    integer, magnitude, _, sign = order

    @inlined
    def decode(key):
        if magnitude == 0:
            return key if sign > 0 else integer(~key)
        bits = integer(key * sign)
        return bits if bits >= 0 else integer(integer(-bits) | integer(-magnitude - 1))

    return decode


@inlined
def column_maxima(y, r, c, x, row_bytes, zero, encode):
    """Write the maximum of column j to y[j]; four rows at a time, so that y is rarely read and written."""
    first = carray(pointer(x, zero), c)
    for j in range(c):
        y[j] = encode(first[j])
    for i in range(1, r, 4):
        k = carray(pointer(x + i * row_bytes, zero), c)
        # Beyond the last row, the last one is read again.
        m = carray(pointer(x + min(i + 1, r - 1) * row_bytes, zero), c)
        n = carray(pointer(x + min(i + 2, r - 1) * row_bytes, zero), c)
        p = carray(pointer(x + min(i + 3, r - 1) * row_bytes, zero), c)
        for j in range(c):
            y[j] = max(y[j], max(max(encode(k[j]), encode(m[j])), max(encode(n[j]), encode(p[j]))))


@inlined
def strided_maximum(start, r, step, zero, encode):
    """Return the maximum of r numbers that are ``step`` elements apart."""
    if step == 1:
        contiguous = carray(pointer(start, zero), r)
        top = encode(contiguous[0])
        for i in range(r):  # the first twice: r is more often a multiple of the vector length than r - 1
            top = max(top, encode(contiguous[i]))
        return top
    strided = carray(pointer(start, zero), UNBOUNDED)
    top = encode(strided[0])
    for i in range(1, r):
        top = max(top, encode(strided[i * step]))
    return top


@inlined
def first_index(start, r, step, zero, encode, top):
    """Return the index of the first of r numbers whose encoding is ``top``."""
    x = carray(pointer(start, zero), UNBOUNDED)
    for i in range(r):
        if encode(x[i * step]) == top:
            return i
    return 0
