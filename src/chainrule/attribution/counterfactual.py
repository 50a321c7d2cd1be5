"""Counterfactuals: the smallest changes of a row that lead to another prediction, and their search."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack

import numpy as np

from chainrule.attribution.feature_domain import (
    Axis,
    Domain,
    Ranges,
    array_domain,
    changed_columns,
    distances,
    restrict,
    table_domain,
)
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
from chainrule.train.inputs.target import TINY, Target, log_odds
from chainrule.validation import integer, language, out_of_range, refuse_unknown, trained_network

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

# The search for counterfactuals: the smallest changes of one row that lead to the requested prediction.
#
# "Had your income been 3,000 higher, the loan would have been granted." Counterfactuals should be *valid*
# (the model gives this prediction), *close* (changes are small), *sparse* (few columns change), *feasible*
# (no column leaves its range, a number of children is an integer, an age does not decrease) and *diverse*,
# since not every change is possible for every applicant.
#
# Wachter et al. minimize a penalty by gradient descent, which changes every column a little and yields
# fractional categories. Here a beam search changes a few columns at a time: all single changes are evaluated
# in one batch, then pairs that extend the most promising single changes, then triples. Every valid change is
# then shrunk toward the row as far as the prediction allows, which also reverts unnecessary changes. No
# gradient is needed, so integers and categories need no special treatment.
#
# Shrinking one column at a time ends where no single change can be smaller, which may be far from the nearest
# point: a small step back of one column needs a step forward of another. The nearest results are therefore
# improved by exchanges between two columns (``exchanged``), first among their own columns, then among all.
#
#     distance = sum over the changed columns of |after - before| / scale,   1 for a changed category
#
# Reference: Wachter, Mittelstadt and Russell (2017), Counterfactual explanations without opening the black
# box; Mothilal, Sharma and Tan (2020), Explaining machine learning classifiers through diverse counterfactual
# explanations (DiCE).

# Exchange of changes: a part of one change is reverted, and another column changes further to compensate.
#
# A beam search tries few values of each column, so the changes that it finds are rarely the nearest: one
# column may have gone far where two others would have been nearer. Each exchange reverts a part of one change
# and looks for the smallest further change of another column that keeps the requested prediction; it is
# accepted if the sum of the distances falls. The parts become smaller from pass to pass.
#
# For a smooth margin and numbers that are not at a limit of their range, a point that no exchange improves
# satisfies the first-order conditions of a nearest point: all changed columns have the same gain of margin
# per distance, and no unchanged column has a larger one. A single constraint (the margin) and a distance that
# is a sum over columns make pairs sufficient. Gradients are not needed, so integers and categories take part.
#
# Reference: Platt (1998), Sequential minimal optimization, which solves a problem with one linear constraint
# by the same kind of pairs.

PARTS = tuple(0.5**k for k in range(9))  # of a change that is reverted, in the order of the passes
EXTENSIONS = 17  # values tried for the column that compensates, on both sides of its value
LEAST = 1e-9  # decrease of the distance, relative to it, that is an improvement
MAX_EXCHANGES = 50  # in one pass


def exchanged(
    margin: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    axes: Sequence[Axis],
    point: np.ndarray,
    max_changes: int,
    columns: Collection[int] | None = None,
) -> np.ndarray:
    """Return a point with the requested prediction that no exchange improves.

    Args:
        margin: the margin at points (n, C), positive for the requested prediction.
        start: (C,) the row.
        axes: the columns.
        point: (C,) a changed row with a positive margin.
        max_changes: the maximum number of changed columns.
        columns: the columns that may change; by default all.
    """
    usable = range(len(axes)) if columns is None else columns
    for part in PARTS:
        for _ in range(MAX_EXCHANGES):
            nearer = _best_exchange(margin, start, axes, point, max_changes, usable, part)
            if nearer is None:
                break
            point = nearer
    return point


def _best_exchange(
    margin: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    axes: Sequence[Axis],
    point: np.ndarray,
    max_changes: int,
    usable: Collection[int],
    part: float,
) -> np.ndarray | None:
    """Return the nearest point that one exchange leads to; ``None`` if none is nearer than this one."""
    now = float(distances(axes, start, point[None])[0])
    trials = [
        trial
        for base, freed in _reverted(start, axes, point, part)
        for trial in _extended(start, axes, base, freed, max_changes, usable)
    ]
    if not trials:
        return None
    points = np.concatenate(trials)
    far = distances(axes, start, points)
    points, far = points[far < now * (1 - LEAST)], far[far < now * (1 - LEAST)]
    reached = margin(points) > 0 if len(points) else np.zeros(0, bool)
    return points[np.argmin(np.where(reached, far, np.inf))] if reached.any() else None


def _reverted(
    start: np.ndarray, axes: Sequence[Axis], point: np.ndarray, part: float
) -> Iterator[tuple[np.ndarray, float]]:
    """Yield the point with a part of one change reverted, and the distance that this frees."""
    for i in sorted(changed_columns(start, point)):
        value = axes[i].toward(point[i], start[i], part)
        before, after = axes[i].distance(start[i], np.array([point[i], value]))
        if before > after:
            base = point.copy()
            base[i] = value
            yield base, float(before - after)


def _extended(
    start: np.ndarray,
    axes: Sequence[Axis],
    base: np.ndarray,
    freed: float,
    max_changes: int,
    usable: Collection[int],
) -> Iterator[np.ndarray]:
    """Yield the points that change one column of ``base`` by less than the freed distance."""
    changed = changed_columns(start, base)
    yield base[None]
    for i in usable:
        if axes[i].is_fixed or (i not in changed and len(changed) >= max_changes):
            continue
        values = axes[i].around(start[i], base[i], freed, EXTENSIONS)
        points = np.repeat(base[None], len(values), axis=0)
        points[:, i] = values
        yield points


BEAM_WIDTH = 16  # partial changes that are extended
CANDIDATES_PER_RESULT = 4  # changes that are shrunk per requested counterfactual
EXCHANGED_PER_RESULT = 2  # of these, the nearest ones that are improved by exchanges
Margin: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""A function from points (n, C) to margins (n,), positive for the requested prediction."""


