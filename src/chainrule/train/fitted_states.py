"""States of layers that are computed from the training rows before the first update.

They are functions of the rows and their weights, so a training that is repeated, replayed or resumed has the
same ones; the model file contains their values.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.engines import compile
from chainrule.errors import UsageError, fact
from chainrule.graph import Graph, Input, Node
from chainrule.train.evaluation.prediction import blocks, concatenated
from chainrule.train.member_graph import member_slices
from chainrule.train.model_state import ModelState


def with_fitted_states(model: ModelState, data: Arrays) -> ModelState:
    """The model with the states that its layers compute from the training rows.

    Args:
        model: the model with initial parameters and states.
        data: the encoded training rows with their weights.

    Raises:
        UsageError E102: a layer returns states of another shape than it requested.
    """
    network = model.network
    assert network is not None
    fitted = network.training.book.fitted
    if not fitted:
        return model
    slices = member_slices(network) if any(map(network.members, network.inference.outputs)) else {}
    states = dict(model.states)
    for path, node in fitted.items():
        layer, weights = network.training.book.layers[path], data.weights
        own = next((part for name, part in slices.items() if name.startswith(f"{path}.")), None)
        if weights is not None and own is not None and weights.ndim == 2:
            weights = weights[:, own]
        for name, value in layer.fitted_states(_values(model, node, data), weights).items():
            states[f"{path}.{name}"] = _checked(f"{path}.{name}", value, states)
    return replace(model, states=states)


def _values(model: ModelState, node: Node, data: Arrays) -> np.ndarray:
    """The value of a node on all rows, (N, ...)."""
    inputs: Any = data.x if isinstance(data.x, dict) else {"x": data.x}
    if isinstance(node.op, Input):
        return np.asarray(inputs[node.op.label])
    program, parts = compile(Graph({"value": node}), model.engine), []
    for rows in blocks(program, data.rows):
        arrays = {**model.arrays, **{name: array[rows] for name, array in inputs.items()}}
        parts.append(program.run({name: arrays[name] for name in program.graph.inputs}))
    return concatenated(parts, "value")


def _checked(path: str, value: np.ndarray, states: dict[str, np.ndarray]) -> np.ndarray:
    """A fitted state in the dtype of the requested one."""
    requested = states.get(path)
    if requested is None or requested.shape != np.shape(value):
        expected = fact("a state that the layer requested") if requested is None else requested.shape
        raise UsageError(
            "E102", where="fitted_states", name=path, expected=expected, received=np.shape(value)
        )
    return np.ascontiguousarray(value, requested.dtype)  # engines read contiguous arrays without a copy
