"""The metrics by name, what a name means, and which way is better."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from chainrule.errors import UsageError, suggest
from chainrule.train.evaluation.metric.calibration import PROBABILITIES
from chainrule.train.evaluation.metric.classification import ACCURACIES, CLASSES
from chainrule.train.evaluation.metric.inputs import Answers
from chainrule.train.evaluation.metric.metric import Metric, of_function
from chainrule.train.evaluation.metric.ranking import AREAS, THRESHOLDS
from chainrule.train.evaluation.metric.regression import ERRORS, MORE_ERRORS

METRICS: dict[str, Metric] = {
    each.name: each
    for each in (
        *ACCURACIES, *AREAS, *ERRORS, *CLASSES, *THRESHOLDS, *PROBABILITIES, *MORE_ERRORS,
    )
}  # fmt: skip
Asked: TypeAlias = "Metric | Callable[..., float]"  # of one's own
FIRST = {
    "classification": "accuracy",
    "multilabel": "accuracy",
    "distribution": "accuracy",
    "regression": "r2",
}
_SMALLER = ("loss", "mae", "rmse", "error")  # words of columns that are no metric of the table


def found(name: object) -> Metric | None:
    """The metric of this name, with its setting where one is written; ``None`` if there is none.

    Raises:
        UsageError E102: a setting out of its range.
    """
    if not isinstance(name, str):
        return None
    if name in METRICS:
        return METRICS[name]
    start, _, value = name.rpartition("_")
    owner = METRICS.get(start)
    return None if owner is None or owner.option is None else owner.with_value(value)


def metric(name: str) -> Metric:
    """A metric by its name; it can be asked for the number of any targets and answers.

    Args:
        name: such as ``"f1"``, or with its setting ``"fbeta_0.5"``.

    Raises:
        UsageError E101: no such metric. UsageError E102: a setting out of its range.

    Example:
        >>> metric("top_k_accuracy_2")([0, 2], [[0.2, 0.5, 0.3], [0.1, 0.2, 0.7]])
        0.5
    """
    return known_metrics([name])[0]


def metrics_for(task: str) -> dict[str, Metric]:
    """The metrics that can judge the answers of a task, by name."""
    return {name: each for name, each in METRICS.items() if task in each.tasks}


def usual_metrics(task: str) -> tuple[Metric, ...]:
    """What is measured of a task where nobody chose."""
    return tuple(each for each in metrics_for(task).values() if each.usual)


def known_metrics(
    names: str | Asked | Iterable[str | Asked], tasks: Collection[str] = ()
) -> tuple[Metric, ...]:
    """The metrics of these names, each once, in the order of the table; those of one's own behind them.

    Args:
        names: one or several; a function of targets and answers is a metric of its name.
        tasks: of which each must be able to judge at least one; none: whatever they judge.

    Raises:
        UsageError E101: no such metric for these tasks. UsageError E102: a setting out of its range; a
            function without a name of its own.
    """
    names = list(names) if isinstance(names, Iterable) and not isinstance(names, str) else [names]
    known = [name for name, each in METRICS.items() if not tasks or {*tasks} & {*each.tasks}]
    chosen: dict[str, Metric] = {}
    for name in names:
        each = own(name) or found(name)
        if each is None or (each.name not in known and each.name in METRICS):
            where = f"metrics of {' and '.join(tasks)}" if tasks else "metrics"
            raise UsageError(
                "E101", where=where, name=str(name)[:80], expected=", ".join(known) or "none",
                received=repr(name)[:80], fix=suggest(name, known, 'metrics=["{}"]'),
            )  # fmt: skip
        chosen[each.label] = each
    order = {name: i for i, name in enumerate(METRICS)}
    last = len(order)
    return tuple(sorted(chosen.values(), key=lambda each: (order.get(each.name, last), each.value or 0.0)))


def own(asked: Any) -> Metric | None:
    """The metric that a function of one's own is, or a record of one's own; ``None`` for a name.

    Raises:
        UsageError E102: a function without a name, or with that of another metric.
    """
    if not isinstance(asked, Metric) and not callable(asked):
        return None
    made = asked if isinstance(asked, Metric) else of_function(asked, larger_is_better)
    if METRICS.get(made.name) == replace(made, value=None):
        return made
    if not made.name.isidentifier() or made.name in METRICS:
        raise UsageError(
            "E102", where="metrics", name="the name of a metric of one's own", expected="one that is free",
            received=made.name[:80], fix="def share_above(y, p): return (p > 0.9).mean()",
        )  # fmt: skip
    return made


def to_name(each: Metric) -> str | Metric:
    """A metric as it is asked for: by its name, or as it is where it is one's own."""
    return each.label if each.name in METRICS else each


def score(answers: Answers, names: Sequence[str] | None = None) -> dict[str, float]:
    """The metrics by name; NaN where none can be said, as where an answer is not finite.

    Args:
        answers: targets beside answers.
        names: what is to be measured; the usual metrics of the task by default.

    Raises:
        UsageError E101: no such metric for this task.

    Example:
        >>> import numpy as np
        >>> answers = Answers(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), None, "classification")
        >>> score(answers, ["accuracy", "roc_auc"])
        {'accuracy': 0.5, 'roc_auc': 1.0}
    """
    chosen = usual_metrics(answers.task) if names is None else known_metrics(names, [answers.task])
    return {each.label: each.of(answers) for each in chosen}


def larger_is_better(column: str) -> bool:
    """Whether a column of the history is the better the larger it is.

    Args:
        column: such as ``"val_loss"``, ``"val_fbeta_2"`` or, of one of several outputs, ``"val_kind_f1"``.

    Example:
        >>> larger_is_better("val_accuracy"), larger_is_better("val_kind_log_loss"), larger_is_better("loss")
        (True, False, False)
    """
    words = column.split("_")
    for first in range(len(words)):  # the longest end of it that is a metric
        name = "_".join(words[first:])
        owner = METRICS.get(name) or METRICS.get(name.rpartition("_")[0])
        if owner is not None and (owner.name == name or owner.option is not None):
            return owner.larger
    return not any(word in column for word in _SMALLER)