@frozen(eq=False)
class Search:
    """A beam search for changes of a row.

    Args:
        margin: the margin of the requested prediction at points.
        start: (C,) the row.
        axes: the columns.
    """

    margin: Margin
    start: np.ndarray
    axes: Sequence[Axis]

    def run(self, max_changes: int, count: int) -> list[np.ndarray]:
        """Return the changed rows, the nearest first; empty if there are none.

        Args:
            max_changes: the maximum number of changed columns in a row.
            count: the maximum number of rows; no two of them change the same columns.
        """
        limit, points = CANDIDATES_PER_RESULT * count, []
        beam = [self.start]
        for _ in range(max_changes):
            extended = self._extended(beam)
            if not len(extended):
                break
            margins = self.margin(extended)
            points += map(self.shrink, self._nearest(extended[margins > 0])[:limit])
            beam = self._promising(extended[margins <= 0], margins[margins <= 0])
        if not points:
            return []
        points = [
            self.exchange(point, max_changes, self.changed(point))
            for point in self._nearest(np.stack(points))[: EXCHANGED_PER_RESULT * count]
        ]
        points += [self.exchange(point, max_changes) for point in self._nearest(np.stack(points))[:count]]
        return self._diverse(self._nearest(np.stack(points)), count)

    def exchange(
        self, point: np.ndarray, max_changes: int, columns: frozenset[int] | None = None
    ) -> np.ndarray:
        """Return the point improved by exchanges between two columns, of these or of all."""
        return self.shrink(exchanged(self.margin, self.start, self.axes, point, max_changes, columns))

    def changed(self, point: np.ndarray) -> frozenset[int]:
        """Return the columns that differ from the row."""
        return changed_columns(self.start, point)

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Return the distances of points (n, C) from the row: (n,)."""
        return distances(self.axes, self.start, points)

    def _extended(self, beam: Sequence[np.ndarray]) -> np.ndarray:
        """Return every point of the beam with one more changed column."""
        points = []
        for point in beam:
            used = self.changed(point)
            for i, axis in enumerate(self.axes):
                if i in used:
                    continue
                values = axis.choices(self.start[i])
                more = np.repeat(point[None], len(values), axis=0)
                more[:, i] = values
                points.append(more)
        return np.concatenate(points) if points else np.zeros((0, len(self.start)))

    def _nearest(self, points: np.ndarray) -> list[np.ndarray]:
        """Return for each set of changed columns the point nearest to the row."""
        best: dict[frozenset[int], np.ndarray] = {}
        for i in np.argsort(self.distance(points), kind="stable") if len(points) else ():
            best.setdefault(self.changed(points[i]), points[i])
        return list(best.values())

    def _promising(self, points: np.ndarray, margins: np.ndarray) -> list[np.ndarray]:
        """Return the points to extend, one for each set of columns: those with the largest margins, and those
        with the largest gain of margin per distance. Of few columns, further points fill the beam evenly.
        """
        gains = (margins - self.margin(self.start[None])) / self.distance(points)
        best: dict[frozenset[int], np.ndarray] = {}
        for size, order in ((BEAM_WIDTH // 2, np.argsort(-margins)), (BEAM_WIDTH, np.argsort(-gains))):
            for i in order:
                if len(best) >= size:
                    break
                best.setdefault(self.changed(points[i]), points[i])
        places = BEAM_WIDTH - len(best)
        further = np.linspace(0, len(points) - 1, min(max(places, 0), len(points))).astype(int)
        return [*best.values(), *points[further]]

    def shrink(self, point: np.ndarray) -> np.ndarray:
        """Return the point with each change made as small as the prediction allows, the least efficient ones
        first.

        Unnecessary changes are reverted.
        """
        point = point.copy()
        for i in self._by_efficiency(point):
            axis, nearer = self.axes[i], self.start[i]
            for _ in range(2):  # first coarsely, then within the last interval
                values = axis.between(nearer, point[i])
                trial = np.repeat(point[None], len(values), axis=0)
                trial[:, i] = values
                reached = np.flatnonzero(self.margin(trial) > 0)
                first = int(reached[0]) if len(reached) else len(values) - 1
                nearer, point[i] = values[max(first - 1, 0)], values[first]
        return point

    def _by_efficiency(self, point: np.ndarray) -> list[int]:
        """Return the changed columns in ascending order of their gain of margin per distance."""
        changed = sorted(self.changed(point))
        without = np.repeat(point[None], len(changed), axis=0)
        without[range(len(changed)), changed] = self.start[changed]
        gains = self.margin(point[None]) - self.margin(without)
        distances = [float(self.axes[i].distance(self.start[i], point[i])) for i in changed]
        return [changed[k] for k in np.argsort(gains / distances, kind="stable")]

    def _diverse(self, points: list[np.ndarray], count: int) -> list[np.ndarray]:
        """Return the nearest points, preferring those that change other columns than the points chosen
        before.

        A point whose columns include those of another point is only considered if it is nearer.
        """
        chosen: list[np.ndarray] = []
        candidates = [(float(self.distance(point[None])[0]), point) for point in points]
        rest = [
            (distance, point)
            for distance, point in candidates
            if not any(
                self.changed(other) < self.changed(point) and other_distance <= distance
                for other_distance, other in candidates
            )
        ]
        while rest and len(chosen) < count:
            earlier = [self.changed(point) for point in chosen]
            costs = [distance * (1 + _overlap(self.changed(point), earlier)) for distance, point in rest]
            chosen.append(rest.pop(int(np.argmin(costs)))[1])
        return sorted(chosen, key=lambda point: float(self.distance(point[None])[0]))


def _overlap(columns: frozenset[int], earlier: Sequence[frozenset[int]]) -> float:
    """Return the largest share of these columns that an earlier choice includes."""
    return max((len(columns & other) / max(len(columns), 1) for other in earlier), default=0.0)


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
        threshold: from which probability the second of two classes is predicted; ``None``: the likelier one.
    """

    model: ModelState
    margin: Callable[[np.ndarray], np.ndarray]
    prediction: Any
    probability: float | None
    low: float | None = None
    high: float | None = None
    label: Any = None
    threshold: float | None = None

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
        return predict_row(self.model, x, self.threshold)

    def reached(self, x: np.ndarray) -> bool:
        """Return whether the model itself gives the requested prediction for one row."""
        prediction, _ = self.predict_row(x)
        if self.low is not None and self.high is not None:
            return self.low <= prediction <= self.high
        return prediction != self.prediction if self.label is None else prediction == self.label


