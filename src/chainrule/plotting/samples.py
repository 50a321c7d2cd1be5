"""Rows for plots: encoded inputs and targets, and predictions with their targets.

Plots use a limited number of rows, evenly spaced, so that the cost does not grow with the table and equal
tables give equal plots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np

from chainrule.engines import reference
from chainrule.errors import UsageError, fact
from chainrule.graph import Graph, Node
from chainrule.metrics import Predictions
from chainrule.plotting.plot import missing_rows
from chainrule.records import frozen
from chainrule.train.evaluation.prediction import predictions
from chainrule.train.evaluation.rows import NetworkRows, encode_labeled, encode_rows
from chainrule.train.network import Network
from chainrule.validation import trained_network

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


Decide: TypeAlias = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From probabilities of the network, (N, K), to the drawn ones, (N, K), and the predicted classes, (N,)."""


def network_of(model: ModelState, kind: str) -> Network:
    """Return the network of a trained model.

    Raises:
        TrainingError E503: the model has not been trained.
    """
    return trained_network(model, f"plot.{kind}")


def inputs_of(model: ModelState, x: Any, kind: str) -> NetworkRows:
    """Encode rows without targets.

    Args:
        model: the model, whose preparation encodes tables.
        x: as for ``predict``.
        kind: the name of the plot, for error messages.
    """
    network_of(model, kind)
    if x is None:
        raise missing_rows(kind, "x", fact("no rows"))
    return encode_rows(model, x, f"plot.{kind}")


def rows_of(model: ModelState, x: Any, y: Any, kind: str) -> NetworkRows:
    """Encode rows with targets in the form that the loss expects.

    Args:
        model, x, kind: as for ``inputs_of``.
        y: as for ``evaluate``; of a table its target column by default.

    Raises:
        UsageError E564: no rows, or no targets.
    """
    network_of(model, kind)
    try:
        if x is not None:
            return encode_labeled(model, x, y, f"plot.{kind}")
    except UsageError as error:
        if error.code != "E122":
            raise
    raise missing_rows(kind, "x, y", fact("no rows") if x is None else fact("rows without targets"))


@frozen(eq=False)
class EvaluatedRows:
    """Predictions and targets of one output.

    Args:
        predictions: predictions in the form that metrics read; values are in the units of the table.
        labels: the class labels.
        classes: (N,) the indices of the predicted classes; empty for values.
    """

    predictions: Predictions
    labels: tuple[str, ...]
    classes: np.ndarray


def evaluate_rows(
    rows: NetworkRows, kind: str, tasks: tuple[str, ...], decide: Decide | None = None
) -> EvaluatedRows:
    """Return predictions and targets of rows.

    Args:
        rows: the encoded rows.
        kind: the name of the plot, for error messages.
        tasks: the supported tasks, such as ``"classification"``; the first output with one of them is used.
        decide: by default the class with the largest probability of the network is predicted.

    Raises:
        UsageError E560: the model has no such output.
    """
    model = rows.model
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
    target, y = model.targets[name], rows.y[rows.network.target_names[name]]
    prediction = predictions(model, rows.x, "prediction")[name]
    if target.is_classes:
        prediction = target.probabilities(prediction)
    elif target.task == "regression" and model.preparation is not None:
        y, prediction = model.preparation.restore(y), model.preparation.restore(prediction)
    evaluated = Predictions.of(y, prediction, None, target.task, target.ignored)
    classes = evaluated.predicted if target.task == "classification" else np.empty(0, int)
    if decide is not None and target.task == "classification":
        probabilities, classes = decide(evaluated.prediction)
        evaluated = replace(evaluated, prediction=probabilities)
    labels = target.labels or tuple(range(evaluated.prediction.shape[1]))
    return EvaluatedRows(evaluated, tuple(str(label) for label in labels), classes)


def values(nodes: dict[str, Node], rows: NetworkRows) -> dict[str, np.ndarray]:
    """Return the values of nodes for these rows, by the same names; computed by the reference engine."""
    graph = Graph(nodes)
    feeds = {**rows.model.arrays, **rows.x, **rows.y}
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
