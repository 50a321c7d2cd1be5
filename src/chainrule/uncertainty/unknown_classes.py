"""Rows of none of the classes: a model may store from which probability on it names a class.

The largest probability of a row of a class that did not occur in training is often smaller than that of other
rows. The level is chosen on such rows, and is stored with the model; ``predict`` then names other rows
``"unknown"``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainrule.train.model_state import UNKNOWN_LEVEL, ModelState

HIGHEST = float(np.nextafter(1.0, 2.0))  # a level that no probability reaches
UNKNOWN = "unknown"  # the prediction of other rows


def with_unknown_level(model: ModelState, level: float) -> ModelState:
    """Return a classifier with a level, which its file then contains.

    Args:
        model: of several classes, such as ``model.state``.
        level: the smallest probability of a class that is predicted.
    """
    return replace(model, facts={**model.facts, UNKNOWN_LEVEL: level})


def stored_level(model: ModelState) -> float | None:
    """Return the level in the facts of a classifier of several classes; ``None`` if there is none."""
    level = model.facts.get(UNKNOWN_LEVEL)
    is_valid = isinstance(level, float) and 0 <= level <= HIGHEST and model.task == "classification"
    return level if is_valid and len(model.labels) > 1 else None


def with_unknown(labels: np.ndarray, probabilities: np.ndarray, level: float) -> np.ndarray:
    """Return the predicted labels (N,), ``"unknown"`` where the largest probability of (N, K) is smaller.

    Example:
        >>> with_unknown(np.array(["ann", "bob"]), np.array([[0.9, 0.1], [0.4, 0.6]]), 0.7).tolist()
        ['ann', 'unknown']
    """
    largest = probabilities.max(axis=1).astype(np.float64)  # float32 would round the level to a probability
    return np.where(largest < level, UNKNOWN, labels.astype(object))
