"""The card of a plot: name, function, required rows, texts."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.plotting.figure import Plot
from chainrule.records import frozen
from chainrule.texts.plots import PLOTS


@frozen
class PlotCard:
    """The card of a plot; its title and description are in ``texts/plots.py``.

    Args:
        name: its name, as in ``model.plot.confusion_matrix``.
        draw: the function that draws it, in the language of ``settings.lang``.
        needs: the rows it requires: ``""``, ``"x"`` or ``"x, y"``.
        is_evaluation: whether it shows the quality of predictions; a caption then states if rows were used in
            training.
    """

    name: str
    draw: Callable[..., Plot]
    needs: str = ""
    is_evaluation: bool = False

    @property
    def title(self) -> str:
        """Its title."""
        return PLOTS[self.name]

    @property
    def summary(self) -> str:
        """Its description, a sentence."""
        return PLOTS[f"{self.name}.description"]
