"""Explanations: pages that print as text in a terminal and as HTML in a notebook or browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from chainrule.page.diagram import Diagram
from chainrule.page.diagram_text import diagram_lines
from chainrule.page.html import html_page
from chainrule.page.page import Page
from chainrule.page.terminal import text_page
from chainrule.records import frozen


@frozen
class Explanation(Page):
    """A derivation in sentences and formulas. Printing it gives text; a notebook shows it as HTML.

    Args:
        draw: returns the diagram of the network; called when an HTML page or a drawing needs it.
        translate: returns the page in the other language.
        is_outline: whether the text contains a drawing of a small network, as at depth 1 for one sample.
    """

    draw: Callable[[], Diagram] | None = field(default=None, compare=False, repr=False)
    translate: Callable[[], Page] | None = field(default=None, compare=False, repr=False)
    is_outline: bool = False

    def __str__(self) -> str:
        drawing = diagram_lines(self.draw()) if self.is_outline and self.draw else ()
        return text_page(self, drawing=drawing)

    def __repr__(self) -> str:
        return f"<Explanation {self.title!r}: {len(self.sections)} sections; print it>"

    def to_html(self) -> str:
        """Return one self-contained HTML page in both languages, this one first.

        Formulas are MathML, their terms link to where they are computed, and a diagram shows the network. The
        page has no scripts and loads nothing.
        """
        others = () if self.translate is None else (self.translate(),)
        return html_page(self, others=others, diagram=self.draw and self.draw())

    def _repr_html_(self) -> str:
        return html_page(self, standalone=False, diagram=self.draw and self.draw())
