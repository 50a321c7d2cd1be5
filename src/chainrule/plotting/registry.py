"""The plots by name; the file of a plot is imported on first use."""

from __future__ import annotations

from chainrule.lazy_imports import LazyRegistry
from chainrule.plotting.plot_card import PlotCard

PLOTS: LazyRegistry[PlotCard] = LazyRegistry(
    "chainrule.plotting",
    {
        "graph": "plots.network_diagram.GRAPH",
        "learning_curves": "plots.learning_curves.LEARNING_CURVES",
        "weights": "plots.histogram.WEIGHTS",
        "activations": "plots.histogram.ACTIVATIONS",
        "gradients": "plots.histogram.GRADIENTS",
        "filters": "plots.filters.FILTERS",
        "feature_maps": "plots.feature_maps.FEATURE_MAPS",
        "attention": "plots.attention.ATTENTION",
        "embedding": "plots.embedding.EMBEDDING",
        "loss_landscape": "plots.loss_landscape.LOSS_LANDSCAPE",
        "trajectory": "plots.trajectory.TRAJECTORY",
        "decision_boundary": "plots.decision_boundary.DECISION_BOUNDARY",
        "confusion_matrix": "plots.confusion_matrix.CONFUSION_MATRIX",
        "calibration": "plots.calibration.CALIBRATION",
        "risk_coverage": "plots.risk_coverage.RISK_COVERAGE",
        "roc": "plots.roc.ROC",
        "precision_recall": "plots.roc.PRECISION_RECALL",
        "residuals": "plots.residuals.RESIDUALS",
    },
)
