"""Random numbers that are a function of a key and a place: Threefry-2x32, as ``chainrule.prng`` has it."""

from __future__ import annotations

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.pointer import pointer
from chainrule.engines.native.kernels.kernel import REAL, Source, part, words

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def uniform_numbers(kind: str) -> Source:
    """Random numbers in [0, 1).

    Block: [how many, first place, address of the key (two uint32), stream high, stream low, Y].
    """
    real = REAL[kind]
    is_short = kind == "float32"

    def run(block):
        w = words(block)
        key = carray(pointer(w[2], np.uint32(0)), 2)
        k0, k1 = threefry(key[0], key[1], np.uint32(w[3]), np.uint32(w[4]))
        y = carray(pointer(w[5], real(0)), w[0])
        for i in range(w[0]):
            place = w[1] + i
            bits, _ = threefry(k0, k1, np.uint32(place >> 32), np.uint32(place & 0xFFFFFFFF))
            if is_short:
                y[i] = real(bits >> np.uint32(8)) * real(5.9604644775390625e-08)  # 24 bits are all it holds
            else:
                y[i] = real(bits) * real(2.3283064365386963e-10)

    return Source(run)


@part
def threefry(k0, k1, high, low):
    """The two words that the key makes of a place."""
    k2 = k0 ^ k1 ^ np.uint32(0x1BD11BDA)
    x, y = np.uint32(high + k0), np.uint32(low + k1)  # numba adds uint32 in 64 bits: cut the carry off
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
