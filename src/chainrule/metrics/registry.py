"""The table of all metrics, and the lookup of metrics by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from chainrule.errors import fact, join_facts
from chainrule.metrics.calibration import PROBABILITIES
from chainrule.metrics.classification import ACCURACIES, CLASSES
from chainrule.metrics.inputs import Predictions
from chainrule.metrics.metric import Metric, of_function
from chainrule.metrics.ranking import AREAS, THRESHOLDS
from chainrule.metrics.regression import ERRORS, MORE_ERRORS
from chainrule.validation import out_of_range, unknown

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (*ACCURACIES, *AREAS, *ERRORS, *CLASSES, *THRESHOLDS, *PROBABILITIES, *MORE_ERRORS)
}
MetricLike: TypeAlias = "str | Metric | Callable[..., float]"
PRIMARY_METRIC = {
    "classification": "accuracy",
    "multilabel": "accuracy",
    "distribution": "accuracy",
    "regression": "r2",
}
_SMALLER = ("loss", "mae", "rmse", "error")  # in names outside the table: smaller is better


def find_metric(name: object) -> Metric | None:
    """Return the metric of a name, with its option if the name has one; ``None`` if there is none.

    Raises:
        UsageError E102: an option out of range.
    """
    if not isinstance(name, str):
        return None
    if name in METRICS:
        return METRICS[name]
    prefix, _, value = name.rpartition("_")
    owner = METRICS.get(prefix)
    return None if owner is None or owner.option is None else owner.with_value(value)


def metric(name: str) -> Metric:
    """Get a metric by name, to be called with targets and predictions.

    Args:
        name: such as ``"f1"``, or with an option ``"fbeta_0.5"``.

    Raises:
        UsageError E101: no such metric. UsageError E102: an option out of range.

    Example:
        >>> metric("top_k_accuracy_2")([0, 2], [[0.2, 0.5, 0.3], [0.1, 0.2, 0.7]])
        0.5
    """
    return resolve_metrics([name])[0]


def metrics_for(task: str) -> dict[str, Metric]:
    """Return the metrics that support a task, by name."""
    return {name: metric for name, metric in METRICS.items() if task in metric.tasks}


def default_metrics(task: str) -> tuple[Metric, ...]:
    """Return the metrics of a task that are used if the user chooses none."""
    return tuple(metric for metric in metrics_for(task).values() if metric.usual)


def resolve_metrics(
    names: MetricLike | Iterable[MetricLike], tasks: Collection[str] = ()
) -> tuple[Metric, ...]:
    """Return the metrics of the given names without duplicates, in table order; custom metrics last.

    Args:
        names: one or several names; a function of targets and predictions is a custom metric.
        tasks: each metric must support one of them; empty: any task.

    Raises:
        UsageError E101: no such metric for these tasks. UsageError E102: an option out of range; a function
            without a name that is free.
    """
    names = list(names) if isinstance(names, Iterable) and not isinstance(names, str) else [names]
    known = [name for name, metric in METRICS.items() if not tasks or {*tasks} & {*metric.tasks}]
    chosen: dict[str, Metric] = {}
    for name in names:
        resolved = custom_metric(name) or find_metric(name)
        if resolved is None or (resolved.name not in known and resolved.name in METRICS):
            where = (
                fact("metrics of {tasks}", tasks=join_facts(" and ", map(fact, tasks)))
                if tasks
                else "metrics"
            )
            raise unknown(where, name, known, 'metrics=["{}"]')
        chosen[resolved.label] = resolved
    order = {name: i for i, name in enumerate(METRICS)}
    last = len(order)
    return tuple(sorted(chosen.values(), key=lambda m: (order.get(m.name, last), m.value or 0.0)))


def custom_metric(metric: Any) -> Metric | None:
    """Return the metric of a function (E102: its name) or ``Metric`` record; ``None`` for a name."""
    if not isinstance(metric, Metric) and not callable(metric):
        return None
    custom = metric if isinstance(metric, Metric) else of_function(metric, larger_is_better)
    if METRICS.get(custom.name) == replace(custom, value=None):
        return custom
    if not custom.name.isidentifier() or custom.name in METRICS:
        expected = fact("one that is free")
        fix = "def share_above(y, p): return (p > 0.9).mean()"
        raise out_of_range(custom.name, "the name of a custom metric", "metrics", expected, fix=fix)
    return custom


def to_name(metric: Metric) -> str | Metric:
    """Return the name of a metric of the table; a custom metric itself."""
    return metric.label if metric.name in METRICS else metric


def score(predictions: Predictions, names: Sequence[str] | None = None) -> dict[str, float]:
    """Return metrics by name; NaN where one is not defined, as for non-finite predictions.

    Args:
        predictions: targets with their predictions.
        names: the metrics to compute; by default the default metrics of the task.

    Raises:
        UsageError E101: no such metric for this task.

    Example:
        >>> import numpy as np
        >>> p = np.array([[0.9, 0.1], [0.6, 0.4]])
        >>> score(Predictions(np.array([0, 1]), p, None, "classification"), ["accuracy", "roc_auc"])
        {'accuracy': 0.5, 'roc_auc': 1.0}
    """
    task = predictions.task
    chosen = default_metrics(task) if names is None else resolve_metrics(names, [task])
    return {metric.label: metric.of(predictions) for metric in chosen}


def larger_is_better(column: str) -> bool:
    """Return whether larger values of a history column are better.

    Args:
        column: such as ``"val_loss"``, ``"val_fbeta_2"`` or, with several outputs, ``"val_kind_f1"``.

    Example:
        >>> larger_is_better("val_accuracy"), larger_is_better("val_kind_log_loss"), larger_is_better("loss")
        (True, False, False)
    """
    words = column.split("_")
    for first in range(len(words)):  # the longest suffix that is the name of a metric
        name = "_".join(words[first:])
        owner = METRICS.get(name) or METRICS.get(name.rpartition("_")[0])
        if owner is not None and (owner.name == name or owner.option is not None):
            return owner.larger
    return not any(word in column for word in _SMALLER)
