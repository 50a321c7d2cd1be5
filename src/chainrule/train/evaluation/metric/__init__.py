"""Metrics: how good answers are, as numbers a person can judge by.

In: targets, answers, weights. Out: numbers by name. ``METRICS`` is the table of all, with what is to be said
of each; any of them is measured by its name, in ``metrics=[...]``, in ``monitor="val_..."`` and on its own
(``cr.metric("f1")(y, p)``). This room never knows what a network is.

    Answers, Counts      answers.py      targets beside answers, in the two forms that every metric reads
    Metric, Option       entry.py        what a metric is
                         classes.py      of the decision: accuracy, precision, overlap, ...
                         threshold.py    of the order: areas under curves, the best of all thresholds
                         probability.py  of the probabilities: cross-entropy, Brier, calibration
                         value.py        of values: errors, shares explained, correlations
    METRICS, score       table.py        all by name

They are written out in NumPy, a few lines each, because they are asked after every epoch: loading
scikit-learn takes longer than most trainings of a table, and its checks of each call longer than the
counting. A law holds them to scikit-learn's numbers, and where it has none to their definition.
"""

from chainrule.train.evaluation.metric.inputs import TASKS, UNJUDGED, Answers
from chainrule.train.evaluation.metric.metric import Metric, Option
from chainrule.train.evaluation.metric.registry import (
    FIRST,
    METRICS,
    Asked,
    found,
    known_metrics,
    larger_is_better,
    metric,
    metrics_for,
    score,
    to_name,
    usual_metrics,
)

__all__ = [
    "FIRST",
    "METRICS",
    "TASKS",
    "UNJUDGED",
    "Answers",
    "Asked",
    "Metric",
    "Option",
    "found",
    "known_metrics",
    "larger_is_better",
    "metric",
    "metrics_for",
    "score",
    "to_name",
    "usual_metrics",
]
