"""An explanation: a page that prints itself, as text in a terminal and as HTML in a notebook or a browser."""

from __future__ import annotations

from chainrule.explain.html import html_page
from chainrule.explain.page import Page
from chainrule.explain.text import text_page
from chainrule.frozen import frozen


@frozen
class Explanation(Page):
    """A derivation in words and formulas. Printing it gives text, a notebook shows it as HTML."""

    def __str__(self) -> str:
        return text_page(self)

    def __repr__(self) -> str:
        return f"<Explanation {self.title!r}: {len(self.sections)} sections; print it>"

    def to_html(self) -> str:
        """One self-contained page: formulas in MathML, no script, nothing fetched."""
        return html_page(self)

    def _repr_html_(self) -> str:
        return html_page(self, whole=False)
