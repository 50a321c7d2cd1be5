"""The arguments of ``fit`` that both kinds of trainings of a table have."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.apps.cli.options import Options
from chainrule.data import PreparedData
from chainrule.model import Model
from chainrule.nn import OPTIMIZERS, Optimizer
from chainrule.train.evaluation.metric import PRIMARY_METRIC


def optimizer_of(options: Options) -> Optimizer:
    """The optimizer of the options."""
    optimizer_class: Any = OPTIMIZERS[options.optimizer]  # all have a learning rate
    return optimizer_class(learning_rate=options.learning_rate)


def common_arguments(options: Options, prepared: PreparedData) -> dict[str, Any]:
    """The arguments of ``fit`` that do not depend on the plan."""
    return {
        "seed": options.seed,
        "class_weight": options.class_weight or None,
        "metrics": (PRIMARY_METRIC[prepared.task.kind], *options.metric),  # the others only at the end
    }


def fitted(model: Model, x: np.ndarray, y: np.ndarray, options: dict[str, Any]) -> Model:
    """Train a model without progress, probes and diagnosis."""
    model.fit(x, y, **options, verbose=False, doctor=False, probes=False)
    return model
