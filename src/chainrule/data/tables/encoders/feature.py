"""Features: one number of a row's inputs each, and the feature "is missing" that encoders share."""

from __future__ import annotations

import numpy as np

from chainrule.data.tables.findings import Finding
from chainrule.messages import fact
from chainrule.records import frozen

FAR = 1e6  # values further from the mean, in standard deviations, are clipped to keep float32 finite


@frozen
class Feature:
    """One input feature of the network, and the column it is computed from.

    Args:
        name: ``age``, ``color=red`` or ``age is missing``.
        column: the column of the table.
        mean, std: the feature is (cell - mean) / std; 0 and 1 for a 0/1 feature.
        level: the level of a category for which the feature is 1.
    """

    name: str
    column: str
    mean: float = 0.0
    std: float = 1.0
    level: str | None = None


def missing_feature(column: str) -> Feature:
    """Return the 0/1 feature that is 1 where a cell is missing."""
    return Feature(fact("{column} is missing", column=column), column)


def with_indicator(values: np.ndarray, is_missing: np.ndarray, indicator: bool) -> np.ndarray:
    """Return the values (N,) as (N, 1), or as (N, 2) with the feature "is missing"."""
    return (
        np.stack([values, is_missing.astype(values.dtype)], axis=1) if indicator else values[:, None]
    )  # (N,) -> (N, F)


def fill_notices(column: str, is_missing: np.ndarray, mean: float, indicator: bool) -> list[Finding]:
    """Return the notice for missing values in a column that had none in training, which have no feature."""
    if indicator or not is_missing.any():
        return []
    return [Finding("filled", "warning", {"column": column, "count": int(is_missing.sum()), "mean": mean})]


def standardized(values: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Return (value - mean) / std, 0 for a constant, clipped to keep float32 finite."""
    if not std > 0:
        return np.zeros(len(values))
    with np.errstate(over="ignore"):
        return np.clip((values - mean) / std, -FAR, FAR)
