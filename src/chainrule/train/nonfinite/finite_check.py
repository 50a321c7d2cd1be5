"""The check for non-finite values, which runs in every step."""

from __future__ import annotations

import math

import numpy as np

UNTHREADED = 8_192  # elements up to which a scalar product of OpenBLAS uses one thread
_FAST = (np.dtype(np.float32), np.dtype(np.float64))  # dtypes of OpenBLAS
_LARGE = 131_072  # elements from which sums of squares take less time than comparing all of them
_BLOCK = 65_536  # elements compared at once, so that the result stays in the cache


def is_finite(array: np.ndarray) -> bool:
    """Return whether an array contains neither NaN nor infinity.

    Numerics: the sum of the squares is computed first: it is finite only if all elements are, and takes a
        single pass, which writes nothing. It may also overflow for large finite elements; then every element
        is checked. A large array has a sum for every ``UNTHREADED`` elements: longer ones would wake the
        threads of OpenBLAS in every step, which then wait actively on the cores of other threads. Between
        both sizes every element is checked at once.

    Example:
        >>> is_finite(np.array([1.0, 2.0])), is_finite(np.array([1.0, np.nan])), is_finite(np.array([1e300]))
        (True, False, True)
    """
    if array.dtype.kind != "f":
        return True
    if array.size == 1:
        return math.isfinite(array.item())
    if array.size <= UNTHREADED:
        return math.isfinite(np.vdot(array, array)) or bool(np.isfinite(array).all())
    flat = array.reshape(-1)
    if array.dtype in _FAST and array.size > _LARGE:
        grouped = flat.size - flat.size % UNTHREADED
        groups = flat[:grouped].reshape(-1, UNTHREADED)
        with np.errstate(all="ignore"):
            sums = np.vecdot(groups, groups)
        if np.isfinite(sums).all() and is_finite(flat[grouped:]):
            return True
    return all(np.isfinite(flat[at : at + _BLOCK]).all() for at in range(0, flat.size, _BLOCK))
