"""The result of an audit in one training: the bound, whether it refutes a claim, and a page."""

from __future__ import annotations

from dataclasses import replace

from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.texts import LANGUAGES, render

SHOWN = 0.05  # the smallest bound that counts as evidence in the sentence


@frozen
class OneRunResult:
    """A lower bound of the epsilon of differential privacy. Printing it gives text.

    Args:
        bound: epsilon is larger, with the confidence; 0 if nothing is shown.
        guesses, right: the guesses with which the bound was found, and those that were right.
        canaries: the rows that a coin included or left out.
        reachable: the bound that only right guesses would give, the largest that this audit can show.
        delta: of the privacy under test.
        claim: the epsilon that is claimed; ``None``: none.
        confidence: the probability that the bound holds.
        lang: the language of the text.
    """

    bound: float
    guesses: int
    right: int
    canaries: int
    reachable: float
    delta: float = 0.0
    claim: float | None = None
    confidence: float = 0.95
    lang: str = "en"

    @property
    def refutes_claim(self) -> bool:
        """Whether the bound exceeds the claim."""
        return self.claim is not None and self.bound > self.claim

    @property
    def verdict(self) -> str:
        """``"refuted"``, ``"compatible"``, ``"leaks"`` or ``"nothing"``."""
        if self.claim is not None:
            return "refuted" if self.refutes_claim else "compatible"
        return "leaks" if self.bound > SHOWN else "nothing"

    def page(self) -> Page:
        """Return the result as a page."""
        return Page(render("one_run_title", self.lang), self.lang, (self.section(),))

    def section(self) -> Section:
        """Return the result as a section without a title."""
        return Section("", (Items(self.facts()),))

    def facts(self) -> tuple[str, ...]:
        """Return the sentences of the result."""
        lang = self.lang
        counts = {"canaries": self.canaries, "guesses": self.guesses, "right": self.right}
        bounds = {"bound": f"{self.bound:.2f}", "reachable": f"{self.reachable:.2f}"}
        claim = {"claim": "" if self.claim is None else f"{self.claim:g}", "delta": f"{self.delta:g}"}
        words = {**counts, **bounds, **claim, "confidence": f"{100 * self.confidence:.0f} %"}
        bound = "one_run_bound" if self.bound else "one_run_no_bound"
        keys = ("one_run_guesses", bound, f"one_run_{self.verdict}", "one_run_reachable", "one_run_limit")
        return tuple(render(key, lang, **words) for key in keys)

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<OneRunResult: epsilon > {self.bound:.2f} ({self.verdict}); print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return html_page(self.page(), others=others)

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)
