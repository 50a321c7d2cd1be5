"""The kernels that are written once for all networks: matrix products, sums, lookups, softmax.

Each is a function of one int64, the address of its block. Its docstring gives the block's words. All take
strides or leading dimensions from the block, so no network needs a kernel of its own, and numba keeps the
machine code on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import scipy.linalg.cython_blas as cython_blas
from numba import carray, cfunc, njit

from chainrule.engines.native.machine import cached, library_function
from chainrule.engines.native.pointer import POINTER, gemm, i64

SMALL = 4096  # multiplications below which a plain loop beats the call of a BLAS
BLAS = {"float32": library_function(cython_blas.__pyx_capi__["sgemm"]),
        "float64": library_function(cython_blas.__pyx_capi__["dgemm"])}  # fmt: skip
NO_TRANSPOSE, TRANSPOSE = ord("N"), ord("T")


# Sums may be added in vector order; NaN and infinity stay exact.
LOOSE = frozenset({"reassoc", "contract", "nsz"})


def kernel(function: Callable, fastmath: frozenset[str] = LOOSE) -> Any:
    """Compile a kernel, or load it from numba's cache."""
    return cached(cfunc, "void(int64)", error_model="numpy", fastmath=set(fastmath) or False)(function)


@cache
def matmul_blas(kind: str) -> int:
    """C = A B (+ C), row-major, by BLAS.

    Block: [gemm, how many, m, n, k, A, its stack stride, op, ld, B, stack stride, op, ld, C, stack stride,
    ld, beta].
    """
    pointer, real = POINTER[kind], np.dtype(kind).type
    size = np.dtype(kind).itemsize

    def run(block):
        w = carray(i64(block), 17)
        one, zero = real(1), real(0)
        beta = one if w[16] != 0 else zero
        for s in range(w[1]):
            a, b, c = w[5] + s * w[6] * size, w[9] + s * w[10] * size, w[13] + s * w[14] * size
            # Row-major C = A B is column-major C^T = B^T A^T: the operands change places.
            gemm(w[0], zero, w[11], w[7], w[3], w[2], w[4], b, w[12], a, w[8], beta, c, w[15])

    del pointer
    return kernel(run).address


@cache
def matmul_small(kind: str) -> int:
    """C = A B (+ C) by plain loops, for products too small for a BLAS.

    Block: [how many, m, n, k, A, stack, row and column stride, B, stack, row, column, C, stack, row stride,
    beta].
    """
    pointer, real, size = POINTER[kind], np.dtype(kind).type, np.dtype(kind).itemsize

    def run(block):
        w = carray(i64(block), 16)
        m, n, k = w[1], w[2], w[3]
        for s in range(w[0]):
            a = carray(pointer(w[4] + s * w[5] * size), 1 << 40)
            b = carray(pointer(w[8] + s * w[9] * size), 1 << 40)
            for i in range(m):
                c = carray(pointer(w[12] + (s * w[13] + i * w[14]) * size), n)
                if w[15] == 0:
                    for j in range(n):
                        c[j] = real(0)
                if w[11] == 1:
                    for p in range(k):
                        x = a[i * w[6] + p * w[7]]
                        row = carray(pointer(w[8] + (s * w[9] + p * w[10]) * size), n)
                        for j in range(n):
                            c[j] += x * row[j]
                else:
                    for j in range(n):
                        total = real(0)
                        for p in range(k):
                            total += a[i * w[6] + p * w[7]] * b[p * w[10] + j * w[11]]
                        c[j] += total

    return kernel(run).address


@cache
def sum_rows(kind: str) -> int:
    """For each of n places the sum over r rows of c numbers, (n, r, c) -> (n, c), added to what is there or not.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y, add].
    """
    pointer, real, size = POINTER[kind], np.dtype(kind).type, np.dtype(kind).itemsize

    def run(block):
        w = carray(i64(block), 9)
        n, r, c = w[0], w[1], w[2]
        for s in range(n):
            y = carray(pointer(w[7] + s * c * size), c)
            if w[8] == 0:
                for j in range(c):
                    y[j] = real(0)
            if c == 1 or w[6] != 1:
                x = carray(pointer(w[3] + s * w[4] * size), 1 << 40)
                for j in range(c):
                    total = real(0)
                    if w[5] == 1:
                        line = carray(pointer(w[3] + (s * w[4] + j * w[6]) * size), r)
                        for i in range(r):
                            total += line[i]
                    else:
                        for i in range(r):
                            total += x[i * w[5] + j * w[6]]
                    y[j] += total
            else:
                for i in range(r):
                    row = carray(pointer(w[3] + (s * w[4] + i * w[5]) * size), c)
                    for j in range(c):
                        y[j] += row[j]

    return kernel(run).address


