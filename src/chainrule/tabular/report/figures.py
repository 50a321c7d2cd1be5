"""The figures of the report about the network: its layers, calibration, decision boundary and histograms.

Each figure is bounded in size: layers and epochs are subsampled evenly.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from markupsafe import Markup

from chainrule.data import PreparedData
from chainrule.metrics import Predictions
from chainrule.metrics.abstention import risk_coverage
from chainrule.metrics.calibration import reliability as reliability_bins
from chainrule.model import Model
from chainrule.page import charts
from chainrule.plotting.network.blocks import flow_of, fold_repeated
from chainrule.plotting.network.layout import lay_out
from chainrule.plotting.network.svg import svg
from chainrule.plotting.plots.calibration import Reliability, reliability
from chainrule.plotting.plots.decision_boundary import PredictionGrid, prediction_grid
from chainrule.plotting.plots.histogram import rebin
from chainrule.plotting.plots.risk_coverage import ideal_risk
from chainrule.plotting.style import evenly_spaced
from chainrule.tabular.predicted_columns import plotted_decision, threshold_option
from chainrule.tabular.report.analysis import Analysis
from chainrule.tabular.report.evaluation_rows import EvaluationRows
from chainrule.tabular.texts import both_texts
from chainrule.tabular.threshold import DecisionThreshold, ThresholdCurve
from chainrule.train.callback.histograms import RecordedHistograms
from chainrule.train.evaluation.rows import encode_rows
from chainrule.uncertainty.calibration import DecisionRule

LAYERS, EPOCHS, CELLS = 4, 30, 48  # histograms per kind; epochs; grid cells per axis of a boundary
MAX_BOXES = 200  # of a network diagram


def figures(analysis: Analysis, recorded: RecordedHistograms | None) -> dict[str, Any]:
    """Return the figures of the template by name; empty if they do not apply."""
    model, prepared, rows = analysis.model, analysis.prepared, analysis.rows
    predictions = rows.predictions
    has_classes = prepared.task.is_classification and len(predictions.target) > 0
    return {
        "graph": _graph(model),
        "calibration": [_calibration(predictions)] if has_classes else [],
        "risk": [_risk(predictions, threshold_option(model).get("threshold"))] if has_classes else [],
        "calibration_rows": calibration_rows(predictions) if has_classes else [],
        "thresholds": threshold_section(predictions, prepared.preparation.labels[-1], analysis.threshold)
        if has_classes
        else None,
        "boundary": [_boundary(model, rows)] if has_classes and _is_planar(prepared) else [],
        "histograms": [] if recorded is None else _histograms(recorded),
    }


def _graph(model: Model) -> Markup | str:
    """Return the diagram of the network; empty for very large networks."""
    assert model.network is not None
    flow = fold_repeated(flow_of(model.recipe.net, model.network.training))
    return Markup(svg(lay_out(flow))) if len(flow.boxes) <= MAX_BOXES else ""


def _calibration(predictions: Predictions) -> dict[str, Any]:
    return {
        "svg": Markup(reliability_chart(reliability(predictions))),
        "caption": [(charts.BLUE, both_texts("curve_calibration"))],
    }


def _risk(predictions: Predictions, threshold: float | None) -> dict[str, Any]:
    """Return the share of errors by the share of decided rows, the most certain first.

    Args:
        predictions: of the network.
        threshold: from which of its probabilities the second of two classes is predicted; ``None``: the
            likelier one is.
    """
    p = predictions.prediction
    classes = None if threshold is None else DecisionRule(threshold, False).classes(p, p)
    curve = risk_coverage(p, predictions.target, classes)
    lines = [(curve.risk, charts.BLUE), (ideal_risk(curve), charts.GRAY)]
    keys = ("curve_risk", "curve_ideal_risk")
    return {
        "svg": Markup(charts.shares(curve.coverage, lines)),
        "caption": [(color, both_texts(key)) for (_, color), key in zip(lines, keys, strict=True)],
    }


def _is_planar(prepared: PreparedData) -> bool:
    """Return whether rows have two features, so that predictions can be plotted in a plane."""
    return prepared.preparation.shape == (2,)


def _boundary(model: Model, rows: EvaluationRows) -> dict[str, Any]:
    """Return the predicted class for every pair of the two features."""
    assert model.network is not None
    encoded = encode_rows(model.state, rows.x)
    grid = prediction_grid(model.state, encoded, None, CELLS, plotted_decision(model))
    x, y = grid.names
    texts = both_texts("report_boundary_caption")
    keys = zip(charts.COLORS, grid.labels, strict=False)
    return {
        "svg": Markup(region_chart(grid, rows.x, rows.y)),
        "caption": [(color, (label, label)) for color, label in keys],
        "text": (texts[0].format(x=x, y=y), texts[1].format(x=x, y=y)),
    }


def _histograms(recorded: RecordedHistograms) -> list[dict[str, Any]]:
    """Return the histograms of some layers over the epochs, for weights, activations and gradients."""
    epochs = evenly_spaced(len(recorded.epochs), EPOCHS)
    groups = []
    for kind, counts in recorded.counts.items():
        names = [name for name in counts if not name.endswith("bias")] or list(counts)
        layers = [names[i] for i in evenly_spaced(len(names), LAYERS)] if names and epochs else []
        parts = []
        for layer in layers:
            bands = charts.bands(recorded.epochs[epochs], *rebin(counts[layer][epochs]))
            parts.append({"svg": Markup(bands), "caption": [(charts.BLUE, (layer, layer))]})
        groups += [{"name": both_texts(f"histograms_{kind}"), "parts": parts}] if parts else []
    return groups


def reliability_chart(diagram: Reliability) -> str:
    """Return the reliability diagram: accuracy by bin of confidence, and the diagonal of calibration."""
    occupied = diagram.counts > 0
    low = min(0.5, math.floor(float(diagram.confidence[occupied].min()) * len(occupied)) / len(occupied))
    frame = charts.Frame((low, 1.0), (0.0, 1.02))
    edges = np.linspace(0, 1, len(occupied) + 1)
    bars = zip(
        edges[:-1][occupied].tolist(),
        edges[1:][occupied].tolist(),
        diagram.accuracy[occupied].tolist(),
        strict=True,
    )
    elements = [frame.bar(start + 0.004, end - 0.004, right) for start, end, right in bars]
    diagonal = frame.line([(low, low), (1.0, 1.0)], charts.GRAY, is_dashed=True)
    points = zip(diagram.confidence[occupied].tolist(), diagram.accuracy[occupied].tolist(), strict=True)
    return frame.chart([*elements, diagonal, *frame.dots(list(points), charts.ORANGE, 3)])


def region_chart(grid: PredictionGrid, rows: np.ndarray, classes: np.ndarray) -> str:
    """Return the predicted class over two features, paler where less certain, and rows colored by class.

    Args:
        grid: predictions over two features.
        rows: (N, 2) prepared inputs.
        classes: (N,) true classes.
    """
    x, y = (grid.to_units(axis, grid.edges[axis]).tolist() for axis in range(2))
    frame = charts.Frame((x[0], x[-1]), (y[0], y[-1]))
    best, count = grid.classes, grid.prediction.shape[-1]
    shares = np.take_along_axis(grid.prediction, best[..., None], axis=-1)[..., 0]
    certainty = (shares - 1 / count) / (1 - 1 / count)
    depth = np.clip(np.ceil(certainty * charts.DEPTHS), 1, charts.DEPTHS).astype(int)
    elements = []
    for j in range(len(y) - 1):
        mark = best[j] * (charts.DEPTHS + 1) + depth[j]
        starts = np.append(np.flatnonzero(np.diff(mark[:-1], prepend=-1)), len(x) - 1).tolist()
        for start, end in itertools.pairwise(starts):
            color = charts.COLORS[int(best[j, start]) % len(charts.COLORS)]
            (left, top), (right, bottom) = frame.at(x[start], y[j + 1]), frame.at(x[end], y[j])
            elements.append(
                f'<rect x="{left:g}" y="{top:g}" width="{right - left + 0.3:.1f}" '
                f'height="{bottom - top + 0.3:.1f}" fill="{color}" '
                f'fill-opacity="{0.5 * depth[j, start] / charts.DEPTHS:.2f}"/>'
            )
    positions = [grid.to_units(axis, rows[: charts.MAX_POINTS, axis]) for axis in range(2)]
    for k in range(count):
        own = classes[: charts.MAX_POINTS] == k
        points = list(zip(positions[0][own].tolist(), positions[1][own].tolist(), strict=True))
        elements += frame.dots(points, charts.COLORS[k % len(charts.COLORS)], 3)
    return frame.chart(elements)


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
        for part in reliability_bins(predictions).bins
    ]


def threshold_section(
    predictions: Predictions, label: Any, chosen: DecisionThreshold | None = None
) -> dict[str, Any] | None:
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
    own = () if chosen is None or chosen.value > 1 else (chosen.value,)
    return {
        "svg": Markup(charts.shares(curve.thresholds[plotted], lines)),
        "caption": [
            (color, both_texts(f"threshold_{n}")) for (_, color), n in zip(lines, names, strict=True)
        ],
        "text": (texts[0].format(label=label), texts[1].format(label=label)),
        "rows": [_row(curve, threshold) for threshold in sorted({*THRESHOLDS, *own})],
    }


def _row(curve: ThresholdCurve, threshold: float) -> tuple[str, ...]:
    """Return the threshold, the rows predicted as positive, precision, recall, specificity and F1."""
    i = curve.at(threshold)
    positive = curve.true_positives[i] + curve.false_positives[i]
    measures = (curve.precision, curve.recall, curve.specificity, curve.f1)
    return (f"{threshold:.4g}", f"{positive:,.0f}", *(f"{values[i]:.3f}" for values in measures))
