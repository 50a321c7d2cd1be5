"""The result of a corruption sweep: the accuracy at each severity, as a table and as curves."""

from __future__ import annotations

from dataclasses import replace

from chainrule.attribution.plots import append_plots
from chainrule.notation import number
from chainrule.page.charts import Bar, bar_chart
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.robustness.attack_result import Share
from chainrule.texts import LANGUAGES, render

COLOR = "#2563a8"
BAR_LENGTH = 24  # characters of a bar of 100 %


@frozen
class SweepPoint:
    """The accuracy under one corruption.

    Args:
        name: the corruption.
        severity: its severity, in the unit of the corruption.
        accuracy: the share of correct predictions.
    """

    name: str
    severity: float
    accuracy: Share


@frozen
class SweepResult:
    """The accuracy of a classifier under corruptions of increasing severity. Printing it gives text.

    Args:
        clean: the accuracy without corruption.
        points: the accuracy for each corruption and severity.
        seed: the seed of all random numbers.
        lang: the language of the text.
    """

    clean: Share
    points: tuple[SweepPoint, ...]
    seed: int = 0
    lang: str = "en"

    @property
    def names(self) -> tuple[str, ...]:
        """The corruptions."""
        return tuple(dict.fromkeys(point.name for point in self.points))

    def curve(self, name: str) -> list[SweepPoint]:
        """Return the points of a corruption, the mildest first."""
        return [point for point in self.points if point.name == name]

    def page(self) -> Page:
        """Return the result as a page."""
        texts = (
            render("sweep_clean", self.lang, share=self.clean, rows=self.clean.total),
            render("sweep_meaning", self.lang),
        )
        facts = Items(texts)
        sections = [Section("", (facts,))]
        for name in self.names:
            heads = tuple(render(key, self.lang) for key in ("sweep_severity", "sweep_accuracy", "sweep_bar"))
            rows = tuple(
                (number(p.severity), str(p.accuracy), "█" * round(BAR_LENGTH * p.accuracy.value))
                for p in self.curve(name)
            )
            sections.append(Section(render(f"sweep_{name}", self.lang), (Table(heads, rows, (0, 1)),)))
        return Page(render("sweep_title", self.lang), self.lang, tuple(sections))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<SweepResult of {', '.join(self.names)}; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages, with a chart for each corruption."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        charts = [bar_chart(self._bars(name)) for name in self.names]
        return append_plots(html_page(self.page(), others=others), charts)

    def _bars(self, name: str) -> list[Bar]:
        title = render(f"sweep_{name}", self.lang)
        return [
            Bar(f"{title} {number(p.severity)}", p.accuracy.value, str(p.accuracy), COLOR)
            for p in self.curve(name)
        ]

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)
