"""The report on non-finite predictions: the same search as for a step, on the rows concerned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from chainrule.data.sample_types import Samples
from chainrule.engines.reference import Program
from chainrule.events import notices
from chainrule.messages import fact
from chainrule.train.evaluation.rows import encode_rows
from chainrule.train.model_base import StateHolder
from chainrule.train.model_state import ModelState
from chainrule.train.nonfinite.cause import root_cause
from chainrule.train.nonfinite.narrative import cause_of, headline
from chainrule.train.nonfinite.origin import find_origin, origin_in_scan
from chainrule.train.nonfinite.record import NonfiniteReport
from chainrule.train.nonfinite.step_report import origin_report

MAX_ROWS = 64  # rows that are searched


def trace_nonfinite(model: StateHolder, x: Samples) -> NonfiniteReport | None:
    """Find the operation in which predictions become NaN or infinite, its layer, the rows and the cause.

    Args:
        model: a trained model.
        x: samples, as for ``predict``.

    Returns:
        the report; ``None`` if all predictions are finite.

    Raises:
        TrainingError E503: the model is not trained.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(1)), "mse")
        >>> _ = model.fit([[1.0], [2.0]], [2.0, 4.0], epochs=1, verbose=False)
        >>> trace_nonfinite(model, [[1.0]]) is None
        True
        >>> model = model.load_parameters({"dense1.bias": [float("nan")]})
        >>> print(trace_nonfinite(model, [[1.0]]).cause("en"))
        dense1.bias contained NaN or infinity before the step
    """
    state = model.state
    encoded = encode_rows(state, x, "trace_nonfinite")
    predictions = encoded.network.prediction_program.run({**state.arrays, **encoded.x})
    rows = _nonfinite_rows(predictions)
    return _report(encoded.model, encoded.x, rows) if len(rows) else None


def report_nonfinite_predictions(
    model: ModelState, arrays: Mapping[str, np.ndarray], predictions: Mapping[str, np.ndarray]
) -> None:
    """Emit a notice that predictions are not finite, with the cause.

    Args:
        model: the model that predicted.
        arrays: its inputs, by name.
        predictions: the predictions, by output name.
    """
    rows, total = _nonfinite_rows(predictions), len(next(iter(arrays.values())))
    report = _report(model, arrays, rows)
    notices.emit(
        fact(
            "{count} of {total} predictions are not finite: {place}: {cause}",
            count=len(rows),
            total=total,
            place=headline(report),
            cause=cause_of(report),
        )
    )


def _nonfinite_rows(predictions: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the indices of rows with a prediction that is not finite."""
    arrays = [a for a in predictions.values() if a.dtype.kind == "f"]
    parts = [~np.isfinite(a).reshape(len(a), -1).all(axis=1) for a in arrays]
    return np.flatnonzero(np.logical_or.reduce(parts)) if parts else np.zeros(0, np.int64)


def _report(model: ModelState, arrays: Mapping[str, np.ndarray], rows: np.ndarray) -> NonfiniteReport:
    assert model.network is not None
    rows, graph = rows[:MAX_ROWS], model.network.prediction_program.graph
    values = {**model.arrays, **{name: array[rows] for name, array in arrays.items()}}
    inputs = {name: values[name] for name in graph.inputs}
    evaluated = list(Program(graph).walk(inputs))
    operands = {node: (card, reads) for node, card, reads, _ in evaluated}
    origin = find_origin(graph, (), inputs, evaluated)
    origin = None if origin is None else origin_in_scan(origin)
    report = origin_report(origin, rows, model.network.prediction_program.run(inputs), graph, operands)
    root = None if origin is None else root_cause(origin, report.causes[0], inputs, graph, (), rows)
    causes = report.causes if root is None else (*report.causes, root)
    optimizer = type(model.recipe.optimizer).__name__
    return replace(report, phase="forward", causes=causes, optimizer=optimizer)
