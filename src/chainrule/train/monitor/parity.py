"""Parity: the engines compared on a model's predictions, or on one step of its training."""

from __future__ import annotations

from typing import Any

from chainrule.engines.parity import Parity
from chainrule.engines.parity import parity as parity_of
from chainrule.errors import TrainingError
from chainrule.train.evaluation import evaluate
from chainrule.train.evaluation.prediction import checked_inputs
from chainrule.train.model_state import ModelState
from chainrule.train.state import TrainState
from chainrule.train.step import training_step


def parity(model: ModelState, x: Any, y: Any = None) -> Parity:
    """Compare reference, interpreter and machine code on predictions, or on one training step.

    Args:
        model: a model with parameters.
        x: inputs, as for ``predict``; a few rows are sufficient.
        y: targets, as for ``evaluate``; with them, a training step with gradients and update is compared.

    Raises:
        TrainingError E503: the model has no parameters yet.
    """
    if model.network is None:
        raise TrainingError("E503", where="parity", fix="model.fit(x, y)")
    if y is None:
        inputs = checked_inputs(model, model.rows_of(x).x)
        return parity_of(model.network.prediction_program.graph, {**model.arrays, **inputs})
    rows = evaluate.encoded(model, model.rows_of(x, y))
    step = training_step(model.network, weighted=False, horizon=1)
    state = TrainState(model.parameters, model.states, step.initial_slots())
    inputs = step.feed(rows, state, seed=0)
    return parity_of(step.graph, {name: inputs[name] for name in step.graph.inputs})
