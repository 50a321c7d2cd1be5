"""Rows for plots: encoded inputs and targets, and predictions with their targets.

Plots use a limited number of rows, evenly spaced, so that the cost does not grow with the table and equal
tables give equal plots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from chainrule.engines import reference
from chainrule.errors import TrainingError, UsageError, fact
from chainrule.graph import Graph, Node
from chainrule.plotting.plot import missing_rows
from chainrule.records import frozen
from chainrule.train.evaluation import evaluate
from chainrule.train.evaluation.metric import Predictions
from chainrule.train.evaluation.prediction import checked_inputs, predictions
from chainrule.train.inputs import tabular
from chainrule.train.network import Network

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


@frozen(eq=False)
class Rows:
    """Encoded rows: inputs by name and, if they were passed, targets by name."""

    x: dict[str, np.ndarray]
    y: dict[str, np.ndarray]

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(next(iter(self.x.values())))

    def some(self, max_rows: int) -> Rows:
        """Return at most ``max_rows`` rows, evenly spaced."""
        if self.count <= max_rows:
            return self
        indices = np.linspace(0, self.count - 1, max_rows).round().astype(int)
        return Rows({k: a[indices] for k, a in self.x.items()}, {k: a[indices] for k, a in self.y.items()})


def network_of(model: ModelState, kind: str) -> Network:
    """Return the network of a trained model.

    Raises:
        TrainingError E503: the model has not been trained.
    """
    if model.network is None:
        raise TrainingError("E503", where=f"plot.{kind}", fix="model.fit(x, y)")
    return model.network


def inputs_of(model: ModelState, x: Any, kind: str) -> Rows:
    """Encode rows without targets; a sample without batch axis is one row.

    Args:
        model: the model, whose preparation encodes tables.
        x: as for ``predict``.
        kind: the name of the plot, for error messages.
    """
    network = network_of(model, kind)
    if x is None:
        raise missing_rows(kind, "x", fact("no rows"))
    if model.preparation is not None and tabular.is_table(x, None):
        return Rows({next(iter(network.inputs)): tabular.inputs(model.preparation, x)}, {})
    name, spec = next(iter(network.inputs.items()))
    first: Any = x.get(name) if isinstance(x, dict) else x
    if np.ndim(first) == spec.rank - 1:
        x = {k: np.asarray(v)[None] for k, v in x.items()} if isinstance(x, dict) else np.asarray(x)[None]
    return Rows(checked_inputs(model, model.rows_of(x).x), {})


def rows_of(model: ModelState, x: Any, y: Any, kind: str) -> Rows:
    """Encode rows with targets in the form that the loss expects.

    Args:
        model, x, kind: as for ``inputs_of``.
        y: as for ``evaluate``; of a table its target column by default.
    """
    network_of(model, kind)
    x, y = tabular.encode_table(model.preparation, x, y)
    if x is None or y is None:
        raise missing_rows(kind, "x, y", fact("no rows") if x is None else fact("rows without targets"))
    encoded: Any = evaluate.encoded(model, model.rows_of(x, y))
    return Rows(encoded.x, encoded.y)


@frozen(eq=False)
class EvaluatedRows:
    """Predictions and targets of one output.

    Args:
        predictions: predictions in the form that metrics read; values are in the units of the table.
        labels: the class labels.
    """

    predictions: Predictions
    labels: tuple[str, ...]


def evaluate_rows(model: ModelState, rows: Rows, kind: str, tasks: tuple[str, ...]) -> EvaluatedRows:
    """Return predictions and targets of rows.

    Args:
        model, rows: the model and the encoded rows.
        kind: the name of the plot, for error messages.
        tasks: the supported tasks, such as ``"classification"``; the first output with one of them is used.

    Raises:
        UsageError E560: the model has no such output.

    """
    outputs = [name for name, target in model.targets.items() if target.task in tasks]
    if not outputs:
        received = ", ".join(dict.fromkeys(target.task for target in model.targets.values()))
        unsupported_model(
            kind,
            " / ".join(tasks),
            received,
            "model.plot.residuals(x, y)" if "regression" in received else "",
        )
    name = outputs[0]
    target, y = model.targets[name], rows.y[network_of(model, kind).target_names[name]]
    prediction = predictions(model, rows.x, "prediction")[name]
    if target.is_classes:
        prediction = target.probabilities(prediction)
    elif target.task == "regression" and model.preparation is not None:
        y, prediction = model.preparation.restore(y), model.preparation.restore(prediction)
    evaluated = Predictions.of(y, prediction, None, target.task, target.ignored)
    labels = target.labels or tuple(range(evaluated.prediction.shape[1]))
    return EvaluatedRows(evaluated, tuple(str(label) for label in labels))


def values(model: ModelState, nodes: dict[str, Node], rows: Rows) -> dict[str, np.ndarray]:
    """Return the values of nodes for these rows, by the same names; computed by the reference engine."""
    graph = Graph(nodes)
    feeds = {**model.arrays, **rows.x, **rows.y}
    return reference.Program(graph).run({name: feeds[name] for name in graph.inputs})


def feature_names(model: ModelState) -> tuple[str, ...]:
    """Return the names of the features of a row."""
    if model.feature_names:
        return model.feature_names
    assert model.network is not None
    last = next(iter(model.network.inputs.values())).shape[-1]
    return tuple(f"x{i + 1}" for i in range(last if isinstance(last, int) else 0))


def unsupported_model(kind: str, expected: str, received: str, fix: str = "") -> NoReturn:
    """Raise the error for a model that a plot does not support.

    Raises:
        UsageError E560: always.
    """
    raise UsageError("E560", where=f"plot.{kind}", plot=kind, expected=expected, received=received, fix=fix)
