"""Random numbers as a function of key and position: Threefry-2x32, the same bits as ``chainrule.prng``."""

from __future__ import annotations

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.numba_intrinsics import pointer
from chainrule.engines.native.kernels.kernel import REAL, Source, inlined, words

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def uniform_numbers(dtype: str) -> Source:
    """Sample uniform random numbers in [0, 1).

    Block: [count, first position, address of the key (two uint32), stream high, stream low, Y].
    """
    real, number = REAL[dtype], _number_of(dtype)

    def run(block):
        w = words(block)
        key = carray(pointer(w[2], np.uint32(0)), 2)
        k0, k1 = threefry(key[0], key[1], np.uint32(w[3]), np.uint32(w[4]))
        y = carray(pointer(w[5], real(0)), w[0])
        for i in range(w[0]):
            position = w[1] + i
            bits, _ = threefry(k0, k1, np.uint32(position >> 32), np.uint32(position & 0xFFFFFFFF))
            y[i] = number(bits)

    return Source(run)


def uniform_numbers_of_rows(dtype: str) -> Source:
    """Sample uniform random numbers in [0, 1) with one key for each row.

    Block: [rows, numbers of a row, address of the keys (rows, 2), stream high, stream low, Y].
    """
    real, number = REAL[dtype], _number_of(dtype)

    def run(block):
        w = words(block)
        keys = carray(pointer(w[2], np.uint32(0)), (w[0], 2))
        y = carray(pointer(w[5], real(0)), (w[0], w[1]))
        for row in range(w[0]):
            k0, k1 = threefry(keys[row, 0], keys[row, 1], np.uint32(w[3]), np.uint32(w[4]))
            for i in range(w[1]):
                bits, _ = threefry(k0, k1, np.uint32(0), np.uint32(i))
                y[row, i] = number(bits)

    return Source(run)


def _number_of(dtype: str):
    """Return the function from a word of random bits to a number in [0, 1)."""
    real = REAL[dtype]
    is_float32 = dtype == "float32"

    @inlined
    def number(bits):
        if is_float32:
            return real(bits >> np.uint32(8)) * real(5.9604644775390625e-08)  # float32 has 24 bits
        return real(bits) * real(2.3283064365386963e-10)

    return number


@inlined
def threefry(k0, k1, high, low):
    """Return the two words that the key maps the position (high, low) to."""
    k2 = k0 ^ k1 ^ np.uint32(0x1BD11BDA)
    x, y = np.uint32(high + k0), np.uint32(low + k1)  # numba adds uint32 in 64 bits: discard the carry
    for group in range(5):
        for step in range(4):
            turn = np.uint32(ROTATIONS[group % 2][step])
            x = np.uint32(x + y)
            y = np.uint32(((y << turn) | (y >> np.uint32(32 - turn))) ^ x)
        first = k1 if group % 3 == 0 else (k2 if group % 3 == 1 else k0)
        second = k2 if group % 3 == 0 else (k0 if group % 3 == 1 else k1)
        x = np.uint32(x + first)
        y = np.uint32(y + second + np.uint32(group + 1))
    return x, y
