"""The result of an attribution: a value per input, the expected sum of the values, and its error.

Besides the values, the record contains what is needed to check them: the explained score, the score of the
baseline, the error of the sum (``residual``) with its tolerance, and the standard errors of sampled values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

import numpy as np

from chainrule.attribution.method import METHODS, Method
from chainrule.attribution.plots import (
    OPPOSE,
    SUPPORT,
    Word,
    append_plots,
    color_words,
    heat_map,
    is_image,
    words_html,
)
from chainrule.memoization import cached_property
from chainrule.messages import translated
from chainrule.notation import number, to_unicode
from chainrule.page.charts import Bar, bar_chart
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.texts import LANGUAGES, render
from chainrule.trace.names import input_name

MAX_LISTED = 12  # contributions listed per sample; the rest is one sum
MAX_SAMPLES = 5  # samples listed
ROUNDING = 1e-12  # relative to the scores: smaller residuals are rounding errors
BAR_LENGTH = 24  # characters of the longest bar


@frozen
class Contribution:
    """One displayed input of one sample.

    Args:
        name: the column, or the symbol of the derivation, such as ``x₁``.
        input: the input value as text.
        value: its attribution.
        error: the standard error of a sampled value.
        source: the input of the network that holds it; empty for a column or a region.
        index: its position in a sample of ``source``, from 0.
    """

    name: str
    input: str
    value: float
    error: float | None = None
    source: str = ""
    index: tuple[int, ...] = ()


@frozen(eq=False)
class Attribution:
    """The contribution of each input to a prediction. Printing it gives text; a notebook shows it as HTML.

    Args:
        method: the name of the method.
        values: for each input the contributions, samples first. Some methods reduce axes to length 1 (a heat
            map has no channels), or have one number per column of a table.
        explains: ``"logit"``, ``"probability"``, ``"loss"`` or ``"value"``.
        targets: for each sample the label or the output that is explained.
        scores: (n,) the explained scores.
        inputs: the inputs of the network.
        base: (n,) the score of the baseline; ``None`` if the method has no baseline.
        baseline: the baseline by input, or ``None``.
        residual: (n,) the sum of the values minus (score - base).
        tolerance: (n,) the maximum residual.
        errors: the standard error of each value, if sampled.
        columns: the table column of each element of the last axis; empty for other inputs.
        cells: for each sample the table cells by column.
        words: for each sample the tokens of a text, or the atoms of a molecule; empty for other inputs.
        positions: the names of the positions along the first axes of a sample: times and frequencies of a
            sound; empty for other inputs.
        drawings: SVG of the first molecules with colored atoms; empty for other inputs.
        settings: the options that were used.
        fixed: the names of the options of the method that the user chose.
        seed: the seed of random values.
        lang: the language of the text, ``"en"`` or ``"zh"``.
        is_unknown: whether ``chainrule predict`` names the sample unknown, which the text states.
    """

    method: str
    values: Mapping[str, np.ndarray]
    explains: str
    targets: tuple[Any, ...]
    scores: np.ndarray
    inputs: Mapping[str, np.ndarray]
    base: np.ndarray | None = None
    baseline: Mapping[str, np.ndarray] | None = None
    residual: np.ndarray | None = None
    tolerance: np.ndarray | None = None
    errors: Mapping[str, np.ndarray] | None = None
    columns: tuple[str, ...] = ()
    cells: tuple[Mapping[str, str], ...] = ()
    words: tuple[tuple[str, ...], ...] = ()
    positions: tuple[tuple[str, ...], ...] = ()
    drawings: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    seed: int = 0
    lang: str = "en"
    is_unknown: bool = False

    @property
    def card(self) -> Method:
        """The card of the method."""
        return METHODS[self.method]

    @property
    def rows(self) -> int:
        """The number of samples."""
        return len(self.scores)

    @property
    def features(self) -> tuple[str, ...]:
        """The distinct columns of the table; empty for other inputs."""
        return tuple(dict.fromkeys(self.columns))

    @cached_property
    def by_column(self) -> dict[str, np.ndarray]:
        """For each column of the table (n,) the sum of the values of its encoded features."""
        return self._summed(self.values)

    def _summed(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        (array,) = values.values() if self.columns else (np.zeros((self.rows, 0)),)
        names = np.array(self.columns)
        return {name: array[:, names == name].sum(1) for name in self.features}

    def contributions(self, sample: int = 0) -> list[Contribution]:
        """Return the contributions of all inputs of a sample, the largest magnitude first.

        Args:
            sample: the number of the sample, from 0.
        """
        if self.columns:  # of a sum the standard error is at most the sum of the standard errors
            errors = self._summed(self.errors) if self.errors else {}
            cells = self.cells[sample] if sample < len(self.cells) else {}
            listed = [
                Contribution(name, cells.get(name, ""), float(values[sample]), _at(errors.get(name), sample))
                for name, values in self.by_column.items()
            ]
        else:
            listed = [
                contribution for name in self.values for contribution in self._by_position(name, sample)
            ]
        return sorted(listed, key=lambda contribution: -abs(contribution.value))

    def _by_position(self, name: str, sample: int) -> list[Contribution]:
        """Return the contribution of each position of an input."""
        values, inputs = self.values[name][sample], self.inputs[name][sample]
        errors = self.errors[name][sample] if self.errors else None
        words: tuple[str, ...] = self.words[sample] if self.words and values.ndim == 1 else ()
        listed = []
        for index in np.ndindex(values.shape):
            number_text = number(inputs[index]) if inputs.shape == values.shape else ""
            symbol = self._place(index) or to_unicode(input_name(name).symbol((0, *index), 1))
            text = str(words[index[0]]) if index and index[0] < len(words) else number_text
            error = _at(errors, index)
            listed.append(Contribution(symbol, text, float(values[index]), error, name, index))
        return listed

    def _place(self, index: tuple[int, ...]) -> str:
        """Return the names of a position; empty if it has none."""
        return ", ".join(names[i] for names, i in zip(self.positions, index, strict=False))

    def page(self) -> Page:
        """Return the attribution as a page."""
        sections = [Section("", (Items(tuple(self._facts())),))]
        for sample in range(min(self.rows, MAX_SAMPLES)):
            sections.append(
                Section(self.heading(sample), (Items(self._sum_texts(sample)), self._table(sample)))
            )
        if self.rows > MAX_SAMPLES:
            sections.append(
                Section("", (render("attribution_more", self.lang, count=self.rows - MAX_SAMPLES),))
            )
        if self.is_unknown:
            sections.append(Section("", (render("why_unknown", self.lang),)))
        return Page(
            render("attribution_title", self.lang, method=translated(self.card.title, self.lang)),
            self.lang,
            tuple(sections),
        )

    def _facts(self) -> list[str]:
        """Return the description and the settings of the method."""
        used = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        return [
            translated(self.card.summary, self.lang),
            *([render("attribution_settings", self.lang, used=used)] if used else []),
        ]

    def heading(self, sample: int) -> str:
        """Return the heading of a sample: the explained target.

        Args:
            sample: the number of the sample, from 0.
        """
        explained = render(f"attribution_{self.explains}", self.lang, target=self.targets[sample])
        return (
            explained
            if self.rows == 1
            else render("attribution_sample", self.lang, i=sample, explained=explained)
        )

    def _sum_texts(self, sample: int) -> tuple[str, ...]:
        """Return the texts on the explained score and the sum of the values."""
        score = float(self.scores[sample])
        if self.base is None or self.residual is None or self.tolerance is None:
            message = "no_sum" if any(values[sample].any() for values in self.values.values()) else "nothing"
            return (
                render("attribution_score", self.lang, score=number(score)),
                render(f"attribution_{message}", self.lang),
            )
        base, residual, limit = (float(array[sample]) for array in (self.base, self.residual, self.tolerance))
        residual = 0.0 if abs(residual) < ROUNDING * max(abs(score), abs(base)) else residual
        difference = {"score": number(score), "base": number(base), "difference": number(score - base)}
        total = {
            "sum": number(score - base + residual),
            "residual": number(residual),
            "tolerance": number(limit),
        }
        return (
            render("attribution_difference", self.lang, **difference),
            render(
                "attribution_sum" if abs(residual) <= limit else "attribution_sum_fails", self.lang, **total
            ),
        )

    def _table(self, sample: int) -> Table:
        """Return the table of the most important inputs of a sample."""
        contributions = self.contributions(sample)
        listed, rest = contributions[:MAX_LISTED], contributions[MAX_LISTED:]
        largest = max((abs(contribution.value) for contribution in listed), default=0.0) or 1.0
        rows = [
            (
                contribution.name,
                contribution.input,
                number(contribution.value, fixed=True)
                + (f" ± {number(contribution.error)}" if contribution.error is not None else ""),
                ("█" if contribution.value > 0 else "░")
                * round(BAR_LENGTH * abs(contribution.value) / largest),
            )
            for contribution in listed
        ]
        if rest:
            name = render("attribution_rest", self.lang, count=len(rest))
            rows.append((name, "", number(sum(contribution.value for contribution in rest), fixed=True), ""))
        keys = ("attribution_input", "attribution_given", "attribution_value_head", "attribution_bar")
        return Table(tuple(render(key, self.lang) for key in keys), tuple(rows), (2,))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<Attribution by {self.method} of {self.rows} samples; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages, with its plots."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return append_plots(html_page(self.page(), others=others), self._plots())

    def to_svg(self, sample: int = 0) -> str:
        """Return a plot as SVG: a heat map beside an image, a molecule, or bars of the most important inputs.

        Args:
            sample: the index of the sample.
        """
        if sample < len(self.drawings):
            return self.drawings[sample]
        if is_image(self.inputs):
            (name,) = self.values
            facts = {"method": translated(self.card.title, self.lang), "explained": self.heading(sample)}
            title = render("attribution_picture", self.lang, **facts)
            return heat_map(self.inputs[name][sample], self.values[name][sample], title, self.lang)
        bars = [
            Bar(
                f"{part.name} = {part.input}" if part.input else part.name,
                abs(part.value),
                number(part.value),
                SUPPORT if part.value > 0 else OPPOSE,
            )
            for part in self.contributions(sample)[:MAX_LISTED]
        ]
        names = (
            (render("attribution_for", self.lang), SUPPORT),
            (render("attribution_against", self.lang), OPPOSE),
        )
        return bar_chart(bars, names)

    def colored_words(self, sample: int = 0) -> tuple[Word, ...]:
        """Return the tokens of a text with their colors; empty for other inputs.

        Args:
            sample: the index of the sample.
        """
        if not self.words:
            return ()
        name = next(name for name, array in self.values.items() if array.ndim == 2)
        return color_words(self.words[sample], self.values[name][sample])

    def plot_html(self, sample: int = 0) -> str:
        """Return the plot of a sample as HTML: the colored tokens of a text, otherwise ``to_svg``.

        Args:
            sample: the index of the sample.
        """
        words = () if self.drawings else self.colored_words(sample)
        return words_html(words, self.lang) if words else self.to_svg(sample)

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False) + "".join(self._plots())

    def _plots(self) -> list[str]:
        return [self.plot_html(i) for i in range(min(self.rows, MAX_SAMPLES))]


def _at(array: np.ndarray | None, index: Any) -> float | None:
    return None if array is None else float(array[index])
