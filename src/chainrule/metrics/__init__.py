"""Metrics: the quality of predictions as numbers.

Input: targets, predictions, weights. Output: values by name, tables, intervals. ``METRICS`` is the table of
the metrics that a training computes, with their descriptions; each is used by its name, in ``metrics=[...]``,
in ``monitor="val_..."`` and by itself (``cr.metric("f1")(y, p)``). The other functions measure what one
number does not show. This package does not depend on networks.

    inputs.py           targets with their predictions, in the two forms that metrics read
    metric.py           the definition of a metric
    classification.py   accuracy, precision, recall, overlap, ...
    ranking.py          areas under curves, the best threshold
    calibration.py      cross-entropy, Brier score, calibration error; how often a probability comes true
    regression.py       errors, explained variance, correlations
    registry.py         all metrics by name

    interval.py             intervals of a score
    significance.py         whether a difference of two scores is chance
    abstention.py           the error where uncertain rows are not decided
    groups.py               scores of groups of rows
    recommendation.py       nDCG and recall of suggestions
    answers.py              agreement of texts with references
    detection.py            average precision of boxes in images
    masks.py                overlap of masks with a class for every pixel
    transcripts.py          word and character error rate
    translations.py         agreement of translations with references

They are implemented in NumPy because they are evaluated after every epoch: importing scikit-learn takes
longer than most trainings on a table, and its input checks longer than the computation. Property tests
compare them with scikit-learn, and with their definition where it has none.

Example:
    >>> import numpy as np
    >>> from chainrule.metrics import Predictions, reliability
    >>> y, p = np.array([0, 1, 1, 0] * 5), np.array([0.2, 0.9, 0.6, 0.4] * 5)
    >>> table = reliability(Predictions.of_classes(y, p), bins=2)
    >>> [(part.rows, round(part.predicted, 2), part.observed) for part in table.bins]
    [(10, 0.3, 0.0), (10, 0.75, 1.0)]
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames
from chainrule.metrics.inputs import TASKS, UNSCORED, Predictions
from chainrule.metrics.metric import Metric, Option
from chainrule.metrics.registry import (
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

_LAZY = LazyNames(
    __name__,
    {
        "abstention": "RiskCoverage risk_coverage",
        "answers": "Span best_span character_f1 exact_match",
        "calibration": "Bin Reliability reliability",
        "detection": (
            "Outcome Truth average_precision best_min_score count_error match_boxes match_outcomes "
            "mean_average_precision ranked_precision"
        ),
        "groups": "GroupScore group_scores groups_of",
        "interval": "Interval bootstrap fold_interval rmse_interval score_intervals share_interval",
        "recommendation": "ndcg_and_recall ndcg_and_recall_of_users top_items",
        "masks": "class_iou mean_iou pixel_accuracy pixel_confusion",
        "transcripts": "edit_distance error_rates",
        "translations": "chrf",
        "significance": (
            "Comparison Difference SampledScore compare fold_difference mean_difference mean_score "
            "ratio_score sampled_difference"
        ),
    },
)
__getattr__, __dir__ = _LAZY.hooks
