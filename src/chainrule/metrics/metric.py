"""The definition of a metric: its function, name, formula, description and options.

A metric is identified by its name: in ``metrics=[...]``, as a column of the history, in a model file. Some
metrics have an option, whose value follows the name: ``fbeta_2``, ``precision_at_recall_0.95``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np

from chainrule.errors import TrainingError, UsageError, fact
from chainrule.metrics.inputs import TASKS, UNSCORED, Predictions
from chainrule.records import frozen
from chainrule.symbolic_shape import shape_text


@frozen
class Option:
    """The option of a metric.

    Args:
        name: of the option.
        usual: the default value; ``None``: no default.
        low, high: the range, both ends included.
        is_integer: whether the value must be an integer.
    """

    name: str
    usual: float | None
    low: float
    high: float = math.inf
    is_integer: bool = False


@frozen
class Metric:
    """The quality of predictions as a single number.

    Args:
        name: identifies the metric.
        measure: function of ``Predictions`` (and the value of the option, if there is one); NaN where the
            metric is not defined.
        tasks: the tasks that it supports, of ``inputs.TASKS``.
        reads: what it depends on: ``"classes"`` (the predicted class), ``"probabilities"`` or ``"values"``.
        formula: with w the sample weights, y the targets, p the predictions.
        summary: the definition in one sentence.
        chinese: name and definition in Chinese.
        larger: whether larger is better.
        usual: whether it is one of the default metrics of its tasks.
        option: the option, if it has one.
        sklearn, keras: the name in these libraries.
        note: averages, special cases, differences from other libraries.
        example: targets, predictions and the metric of them, computed by hand.
        value: of the option, if given.

    Example:
        >>> from chainrule.metrics import metric
        >>> metric("f1")([0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
        0.6666666666666666
    """

    name: str
    measure: Callable[..., float]
    tasks: tuple[str, ...]
    reads: str
    formula: str
    summary: str
    chinese: tuple[str, str]
    larger: bool = True
    usual: bool = False
    option: Option | None = None
    sklearn: str = ""
    keras: str = ""
    note: str = ""
    example: tuple[Any, Any, float] | None = None
    value: float | None = None

    @property
    def label(self) -> str:
        """The name with the value of the option, as in ``metrics=[...]``."""
        return self.name if self.value is None else f"{self.name}_{self.value:g}"

    def title(self, lang: str) -> str:
        """Return the name in a language, with the value of the option.

        Example:
            >>> from chainrule.metrics import metric
            >>> metric("accuracy").title("zh"), metric("accuracy").title("en"), metric("fbeta_2").title("en")
            ('准确率', 'accuracy', 'fbeta_2')
        """
        return self.chinese[0] + self.label.removeprefix(self.name) if lang == "zh" else self.label

    def of(self, predictions: Predictions) -> float:
        """Return the value of the metric; NaN where it is not defined, as for non-finite predictions."""
        if not predictions.is_measurable:
            return math.nan
        if self.option is None:
            return float(self.measure(predictions))
        return float(self.measure(predictions, self.option.usual if self.value is None else self.value))

    def __call__(self, target: Any, prediction: Any, weights: Any = None) -> float:
        """Compute the metric for arrays of targets and predictions.

        Args:
            target: (N,) class indices; (N, O) labels 0 and 1, class distributions, or values.
            prediction: (N, K) probabilities, or (N,) those of class 1; for other targets, their shape.
            weights: (N,) sample weights.

        Raises:
            TrainingError E510: shapes that do not fit, or a class without a probability.
        """
        return self.of(checked_predictions(self, np.asarray(target), np.asarray(prediction), weights))

    def with_value(self, text: str) -> Metric:
        """Return the metric with a value of its option.

        Args:
            text: the value.

        Raises:
            UsageError E102: not a number within the range of the option.
        """
        option = self.option
        assert option is not None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not option.low <= value <= option.high or (option.is_integer and value % 1):
            kind = fact("an integer") if option.is_integer else fact("a number")
            expected = fact("{kind}, at least {low:g}", kind=kind, low=option.low)
            if option.high != math.inf:
                expected = fact(
                    "{kind}, at least {low:g} and at most {high:g}",
                    kind=kind,
                    low=option.low,
                    high=option.high,
                )
            usual = option.low if option.usual is None else option.usual
            where = f"metric {self.name}"
            fix = f'"{self.name}_{usual:g}"'
            raise UsageError("E102", where=where, name=option.name, expected=expected, received=text, fix=fix)
        return replace(self, value=value)


def of_function(function: Callable[..., Any], larger: Callable[[str], bool]) -> Metric:
    """Return a custom metric with the name of a function.

    Args:
        function: of targets and predictions in the forms of ``Predictions``; a third argument, if it has one,
            is the sample weights, (N,) or ``None``.
        larger: maps the name to whether larger is better.

    Example:
        >>> def sure(y, p): return (p.max(axis=1) > 0.9).mean()
        >>> of_function(sure, lambda name: True)([0, 1], [[0.95, 0.05], [0.4, 0.6]])
        0.5
    """
    name, docstring = getattr(function, "__name__", type(function).__name__), (function.__doc__ or "").strip()
    arity = len(signature(function).parameters)

    def measure(a: Predictions) -> float:
        weights = (a.weights,) if arity > 2 else ()
        return function(a.target, a.prediction, *weights)

    summary = docstring.split("\n")[0]
    return Metric(name, measure, (*TASKS, UNSCORED), "values", "", summary, (name, summary), larger(name))


def checked_predictions(
    metric: Metric, target: np.ndarray, prediction: np.ndarray, weights: Any
) -> Predictions:
    """Interpret arrays as the first task of the metric that their shapes fit (E510: none)."""
    for array in (target, prediction):
        if array.dtype.kind not in "fiub" or not array.ndim:
            raise _mismatch(metric, "arrays of numbers", array)
    if prediction.ndim == 1 and target.ndim == 1 and metric.tasks[0] == "classification":
        prediction = np.stack([1.0 - prediction, prediction], axis=1)  # (N,) -> (N, 2)
    fits = dict.fromkeys(metric.tasks, prediction.shape == target.shape)
    if "classification" in fits:
        fits["classification"] = prediction.shape[:-1] == target.shape and prediction.ndim > 1
    task = next((task for task, fit in fits.items() if fit), "")
    if not task:
        raise _mismatch(metric, f"predictions for targets {shape_text(target.shape)}", prediction)
    if weights is not None and len(np.asarray(weights)) != len(target):
        raise _mismatch(metric, fact("{count} weights", count=len(target)), np.asarray(weights))
    if task == "classification":
        classes = prediction.shape[-1]
        is_index = target.dtype.kind in "iub"
        if target.size and (not is_index or not 0 <= target.min() <= target.max() < classes):
            raise _mismatch(metric, fact("class indices from 0 to {last}", last=classes - 1), target)
    return Predictions.of(target, prediction, None if weights is None else np.asarray(weights), task)


def _mismatch(metric: Metric, expected: str, received: np.ndarray) -> TrainingError:
    description = f"{received.dtype} {shape_text(received.shape)}"
    if received.size and received.dtype.kind in "fiub":
        description = fact(
            "{array}, {first} to {last}", array=description, first=received.min(), last=received.max()
        )
    where = f"metric {metric.label}"
    fix = fact("model.predict_proba(x) for classes, model.predict(x) for values")
    return TrainingError("E510", where=where, expected=expected, received=description, fix=fix)
