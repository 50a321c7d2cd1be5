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
from chainrule.attribution.counterfactual.search import Search
from chainrule.data import Arrays
from chainrule.errors import Message, UsageError, alternatives, fact, join_facts, nearest
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.settings import Language
from chainrule.texts import LANGUAGES, render, text_record
from chainrule.train.evaluation.prediction import predict, predict_proba, raw_outputs
from chainrule.train.evaluation.rows import as_batch, checked_inputs
from chainrule.train.inputs.target import Target
from chainrule.validation import integer, language, out_of_range, refuse_unknown, trained_network

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

# The requested prediction as a margin: positive where the model gives this prediction.
#
# For classes the margin is the logit of the requested class minus the largest logit of the others.
# Probabilities saturate near 0 and 1, so they do not guide a search there.


@frozen(eq=False)
class Goal:
    """The requested prediction, and the margin of rows.

    Args:
        margin: the function from inputs of the network to (n,) margins, positive for the requested
            prediction.
        prediction, probability: the prediction for the original row.
        low, high: the requested range of values; ``None`` for classes.
        label: the requested class; ``None`` for any other class, and for values.
    """

    model: ModelState
    margin: Callable[[np.ndarray], np.ndarray]
    prediction: Any
    probability: float | None
    low: float | None = None
    high: float | None = None
    label: Any = None

    @property
    def target_text(self) -> Message:
        """The requested prediction."""
        if self.low is not None and self.high is not None:
            ends = (np.isfinite(self.low), np.isfinite(self.high))
            key = {(True, True): "between", (True, False): "at_least", (False, True): "at_most"}.get(
                ends, "any"
            )
            return text_record(f"target_{key}", low=f"{self.low:.6g}", high=f"{self.high:.6g}")
        return join_facts("", [self.label]) if self.label is not None else text_record("target_other")

    def render(self, prediction: Any, probability: float | None = None) -> str:
        """Return a prediction as text."""
        text = f"{prediction:.6g}" if isinstance(prediction, float) else str(prediction)
        return text if probability is None else f"{text} (p = {probability:.4g})"

    def predict_row(self, x: np.ndarray) -> tuple[Any, float | None]:
        """Return the prediction for one row, with the probability of a class."""
        return predict_row(self.model, x)

    def reached(self, x: np.ndarray) -> bool:
        """Return whether the model itself gives the requested prediction for one row."""
        prediction, _ = self.predict_row(x)
        if self.low is not None and self.high is not None:
            return self.low <= prediction <= self.high
        return prediction != self.prediction if self.label is None else prediction == self.label


def predict_row(model: ModelState, x: np.ndarray) -> tuple[Any, float | None]:
    """Return the prediction of a model for one row: a label with its probability, or a value."""
    first = np.asarray(predict(model, x)).reshape(-1)[0]
    prediction = first.item() if isinstance(first, np.generic) else first
    if model.task != "classification":
        return float(prediction), None
    probabilities = np.asarray(predict_proba(model, x), np.float64)[0]
    return prediction, float(probabilities[list(model.labels).index(prediction)])


def build_goal(model: ModelState, x: np.ndarray, requested: Any) -> Goal:
    """Return the goal of a search.

    Args:
        x: the row as the input of the network, (1, F).
        requested: a label, or ``None`` for any other label; a value to reach, or ``(low, high)`` with
            ``None`` for an open end.

    Raises:
        UsageError E547: the model cannot give this prediction. UsageError E548: it already does.
    """
    (name, target), *others = model.targets.items()
    if others or not (target.is_single or (target.task == "regression" and target.scores == 1)):
        expected = fact("a model with one class or one value for a row")
        received = ", ".join(f"{key}: {t.task}, {t.scores} numbers" for key, t in model.targets.items())
        raise UsageError("E547", where="counterfactual", expected=expected, received=received)
    build = _class_goal if target.is_single else _value_goal
    result = build(model, name, target, x, requested)
    if result.reached(x):
        is_class = result.low is None
        fix = (
            fact("target=None for any other prediction")
            if is_class
            else fact("a value beyond the prediction")
        )
        raise UsageError(
            "E548",
            where="counterfactual",
            target=result.target_text,
            expected=fact("another prediction"),
            received=result.render(result.prediction, result.probability),
            fix=fix,
        )
    return result


