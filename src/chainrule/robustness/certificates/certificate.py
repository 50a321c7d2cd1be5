"""The result of ``Model.certify``: a status for each sample, and the counterexamples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.robustness.result import Share
from chainrule.texts import render

Status: TypeAlias = Literal["proven", "broken", "unknown"]
STATUSES: tuple[Status, ...] = ("proven", "broken", "unknown")
MAX_LISTED = 10


@frozen(eq=False)
class Certificate:
    """A status for each sample. Printing it gives text.

    Args:
        method: ``"bounds"`` or ``"smoothing"``.
        norm: ``"inf"`` or ``"2"``.
        radius: the largest change.
        status: for each sample ``"proven"``: no change within the radius changes the predicted class;
            ``"broken"``: one does, see ``counterexamples``; ``"unknown"``: neither was shown.
        predictions: the predicted labels; of smoothing those of the smoothed classifier.
        counterexamples: the changed samples by the index of the sample, as inputs of the network.
        attacked: the predicted label of each counterexample, by the index of the sample.
        radii: of smoothing, the certified radius of each sample; 0 where it abstains.
        failure: of smoothing, the probability with which the statement about a sample is wrong; 0 for bounds.
        is_prepared: whether changes are in the units of prepared inputs, not of the table's columns.
        lang: the language of the text.
    """

    method: str
    norm: str
    radius: float
    status: tuple[Status, ...]
    predictions: np.ndarray
    counterexamples: Mapping[int, np.ndarray]
    attacked: Mapping[int, Any]
    radii: np.ndarray | None = None
    failure: float = 0.0
    is_prepared: bool = False
    lang: str = "en"

    def share(self, status: Status) -> Share:
        """The share of samples with a status."""
        return Share(sum(s == status for s in self.status), len(self.status))

    def page(self) -> Page:
        """The statuses as a page: counts, threat model, and the first counterexamples."""
        lang = self.lang

        def text(key: str, **facts: Any) -> str:
            return render(key, lang, **facts)

        lines = [
            text("certificate_changes", norm=text(f"attack_norm_{self.norm}"), radius=f"{self.radius:g}"),
            text("certificate_prepared") if self.is_prepared else "",
            *(text(f"certificate_{s}", share=self.share(s)) for s in STATUSES),
            text(f"certificate_limit_{self.method}", failure=f"{self.failure:g}"),
        ]
        sections = [Section("", (Items(tuple(line for line in lines if line)),))]
        if self.counterexamples:
            header = tuple(text(key) for key in ("attack_row", "attack_before", "attack_after"))
            rows = tuple(
                (str(i + 1), str(self.predictions[i]), str(self.attacked[i]))
                for i in list(self.counterexamples)[:MAX_LISTED]
            )
            sections.append(Section(text("certificate_counterexamples"), (Table(header, rows),)))
        return Page(text("certificate_title"), lang, tuple(sections))

    def __str__(self) -> str:
        return text_page(self.page())

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)
