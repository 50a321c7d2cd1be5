"""Softmax and its kin: what turns scores into probabilities, along the middle axis of (n, k, c)."""

from __future__ import annotations

import numpy as np
from numba.np.numpy_support import carray

from chainrule.engines.native.kernels.kernel import FAR, REAL, Source, part, words
from chainrule.engines.native.pointer import pointer


def softmax_rows(kind: str, way: str) -> Source:
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
                    divide(y, k, c, total)
                elif keeps:
                    shift(x, w[5], y, c, k, top, np.log(total))
                else:
                    y[0] = top + np.log(total)

    # Infinities and NaN count here, so no liberties are taken with them.
    return Source(run, frozenset())


@part
def largest_finite(x, k, step, zero):
    """The largest score, or 0 if that is not finite: taken off every score, so that no e^x overflows."""
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


@part
def divide(y, k, c, total):
    """Each number of y by the total."""
    for i in range(k):
        y[i * c] /= total


@part
def shift(x, step, y, c, k, top, log_total):
    """y = x - top - log_total: the largest goes first, because log_total is small."""
    for i in range(k):
        y[i * c] = (x[i * step] - top) - log_total