def predict_row(model: ModelState, x: np.ndarray, threshold: float | None = None) -> tuple[Any, float | None]:
    """Return the prediction of a model for one row: a label with its probability, or a value.

    Args:
        threshold: from which probability the second of two classes is predicted; ``None``: the likelier one.
    """
    if threshold is not None:
        (target,) = model.targets.values()
        probabilities = np.asarray(predict_proba(model, x))
        index = int(target.decided(probabilities, threshold)[0])
        return model.labels[index], float(probabilities[0, index])
    first = np.asarray(predict(model, x)).reshape(-1)[0]
    prediction = first.item() if isinstance(first, np.generic) else first
    if model.task != "classification":
        return float(prediction), None
    probabilities = np.asarray(predict_proba(model, x), np.float64)[0]
    return prediction, float(probabilities[list(model.labels).index(prediction)])


def build_goal(model: ModelState, x: np.ndarray, requested: Any, threshold: Any = None) -> Goal:
    """Return the goal of a search.

    Args:
        x: the row as the input of the network, (1, F).
        requested: a label, or ``None`` for any other label; a value to reach, or ``(low, high)`` with
            ``None`` for an open end.
        threshold: from which probability the second of two classes is predicted; ``None``: the likelier one.

    Raises:
        UsageError E611, E102: a threshold of other than two classes, or that is no number from 0 on.
        UsageError E547: the model cannot give this prediction. UsageError E548: it already does.
    """
    (name, target), *others = model.targets.items()
    if others or not (target.is_single or (target.task == "regression" and target.scores == 1)):
        expected = fact("a model with one class or one value for a row")
        received = ", ".join(f"{key}: {t.task}, {t.scores} numbers" for key, t in model.targets.items())
        raise UsageError("E547", where="counterfactual", expected=expected, received=received)
    limit = target.decision_threshold(threshold, "counterfactual")
    if target.is_single:
        result = _class_goal(model, name, target, x, requested, limit)
    else:
        result = _value_goal(model, x, requested)
    if result.reached(x):
        is_class = result.low is None
        fix = (
            alternatives(fact("target=None for any other prediction"), '--counterfactual "*"')
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


def _class_goal(
    model: ModelState, name: str, target: Target, x: np.ndarray, requested: Any, threshold: float | None
) -> Goal:
    prediction, probability = predict_row(model, x, threshold)
    index_by_text = {str(label): i for i, label in enumerate(target.labels)}
    if requested is not None and str(requested) not in index_by_text:
        close = nearest(str(requested), [label for label in index_by_text if label != str(prediction)])
        expected = ", ".join(index_by_text)
        received = repr(requested)[:80]
        fix = f'target="{close}"' if close else fact("target=None for any other class")
        raise UsageError("E547", where="counterfactual", expected=expected, received=received, fix=fix)
    index = index_by_text[str(prediction)] if requested is None else index_by_text[str(requested)]
    scores, sign = _scores(model, name, target, threshold), -1.0 if requested is None else 1.0

    def margin(rows: np.ndarray) -> np.ndarray:
        values = scores(rows)  # (n, K)
        return sign * (values[:, index] - np.delete(values, index, axis=1).max(axis=1))

    label = None if requested is None else target.labels[index]
    return Goal(model, margin, prediction, probability, label=label, threshold=threshold)


def _scores(
    model: ModelState, name: str, target: Target, threshold: float | None
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from rows to a score for each class, (n, K); the largest is predicted."""
    assert model.network is not None
    node = model.network.inference.outputs[name]
    is_probability = model.network.losses[name].prediction(node) is node
    limit = 0.5 if threshold is None else threshold

    def scores(rows: np.ndarray) -> np.ndarray:
        raw = np.asarray(raw_outputs(model, rows), np.float64)
        has_all = target.max_classes == target.scores
        if has_all and threshold is None:
            return raw[:, : len(target.labels)]
        if has_all:
            ratio = np.log(np.maximum(raw[:, :2], TINY)) if is_probability else raw[:, :2]
            single = ratio[:, 1:] - ratio[:, :1]
        else:
            single = log_odds(raw.reshape(-1, 1)) if is_probability else raw.reshape(-1, 1)
        single = single - log_odds(limit)
        return np.concatenate([-single, single], axis=1)  # (n, 1) -> (n, 2)

    return scores


def _value_goal(model: ModelState, x: np.ndarray, requested: Any) -> Goal:
    prediction, _ = predict_row(model, x)
    try:
        low, high = _target_range(requested, prediction)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low <= high:
        expected = fact("a value, or (low, high) with None for no end")
        received = fact("any other prediction") if requested is None else repr(requested)[:80]
        value = f"{prediction * 1.1:.3g}"
        fix = alternatives(f"target={value}", f"--counterfactual {value}")
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


class CounterfactualOptions(TypedDict, total=False):
    """The optional arguments of ``counterfactual``; see ``Model.counterfactual``."""

    data: Any
    fixed: Sequence[str]
    ranges: Ranges
    max_changes: int
    count: int
    threshold: float | None
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
    model: ModelState, row: Any, target: Any = None, **options: Unpack[CounterfactualOptions]
) -> Counterfactuals:
    """Return the smallest changes that give the requested prediction; see ``Model.counterfactual``."""
    refuse_unknown("counterfactual", options, CounterfactualOptions.__annotations__)
    max_changes = integer(options.get("max_changes", 3), "max_changes", "counterfactual", minimum=1)
    count = integer(options.get("count", 3), "count", "counterfactual", minimum=1)
    lang = language(options.get("lang"), "counterfactual")
    trained_network(model, "counterfactual")
    domain = restrict(
        row_domain(model, row, options.get("data")), options.get("fixed", ()), options.get("ranges", {})
    )
    goal = build_goal(model, domain.cells(domain.start[None]), target, options.get("threshold"))
    search = Search(lambda points: goal.margin(domain.encode(points)), domain.start, domain.axes)
    points = [point for point in search.run(max_changes, count) if goal.reached(domain.cells(point[None]))]
    if not points:
        raise _no_counterfactual(domain, goal, max_changes, bool(options.get("fixed")))
    return _result(domain, search, goal, points, lang)


def _no_counterfactual(domain: Domain, goal: Goal, max_changes: int, has_fixed: bool) -> UsageError:
    free = [axis for axis in domain.axes if not axis.is_fixed]
    are_levels = bool(free) and all(axis.is_category for axis in free)  # which data do not change
    fixes = [f"max_changes={min(max_changes + 2, len(free))}"] * (len(free) > max_changes)
    fixes += [fact("fewer fixed columns")] * has_fixed
    fixes.append(fact("another row") if are_levels else fact("rows with a wider range of values as data"))
    ranges = [
        f"{axis.name}: {', '.join(domain.levels[axis.name][i] for i in axis.allowed)}"
        if axis.is_category
        else f"{axis.name}: {axis.low:g} to {axis.high:g}"
        for axis in free
    ]
    return UsageError(
        "E546",
        where="counterfactual",
        max_changes=max_changes,
        target=goal.target_text,
        expected=goal.target_text,
        received=goal.render(goal.prediction),
        notes=ranges[:8] + ["..."] * (len(ranges) > 8),
        fix=alternatives(*fixes),
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
    lines = [render("counterfactual_now", lang, **facts)]
    if goal.threshold is not None:
        limit = f"{goal.threshold:.4g}"
        lines.append(render("why_threshold_raw", lang, label=goal.model.labels[1], threshold=limit))
    sections = [Section("", (Items(tuple(lines)),))]
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
