"""An explanation: a page that prints itself, as text in a terminal and as HTML in a notebook or a browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from chainrule.page.diagram import Diagram
from chainrule.page.html import html_page
from chainrule.page.page import Page
from chainrule.page.terminal import text_page
from chainrule.records import frozen


@frozen
class Explanation(Page):
    """A derivation in words and formulas. Printing it gives text, a notebook shows it as HTML.

    Args:
        draw: gives the network it is about as a diagram, once a page wants it.
        translate: gives the same in the other language.
    """

    draw: Callable[[], Diagram] | None = field(default=None, compare=False, repr=False)
    translate: Callable[[], Page] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return text_page(self)

    def __repr__(self) -> str:
        return f"<Explanation {self.title!r}: {len(self.sections)} sections; print it>"

    def to_html(self) -> str:
        """One self-contained page in both languages, this one first: formulas in MathML whose terms lead to
        where they are worked out, a drawing of the network, no script, nothing fetched."""
        others = () if self.translate is None else (self.translate(),)
        return html_page(self, others=others, diagram=self.draw and self.draw())

    def _repr_html_(self) -> str:
        return html_page(self, whole=False, diagram=self.draw and self.draw())
