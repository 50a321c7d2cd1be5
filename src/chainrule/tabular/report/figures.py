"""The figures of the report about the network: its layers, calibration, decision boundary and histograms.

Each figure is bounded in size: layers and epochs are subsampled evenly.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from chainrule.data import PreparedData
from chainrule.metrics import Predictions
from chainrule.metrics.abstention import risk_coverage
from chainrule.model import Model
from chainrule.plotting.network.blocks import flow_of, fold_repeated
from chainrule.plotting.network.layout import lay_out
from chainrule.plotting.network.svg import svg
from chainrule.plotting.plots.calibration import reliability
from chainrule.plotting.plots.decision_boundary import prediction_grid
from chainrule.plotting.plots.histogram import rebin
from chainrule.plotting.plots.risk_coverage import ideal_risk
from chainrule.plotting.style import evenly_spaced
from chainrule.tabular.report import svg_charts
from chainrule.tabular.report.evaluation_rows import EvaluationRows
from chainrule.tabular.report.probability_sections import calibration_rows, threshold_section
from chainrule.tabular.texts import both_texts
from chainrule.train.callback.histograms import RecordedHistograms
from chainrule.train.evaluation.rows import encode_rows

LAYERS, EPOCHS, CELLS = 4, 30, 48  # histograms per kind; epochs; grid cells per axis of a boundary
MAX_BOXES = 200  # of a network diagram


def figures(
    model: Model, prepared: PreparedData, rows: EvaluationRows, recorded: RecordedHistograms | None
) -> dict[str, Any]:
    """Return the figures of the template by name; empty if they do not apply.

    Args:
        model: the trained model.
        prepared: the data.
        rows: the scored rows.
        recorded: histograms of the training, if there are any.
    """
    predictions = rows.predictions
    has_classes = prepared.task.is_classification and len(predictions.target) > 0
    return {
        "graph": _graph(model),
        "calibration": [_calibration(predictions)] if has_classes else [],
        "risk": [_risk(predictions)] if has_classes else [],
        "calibration_rows": calibration_rows(predictions) if has_classes else [],
        "thresholds": threshold_section(predictions, prepared.preparation.labels[-1])
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
        "svg": Markup(svg_charts.reliability(reliability(predictions))),
        "caption": [(svg_charts.BLUE, both_texts("curve_calibration"))],
    }


def _risk(predictions: Predictions) -> dict[str, Any]:
    """Return the share of errors by the share of decided rows, the most certain first."""
    curve = risk_coverage(predictions.prediction, predictions.target)
    lines = [(curve.risk, svg_charts.BLUE), (ideal_risk(curve), svg_charts.GRAY)]
    keys = ("curve_risk", "curve_ideal_risk")
    return {
        "svg": Markup(svg_charts.shares(curve.coverage, lines)),
        "caption": [(color, both_texts(key)) for (_, color), key in zip(lines, keys, strict=True)],
    }


def _is_planar(prepared: PreparedData) -> bool:
    """Return whether rows have two features, so that predictions can be plotted in a plane."""
    return prepared.preparation.shape == (2,)


def _boundary(model: Model, rows: EvaluationRows) -> dict[str, Any]:
    """Return the predicted class for every pair of the two features."""
    assert model.network is not None
    grid = prediction_grid(model.state, encode_rows(model.state, rows.x), None, CELLS)
    x, y = grid.names
    texts = both_texts("report_boundary_caption")
    keys = zip(svg_charts.COLORS, grid.labels, strict=False)
    return {
        "svg": Markup(svg_charts.regions(grid, rows.x, rows.y)),
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
            bands = svg_charts.bands(recorded.epochs[epochs], *rebin(counts[layer][epochs]))
            parts.append({"svg": Markup(bands), "caption": [(svg_charts.BLUE, (layer, layer))]})
        groups += [{"name": both_texts(f"histograms_{kind}"), "parts": parts}] if parts else []
    return groups
