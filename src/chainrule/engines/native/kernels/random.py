"""Random numbers as a function of key and position: Threefry-2x32, the same bits as ``chainrule.prng``."""

from __future__ import annotations

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.pointer import pointer
from chainrule.engines.native.kernels.kernel import REAL, Source, inlined, words


def uniform_numbers(dtype: str) -> Source:
    """Sample uniform random numbers in [0, 1).

    Block: [count, first position, address of the key (two uint32), stream high, stream low, Y].
    """
    real = REAL[dtype]
    is_float32 = dtype == "float32"

    def run(block):
        w = words(block)
        key = carray(pointer(w[2], np.uint32(0)), 2)
        k0, k1 = threefry(key[0], key[1], np.uint32(w[3]), np.uint32(w[4]))
        y = carray(pointer(w[5], real(0)), w[0])
        first = 0
        while first < w[0]:  # the high word of the position is constant inside, so that all words have 32 bits
            position = w[1] + first
            high, low = np.uint32(position >> 32), np.uint32(position & 0xFFFFFFFF)
            for i in range(min(w[0] - first, 0x100000000 - (position & 0xFFFFFFFF))):
                bits, _ = threefry(k0, k1, high, np.uint32(low + np.uint32(i)))
                if is_float32:  # float32 has 24 bits of precision
                    y[first + i] = real(np.int32(bits >> np.uint32(8))) * real(5.9604644775390625e-08)
                else:
                    y[first + i] = real(bits) * real(2.3283064365386963e-10)
            first += 0x100000000 - (position & 0xFFFFFFFF)

    return Source(run)


@inlined
def threefry(k0, k1, high, low):
    """Return the two words that the key maps the position (high, low) to."""
    k2 = k0 ^ k1 ^ np.uint32(0x1BD11BDA)
    x, y = np.uint32(high + k0), np.uint32(low + k1)  # numba adds uint32 in 64 bits: discard the carry
    x, y = four_rounds(x, y, 13, 15, 26, 6)
    x, y = np.uint32(x + k1), np.uint32(y + k2 + np.uint32(1))
    x, y = four_rounds(x, y, 17, 29, 16, 24)
    x, y = np.uint32(x + k2), np.uint32(y + k0 + np.uint32(2))
    x, y = four_rounds(x, y, 13, 15, 26, 6)
    x, y = np.uint32(x + k0), np.uint32(y + k1 + np.uint32(3))
    x, y = four_rounds(x, y, 17, 29, 16, 24)
    x, y = np.uint32(x + k1), np.uint32(y + k2 + np.uint32(4))
    x, y = four_rounds(x, y, 13, 15, 26, 6)
    return np.uint32(x + k2), np.uint32(y + k0 + np.uint32(5))


@inlined
def four_rounds(x, y, first, second, third, fourth):
    """Return the two words after four rounds with these rotations."""
    x, y = one_round(x, y, first)
    x, y = one_round(x, y, second)
    x, y = one_round(x, y, third)
    return one_round(x, y, fourth)


@inlined
def one_round(x, y, turn):
    """Return the two words after one round."""
    x = np.uint32(x + y)
    return x, np.uint32(np.uint32(y << np.uint32(turn)) | np.uint32(y >> np.uint32(32 - turn))) ^ x
