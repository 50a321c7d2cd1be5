"""An attribution: a number for each input, what they were meant to add up to, and how well they do.

The values alone prove nothing: any numbers can be drawn as a heat map. So the record carries what a reader
needs to doubt them: the score that is explained, the score of the baseline, what the values leave
unaccounted for (``residual``) beside what may be, and the standard errors of what was sampled. Printing it
gives text, a notebook shows it as HTML with a picture.
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

SHOWN = 12  # parts of a sample that are listed; the rest is told as one sum
SAMPLES = 5  # samples that are listed
ROUNDING = 1e-12  # of the scores: what is less is no residual but the last digit
WIDE = 24  # signs of the longest bar


@frozen
class Piece:
    """One input of one sample, as it is shown.

    Args:
        name: of the column, the word or the place.
        given: what stood there, as text.
        value: its attribution.
        error: the standard error of the value, where it was sampled.
    """

    name: str
    given: str
    value: float
    error: float | None = None


@frozen(eq=False)
class Attribution:
    """How much each input had to do with an answer. Printing it gives text, a notebook shows it as HTML.

    Args:
        method: the name of the method.
        values: for each input a number for each of its places, samples first. Some methods leave axes at
            length 1 (a heat map has no channels), or have one number for each column of a table.
        explains: ``"logit"``, ``"probability"``, ``"loss"`` or ``"value"``.
        targets: for each sample the class or the output that is explained, as a person calls it.
        scores: (n,) what is explained.
        inputs: what the net was given, by input.
        base: (n,) the score of the baseline; ``None`` where the method has none.
        baseline: what was compared with, by input; ``None`` likewise.
        residual: (n,) the sum of the values less (score - base): 0 in a perfect account.
        tolerance: (n,) how large the residual may be.
        errors: the standard error of each value, where they were sampled.
        columns: the table's column each number of the last axis belongs to; empty for other inputs.
        cells: what the table had there: for each sample a text for each column.
        words: for each sample the words of a text, place by place; empty for other inputs.
        settings: the options as they were used.
        seed: decides everything that was drawn.
        lang: of the text, ``"en"`` or ``"zh"``.
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
        """How many samples."""
        return len(self.scores)

    @property
    def features(self) -> tuple[str, ...]:
        """The columns of the table, each once; empty for other inputs."""
        return tuple(dict.fromkeys(self.columns))

    @cached_property
    def by_column(self) -> dict[str, np.ndarray]:
        """For each column of the table (n,) the sum of the values of all numbers that were made from it."""
        return self._summed(self.values)

    def _summed(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        (array,) = values.values() if self.columns else (np.zeros((self.rows, 0)),)
        names = np.array(self.columns)
        return {name: array[:, names == name].sum(1) for name in self.features}

    def pieces(self, sample: int = 0) -> list[Piece]:
        """All inputs of a sample, the most important first."""
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
        """One piece for each place of an input."""
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
        """The whole as sentences and tables."""
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
        """What the method does, and what it was done with."""
        used = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        return [
            self.card.says[self.lang == "zh"],
            *([render("attribution_settings", self.lang, used=used)] if used else []),
        ]

    def heading(self, sample: int) -> str:
        """What is explained of a sample, in words."""
        explained = render(f"attribution_{self.explains}", self.lang, target=self.targets[sample])
        return (
            explained
            if self.rows == 1
            else render("attribution_sample", self.lang, i=sample, explained=explained)
        )

    def _account(self, sample: int) -> tuple[str, ...]:
        """What is explained, and how well it adds up."""
        score = float(self.scores[sample])
        if self.base is None or self.residual is None or self.tolerance is None:
            told = "no_sum" if any(values[sample].any() for values in self.values.values()) else "nothing"
            return (
                render("attribution_score", self.lang, score=number(score)),
                render(f"attribution_{told}", self.lang),
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
        """The most important inputs of a sample, each with a bar."""
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
        """One self-contained page in all languages, with its pictures."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return with_pictures(html_page(self.page(), others=others), self._pictures())

    def to_svg(self, sample: int = 0) -> str:
        """A picture: a heat map beside an image, else a bar for each of the most important inputs.

        Args:
            sample: its number.
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
