"""Counterfactuals: the smallest changes of a row that lead to another prediction.

The search (``search.py``) only handles points and a margin. This module converts a model and a row to them,
and the points that the search finds to a page. Every prediction on the page is computed by the model itself,
from the changed cells of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np

from chainrule.attribution.counterfactual.feature_domain import (
    Domain,
    Ranges,
    array_domain,
    restrict,
    table_domain,
)
from chainrule.attribution.counterfactual.goal import Goal, build_goal
from chainrule.attribution.counterfactual.search import Search
from chainrule.data import Arrays
from chainrule.errors import UsageError, alternatives, fact
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.settings import Language
from chainrule.texts import LANGUAGES, render
from chainrule.train.evaluation.rows import as_batch, checked_inputs
from chainrule.validation import integer, language, out_of_range, refuse_unknown, trained_network

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


class Options(TypedDict, total=False):
    """The optional arguments of ``counterfactual``; see ``Model.counterfactual``."""

    data: Any
    fixed: Sequence[str]
    ranges: Ranges
    max_changes: int
    count: int
    lang: Language | None


@frozen
class Change:
    """One changed column.

    Args:
        column: its name.
        before, after: the cell before and after the change.
        distance: the size of the change, relative to the scale of the column; 1 for a category.
    """

    column: str
    before: str
    after: str
    distance: float


@frozen
class Alternative:
    """One changed row with another prediction.

    Args:
        changes: its changed columns.
        prediction: the prediction of the model for it: a label or a value.
        probability: the probability of the label; ``None`` for values.
        distance: the sum of the distances of the changes.
    """

    changes: tuple[Change, ...]
    prediction: Any
    probability: float | None
    distance: float


@frozen
class Counterfactuals(Page):
    """Changes of a row that lead to another prediction. Printing it gives text, a notebook shows HTML.

    Args:
        prediction: the prediction of the model for the original row.
        alternatives: the changed rows, the nearest first.
        others: the page in the other languages.
    """

    prediction: Any
    alternatives: tuple[Alternative, ...]
    others: tuple[Page, ...] = ()

    def __str__(self) -> str:
        return text_page(self)

    def __repr__(self) -> str:
        return f"<Counterfactuals: {len(self.alternatives)}; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages."""
        return html_page(self, others=self.others)

    def _repr_html_(self) -> str:
        return html_page(self, standalone=False)


def find_counterfactuals(
    model: ModelState, row: Any, target: Any = None, **options: Unpack[Options]
) -> Counterfactuals:
    """Return the smallest changes that give the requested prediction; see ``Model.counterfactual``."""
    refuse_unknown("counterfactual", options, Options.__annotations__)
    max_changes = integer(options.get("max_changes", 3), "max_changes", "counterfactual", minimum=1)
    count = integer(options.get("count", 3), "count", "counterfactual", minimum=1)
    lang = language(options.get("lang"), "counterfactual")
    trained_network(model, "counterfactual")
    domain = restrict(
        row_domain(model, row, options.get("data")), options.get("fixed", ()), options.get("ranges", {})
    )
    goal = build_goal(model, domain.cells(domain.start[None]), target)
    search = Search(lambda points: goal.margin(domain.encode(points)), domain.start, domain.axes)
    points = [point for point in search.run(max_changes, count) if goal.reached(domain.cells(point[None]))]
    if not points:
        raise _no_counterfactual(domain, goal, max_changes)
    return _result(domain, search, goal, points, lang)


def _no_counterfactual(domain: Domain, goal: Goal, max_changes: int) -> UsageError:
    ranges = [
        f"{axis.name}: {', '.join(domain.levels[axis.name][i] for i in axis.allowed)}"
        if axis.is_category
        else f"{axis.name}: {axis.low:g} to {axis.high:g}"
        for axis in domain.axes
        if not axis.is_fixed
    ]
    return UsageError(
        "E546",
        where="counterfactual",
        max_changes=max_changes,
        target=goal.target_text,
        expected=goal.target_text,
        received=goal.render(goal.prediction),
        notes=ranges[:8] + ["..."] * (len(ranges) > 8),
        fix=alternatives(f"max_changes={max_changes + 2}", fact("fewer fixed columns"), fact("wider ranges")),
    )


