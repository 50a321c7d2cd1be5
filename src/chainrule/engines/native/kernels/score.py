"""Softmax and its kin: what turns scores into probabilities, along the middle axis of (n, k, c)."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.kernels.kernel import FAR, REAL, kernel, part, words
from chainrule.engines.native.pointer import pointer


@cache
def softmax_rows(kind: str, way: str) -> int:
    """Softmax, its logarithm or the logarithm of the sum of exponentials along the middle axis of (n, k, c).

    Block: [n, k, c, X, outer stride, middle stride, inner stride, Y]; Y is dense.
    """
    real = REAL[kind]
    size = real().itemsize
    is_soft, keeps = way == "softmax", way != "logsumexp"

    def run(block):
        w, zero = words(block), real(0)
        k, c = w[1], w[2]
        for s in range(w[0]):
            first = w[7] + s * c * (k if keeps else 1) * size
            for j in range(c):
                x = carray(pointer(w[3] + (s * w[4] + j * w[6]) * size, zero), FAR)
                y = carray(pointer(first + j * size, zero), FAR)
                top = largest_finite(x, k, w[5], zero)
                total = sum_of_powers(x, k, w[5], top, y, c, is_soft)
                if is_soft:
                    for i in range(k):
                        y[i * c] /= total
                elif keeps:
                    shift = np.log(total)
                    for i in range(k):
                        y[i * c] = (x[i * w[5]] - top) - shift  # top first: log(total) is small
                else:
                    y[0] = top + np.log(total)

    # Infinities and NaN count here, so no liberties are taken with them.
    return kernel(run, frozenset())


@part
def largest_finite(x, k, step, zero):
    """The largest score, taken off every score before e^x so that nothing overflows; 0 where it is not finite."""
    top = x[0]
    for i in range(1, k):
        if x[i * step] > top:
            top = x[i * step]
    return top if np.isfinite(top) else zero


@part
def sum_of_powers(x, k, step, top, y, c, keep):
    """The sum of e^(x - top); each is kept in y, whose numbers lie c apart, if asked for."""
    total = top - top
    for i in range(k):
        raised = np.exp(x[i * step] - top)
        total += raised
        if keep:
            y[i * c] = raised
    return total
