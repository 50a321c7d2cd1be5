"""Subnormal numbers in the state of a training, which are replaced by 0.

An L2 penalty shrinks the weights of an inactive unit in each step, down to numbers below the smallest normal
one (1.2e-38 in float32), and the moments of an optimizer decay in the same way. They no longer change any
prediction, but processors compute with them 10 to 100 times slower (``python -m benchmarks.subnormal``).
Arithmetic in which the processor itself replaces subnormal numbers by 0 was rejected, since operations are
exact for them (the logarithm of 1e-40 is -92).
"""

from __future__ import annotations

import numpy as np

from chainrule.train.state import Tensors, TrainState

PERIOD = 256  # steps after which an epoch that ends replaces them; the search takes about as long as a step
GROUPS = ("parameters", "states", "slots")
DTYPES = (np.dtype(np.float32), np.dtype(np.float64))  # narrower ones need their subnormal numbers


def is_due(first: int, last: int) -> bool:
    """Whether a multiple of ``PERIOD`` is among the steps after ``first``, up to ``last``.

    Example:
        >>> is_due(0, 255), is_due(0, 256), is_due(256, 300), is_due(500, 600)
        (False, True, False, True)
    """
    return last // PERIOD > first // PERIOD


def replace_subnormal(state: TrainState) -> bool:
    """Replace subnormal numbers by 0 in new arrays of a state; returns whether there were any."""
    is_changed = False
    for group in GROUPS:
        arrays: Tensors = getattr(state, group)
        changed = {name: _normal(a) for name, a in arrays.items() if a.dtype in DTYPES and _has_subnormal(a)}
        if changed:
            setattr(state, group, {**arrays, **changed})
            is_changed = True
    return is_changed


def _has_subnormal(array: np.ndarray) -> bool:
    return bool((_is_below(array) & (array != 0)).any())


def _normal(array: np.ndarray) -> np.ndarray:
    return np.where(_is_below(array), array.dtype.type(0), array)


def _is_below(array: np.ndarray) -> np.ndarray:
    """Whether a number is smaller than the smallest normal one."""
    return np.abs(array) < np.finfo(array.dtype).tiny
