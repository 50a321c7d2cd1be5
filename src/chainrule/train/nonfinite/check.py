"""The check for non-finite values, which runs in every step."""

from __future__ import annotations

import math

import numpy as np


def is_finite(array: np.ndarray) -> bool:
    """Whether an array contains neither NaN nor infinity.

    Numerics: the sum of the squares is finite only if all elements are, and takes a single pass. It may also
        overflow for large finite elements; then every element is checked.

    Example:
        >>> is_finite(np.array([1.0, 2.0])), is_finite(np.array([1.0, np.nan])), is_finite(np.array([1e300]))
        (True, False, True)
    """
    if array.dtype.kind != "f":
        return True
    return math.isfinite(np.vdot(array, array)) or bool(np.isfinite(array).all())
