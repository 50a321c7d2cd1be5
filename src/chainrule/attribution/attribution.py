"""The result of an attribution: a number per input, the sum that they should have, and its error.

Besides the values, the record holds what is needed to check them: the explained score, the score of the
baseline, the error of the sum (``residual``) with its tolerance, and the standard errors of sampled values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.attribution.method import METHODS, Method
from chainrule.attribution.plots import AGAINST, FOR, heat_map, is_image, picture, with_pictures
from chainrule.notation import number
from chainrule.page.bar_chart import Bar, bar_chart
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.texts import LANGUAGES, render

SHOWN = 12  # listed parts of a sample; the rest is one sum
SAMPLES = 5  # listed samples
ROUNDING = 1e-12  # relative to the scores: smaller residuals are rounding errors
WIDE = 24  # characters of the longest bar


@frozen
class Piece:
    """One displayed input of one sample.

    Args:
        name: the column, token or position.
        given: the input value as text.
        value: its attribution.
        error: the standard error of a sampled value.
    """

    name: str
    given: str
    value: float
    error: float | None = None


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
        words: for each sample the tokens of a text; empty for other inputs.
        settings: the options that were used.
        seed: the seed of random values.
        lang: the language of the text, ``"en"`` or ``"zh"``.
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
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    lang: str = "en"

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

    def pieces(self, sample: int = 0) -> list[Piece]:
        """Return all inputs of a sample, the most important first."""
        if self.columns:  # of a sum the standard error is at most the sum of the standard errors
            errors = self._summed(self.errors) if self.errors else {}
            cells = self.cells[sample] if sample < len(self.cells) else {}
            found = [
                Piece(name, cells.get(name, ""), float(values[sample]), _at(errors.get(name), sample))
                for name, values in self.by_column.items()
            ]
        else:
            found = [piece for name in self.values for piece in self._places(name, sample)]
        return sorted(found, key=lambda piece: -abs(piece.value))

    def _places(self, name: str, sample: int) -> list[Piece]:
        """Return one piece per position of an input."""
        values, given = self.values[name][sample], self.inputs[name][sample]
        errors = self.errors[name][sample] if self.errors else None
        words: tuple[str, ...] = self.words[sample] if self.words and values.ndim == 1 else ()
        found = []
        for place in np.ndindex(values.shape):
            known = number(given[place]) if given.shape == values.shape else ""
            where = f"{name}[{', '.join(map(str, place))}]"
            shown = str(words[place[0]]) if place and place[0] < len(words) else known
            found.append(Piece(where, shown, float(values[place]), _at(errors, place)))
        return found

    def page(self) -> Page:
        """Return the attribution as a page."""
        sections = [Section("", (Items(tuple(self._facts())),))]
        for sample in range(min(self.rows, SAMPLES)):
            sections.append(
                Section(self.heading(sample), (Items(self._account(sample)), self._table(sample)))
            )
        if self.rows > SAMPLES:
            sections.append(Section("", (render("attribution_more", self.lang, count=self.rows - SAMPLES),)))
        return Page(
            render("attribution_title", self.lang, method=self.card.title(self.lang)),
            self.lang,
            tuple(sections),
        )

    def _facts(self) -> list[str]:
        """Return the description and the settings of the method."""
        used = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        return [
            self.card.says[self.lang == "zh"],
            *([render("attribution_settings", self.lang, used=used)] if used else []),
        ]

    def heading(self, sample: int) -> str:
        """Return the text on what is explained of a sample."""
        explained = render(f"attribution_{self.explains}", self.lang, target=self.targets[sample])
        return (
            explained
            if self.rows == 1
            else render("attribution_sample", self.lang, i=sample, explained=explained)
        )

    def _account(self, sample: int) -> tuple[str, ...]:
        """Return the texts on the explained score and the sum of the values."""
        score = float(self.scores[sample])
        if self.base is None or self.residual is None or self.tolerance is None:
            message = "no_sum" if any(values[sample].any() for values in self.values.values()) else "nothing"
            return (
                render("attribution_score", self.lang, score=number(score)),
                render(f"attribution_{message}", self.lang),
            )
        base, off, most = (float(array[sample]) for array in (self.base, self.residual, self.tolerance))
        off = 0.0 if abs(off) < ROUNDING * max(abs(score), abs(base)) else off
        difference = {"score": number(score), "base": number(base), "difference": number(score - base)}
        total = {"sum": number(score - base + off), "residual": number(off), "tolerance": number(most)}
        return (
            render("attribution_difference", self.lang, **difference),
            render("attribution_sum" if abs(off) <= most else "attribution_sum_fails", self.lang, **total),
        )

    def _table(self, sample: int) -> Table:
        """Return the table of the most important inputs of a sample."""
        pieces = self.pieces(sample)
        shown, rest = pieces[:SHOWN], pieces[SHOWN:]
        most = max((abs(piece.value) for piece in shown), default=0.0) or 1.0
        rows = [
            (
                piece.name,
                piece.given,
                number(piece.value, fixed=True)
                + (f" ± {number(piece.error)}" if piece.error is not None else ""),
                ("█" if piece.value > 0 else "░") * round(WIDE * abs(piece.value) / most),
            )
            for piece in shown
        ]
        if rest:
            name = render("attribution_rest", self.lang, count=len(rest))
            rows.append((name, "", number(sum(piece.value for piece in rest), fixed=True), ""))
        keys = ("attribution_input", "attribution_given", "attribution_value_head", "attribution_bar")
        return Table(tuple(render(key, self.lang) for key in keys), tuple(rows), (2,))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<Attribution by {self.method} of {self.rows} samples; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages, with its plots."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return with_pictures(html_page(self.page(), others=others), self._pictures())

    def to_svg(self, sample: int = 0) -> str:
        """Return a plot as SVG: a heat map beside an image, or bars of the most important inputs.

        Args:
            sample: the index of the sample.
        """
        if is_image(self):
            return heat_map(self, sample)
        bars = [
            Bar(f"{piece.name} = {piece.given}" if piece.given else piece.name, abs(piece.value),
                number(piece.value), FOR if piece.value > 0 else AGAINST)
            for piece in self.pieces(sample)[:SHOWN]
        ]  # fmt: skip
        names = (
            (render("attribution_for", self.lang), FOR),
            (render("attribution_against", self.lang), AGAINST),
        )
        return bar_chart(bars, names)

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False) + "".join(self._pictures())

    def _pictures(self) -> list[str]:
        return [picture(self, i) for i in range(min(self.rows, SAMPLES))]


def _at(array: np.ndarray | None, place: Any) -> float | None:
    return None if array is None else float(array[place])
