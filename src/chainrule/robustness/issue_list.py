"""The result of the search for wrong labels: rows in the order in which they should be checked."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Any

import numpy as np

from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.texts import LANGUAGES, render

MAX_LISTED = 30  # rows on a page


@frozen(eq=False)
class LabelIssues:
    """Rows whose label probably is wrong, the most suspicious first. Printing it gives text.

    Args:
        rows: (m,) their indices, from 0.
        labels, suggested: (m,) the class of the label, and the confident class.
        label_probability, suggested_probability: (m,) of both classes.
        classes: the names of the classes.
        total: the number of rows that were examined.
        noise: the estimated share of wrong labels.
        folds: the number of folds of the cross-validation.
        lang: the language of the text.
    """

    rows: np.ndarray
    labels: np.ndarray
    suggested: np.ndarray
    label_probability: np.ndarray
    suggested_probability: np.ndarray
    classes: tuple[Any, ...]
    total: int
    noise: float
    folds: int
    lang: str = field(default="en")

    def page(self) -> Page:
        """Return the result as a page."""
        lang = self.lang
        facts = [
            render("issues_count", lang, count=len(self.rows), rows=self.total, folds=self.folds),
            render("issues_noise", lang, share=f"{100 * self.noise:.1f} %"),
            render("issues_limit", lang),
        ]
        sections = [Section("", (Items(tuple(facts)),))]
        if len(self.rows):
            sections.append(Section(render("issues_list", lang), (self._table(),)))
        return Page(render("issues_title", lang), lang, tuple(sections))

    def _table(self) -> Table:
        keys = ("issues_row", "issues_label", "issues_label_p", "issues_suggested", "issues_suggested_p")
        columns = self.labels, self.label_probability, self.suggested, self.suggested_probability
        rows = [
            (str(row + 1), str(self.classes[a]), f"{100 * p:.1f} %", str(self.classes[b]), f"{100 * q:.1f} %")
            for row, a, p, b, q in zip(self.rows.tolist(), *(c.tolist() for c in columns), strict=True)
        ]
        heads = tuple(render(key, self.lang) for key in keys)
        return Table(heads, tuple(rows[:MAX_LISTED]), (0, 2, 4))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<LabelIssues: {len(self.rows)} of {self.total} rows; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return html_page(self.page(), others=others)

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)
