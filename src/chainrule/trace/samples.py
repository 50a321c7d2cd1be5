"""Encoding of the samples that a user passes to be traced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule import data
from chainrule.data import Cell, Preparation
from chainrule.errors import TrainingError, UsageError, fact
from chainrule.records import frozen
from chainrule.trace.tracer import Trace, TrainingPosition, trace
from chainrule.train.evaluation import evaluate
from chainrule.train.inputs import tabular
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network


@frozen
class Rows:
    """Encoded samples: inputs and targets by name, and the table cells of a single row."""

    x: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    features: tuple[Cell, ...] = ()


def rows_of(model: ModelState, x: Any, y: Any) -> Rows:
    """Encode one sample, several samples or rows of a table, with their targets.

    Args:
        model: its preparation encodes tables and labels.
        x, y: as in ``Model.explain``.

    Raises:
        TrainingError E503: the model has not been trained. UsageError E122: no target was passed.
    """
    if model.network is None:
        raise TrainingError("E503", where="explain", fix="model.fit(x, y)")
    features: tuple[Cell, ...] = ()
    if model.preparation is not None and tabular.is_table(x, None):
        table = data.read_table(x)
        features = tuple(model.preparation.cells(table, 0)) if table.rows == 1 else ()
        from_table = y is None
        targets = (
            tabular.inputs_and_targets(model.preparation, table)[1]
            if from_table
            else _targets(model.preparation, y)
        )
        x, y = tabular.inputs(model.preparation, table), targets
    if y is None:
        raise UsageError(
            "E122", where="explain", expected=fact("a label or a value"), fix="model.explain(x[0], y[0])"
        )
    single = _is_single(model.network, x)
    x, y = _as_rows(x, single), _as_rows(y, single or np.ndim(y) == 0)
    encoded = evaluate.encoded(model, model.rows_of(x, y))
    assert isinstance(encoded.x, dict)
    assert isinstance(encoded.y, dict)
    return Rows(encoded.x, encoded.y, features)


def trace_rows(model: ModelState, rows: Rows) -> Trace:
    """Return the trace of one training step on rows, with the parameters of a model."""
    assert model.network is not None
    return trace(model.network, model.arrays, rows.x, rows.y, TrainingPosition())


def _is_single(network: Network, x: Any) -> bool:
    """Whether ``x`` is a single sample, without a batch axis."""
    name, spec = next(iter(network.inputs.items()))
    inputs: Any = x[name] if isinstance(x, Mapping) and name in x else x
    return np.ndim(inputs) == spec.rank - 1


def _targets(preparation: Preparation, y: Any) -> np.ndarray:
    """The targets of a table's rows as the network receives them: labels, or standardized values."""
    targets = np.atleast_1d(np.asarray(y))
    if preparation.task == "classification":
        return targets
    return (targets - preparation.target_mean) / preparation.target_std


def _as_rows(value: Any, single: bool) -> Any:
    """Return arrays with a batch axis; ``single`` adds it."""
    if isinstance(value, Mapping):
        return {name: _as_rows(part, single) for name, part in value.items()}
    return np.asarray(value)[None] if single else value
