"""Parity: the engines compared on a model's predictions, or on one step of its training."""

from __future__ import annotations

from typing import Any

from chainrule.engines.parity import Parity
from chainrule.engines.parity import parity as parity_of
from chainrule.train.evaluation.rows import encode_labeled, encode_rows
from chainrule.train.model_state import ModelState
from chainrule.train.step_graph import training_step
from chainrule.train.train_state import TrainState


def parity(model: ModelState, x: Any, y: Any = None) -> Parity:
    """Compare reference, interpreter and machine code on predictions, or on one training step.

    Args:
        model: a model with parameters.
        x: inputs, as for ``predict``; a few rows are sufficient.
        y: targets, as for ``evaluate``; with them, a training step with gradients and update is compared.

    Raises:
        TrainingError E503: the model has no parameters yet.
    """
    if y is None:
        rows = encode_rows(model, x, "parity")
        return parity_of(rows.network.traced_predictions.graph, {**model.arrays, **rows.x})
    rows = encode_labeled(model, x, y, "parity")
    step = training_step(rows.network, weighted=False, horizon=1)
    state = TrainState(model.parameters, model.states, step.initial_slots())
    inputs = step.feed(rows.arrays, state, seed=0)
    return parity_of(step.graph, {name: inputs[name] for name in step.graph.inputs})