def _class_goal(model: ModelState, name: str, target: Target, x: np.ndarray, requested: Any) -> Goal:
    prediction, probability = predict_row(model, x)
    index_by_text = {str(label): i for i, label in enumerate(target.labels)}
    if requested is not None and str(requested) not in index_by_text:
        close = nearest(str(requested), [label for label in index_by_text if label != str(prediction)])
        expected = ", ".join(index_by_text)
        received = repr(requested)[:80]
        fix = f'target="{close}"' if close else fact("target=None for any other class")
        raise UsageError("E547", where="counterfactual", expected=expected, received=received, fix=fix)
    index = index_by_text[str(prediction)] if requested is None else index_by_text[str(requested)]
    scores, sign = _scores(model, name, target), -1.0 if requested is None else 1.0

    def margin(rows: np.ndarray) -> np.ndarray:
        values = scores(rows)  # (n, K)
        return sign * (values[:, index] - np.delete(values, index, axis=1).max(axis=1))

    label = None if requested is None else target.labels[index]
    return Goal(model, margin, prediction, probability, label=label)


def _scores(model: ModelState, name: str, target: Target) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from rows to a score for each class, (n, K); the largest is predicted."""
    assert model.network is not None
    node = model.network.inference.outputs[name]
    # the threshold between two classes, of a probability or a logit
    half = 0.5 if model.network.losses[name].prediction(node) is node else 0.0

    def scores(rows: np.ndarray) -> np.ndarray:
        raw = np.asarray(raw_outputs(model, rows), np.float64)
        if target.max_classes == target.scores:
            return raw[:, : len(target.labels)]
        single = raw.reshape(-1, 1) - half
        return np.concatenate([-single, single], axis=1)  # (n, 1) -> (n, 2)

    return scores


def _value_goal(model: ModelState, name: str, target: Target, x: np.ndarray, requested: Any) -> Goal:
    prediction, _ = predict_row(model, x)
    try:
        low, high = _target_range(requested, prediction)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low <= high:
        expected = fact("a value, or (low, high) with None for no end")
        received = repr(requested)[:80]
        fix = f"target={prediction * 1.1:.3g}"
        raise UsageError("E547", where="counterfactual", expected=expected, received=received, fix=fix)

    def margin(rows: np.ndarray) -> np.ndarray:
        values = np.asarray(predict(model, rows), np.float64).reshape(-1)
        return np.minimum(values - low, high - values)

    return Goal(model, margin, prediction, None, low, high)


def _target_range(requested: Any, prediction: float) -> tuple[float, float]:
    """Return the requested range; a single value is reached from the side of the prediction."""
    if isinstance(requested, tuple | list):
        low, high = requested
        return -np.inf if low is None else float(low), np.inf if high is None else float(high)
    value = float(requested)
    return (value, np.inf) if prediction < value else (-np.inf, value)


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
    alternatives = []
    for point in points:
        changes = tuple(
            Change(
                axis.name,
                domain.text(i, domain.start[i]),
                domain.text(i, point[i]),
                float(axis.distance(domain.start[i], point[i])),
            )
            for i, axis in enumerate(domain.axes)
            if i in search.changed(point)
        )
        prediction, probability = goal.predict_row(domain.cells(point[None]))
        distance = sum(change.distance for change in changes)
        alternatives.append(Alternative(changes, prediction, probability, distance))
    pages = {language: _page(goal, alternatives, language) for language in LANGUAGES}
    own = pages.pop(lang)
    return Counterfactuals(
        own.title, lang, own.sections, goal.prediction, tuple(alternatives), tuple(pages.values())
    )


def _page(goal: Goal, alternatives: Sequence[Alternative], lang: str) -> Page:
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
