"""The figures of the page that show the net itself: its layers, its calibration, its boundary, its course.

Each is bounded in size whatever the data: some classes, some layers, some epochs are shown, evenly chosen.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from chainrule.apps.report import picture
from chainrule.apps.study import Study
from chainrule.apps.word import WORDS
from chainrule.explain.picture.boundary import plane
from chainrule.explain.picture.calibration import reliability
from chainrule.explain.picture.histogram import even
from chainrule.explain.picture.network.flow import flow_of
from chainrule.explain.picture.network.fold import folded
from chainrule.explain.picture.network.layout import laid_out
from chainrule.explain.picture.network.markup import svg
from chainrule.explain.picture.sample import Rows
from chainrule.explain.picture.sheet import spread
from chainrule.train.callback.histograms import Recorded
from chainrule.train.learner import Learner
from chainrule.train.metric import Answers

LAYERS, EPOCHS, PLACES = 4, 30, 48  # shown of each kind of histogram; along each axis of a boundary
MOST_BOXES = 200  # of a net that is drawn


def figures(learner: Learner, study: Study, answers: Answers, recorded: Recorded | None) -> dict[str, Any]:
    """What the template shows besides curves and tables, by name; nothing stands where nothing suits.

    Args:
        learner: the trained net.
        study: the data.
        answers: on the held-out rows, beside what was wanted.
        recorded: histograms of the training, if there are any.
    """
    is_judged = study.task.is_classification and len(answers.target) > 0
    return {
        "graph": _graph(learner),
        "calibration": [_calibration(answers)] if is_judged else [],
        "boundary": [_boundary(learner, study)] if is_judged and _is_flat(study) else [],
        "histograms": [] if recorded is None else _histograms(recorded),
    }


def _graph(learner: Learner) -> Markup | str:
    """The net as boxes and arrows; nothing of one that fills pages."""
    assert learner.network is not None
    flow = folded(flow_of(learner.recipe.net, learner.network.training))
    return Markup(svg(laid_out(flow))) if len(flow.boxes) <= MOST_BOXES else ""


def _calibration(answers: Answers) -> dict[str, Any]:
    return {
        "svg": Markup(picture.reliability(reliability(answers))),
        "says": [(picture.BLUE, WORDS["curve_calibration"])],
    }


def _is_flat(study: Study) -> bool:
    """Whether a row is two features, so that all answers fit into one picture."""
    return study.preparation.shape == (2,)


def _boundary(learner: Learner, study: Study) -> dict[str, Any]:
    """The class that is answered for every pair of the two features."""
    assert learner.network is not None
    shown = plane(learner, Rows({next(iter(learner.network.inputs)): study.test.x}, {}), None, PLACES)
    x, y = shown.names
    says = WORDS["report_boundary_says"]
    keys = zip(picture.COLOURS, shown.labels, strict=False)
    return {
        "svg": Markup(picture.regions(shown, study.test.x, study.test.y)),
        "says": [(colour, (label, label)) for colour, label in keys],
        "text": (says[0].format(x=x, y=y), says[1].format(x=x, y=y)),
    }


def _histograms(recorded: Recorded) -> list[dict[str, Any]]:
    """For each kind of number a few layers over the epochs."""
    epochs = spread(len(recorded.epochs), EPOCHS)
    found = []
    for kind, counts in recorded.counts.items():
        names = [name for name in counts if not name.endswith("bias")] or list(counts)
        layers = [names[i] for i in spread(len(names), LAYERS)] if names and epochs else []
        parts = []
        for layer in layers:
            bands = picture.bands(recorded.epochs[epochs], *even(counts[layer][epochs]))
            parts.append({"svg": Markup(bands), "says": [(picture.BLUE, (layer, layer))]})
        found += [{"name": WORDS[f"histograms_{kind}"], "parts": parts}] if parts else []
    return found