def row_domain(model: ModelState, row: Any, rows: Any) -> Domain:
    """Return the possible changes of a row.

    Args:
        model: a trained model.
        row: one row of a table, or its numbers.
        rows: a table or array that defines the ranges of the columns; ``None`` to use the statistics of the
            preparation.

    Raises:
        UsageError E102: not exactly one row. UsageError E549: the ranges are not known, or there are no
            columns.
    """
    if model.preparation is not None:
        table = model.preparation.read(row)
        _require_one_row(table.rows)
        seen = None if rows is None else model.preparation.read(rows)
        return table_domain(model.preparation, table, seen)
    assert model.network is not None
    specs = list(model.network.inputs.values())
    if len(specs) > 1 or specs[0].rank != 2 or not specs[0].is_float:
        received = ", ".join(f"{name}: {spec}" for name, spec in model.network.inputs.items())
        raise UsageError(
            "E549", where="counterfactual", expected=fact("rows of numbers (B, F)"), received=received
        )
    if rows is None:
        expected = fact("data that defines the ranges of the columns")
        fix = "model.counterfactual(x[0], target, data=x)"
        raise UsageError("E549", where="counterfactual", expected=expected, received=fact("none"), fix=fix)
    one, every = (  # in the precision of the user, whose decimals are the steps of the columns
        next(iter(checked_inputs(model, Arrays.of(as_batch(model, part), dtype="float64").x).values()))
        for part in (row, rows)
    )
    _require_one_row(len(one))
    return array_domain(one[0], every)


def _require_one_row(rows: int) -> None:
    if rows != 1:
        value = fact("{rows} rows", rows=rows)
        raise out_of_range(value, "row", "counterfactual", fact("one row"), fix="model.counterfactual(x[0])")


def _result(
    domain: Domain, search: Search, goal: Goal, points: Sequence[np.ndarray], lang: str
) -> Counterfactuals:
    """Return the changed rows with their predictions and pages."""
    alternatives = []
    for point in points:
        changes = tuple(
            Change(axis.name, domain.text(i, domain.start[i]), domain.text(i, point[i]),
                   float(axis.distance(domain.start[i], point[i])))
            for i, axis in enumerate(domain.axes)
            if i in search.changed(point)
        )  # fmt: skip
        prediction, probability = goal.predict_row(domain.cells(point[None]))
        distance = sum(change.distance for change in changes)
        alternatives.append(Alternative(changes, prediction, probability, distance))
    pages = {language: _page(goal, alternatives, language) for language in LANGUAGES}
    own = pages.pop(lang)
    return Counterfactuals(
        own.title, lang, own.sections, goal.prediction, tuple(alternatives), tuple(pages.values())
    )


def _page(goal: Goal, alternatives: Sequence[Alternative], lang: str) -> Page:
    """Return the alternatives as a page."""
    facts = {
        "prediction": goal.render(goal.prediction, goal.probability),
        "target": goal.target_text.render(lang),
    }
    sections = [Section("", (Items((render("counterfactual_now", lang, **facts),)),))]
    sections += [_section(i, alternative, goal.render, lang) for i, alternative in enumerate(alternatives, 1)]
    return Page(render("counterfactual_title", lang), lang, tuple(sections))


def _section(i: int, alternative: Alternative, render_prediction: Callable[..., str], lang: str) -> Section:
    prediction = render_prediction(alternative.prediction, alternative.probability)
    heading = render(
        "counterfactual_alternative", lang, i=i, prediction=prediction, distance=f"{alternative.distance:.2f}"
    )
    rows = tuple(
        (change.column, change.before or "–", change.after or "–", f"{change.distance:.2f}")
        for change in alternative.changes
    )
    keys = ("counterfactual_column", "counterfactual_before", "counterfactual_after", "counterfactual_far")
    return Section(heading, (Table(tuple(render(key, lang) for key in keys), rows, (1, 2, 3)),))
