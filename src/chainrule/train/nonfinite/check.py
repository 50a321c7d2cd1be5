"""The one question that is asked of every step: are all its numbers finite?"""

from __future__ import annotations

import math

import numpy as np


def is_finite(array: np.ndarray) -> bool:
    """Whether an array holds neither NaN nor infinity.

    Numerics: the sum of the squares is finite only if all numbers are, and is found in one walk through
        memory; where it is not, large numbers may be to blame, and each is looked at.

    Example:
        >>> is_finite(np.array([1.0, 2.0])), is_finite(np.array([1.0, np.nan])), is_finite(np.array([1e300]))
        (True, False, True)
    """
    if array.dtype.kind != "f":
        return True
    return math.isfinite(np.vdot(array, array)) or bool(np.isfinite(array).all())
