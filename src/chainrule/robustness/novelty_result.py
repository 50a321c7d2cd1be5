"""The result of a novelty detection: a score and a level for each row."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from chainrule.notation import number
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.texts import LANGUAGES, render

LEVEL = 0.05  # of a row that is counted as novel
DEVIATIONS = 3.0  # standard errors beyond which more novel rows than expected are reported
MAX_LISTED = 10


@frozen(eq=False)
class Novelty:
    """How strange rows are, compared with reference rows. Printing it gives text.

    Args:
        scores: (n,) larger for stranger rows.
        levels: (n,) the share of reference rows with at least this score; 0.01 is rare.
        method: the score.
        reference: the number of reference rows that the scores were compared with.
        lang: the language of the text.
    """

    scores: np.ndarray
    levels: np.ndarray
    method: str
    reference: int
    lang: str = "en"

    @property
    def share(self) -> float:
        """The share of rows with a level of at most 0.05; of rows like the reference about 0.05."""
        return float((self.levels <= LEVEL).mean()) if len(self.levels) else 0.0

    @property
    def is_shifted(self) -> bool:
        """Whether more rows are novel than chance explains: 3 standard errors above 5 %."""
        if not len(self.levels):
            return False
        variance = LEVEL * (1 - LEVEL) * (1 / len(self.levels) + 1 / self.reference)
        return self.share > LEVEL + DEVIATIONS * math.sqrt(variance)

    def page(self) -> Page:
        """Return the result as a page."""
        lang, share = self.lang, f"{100 * self.share:.1f} %"
        facts = [
            render("novelty_method", lang, method=render(f"novelty_{self.method}", lang)),
            render("novelty_share", lang, rows=len(self.scores), share=share, reference=self.reference),
            render("novelty_shifted" if self.is_shifted else "novelty_usual", lang),
        ]
        sections = [Section("", (Items(tuple(facts)),))]
        if len(self.scores):
            sections.append(Section(render("novelty_list", lang), (self._table(),)))
        return Page(render("novelty_title", lang), lang, tuple(sections))

    def _table(self) -> Table:
        strangest = np.argsort(-self.scores, kind="stable")[:MAX_LISTED].tolist()
        rows = tuple(
            (str(i + 1), number(float(self.scores[i])), number(float(self.levels[i]))) for i in strangest
        )
        heads = tuple(render(key, self.lang) for key in ("issues_row", "novelty_score", "novelty_level"))
        return Table(heads, rows, (0, 1, 2))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<Novelty by {self.method}: {100 * self.share:.1f} % of {len(self.scores)} rows; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return html_page(self.page(), others=others)

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)
