"""Matrix products: by the BLAS that SciPy ships, and by plain loops where a product is too small for one."""

from __future__ import annotations

from functools import cache

import scipy.linalg.cython_blas as cython_blas
from numba.np.numpy_support import carray

from chainrule.engines.native.kernels.kernel import FAR, REAL, kernel, part, words
from chainrule.engines.native.machine import library_function
from chainrule.engines.native.pointer import gemm, pointer

SMALL = 4096  # multiplications below which a plain loop beats the call of a BLAS
BLAS = {
    "float32": library_function(cython_blas.__pyx_capi__["sgemm"]),
    "float64": library_function(cython_blas.__pyx_capi__["dgemm"]),
}
NO_TRANSPOSE, TRANSPOSE = ord("N"), ord("T")


@cache
def matmul_blas(kind: str) -> int:
    """C = A B (+ C), row-major, by BLAS.

    Block: [gemm, how many, m, n, k, A, its stack stride, op, ld, B, stack stride, op, ld, C, stack stride,
    ld, beta].
    """
    real = REAL[kind]
    size = real().itemsize

    def run(block):
        w = words(block)
        beta = real(1) if w[16] != 0 else real(0)
        for s in range(w[1]):
            a, b, c = w[5] + s * w[6] * size, w[9] + s * w[10] * size, w[13] + s * w[14] * size
            # Row-major C = A B is column-major C^T = B^T A^T: the operands change places.
            gemm(w[0], (w[3], w[2], w[4]), (b, w[12], w[11]), (a, w[8], w[7]), beta, (c, w[15]))

    return kernel(run)


@cache
def matmul_small(kind: str) -> int:
    """C = A B (+ C) by plain loops, for products too small for a BLAS.

    Block: [how many, m, n, k, A, stack, row and column stride, B, stack, row, column, C, stack, row stride,
    beta].
    """
    real = REAL[kind]
    size = real().itemsize

    def run(block):
        w, zero = words(block), real(0)
        m, n, k = w[1], w[2], w[3]
        for s in range(w[0]):
            b = w[8] + s * w[9] * size
            for i in range(m):
                a = carray(pointer(w[4] + (s * w[5] + i * w[6]) * size, zero), FAR)
                c = carray(pointer(w[12] + (s * w[13] + i * w[14]) * size, zero), n)
                if w[15] == 0:
                    clear(c, n, zero)
                if w[11] == 1:
                    add_rows(c, (n, k), a, w[7], b, w[10] * size, zero)
                else:
                    add_columns(c, w, a, carray(pointer(b, zero), FAR), zero)

    return kernel(run)


@part
def clear(c, n, zero):
    """c = 0."""
    for j in range(n):
        c[j] = zero


@part
def add_rows(c, sizes, a, step, b, row_bytes, zero):
    """c += a[p] B[p] for every p: the rows of B, at address ``b``, are read side by side."""
    n, k = sizes
    for p in range(k):
        x = a[p * step]
        row = carray(pointer(b + p * row_bytes, zero), n)
        for j in range(n):
            c[j] += x * row[j]


@part
def add_columns(c, w, a, b, zero):
    """c[j] += a B[:, j] for every j, where the rows of B do not lie side by side."""
    # Sizes and strides are read from the block each time: known beforehand, they lead the compiler to gather
    # numbers into vectors, which takes twice as long for the few numbers of a small product.
    for j in range(w[2]):
        total = zero
        for p in range(w[3]):
            total += a[p * w[7]] * b[p * w[10] + j * w[11]]
        c[j] += total
