"""Samples as a person hands them over, made ready to be traced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule import data
from chainrule.data import Arrays, Cell, Preparation
from chainrule.errors import TrainingError, UsageError
from chainrule.records import frozen
from chainrule.trace.tracer import Moment, Trace, trace
from chainrule.train.evaluation import evaluate
from chainrule.train.inputs import tabular
from chainrule.train.model_state import ModelState
from chainrule.train.step import Network


@frozen
class Rows:
    """Samples made ready to be traced: inputs and targets by name, and the cells that a row's inputs were."""

    x: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    features: tuple[Cell, ...] = ()


def rows_of(model: ModelState, x: Any, y: Any) -> Rows:
    """One sample, several, or rows of a table, with what was wanted of them.

    Args:
        model: it says how a table is prepared and what a label means.
        x, y: as in ``Model.explain``.

    Fails:
        TrainingError E503: the model has not learned anything yet. UsageError E122: no answer is given.
    """
    if model.network is None:
        raise TrainingError("E503", where="explain", fix="model.fit(x, y)")
    features: tuple[Cell, ...] = ()
    if model.preparation is not None and tabular.is_table(x, None):
        table = data.read_table(x)
        features = tuple(model.preparation.cells(table, 0)) if table.rows == 1 else ()
        known = y is None
        wanted = tabular.apply(model.preparation, table)[1] if known else _wanted(model.preparation, y)
        x, y = tabular.inputs(model.preparation, table), wanted
    if y is None:
        raise UsageError(
            "E122", where="explain", expected="a label or a value", fix="model.explain(x[0], y[0])"
        )
    single = _is_single(model.network, x)
    x, y = _as_rows(x, single), _as_rows(y, single or np.ndim(y) == 0)
    coded = evaluate.encoded(model, Arrays.of(x, y, dtype=model.recipe.dtype))
    assert isinstance(coded.x, dict)
    assert isinstance(coded.y, dict)
    return Rows(coded.x, coded.y, features)


def trace_rows(model: ModelState, rows: Rows) -> Trace:
    """The trace of one training step on rows, with the parameters of a model."""
    assert model.network is not None
    return trace(model.network, model.held, rows.x, rows.y, Moment())


def _is_single(network: Network, x: Any) -> bool:
    """Whether the inputs are those of one sample, without a batch axis."""
    name, spec = next(iter(network.inputs.items()))
    inputs: Any = x[name] if isinstance(x, Mapping) and name in x else x
    return np.ndim(inputs) == spec.rank - 1


def _wanted(preparation: Preparation, y: Any) -> np.ndarray:
    """What a person says was wanted of a table's row; values as the net sees them."""
    wanted = np.atleast_1d(np.asarray(y))
    if preparation.task == "classification":
        return wanted
    return (wanted - preparation.target_mean) / preparation.target_std


def _as_rows(value: Any, single: bool) -> Any:
    """The value with a batch axis."""
    if isinstance(value, Mapping):
        return {name: _as_rows(part, single) for name, part in value.items()}
    return np.asarray(value)[None] if single else value
