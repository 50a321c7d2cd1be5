"""What a metric is: how one number is measured, and everything that is to be said of it.

A metric is called by its name, everywhere: in ``metrics=[...]``, as a column of the history, in a model file.
Some have one setting, which is written behind the name: ``fbeta_2``, ``precision_at_recall_0.95``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np

from chainrule.errors import TrainingError, UsageError
from chainrule.records import frozen
from chainrule.spec import shape_text
from chainrule.train.evaluation.metric.inputs import TASKS, UNJUDGED, Answers


@frozen
class Option:
    """The one setting of a metric.

    Args:
        name: what it is.
        usual: its value where none is written; ``None``: none.
        least, most: its range, both allowed.
        is_whole: whether it is a whole number.
    """

    name: str
    usual: float | None
    least: float
    most: float = math.inf
    is_whole: bool = False


@frozen
class Metric:
    """How good answers are, as one number.

    Args:
        name: what it is called.
        measure: from ``Answers`` (and the option's value, if there is one) to the number; NaN where none can
            be said.
        tasks: what it can judge, of ``answers.TASKS``.
        reads: what it looks at: ``"classes"`` (the decision), ``"probabilities"`` or ``"values"``.
        formula: w are the weights of the rows, y the targets, p the answers.
        says: one sentence.
        chinese: name and sentence in Chinese.
        larger: whether larger is better.
        usual: whether it is measured where nobody chose.
        option: its setting.
        sklearn, keras: what it is called there.
        note: how it is averaged, where it ends, how others differ.
        value: of the setting, where one was written.

    Example:
        >>> from chainrule.train.evaluation.metric import metric
        >>> metric("f1")([0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
        0.6666666666666666
    """

    name: str
    measure: Callable[..., float]
    tasks: tuple[str, ...]
    reads: str
    formula: str
    says: str
    chinese: tuple[str, str]
    larger: bool = True
    usual: bool = False
    option: Option | None = None
    sklearn: str = ""
    keras: str = ""
    note: str = ""
    value: float | None = None

    @property
    def label(self) -> str:
        """The name with its setting, as a person writes it."""
        return self.name if self.value is None else f"{self.name}_{self.value:g}"

    def of(self, answers: Answers) -> float:
        """The number; NaN where an answer is not finite, since then none can be said."""
        if not answers.can_be_judged:
            return math.nan
        if self.option is None:
            return float(self.measure(answers))
        return float(self.measure(answers, self.option.usual if self.value is None else self.value))

    def __call__(self, target: Any, answer: Any, weights: Any = None) -> float:
        """The number for these targets and answers.

        Args:
            target: (N,) class numbers, (N, O) yes and no, shares of classes, or values.
            answer: (N, K) probabilities, or (N,) those of class 1; for other targets in their shape.
            weights: (N,) how much each row counts.

        Raises:
            TrainingError E510: shapes that do not belong together, or a class without a probability.
        """
        return self.of(judgeable(self, np.asarray(target), np.asarray(answer), weights))

    def with_value(self, text: str) -> Metric:
        """The same with a setting.

        Args:
            text: the number.

        Raises:
            UsageError E102: no number in the setting's range.
        """
        option = self.option
        assert option is not None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not option.least <= value <= option.most or (option.is_whole and value % 1):
            kind = "an integer" if option.is_whole else "a number"
            most = "" if option.most == math.inf else f" and at most {option.most:g}"
            usual = option.least if option.usual is None else option.usual
            raise UsageError(
                "E102", where=f"metric {self.name}", name=option.name,
                expected=f"{kind}, at least {option.least:g}{most}", received=text,
                fix=f'"{self.name}_{usual:g}"',
            )  # fmt: skip
        return replace(self, value=value)


def of_function(function: Callable[..., Any], larger: Callable[[str], bool]) -> Metric:
    """A metric of one's own, called as the function is.

    Args:
        function: of targets and answers, in the forms of ``Answers``, and if it takes a third argument of the
            weights of the rows, (N,) or ``None``.
        larger: whether larger is better, by the name.

    Example:
        >>> def sure(y, p): return (p.max(axis=1) > 0.9).mean()
        >>> of_function(sure, lambda name: True)([0, 1], [[0.95, 0.05], [0.4, 0.6]])
        0.5
    """
    name, says = getattr(function, "__name__", type(function).__name__), (function.__doc__ or "").strip()
    takes = len(signature(function).parameters)

    def measure(a: Answers) -> float:
        return function(a.target, a.answer, a.weights) if takes > 2 else function(a.target, a.answer)

    first = says.split("\n")[0]
    return Metric(name, measure, (*TASKS, UNJUDGED), "values", "", first, (name, first), larger(name))


def judgeable(metric: Metric, target: np.ndarray, answer: np.ndarray, weights: Any) -> Answers:
    """Arrays as a person has them, as the first task of the metric that their shapes fit.

    Raises:
        TrainingError E510: they fit none; a class without a probability; another number of weights.
    """
    for array in (target, answer):
        if array.dtype.kind not in "fiub" or not array.ndim:
            raise _mismatch(metric, "arrays of numbers", array)
    if answer.ndim == 1 and target.ndim == 1 and metric.tasks[0] == "classification":
        answer = np.stack([1.0 - answer, answer], axis=1)  # (N,) -> (N, 2)
    fits = dict.fromkeys(metric.tasks, answer.shape == target.shape)
    if "classification" in fits:
        fits["classification"] = answer.shape[:-1] == target.shape and answer.ndim > 1
    task = next((task for task, fit in fits.items() if fit), "")
    if not task:
        raise _mismatch(metric, f"answers that belong to targets {shape_text(target.shape)}", answer)
    if weights is not None and len(np.asarray(weights)) != len(target):
        raise _mismatch(metric, f"{len(target)} weights", np.asarray(weights))
    if task == "classification":
        classes = answer.shape[-1]
        if target.size and (
            target.dtype.kind not in "iub" or not 0 <= target.min() <= target.max() < classes
        ):
            raise _mismatch(metric, f"class numbers from 0 to {classes - 1}", target)
    return Answers.of(target, answer, None if weights is None else np.asarray(weights), task)


def _mismatch(metric: Metric, expected: str, received: np.ndarray) -> TrainingError:
    """The error for arrays that cannot be judged together."""
    found = f"{received.dtype} {shape_text(received.shape)}"
    if received.size and received.dtype.kind in "fiub":
        found += f", {received.min()} to {received.max()}"
    return TrainingError(
        "E510", where=f"metric {metric.label}", expected=expected, received=found,
        fix="model.predict_proba(x) for classes, model.predict(x) for values",
    )  # fmt: skip
