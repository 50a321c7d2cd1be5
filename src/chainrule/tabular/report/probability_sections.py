"""The sections of the report about probabilities: calibration with counts, and the choice of a threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from chainrule.metrics import Predictions
from chainrule.metrics.calibration_table import reliability
from chainrule.page import charts
from chainrule.tabular.texts import both_texts
from chainrule.tabular.threshold import ThresholdCurve

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def calibration_rows(predictions: Predictions) -> list[tuple[str, ...]]:
    """Return the calibration table: range of the probability, rows, mean, observed share and its error."""
    return [
        (
            f"{part.low:.0%} – {part.high:.0%}",
            f"{part.rows:,}",
            f"{part.predicted:.1%}",
            f"{part.observed:.1%} ± {part.standard_error:.1%}",
        )
        for part in reliability(predictions).bins
    ]


def threshold_section(predictions: Predictions, label: Any) -> dict[str, Any] | None:
    """Return precision, recall and F1 by threshold of two classes, as chart and table; else ``None``."""
    if not predictions.is_binary or len(np.unique(predictions.target)) < 2:
        return None
    curve = ThresholdCurve.of(predictions.target, predictions.prediction[:, 1], predictions.weights)
    plotted = (curve.thresholds <= 1) & (curve.true_positives + curve.false_positives > 0)
    lines = [
        (curve.precision[plotted], charts.BLUE),
        (curve.recall[plotted], charts.ORANGE),
        (curve.f1[plotted], charts.GREEN),
    ]
    names = ("precision", "recall", "score")
    texts = both_texts("report_threshold_caption")
    return {
        "svg": Markup(charts.shares(curve.thresholds[plotted], lines)),
        "caption": [
            (color, both_texts(f"threshold_{n}")) for (_, color), n in zip(lines, names, strict=True)
        ],
        "text": (texts[0].format(label=label), texts[1].format(label=label)),
        "rows": [_row(curve, threshold) for threshold in THRESHOLDS],
    }


def _row(curve: ThresholdCurve, threshold: float) -> tuple[str, ...]:
    """Return the threshold, the rows predicted as positive, precision, recall, specificity and F1."""
    i = curve.at(threshold)
    positive = curve.true_positives[i] + curve.false_positives[i]
    measures = (curve.precision, curve.recall, curve.specificity, curve.f1)
    return (f"{threshold:g}", f"{positive:,.0f}", *(f"{values[i]:.3f}" for values in measures))
