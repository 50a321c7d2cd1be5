"""The figures of the page that show the net itself: its layers, its calibration, its boundary, its course.

Each is bounded in size whatever the data: some classes, some layers, some epochs are shown, evenly chosen.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from chainrule.apps.cli.prepared_data import Study
from chainrule.apps.cli.texts import WORDS
from chainrule.apps.report import svg_charts
from chainrule.model import Model
from chainrule.plotting.network.blocks import flow_of
from chainrule.plotting.network.layout import lay_out
from chainrule.plotting.network.repeated_blocks import fold_repeated
from chainrule.plotting.network.svg import svg
from chainrule.plotting.plots.calibration import reliability
from chainrule.plotting.plots.decision_boundary import prediction_grid
from chainrule.plotting.plots.histogram import rebin
from chainrule.plotting.samples import Rows
from chainrule.plotting.style import evenly_spaced
from chainrule.train.callback.histograms import RecordedHistograms
from chainrule.train.evaluation.metric import Predictions

LAYERS, EPOCHS, PLACES = 4, 30, 48  # shown of each kind of histogram; along each axis of a boundary
MOST_BOXES = 200  # of a net that is drawn


def figures(
    model: Model, study: Study, answers: Predictions, recorded: RecordedHistograms | None
) -> dict[str, Any]:
    """What the template shows besides curves and tables, by name; nothing stands where nothing suits.

    Args:
        model: the trained net.
        study: the data.
        answers: on the held-out rows, beside what was wanted.
        recorded: histograms of the training, if there are any.
    """
    is_judged = study.task.is_classification and len(answers.target) > 0
    return {
        "graph": _graph(model),
        "calibration": [_calibration(answers)] if is_judged else [],
        "boundary": [_boundary(model, study)] if is_judged and _is_flat(study) else [],
        "histograms": [] if recorded is None else _histograms(recorded),
    }


def _graph(model: Model) -> Markup | str:
    """The net as boxes and arrows; nothing of one that fills pages."""
    assert model.network is not None
    flow = fold_repeated(flow_of(model.recipe.net, model.network.training))
    return Markup(svg(lay_out(flow))) if len(flow.boxes) <= MOST_BOXES else ""


def _calibration(answers: Predictions) -> dict[str, Any]:
    return {
        "svg": Markup(svg_charts.reliability(reliability(answers))),
        "says": [(svg_charts.BLUE, WORDS["curve_calibration"])],
    }


def _is_flat(study: Study) -> bool:
    """Whether a row is two features, so that all answers fit into one picture."""
    return study.preparation.shape == (2,)


def _boundary(model: Model, study: Study) -> dict[str, Any]:
    """The class that is answered for every pair of the two features."""
    assert model.network is not None
    shown = prediction_grid(
        model.state, Rows({next(iter(model.network.inputs)): study.test.x}, {}), None, PLACES
    )
    x, y = shown.names
    says = WORDS["report_boundary_says"]
    keys = zip(svg_charts.COLORS, shown.labels, strict=False)
    return {
        "svg": Markup(svg_charts.regions(shown, study.test.x, study.test.y)),
        "says": [(color, (label, label)) for color, label in keys],
        "text": (says[0].format(x=x, y=y), says[1].format(x=x, y=y)),
    }


def _histograms(recorded: RecordedHistograms) -> list[dict[str, Any]]:
    """For each kind of number a few layers over the epochs."""
    epochs = evenly_spaced(len(recorded.epochs), EPOCHS)
    found = []
    for kind, counts in recorded.counts.items():
        names = [name for name in counts if not name.endswith("bias")] or list(counts)
        layers = [names[i] for i in evenly_spaced(len(names), LAYERS)] if names and epochs else []
        parts = []
        for layer in layers:
            bands = svg_charts.bands(recorded.epochs[epochs], *rebin(counts[layer][epochs]))
            parts.append({"svg": Markup(bands), "says": [(svg_charts.BLUE, (layer, layer))]})
        found += [{"name": WORDS[f"histograms_{kind}"], "parts": parts}] if parts else []
    return found
