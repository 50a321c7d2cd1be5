"""What is known of a kind of picture before anybody draws one."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.plotting.figure import Picture
from chainrule.records import frozen
from chainrule.texts.plots import PLOTS


@frozen
class Kind:
    """A kind of picture; its title and sentence in both languages are in ``texts/plots.py``.

    Args:
        name: what it is asked for by, as in ``model.plot.confusion``.
        draw: makes one of a model, in the language of ``settings.lang``.
        needs: the rows it is made of: such as ``""``, ``"x"`` or ``"x, y"``.
        is_judged: whether it shows how good answers are; of rows of the training it then says so.
    """

    name: str
    draw: Callable[..., Picture]
    needs: str = ""
    is_judged: bool = False

    @property
    def names(self) -> tuple[str, str]:
        """Its title in English and Chinese."""
        return PLOTS[self.name]

    @property
    def says(self) -> tuple[str, str]:
        """What it shows, a sentence in each language."""
        return PLOTS[f"{self.name}.description"]
