"""The plots by name; the file of a plot is imported on first use."""

from __future__ import annotations

from chainrule.lazy_imports import LazyRegistry
from chainrule.plotting.plot_card import PlotCard

PLOTS: LazyRegistry[PlotCard] = LazyRegistry(
    "chainrule.plotting",
    {
        "graph": "plots.network_diagram.GRAPH",
        "curves": "plots.learning_curves.CURVES",
        "weights": "plots.histogram.WEIGHTS",
        "activations": "plots.histogram.ACTIVATIONS",
        "gradients": "plots.histogram.GRADIENTS",
        "filters": "plots.filters.FILTERS",
        "maps": "plots.feature_maps.MAPS",
        "attention": "plots.attention.ATTENTION",
        "embedding": "plots.embedding.EMBEDDING",
        "landscape": "plots.landscape.LANDSCAPE",
        "course": "plots.trajectory.COURSE",
        "boundary": "plots.decision_boundary.BOUNDARY",
        "confusion": "plots.confusion.CONFUSION",
        "calibration": "plots.calibration.CALIBRATION",
        "roc": "plots.roc.ROC",
        "precision_recall": "plots.roc.PRECISION_RECALL",
        "residuals": "plots.residuals.RESIDUALS",
    },
)
