"""The kinds of pictures by name; a kind's file is loaded when somebody asks for it."""

from __future__ import annotations

from chainrule.door import Table
from chainrule.explain.picture.card import Kind

PICTURES: Table[Kind] = Table(
    "chainrule.explain.picture",
    {
        "graph": "graph.GRAPH",
        "curves": "curves.CURVES",
        "weights": "histogram.WEIGHTS",
        "activations": "histogram.ACTIVATIONS",
        "gradients": "histogram.GRADIENTS",
        "filters": "filters.FILTERS",
        "maps": "maps.MAPS",
        "attention": "attention.ATTENTION",
        "embedding": "embedding.EMBEDDING",
        "landscape": "landscape.LANDSCAPE",
        "course": "course.COURSE",
        "boundary": "boundary.BOUNDARY",
        "confusion": "confusion.CONFUSION",
        "calibration": "calibration.CALIBRATION",
        "roc": "threshold.ROC",
        "precision_recall": "threshold.PRECISION_RECALL",
        "residuals": "residuals.RESIDUALS",
    },
)
