"""The requested prediction as a margin: positive where the model gives this prediction.

For classes the margin is the logit of the requested class minus the largest logit of the others.
Probabilities saturate near 0 and 1, so they do not guide a search there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import Message, UsageError, fact, join_facts, nearest
from chainrule.records import frozen
from chainrule.texts import text_record
from chainrule.train.evaluation.prediction import predict, predict_proba, raw_outputs
from chainrule.train.inputs.target import Target

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


@frozen(eq=False)
class Goal:
    """The requested prediction, and the margin of rows.

    Args:
        model: the model.
        margin: the function from inputs of the network to (n,) margins, positive for the requested
            prediction.
        prediction, probability: the prediction for the original row.
        low, high: the requested range of values; ``None`` for classes.
        label: the requested class; ``None`` for any other class, and for values.
    """

    model: ModelState
    margin: Callable[[np.ndarray], np.ndarray]
    prediction: Any
    probability: float | None
    low: float | None = None
    high: float | None = None
    label: Any = None

    @property
    def target_text(self) -> Message:
        """The requested prediction."""
        if self.low is not None and self.high is not None:
            ends = (np.isfinite(self.low), np.isfinite(self.high))
            key = {(True, True): "between", (True, False): "at_least", (False, True): "at_most"}.get(
                ends, "any"
            )
            return text_record(f"target_{key}", low=f"{self.low:.6g}", high=f"{self.high:.6g}")
        return join_facts("", [self.label]) if self.label is not None else text_record("target_other")

    def render(self, prediction: Any, probability: float | None = None) -> str:
        """Return a prediction as text."""
        text = f"{prediction:.6g}" if isinstance(prediction, float) else str(prediction)
        return text if probability is None else f"{text} (p = {probability:.4g})"

    def predict_row(self, x: np.ndarray) -> tuple[Any, float | None]:
        """Return the prediction for one row, with the probability of a class."""
        return predict_row(self.model, x)

    def reached(self, x: np.ndarray) -> bool:
        """Whether the model itself gives the requested prediction for one row."""
        prediction, _ = self.predict_row(x)
        if self.low is not None and self.high is not None:
            return self.low <= prediction <= self.high
        return prediction != self.prediction if self.label is None else prediction == self.label


def predict_row(model: ModelState, x: np.ndarray) -> tuple[Any, float | None]:
    """Return the prediction of a model for one row: a label with its probability, or a value."""
    first = np.asarray(predict(model, x)).reshape(-1)[0]
    prediction = first.item() if isinstance(first, np.generic) else first
    if model.task != "classification":
        return float(prediction), None
    probabilities = np.asarray(predict_proba(model, x), np.float64)[0]
    return prediction, float(probabilities[list(model.labels).index(prediction)])


def build_goal(model: ModelState, x: np.ndarray, requested: Any) -> Goal:
    """Return the goal of a search.

    Args:
        model: a trained model.
        x: the row as the input of the network, (1, F).
        requested: a label, or ``None`` for any other label; a value to reach, or ``(low, high)`` with
            ``None`` for an open end.

    Raises:
        UsageError E547: the model cannot give this prediction. UsageError E548: it already does.
    """
    (name, target), *others = model.targets.items()
    if others or not (target.is_single or (target.task == "regression" and target.scores == 1)):
        expected = fact("a model with one class or one value for a row")
        received = ", ".join(f"{key}: {t.task}, {t.scores} numbers" for key, t in model.targets.items())
        raise UsageError("E547", where="counterfactual", expected=expected, received=received)
    build = _class_goal if target.is_single else _value_goal
    result = build(model, name, target, x, requested)
    if result.reached(x):
        is_class = result.low is None
        fix = (
            fact("target=None for any other prediction")
            if is_class
            else fact("a value beyond the prediction")
        )
        raise UsageError(
            "E548", where="counterfactual", target=result.target_text, expected=fact("another prediction"),
            received=result.render(result.prediction, result.probability), fix=fix,
        )  # fmt: skip
    return result


def _class_goal(model: ModelState, name: str, target: Target, x: np.ndarray, requested: Any) -> Goal:
    prediction, probability = predict_row(model, x)
    index_by_text = {str(label): i for i, label in enumerate(target.labels)}
    if requested is not None and str(requested) not in index_by_text:
        close = nearest(str(requested), [label for label in index_by_text if label != str(prediction)])
        expected = ", ".join(index_by_text)
        received = repr(requested)[:80]
        fix = f'target="{close}"' if close else fact("target=None for any other class")
        raise UsageError("E547", where="counterfactual", expected=expected, received=received, fix=fix)
    index = index_by_text[str(prediction)] if requested is None else index_by_text[str(requested)]
    scores, sign = _scores(model, name, target), -1.0 if requested is None else 1.0

    def margin(rows: np.ndarray) -> np.ndarray:
        values = scores(rows)  # (n, K)
        return sign * (values[:, index] - np.delete(values, index, axis=1).max(axis=1))

    label = None if requested is None else target.labels[index]
    return Goal(model, margin, prediction, probability, label=label)


def _scores(model: ModelState, name: str, target: Target) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from rows to a score for each class, (n, K); the largest is predicted."""
    assert model.network is not None
    node = model.network.inference.outputs[name]
    # the threshold between two classes, of a probability or a logit
    half = 0.5 if model.network.losses[name].prediction(node) is node else 0.0

    def scores(rows: np.ndarray) -> np.ndarray:
        raw = np.asarray(raw_outputs(model, rows), np.float64)
        if target.max_classes == target.scores:
            return raw[:, : len(target.labels)]
        single = raw.reshape(-1, 1) - half
        return np.concatenate([-single, single], axis=1)  # (n, 1) -> (n, 2)

    return scores


def _value_goal(model: ModelState, name: str, target: Target, x: np.ndarray, requested: Any) -> Goal:
    prediction, _ = predict_row(model, x)
    try:
        low, high = _target_range(requested, prediction)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low <= high:
        expected = fact("a value, or (low, high) with None for no end")
        received = repr(requested)[:80]
        fix = f"target={prediction * 1.1:.3g}"
        raise UsageError("E547", where="counterfactual", expected=expected, received=received, fix=fix)

    def margin(rows: np.ndarray) -> np.ndarray:
        values = np.asarray(predict(model, rows), np.float64).reshape(-1)
        return np.minimum(values - low, high - values)

    return Goal(model, margin, prediction, None, low, high)


def _target_range(requested: Any, prediction: float) -> tuple[float, float]:
    """Return the requested range; a single value is reached from the side of the prediction."""
    if isinstance(requested, tuple | list):
        low, high = requested
        return -np.inf if low is None else float(low), np.inf if high is None else float(high)
    value = float(requested)
    return (value, np.inf) if prediction < value else (-np.inf, value)