@cache
def largest_rows(kind: str, sign: int) -> int:
    """For each place the largest (sign 1) or smallest (sign -1) over r rows; NaN if any is NaN.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y].
    """
    pointer, size = POINTER[kind], np.dtype(kind).itemsize

    def run(block):
        w = carray(i64(block), 8)
        for s in range(w[0]):
            x = carray(pointer(w[3] + s * w[4] * size), 1 << 40)
            y = carray(pointer(w[7] + s * w[2] * size), w[2])
            for j in range(w[2]):
                best = x[j * w[6]]
                for i in range(1, w[1]):
                    value = x[i * w[5] + j * w[6]]
                    if value * sign > best * sign or value != value:
                        best = value if best == best else best
                y[j] = best

    return kernel(run).address


@cache
def argmax_rows(kind: str) -> int:
    """For each place the index of the largest over r rows, the first one at a tie or the first NaN.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y].
    """
    pointer, size = POINTER[kind], np.dtype(kind).itemsize

    def run(block):
        w = carray(i64(block), 8)
        for s in range(w[0]):
            x = carray(pointer(w[3] + s * w[4] * size), 1 << 40)
            y = carray(i64(w[7] + s * w[2] * 8), w[2])
            for j in range(w[2]):
                best, where = x[j * w[6]], 0
                for i in range(1, w[1]):
                    value = x[i * w[5] + j * w[6]]
                    if best == best and (value > best or value != value):
                        best, where = value, i
                y[j] = where

    return kernel(run).address


@cache
def softmax_rows(kind: str, way: str) -> int:
    """Softmax, its logarithm or the logarithm of the sum of exponentials along the middle axis of (n, k, c).

    Block: [n, k, c, X, outer stride, middle stride, inner stride, Y]; Y is dense.
    """
    pointer, real, size = POINTER[kind], np.dtype(kind).type, np.dtype(kind).itemsize
    is_soft, keeps = way == "softmax", way != "logsumexp"

    def run(block):
        w = carray(i64(block), 8)
        k, c = w[1], w[2]
        for s in range(w[0]):
            x = carray(pointer(w[3] + s * w[4] * size), 1 << 40)
            y = carray(pointer(w[7] + s * c * (k if keeps else 1) * size), 1 << 40)
            for j in range(c):
                top = x[j * w[6]]
                for i in range(1, k):
                    value = x[i * w[5] + j * w[6]]
                    if value > top:
                        top = value
                if not np.isfinite(top):
                    top = real(0)
                total = real(0)
                for i in range(k):
                    raised = np.exp(x[i * w[5] + j * w[6]] - top)
                    total += raised
                    if is_soft:
                        y[i * c + j] = raised
                if is_soft:
                    for i in range(k):
                        y[i * c + j] /= total
                elif keeps:
                    shift = np.log(total)
                    for i in range(k):
                        y[i * c + j] = (
                            x[i * w[5] + j * w[6]] - top
                        ) - shift  # top first: log(total) is small
                else:
                    y[j] = top + np.log(total)

    # Infinities and NaN count here, so no liberties are taken with them.
    return kernel(run, frozenset()).address


@cache
def take_rows(kind: str, index: str) -> int:
    """Rows of a table by their index. Sets the flag when an index lies outside.

    Block: [how many, row length in numbers, table, its rows, table row stride, indices, index stride, Y,
    flag].
    """
    pointer, number, size = POINTER[kind], POINTER[index], np.dtype(kind).itemsize

    def run(block):
        w = carray(i64(block), 9)
        where = carray(number(w[5]), 1 << 40)
        for i in range(w[0]):
            row = np.int64(where[i * w[6]])
            if row < 0 or row >= w[3]:
                carray(i64(w[8]), 1)[0] = 1 + i
                continue
            source = carray(pointer(w[2] + row * w[4] * size), w[1])
            target = carray(pointer(w[7] + i * w[1] * size), w[1])
            for j in range(w[1]):
                target[j] = source[j]

    return kernel(run).address


