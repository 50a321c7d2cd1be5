"""Texts about scores."""

from __future__ import annotations

from chainrule.messages import Texts

SCORES: Texts = {
    "scores_comma": ", ",
    "score_interval": "{name} {low} to {high}",
    "score_intervals": "95 % intervals of the network: {intervals}.",
    "class_recall": "{label} {recall} ({rows} rows)",
    "recalls": "Recall by class: {classes}.",
    "lowest_recalls": "Lowest recall by class: {classes}.",
    "calibration_line": (
        "Calibration error {error}; largest deviation: {rows} rows with a mean probability of "
        "{predicted}, {observed} observed."
    ),
    "threshold_used": (
        "Rows with a probability of {label} of at least {value} are predicted as {label}; the training "
        "chose this threshold. --threshold 0.5 predicts the more likely class."
    ),
    "speech_written": "{count} sound files in {folder}",
    "learning_heading": "Learning curve",
    "learning_rows": "training rows",
    "threshold_heading": (
        "Threshold {value}: rows with at least this probability of {label} are predicted as {label}"
    ),
    "threshold_title": "threshold",
    "threshold_f1": "chosen for F1",
    "threshold_youden": "chosen for recall + specificity",
    "threshold_cost": "of cost {cost}",
    "threshold_default": "0.5",
    "threshold_accuracy": "accuracy",
    "threshold_precision": "precision",
    "threshold_recall": "recall",
    "threshold_score": "F1",
    "threshold_mean_cost": "cost per row",
    "interval_second": (
        "Prediction intervals: a second ensemble is trained on the {rows} earliest training rows and "
        "measured on the {later} rows after them."
    ),
    "interval_quantile": (
        "{level} prediction intervals: as wide as the row requires, {width} on average (conformalized "
        "quantile regression on the errors of {rows} rows outside the training)."
    ),
    "interval_constant": (
        "{level} prediction intervals: {width} wide for every row (from the errors of {rows} rows "
        "outside the training)."
    ),
    "interval_test": "They contain the value of {share} of the {count} test rows.",
    "interval_folds": (
        "They contain the value of {share} of the {count} scored rows, with margins from other rows."
    ),
    "interval_level": "  {level}: {share} contain the value, {width} wide on average",
    "interval_later": (
        "New rows are later than the rows of the intervals, so this coverage is measured, not guaranteed."
    ),
    "interval_lowest": "No end is negative, since no target of the training is.",
}
