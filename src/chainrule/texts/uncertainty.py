"""Texts of calibrations, by key."""

from __future__ import annotations

from chainrule.messages import Texts

UNCERTAINTY: Texts = {
    "calibration_temperature": (
        "Temperature {value}, fitted on other rows; measured on {rows} rows (95 % intervals):"
    ),
    "calibration_isotonic": (
        "Isotonic regression, fitted on other rows; measured on {rows} rows (95 % intervals):"
    ),
    "calibration_identity": "The probabilities stay as they are; measured on {rows} rows (95 % intervals):",
    "calibration_refused": (
        "{method} is not used: on other rows, it changes the log-loss from {before} to {after}."
    ),
    "calibration_map_temperature": "A temperature",
    "calibration_map_isotonic": "Isotonic regression",
    "calibration_of_calibration_error": "calibration error",
    "calibration_of_log_loss": "log-loss",
    "calibration_of_accuracy": "accuracy",
    "calibration_metric": "  {name}: {before} before, {after} after",
    "calibration_sets": "Prediction sets: {rows} rows, each with thresholds of four fifths of the others:",
    "calibration_sets_threshold": "threshold (the smallest sets)",
    "calibration_sets_adaptive": "adaptive (larger where the network is less certain)",
    "calibration_sets_class": "class (coverage of every class)",
    "calibration_sets_level": "    {level}: {share} contain the true class, {size} classes on average",
    "calibration_sets_parts": "      lowest class {class_name}: {lowest} of {count} rows; {sizes}",
    "calibration_sets_size": "size {size}: {share} of {rows}",
    "calibration_sets_joined": ", ",
    "intervals_quantile": (
        "Prediction intervals as wide as the row requires, from the errors of {rows} rows, each with "
        "margins of four fifths of the others:"
    ),
    "intervals_constant": (
        "Prediction intervals of one width, from the errors of {rows} rows, each with margins of four "
        "fifths of the others:"
    ),
    "intervals_level": "  {level}: {share} contain the value, {width} wide on average",
    "intervals_before": "    before: {share} contain the value, {width} wide on average",
    "intervals_too_few": "There are too few rows for intervals of {levels}.",
    "intervals_lowest": "No end is negative, since no target of these rows is.",
    "calibration_risk": (
        "If the most certain {coverage} are decided (probability {confidence} or more): {risk} errors"
    ),
}
