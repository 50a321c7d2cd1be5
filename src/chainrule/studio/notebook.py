"""``Model.studio``: a trained model in a notebook, as a widget or as a page without scripts."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from chainrule.attribution.explanation import class_names
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.step_explanation.narrative import explain
from chainrule.studio.model_project import ModelProject
from chainrule.trace.tracer import trace_rows
from chainrule.train.model_state import ModelState
from chainrule.validation import integer, trained_network

LIBRARIES = ("anywidget", "starlette")


@frozen(eq=False)
class StudioPage:
    """A page without scripts, for notebooks without widgets: the explanation of the first row.

    Args:
        html: of the page.
    """

    html: str

    def _repr_html_(self) -> str:
        return self.html


def studio_of(model: ModelState, x: Any, y: Any, height: int) -> Any:
    """Return the studio of a trained model for a notebook.

    Args:
        model: the model.
        x, y: rows whose steps are derived, and their targets, or ``None``.
        height: of the widget, in pixels.

    Raises:
        TrainingError E503: the model is not trained. UsageError E102: an invalid height.
    """
    trained_network(model, "studio")
    height = integer(height, "height", "studio", minimum=200)
    project = ModelProject(model, "model", x, y)
    html = _page(project)
    if any(find_spec(name) is None for name in LIBRARIES):
        return StudioPage(html)
    workbench = import_module("chainrule.studio.workbench").Workbench()
    workbench.show(project)
    return import_module("chainrule.studio.widget").StudioWidget(workbench, html, height)


def _page(project: ModelProject) -> str:
    """Return the explanation of the first row, or the layers of the model without rows."""
    state = project.initial
    if project.rows is None:
        return Model.of(state)._repr_html_()
    rows = project.labeled_row(1)
    page = explain(trace_rows(rows), 2, settings.lang, None, labels=class_names(state), features=rows.cells)
    return str(page._repr_html_())
