"""Metrics: the quality of predictions as numbers.

Input: targets, predictions, weights. Output: values by name. ``METRICS`` is the table of all metrics with
their descriptions; each is used by its name, in ``metrics=[...]``, in ``monitor="val_..."`` and by itself
(``cr.metric("f1")(y, p)``). This package does not depend on networks.

    inputs.py           targets with their predictions, in the two forms that metrics read
    metric.py           the definition of a metric
    classification.py   accuracy, precision, recall, overlap, ...
    ranking.py          areas under curves, the best threshold
    calibration.py      cross-entropy, Brier score, calibration error
    regression.py       errors, explained variance, correlations
    registry.py         all metrics by name

They are implemented in NumPy because they are evaluated after every epoch: importing scikit-learn takes
longer than most trainings on a table, and its input checks longer than the computation. Property tests
compare them with scikit-learn, and with their definition where it has none.
"""

from chainrule.train.evaluation.metric.inputs import TASKS, UNSCORED, Predictions
from chainrule.train.evaluation.metric.metric import Metric, Option
from chainrule.train.evaluation.metric.registry import (
    METRICS,
    PRIMARY_METRIC,
    MetricLike,
    default_metrics,
    find_metric,
    larger_is_better,
    metric,
    metrics_for,
    resolve_metrics,
    score,
    to_name,
)

__all__ = [
    "METRICS",
    "PRIMARY_METRIC",
    "TASKS",
    "UNSCORED",
    "Metric",
    "MetricLike",
    "Option",
    "Predictions",
    "default_metrics",
    "find_metric",
    "larger_is_better",
    "metric",
    "metrics_for",
    "resolve_metrics",
    "score",
    "to_name",
]
