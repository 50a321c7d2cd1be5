"""The output of a model as scores and metrics take it."""

from __future__ import annotations

import numpy as np

from chainrule.model import Model


def model_output(model: Model, x: np.ndarray) -> np.ndarray:
    """The output of a model: probabilities (N, K), or standardized values (N, 1)."""
    if model.task == "classification":
        return np.asarray(model.predict_proba(x))
    return np.asarray(model(x)).reshape(-1, 1)
