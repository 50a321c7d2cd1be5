"""Matrix products: by the BLAS that SciPy ships, and by plain loops where a product is too small for one."""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.linalg.cython_blas as cython_blas
from numba.np.numpy_support import carray

from chainrule.engines.native.kernels.kernel import EVERYTHING, kernel, part
from chainrule.engines.native.machine import library_function
from chainrule.engines.native.pointer import POINTER, gemm, i64

SMALL = 4096  # multiplications below which a plain loop beats the call of a BLAS
BLAS = {
    "float32": library_function(cython_blas.__pyx_capi__["sgemm"]),
    "float64": library_function(cython_blas.__pyx_capi__["dgemm"]),
}
NO_TRANSPOSE, TRANSPOSE = ord("N"), ord("T")


@cache
def matmul_blas(kind: str) -> int:
    """C = A B (+ C), row-major, by BLAS.

    Block: [gemm, how many, m, n, k, A, its stack stride, op, ld, B, stack stride, op, ld, C, stack stride, ld,
    beta].
    """
    real, size = np.dtype(kind).type, np.dtype(kind).itemsize

    def run(block):
        w = carray(i64(block), 17)
        one, zero = real(1), real(0)
        beta = one if w[16] != 0 else zero
        for s in range(w[1]):
            a, b, c = w[5] + s * w[6] * size, w[9] + s * w[10] * size, w[13] + s * w[14] * size
            # Row-major C = A B is column-major C^T = B^T A^T: the operands change places.
            gemm(w[0], zero, w[11], w[7], w[3], w[2], w[4], b, w[12], a, w[8], beta, c, w[15])

    return kernel(run).address


@cache
def matmul_small(kind: str) -> int:
    """C = A B (+ C) by plain loops, for products too small for a BLAS.

    Block: [how many, m, n, k, A, stack, row and column stride, B, stack, row, column, C, stack, row stride, beta].
    """
    pointer, real, size = POINTER[kind], np.dtype(kind).type, np.dtype(kind).itemsize

    def by_rows(w, a, b, c):
        """c += a[p] B[p] for every p: the rows of B lie side by side."""
        n, k = w[2], w[3]
        for p in range(k):
            x = a[p * w[7]]
            row = carray(pointer(b + p * w[10] * size), n)
            for j in range(n):
                c[j] += x * row[j]

    def by_columns(w, a, b, c):
        """c[j] += a B[:, j] for every j."""
        n, k = w[2], w[3]
        matrix = carray(pointer(b), EVERYTHING)
        for j in range(n):
            total = real(0)
            for p in range(k):
                total += a[p * w[7]] * matrix[p * w[10] + j * w[11]]
            c[j] += total

    add_rows, add_columns = part(by_rows), part(by_columns)

    def run(block):
        w = carray(i64(block), 16)
        m, n = w[1], w[2]
        for s in range(w[0]):
            b = w[8] + s * w[9] * size
            for i in range(m):
                a = carray(pointer(w[4] + (s * w[5] + i * w[6]) * size), EVERYTHING)
                c = carray(pointer(w[12] + (s * w[13] + i * w[14]) * size), n)
                if w[15] == 0:
                    c[:] = real(0)
                if w[11] == 1:
                    add_rows(w, a, b, c)
                else:
                    add_columns(w, a, b, c)

    return kernel(run).address
