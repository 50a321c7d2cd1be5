"""Mean, standard deviation and range of numbers, without overflow."""

from __future__ import annotations

from typing import Any

import numpy as np


def mean_and_std(values: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation (divisor N) in float64, without overflow for numbers up to 1e308.

    Numbers are scaled by a power of two first, which does not change the result unless it would overflow.
    """
    if not len(values):
        return 0.0, 0.0
    exponent = int(np.frexp(np.abs(values).max())[1])
    if abs(exponent) < 400:  # squares stay in range
        exponent = 0
    scaled = np.ldexp(values, -exponent)
    return float(np.ldexp(scaled.mean(), exponent)), float(np.ldexp(scaled.std(), exponent))


def range_statistics(values: np.ndarray) -> dict[str, Any]:
    """Return minimum, mean, standard deviation and maximum of the finite numbers; empty without any."""
    values = values[np.isfinite(values)]
    if not len(values):
        return {}
    mean, std = mean_and_std(values)
    return {"minimum": float(values.min()), "mean": mean, "std": std, "maximum": float(values.max())}
