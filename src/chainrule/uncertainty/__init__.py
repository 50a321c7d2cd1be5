"""Uncertainty: whether the probabilities of a classifier can be believed, and what to do where they are low.

``calibrate`` measures and corrects probabilities on rows outside the training, and finds the thresholds of
prediction sets. ``risk_coverage`` describes how the error falls if uncertain rows are not decided.
``dropout_samples`` samples predictions of a network whose dropout stays active. ``disagreement`` measures
how far several networks, the members of an ensemble, or such samples differ. ``with_unknown_level`` stores
from which probability on a classifier names a class instead of ``"unknown"``.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "calibration": (
            "Calibration CalibrationReport calibrate stored_calibration with_calibration SetCoverage "
            "set_coverage"
        ),
        "calibration_maps": "Identity Isotonic ProbabilityMap Temperature",
        "conformal_sets": "SetMethod conformities prediction_sets set_thresholds",
        "ensemble_and_dropout_sampling": (
            "Disagreement disagreement ensemble_samples member_samples member_weights dropout_samples"
        ),
        "unknown_classes": "UNKNOWN with_unknown with_unknown_level",
        "prediction_intervals": "calibrate_intervals predict_interval with_intervals",
    },
    {"RiskCoverage": "metrics.abstention", "risk_coverage": "metrics.abstention"},
)
__getattr__, __dir__ = _LAZY.hooks
