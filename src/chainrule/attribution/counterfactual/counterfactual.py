"""Counterfactuals: what would have to be different in a row for another answer.

The search itself (``search.py``) knows only points and a margin; here are the two ends: from a model and a
row to those, and from the points it finds to sentences. Whatever is told has been answered by the model
itself, from the changed cells of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np

from chainrule import data
from chainrule.attribution.counterfactual.feature_domain import (
    Domain,
    Ranges,
    array_domain,
    bounded,
    table_domain,
)
from chainrule.attribution.counterfactual.goal import Goal, goal_of
from chainrule.attribution.counterfactual.search import Search
from chainrule.data import Arrays
from chainrule.derive.narrative import check_options
from chainrule.errors import TrainingError, UsageError
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts import LANGUAGES, render
from chainrule.train.evaluation.prediction import checked_inputs
from chainrule.train.options import refuse_unknown

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


class Options(TypedDict, total=False):
    """What ``counterfactual`` may also be told; see ``Model.counterfactual``."""

    data: Any
    fixed: Sequence[str]
    ranges: Ranges
    max_changes: int
    count: int
    lang: str | None


@frozen
class Change:
    """One column that is different.

    Args:
        column: its name.
        before, after: the cell as it is, and as it would have to be.
        distance: how large the change is, in the column's usual spread; 1 for a category.
    """

    column: str
    before: str
    after: str
    distance: float


@frozen
class Alternative:
    """One changed row with another answer.

    Args:
        changes: what is different in it.
        answer: what the model says of it: a label or a value.
        probability: that of the label; ``None`` for values.
        distance: the sum of the changes'.
    """

    changes: tuple[Change, ...]
    answer: Any
    probability: float | None
    distance: float


@frozen
class Counterfactuals(Page):
    """What would have to be different for another answer. Printing it gives text, a notebook shows HTML.

    Args:
        answer: what the model says of the row as it is.
        alternatives: the changed rows, the nearest first.
        others: the page in the other languages.
    """

    answer: Any
    alternatives: tuple[Alternative, ...]
    others: tuple[Page, ...] = ()

    def __str__(self) -> str:
        return text_page(self)

    def __repr__(self) -> str:
        return f"<Counterfactuals: {len(self.alternatives)}; print it>"

    def to_html(self) -> str:
        """One self-contained page in all languages."""
        return html_page(self, others=self.others)

    def _repr_html_(self) -> str:
        return html_page(self, standalone=False)


def find_counterfactuals(
    model: ModelState, row: Any, target: Any = None, **options: Unpack[Options]
) -> Counterfactuals:
    """The nearest changes of a few columns that bring the wanted answer; see ``Model.counterfactual``."""
    refuse_unknown("counterfactual", options, Options.__annotations__)
    most, count = options.get("max_changes", 3), options.get("count", 3)
    for name, value in (("max_changes", most), ("count", count)):
        if type(value) is not int or value < 1:
            raise UsageError(
                "E102", where="counterfactual", name=name, expected="an integer, at least 1",
                received=repr(value)[:80], fix=f"{name}=3",
            )  # fmt: skip
    lang = options.get("lang") or settings.lang
    check_options(1, lang)
    if model.network is None:
        raise TrainingError("E503", where="counterfactual", fix="model.fit(x, y)")
    domain = bounded(
        domain_of(model, row, options.get("data")), options.get("fixed", ()), options.get("ranges", {})
    )
    goal = goal_of(model, domain.cells(domain.start[None]), target)
    search = Search(lambda points: goal.margin(domain.encode(points)), domain.start, domain.axes)
    points = [point for point in search.run(most, count) if goal.reached(domain.cells(point[None]))]
    if not points:
        raise _nothing_found(domain, goal, most)
    return _told(domain, search, goal, points, lang)


def _nothing_found(domain: Domain, goal: Goal, most: int) -> UsageError:
    ranges = [
        f"{axis.name}: {', '.join(domain.levels[axis.name][i] for i in axis.allowed)}"
        if axis.is_category
        else f"{axis.name}: {axis.low:g} to {axis.high:g}"
        for axis in domain.axes
        if not axis.is_fixed
    ]
    return UsageError(
        "E546", where="counterfactual", most=most, wanted=goal.wanted_in("en"),
        wanted_zh=goal.wanted_in("zh"), expected=goal.wanted_in("en"), received=goal.render(goal.answer),
        notes=ranges[:8] + ["..."] * (len(ranges) > 8),
        fix=f"max_changes={most + 2}, fewer fixed columns, or wider ranges",
    )  # fmt: skip


def domain_of(model: ModelState, row: Any, rows: Any) -> Domain:
    """What a row may become.

    Args:
        model: has learned.
        row: one row of a table, or its numbers.
        rows: a table or array whose columns say ranges; ``None`` where the preparation's figures must do.

    Raises:
        UsageError E102: not one row. UsageError E549: the ranges are not known, or there are no columns.
    """
    if model.preparation is not None:
        if isinstance(row, Mapping) and not any(isinstance(cell, list | np.ndarray) for cell in row.values()):
            row = {name: [cell] for name, cell in row.items()}
        table = data.read_table(row)
        _refuse_several(table.rows)
        return table_domain(model.preparation, table, None if rows is None else data.read_table(rows))
    assert model.network is not None
    specs = list(model.network.inputs.values())
    if len(specs) > 1 or specs[0].rank != 2 or not specs[0].is_float:
        received = ", ".join(f"{name}: {spec}" for name, spec in model.network.inputs.items())
        raise UsageError("E549", where="counterfactual", expected="rows of numbers (B, F)", received=received)
    if rows is None:
        raise UsageError(
            "E549", where="counterfactual", expected="data that says what the columns may be",
            received="none", fix="model.counterfactual(x[0], target, data=x)",
        )  # fmt: skip
    single = isinstance(row, list | tuple | np.ndarray) and len(row) and np.ndim(row[0]) == 0
    one, every = (
        next(iter(checked_inputs(model, Arrays.of(each, dtype="float64").x).values()))
        for each in ([row] if single else row, rows)
    )
    _refuse_several(len(one))
    return array_domain(one[0], every)


def _refuse_several(rows: int) -> None:
    if rows != 1:
        raise UsageError(
            "E102", where="counterfactual", name="row", expected="one row", received=f"{rows} rows",
            fix="model.counterfactual(x[0])",
        )  # fmt: skip


def _told(
    domain: Domain, search: Search, goal: Goal, points: Sequence[np.ndarray], lang: str
) -> Counterfactuals:
    """The changes in words."""
    found = []
    for point in points:
        changes = tuple(
            Change(axis.name, domain.text(i, domain.start[i]), domain.text(i, point[i]),
                   float(axis.distance(domain.start[i], point[i])))
            for i, axis in enumerate(domain.axes)
            if i in search.changed(point)
        )  # fmt: skip
        answer, probability = goal.answer_of(domain.cells(point[None]))
        distance = sum(change.distance for change in changes)
        found.append(Alternative(changes, answer, probability, distance))
    pages = {each: _page(goal, found, each) for each in LANGUAGES}
    own = pages.pop(lang)
    return Counterfactuals(own.title, lang, own.sections, goal.answer, tuple(found), tuple(pages.values()))


def _page(goal: Goal, found: Sequence[Alternative], lang: str) -> Page:
    """The alternatives in words."""
    facts = {"prediction": goal.render(goal.answer, goal.probability), "target": goal.wanted_in(lang)}
    sections = [Section("", (Items((render("counterfactual_now", lang, **facts),)),))]
    sections += [_section(i, each, goal.render, lang) for i, each in enumerate(found, 1)]
    return Page(render("counterfactual_title", lang), lang, tuple(sections))


def _section(i: int, each: Alternative, spoken: Callable[..., str], lang: str) -> Section:
    answer = spoken(each.answer, each.probability)
    heading = render(
        "counterfactual_alternative", lang, i=i, prediction=answer, distance=f"{each.distance:.2f}"
    )
    rows = tuple(
        (change.column, change.before or "–", change.after or "–", f"{change.distance:.2f}")
        for change in each.changes
    )
    keys = ("counterfactual_column", "counterfactual_before", "counterfactual_after", "counterfactual_far")
    return Section(heading, (Table(tuple(render(key, lang) for key in keys), rows, (1, 2, 3)),))