@cache
def add_rows(kind: str, index: str) -> int:
    """Add each value to its row of a table of zeros (or of what is there). Sets the flag as ``take_rows``.

    Block: [how many, row length, values, table rows, add, indices, index stride, Y, flag].
    """
    pointer, number, real, size = POINTER[kind], POINTER[index], np.dtype(kind).type, np.dtype(kind).itemsize

    def run(block):
        w = carray(i64(block), 9)
        where = carray(number(w[5]), 1 << 40)
        if w[4] == 0:
            table = carray(pointer(w[7]), w[3] * w[1])
            for j in range(w[3] * w[1]):
                table[j] = real(0)
        for i in range(w[0]):
            row = np.int64(where[i * w[6]])
            if row < 0 or row >= w[3]:
                carray(i64(w[8]), 1)[0] = 1 + i
                continue
            source = carray(pointer(w[2] + i * w[1] * size), w[1])
            target = carray(pointer(w[7] + row * w[1] * size), w[1])
            for j in range(w[1]):
                target[j] += source[j]

    return kernel(run).address


@cache
def one_hot_rows(kind: str, index: str) -> int:
    """A 1 at each index. Sets the flag as ``take_rows``.

    Block: [how many, depth, indices, index stride, Y, flag].
    """
    pointer, number, real, size = POINTER[kind], POINTER[index], np.dtype(kind).type, np.dtype(kind).itemsize

    def run(block):
        w = carray(i64(block), 6)
        where = carray(number(w[2]), 1 << 40)
        for i in range(w[0]):
            row = carray(pointer(w[4] + i * w[1] * size), w[1])
            for j in range(w[1]):
                row[j] = real(0)
            at = np.int64(where[i * w[3]])
            if at < 0 or at >= w[1]:
                carray(i64(w[5]), 1)[0] = 1 + i
            else:
                row[at] = real(1)

    return kernel(run).address


@cache
def uniform_numbers(kind: str) -> int:
    """Random numbers in [0, 1): Threefry-2x32 of the key and the place, as ``chainrule.keyed`` has it.

    Block: [how many, first place, address of the key (two uint32), stream high, stream low, Y].
    """
    pointer, words, real = POINTER[kind], POINTER["uint32"], np.dtype(kind).type
    short = kind == "float32"
    rotations = ((13, 15, 26, 6), (17, 29, 16, 24))

    def rounds(k0, k1, high, low):
        k2 = k0 ^ k1 ^ np.uint32(0x1BD11BDA)
        x, y = np.uint32(high + k0), np.uint32(low + k1)  # numba adds uint32 in 64 bits: cut the carry off
        for group in range(5):
            for step in range(4):
                turn = np.uint32(rotations[group % 2][step])
                x = np.uint32(x + y)
                y = np.uint32(((y << turn) | (y >> np.uint32(32 - turn))) ^ x)
            first = k1 if group % 3 == 0 else (k2 if group % 3 == 1 else k0)
            second = k2 if group % 3 == 0 else (k0 if group % 3 == 1 else k1)
            x = np.uint32(x + first)
            y = np.uint32(y + second + np.uint32(group + 1))
        return x, y

    inner = njit(inline="always")(rounds)

    def run(block):
        w = carray(i64(block), 6)
        key = carray(words(w[2]), 2)
        k0, k1 = inner(key[0], key[1], np.uint32(w[3]), np.uint32(w[4]))
        y = carray(pointer(w[5]), w[0])
        for i in range(w[0]):
            place = w[1] + i
            bits, _ = inner(k0, k1, np.uint32(place >> 32), np.uint32(place & 0xFFFFFFFF))
            if short:
                y[i] = real(bits >> np.uint32(8)) * real(5.9604644775390625e-08)
            else:
                y[i] = real(bits) * real(2.3283064365386963e-10)

    return kernel(run).address
