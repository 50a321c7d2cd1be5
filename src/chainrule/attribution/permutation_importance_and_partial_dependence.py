"""Permutation importance of a model on a data set: from rows to values, text and a plot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack

import numpy as np

from chainrule.attribution.methods.shapley_values_and_occlusion import (
    PATCHES_PER_AXIS,
    group_indices,
    patches,
)
from chainrule.attribution.plots import append_plots
from chainrule.data import Arrays
from chainrule.errors import UsageError, fact
from chainrule.metrics import METRICS, PRIMARY_METRIC, larger_is_better
from chainrule.notation import number
from chainrule.page.charts import Bar, bar_chart
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.settings import Language
from chainrule.texts import LANGUAGES, render
from chainrule.train.evaluation import evaluate
from chainrule.train.evaluation.rows import encode_labeled, known_rows
from chainrule.validation import integer, language, out_of_range, random_seed, refuse_unknown

if TYPE_CHECKING:
    from chainrule.attribution.methods.shapley_values_and_occlusion import Groups
    from chainrule.train.model_state import ModelState

# Permutation importance: the decrease of a metric when one column is shuffled.
#
# Shuffling a column among the rows of a data set keeps its distribution but destroys its relation to the
# target. The decrease of the metric is what the model gains from the column. It is a property of a model
# *and* a data set, not of a single row. A column that the model does not use has importance 0. Two columns
# with the same information share their importance or hide it completely: shuffle them as one group.
#
# Reference: Breiman (2001), Random forests; Fisher, Rudin and Dominici (2019), All models are wrong, but many
# are useful.

Measure: TypeAlias = Callable[[np.ndarray], float | np.ndarray]
"""A function from the inputs of a data set (N, ...) to a metric of the predictions, or to several (M,)."""


def permutation_importances(
    measure: Measure, x: np.ndarray, groups: Groups, repeats: int, seed: int
) -> np.ndarray:
    """Return the decrease of a measure when each group of columns is shuffled, several times.

    Args:
        measure: evaluates the predictions for all rows; larger is better. It returns one metric or several.
        x: (N, ...) the rows.
        groups: the flat indices of the elements that are shuffled together.
        repeats: the number of times that each group is shuffled, each time in another order.

    Returns:
        (groups, repeats) The measure before minus the measure after; (groups, repeats, M) for M metrics.

    Cost: groups * repeats + 1 passes over the data.

    Example:
        >>> x = np.arange(12.0).reshape(6, 2)
        >>> negative_error = lambda z: -np.abs(z[:, 0] - x[:, 0]).mean()
        >>> values = permutation_importances(negative_error, x, [np.array([0]), np.array([1])], 3, seed=0)
        >>> bool((values[0] > 0).all()), values[1].tolist()
        (True, [0.0, 0.0, 0.0])
    """
    before = measure(x)
    copies = shuffled_copies(x, groups, repeats, seed)
    decreases = [before - measure(shuffled) for shuffled in copies]
    return np.reshape(np.array(decreases, np.float64), (len(groups), repeats, *np.shape(before)))


def shuffled_copies(x: np.ndarray, groups: Groups, repeats: int, seed: int) -> Iterator[np.ndarray]:
    """Yield copies of the rows in which one group is shuffled: all repeats of a group, then the next.

    Args:
        x, groups, repeats, seed: as for ``permutation_importances``.

    Example:
        >>> x = np.array([[0, 5], [1, 6], [2, 7]])
        >>> [copy[:, 1].tolist() for copy in shuffled_copies(x, [np.array([0])], 2, seed=0)]
        [[5, 6, 7], [5, 6, 7]]
    """
    flat, key = x.reshape(len(x), -1), key_of(seed)
    for i, indices in enumerate(groups):
        for repeat in range(repeats):
            shuffled = flat.copy()
            order = permutation(fold(key, i, repeat), len(x))
            shuffled[:, indices] = flat[order][:, indices]
            yield shuffled.reshape(x.shape)


# Partial dependence: the mean prediction if a column had the same value in every row.
#
# For each value, the column is set to it in all rows, and the predictions are averaged. The result shows how
# the prediction depends on the column, whatever the other columns contain. It is a property of the model: it
# shows what was learned, not what causes the target. Where columns are correlated, it includes combinations
# of values that never occur. The quartiles over the rows show how far the dependence differs between rows.
#
# Reference: Friedman (2001), Greedy function approximation, section 8.2; Goldstein et al. (2015), Peeking
# inside the black box.

LOW, HIGH = 0.25, 0.75  # quantiles of the predictions over the rows


@frozen(eq=False)
class PartialDependence:
    """The predictions for each value of a column.

    Args:
        mean: (points, K) the mean over the rows.
        low, high: (points, K) the first and third quartile over the rows.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def partial_dependence(
    predict: Callable[[Iterator[np.ndarray]], Iterable[np.ndarray]],
    x: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
) -> PartialDependence:
    """Return the predictions when some elements of every row are set to the same values.

    Args:
        predict: maps several copies (N, F) of the rows to the (N, K) predictions of each.
        x: (N, F) the rows.
        indices: (n,) the elements that are set, such as all features of a column.
        values: (points, n) their values, one row for each point.

    Cost: one pass over the rows for each point.

    Example:
        >>> x = np.array([[0.0, 1.0], [2.0, 3.0]])
        >>> totals = lambda copies: (rows.sum(axis=1, keepdims=True) for rows in copies)
        >>> partial_dependence(totals, x, np.array([0]), np.array([[10.0], [20.0]])).mean.tolist()
        [[12.0], [22.0]]
    """
    means, lows, highs = [], [], []
    for prediction in predict(_changed_copies(x, indices, values)):
        means.append(prediction.mean(axis=0, dtype=np.float64))
        low, high = np.quantile(prediction, (LOW, HIGH), axis=0)
        lows.append(low)
        highs.append(high)
    return PartialDependence(np.array(means), np.array(lows), np.array(highs))


def _changed_copies(x: np.ndarray, indices: np.ndarray, values: np.ndarray) -> Iterator[np.ndarray]:
    """Yield a copy of the rows for each point, in which the elements have its values."""
    for point in values:
        changed = x.copy()
        changed[:, indices] = point
        yield changed


MAX_LISTED = 20  # columns listed; the rest is one line
MAX_CONSTANT = 8  # columns listed that are not measured
BAR_LENGTH = 24  # characters of the longest bar
COLOR, GRAY = "#2563a8", "#adb5bd"  # columns above their standard deviation, and others


class ImportanceOptions(TypedDict, total=False):
    """The optional arguments of ``importance``; see ``Model.importance``."""

    metric: str | None
    repeats: int
    seed: int
    groups: Mapping[str, Any] | None
    threshold: float | None
    lang: Language | None


@frozen
class Importance(Page):
    """The decrease of a metric when a column is shuffled. Printing it gives text, a notebook shows HTML.

    Args:
        names: the columns or groups.
        values: (P,) the mean decrease of the metric over the repeats.
        spreads: (P,) the standard deviation over the repeats.
        repeated: (P, repeats) the decrease in each repeat.
        metric: the name of the metric.
        score: the metric of the original rows.
        others: the page in the other languages.
    """

    names: tuple[str, ...]
    values: np.ndarray
    spreads: np.ndarray
    repeated: np.ndarray
    metric: str
    score: float
    others: tuple[Page, ...] = ()

    def __getitem__(self, name: str) -> float:
        """Return the importance of a column."""
        return float(self.values[self.names.index(name)])

    def __str__(self) -> str:
        return text_page(self)

    def __repr__(self) -> str:
        return f"<Importance of {len(self.names)} columns by {self.metric}; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages, with its plot."""
        return append_plots(html_page(self, others=self.others), [self.to_svg()])

    def to_svg(self) -> str:
        """Return a bar plot as SVG; bars that do not exceed their standard deviation are gray."""
        bars = []
        for i in order_of(self.values)[:MAX_LISTED]:
            value, spread = float(self.values[i]), float(self.spreads[i])
            label = f"{number(value)} ± {number(spread)}"
            bars.append(Bar(self.names[i], max(value, 0.0), label, COLOR if value > spread else GRAY))
        return bar_chart(bars)

    def _repr_html_(self) -> str:
        return html_page(self, standalone=False) + self.to_svg()


def order_of(values: np.ndarray) -> np.ndarray:
    """Return the indices of the values in descending order."""
    return np.argsort(-values, kind="stable")


def measure_importance(
    model: ModelState, x: Any, y: Any = None, **options: Unpack[ImportanceOptions]
) -> Importance:
    """Return the decrease of a metric when each column is shuffled; see ``Model.importance``."""
    refuse_unknown("importance", options, ImportanceOptions.__annotations__)
    repeats = integer(options.get("repeats", 5), "repeats", "importance", minimum=1)
    seed = random_seed(options.get("seed", 0), "importance")
    lang = language(options.get("lang"), "importance")
    known_rows_used = known_rows(model, x)
    encoded = encode_labeled(model, x, y, "importance")
    model, rows, inputs = encoded.model, encoded.arrays, encoded.x
    name, measure = _metric_function(model, rows, options.get("metric"), _limit(model, options))
    groups = _groups(model, rows, options.get("groups"))
    flat = np.concatenate([_flat(array) for array in inputs.values()], axis=1)
    constant = _constant(flat, groups)
    score, sign = measure(inputs), 1.0 if larger_is_better(name) else -1.0
    if not np.isfinite(score):
        raise UsageError(
            "E102",
            where="importance",
            name="metric",
            expected=fact("a metric that is defined for these rows"),
            received=f"{name} is {score}",
            fix='metric="loss"',
        )
    decreases = permutation_importances(
        lambda x: sign * measure(_unpacked(x, inputs)), flat, list(groups.values()), repeats, seed
    )
    facts = {
        "rows": len(flat),
        "metric": name,
        "score": number(score),
        "repeats": repeats,
        "seed": seed,
        "known": known_rows_used,
        "constant": constant,
    }
    pages = {language: _page(tuple(groups), decreases, facts, language) for language in LANGUAGES}
    own, values = pages.pop(lang), (decreases.mean(axis=1), decreases.std(axis=1), decreases)
    others = tuple(pages.values())
    return Importance(own.title, lang, own.sections, tuple(groups), *values, name, score, others)


def _constant(rows: np.ndarray, groups: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Return the groups with the same values in all rows, which shuffling does not change.

    Raises:
        UsageError E102: all of them are.
    """
    changes = (rows != rows[:1]).any(axis=0)
    names = tuple(name for name, indices in groups.items() if not changes[indices].any())
    if len(names) == len(groups):
        expected = fact("at least two different rows")
        raise out_of_range(len(rows), "x", "importance", expected, fix=fact("add rows"))
    return names


def _limit(model: ModelState, options: ImportanceOptions) -> float | None:
    """Return the threshold of two classes, if one is passed (E611: of another output, or of several)."""
    passed, count = options.get("threshold"), len(model.targets)
    if passed is not None and count > 1:
        received = fact("{count} outputs", count=count)
        raise UsageError(
            "E611", where="importance, threshold", expected=fact("two classes"), received=received
        )
    return next(iter(model.targets.values())).decision_threshold(passed, "importance")


def _metric_function(
    model: ModelState, rows: Arrays, metric: str | None, threshold: float | None
) -> tuple[str, Callable[[Any], float]]:
    """Return the name of the metric, and the function that computes it for changed inputs.

    Args:
        threshold: from which probability the second of two classes is predicted; ``None``: the likelier one.
    """
    assert model.network is not None
    tasks = [target.task for target in model.targets.values()]
    chosen = metric or PRIMARY_METRIC.get(tasks[0], "loss")
    metrics = evaluate.metrics_of(model, chosen=[] if chosen == "loss" else [chosen])
    names = [
        evaluate.column(model.targets, output, metric_record.label)
        for output, records in metrics.items()
        for metric_record in records
    ]
    name = names[0] if names else "loss"

    def measure(inputs: Any) -> float:
        changed = Arrays(inputs, rows.y, rows.weights)
        return evaluate.evaluator(model, changed, metrics, threshold)(model.arrays)[name]

    return name, measure


def _groups(model: ModelState, rows: Arrays, requested: Mapping[str, Any] | None) -> dict[str, np.ndarray]:
    """Return the groups that are shuffled: custom ones, columns, patches of an image, or complete inputs."""
    inputs: Any = rows.x
    (first, *further_inputs), preparation = inputs.values(), model.preparation
    is_row = not further_inputs and first.ndim == 2
    if not is_row and requested is not None:
        expected = fact("one input of rows of numbers (B, F)")
        received = ", ".join(f"{name} {array.shape[1:]}" for name, array in inputs.items())
        raise UsageError("E102", where="importance", name="groups", expected=expected, received=received)
    if is_row:
        columns = [f"x{i + 1}" for i in range(first.shape[1])]
        if preparation is not None:
            columns = [feature.column for feature in preparation.features]
        return group_indices(requested or {name: [name] for name in dict.fromkeys(columns)}, columns)
    if further_inputs:
        ends = np.cumsum([0, *(array[0].size for array in inputs.values())])
        return {name: np.arange(a, b) for name, a, b in zip(inputs, ends[:-1], ends[1:], strict=True)}
    shape = first.shape[1:]
    window = [-(-length // PATCHES_PER_AXIS) for length in shape[:-1]]
    named = {}
    for indices in patches(shape, window, window):
        corner = np.unravel_index(indices[0], shape)[:-1]
        named[f"patch at {', '.join(map(str, map(int, corner)))}"] = indices
    return named


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1).astype(np.float64)


def _unpacked(values: np.ndarray, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Split rows of numbers into inputs."""
    ends = np.cumsum([0, *(array[0].size for array in inputs.values())])
    return {
        name: values[:, start:end].reshape(array.shape).astype(array.dtype)
        for (name, array), start, end in zip(inputs.items(), ends[:-1], ends[1:], strict=True)
    }


def metric_name(name: str, lang: str) -> str:
    """Return the name of a metric in a language."""
    metric = METRICS.get(name)
    return name if metric is None else metric.title(lang)


def _page(names: tuple[str, ...], decreases: np.ndarray, facts: dict[str, Any], lang: str) -> Page:
    values, spreads = decreases.mean(axis=1), decreases.std(axis=1)
    order = order_of(values)
    largest = max(float(values.max()), 0.0) or 1.0
    rows = [
        (
            names[i],
            f"{values[i]:.5f}",
            f"{spreads[i]:.5f}",
            "█" * round(BAR_LENGTH * max(float(values[i]), 0.0) / largest),
        )
        for i in order[:MAX_LISTED]
    ]
    if len(order) > MAX_LISTED:
        rest = render("importance_rest", lang, count=len(order) - MAX_LISTED)
        rows.append((rest, f"{values[order[MAX_LISTED]]:.5f}", "", ""))
    keys = ("importance_column", "importance_value", "importance_spread")
    head = (*(render(key, lang) for key in keys), "")
    key = "importance_larger" if larger_is_better(facts["metric"]) else "importance_smaller"
    metric = metric_name(facts["metric"], lang)
    facts = {**facts, "metric": metric}
    texts = [render("importance_facts", lang, **facts), render(key, lang, metric=metric)]
    if (known := facts["known"]) is not None:
        texts.append(render("importance_known", lang, training=known.training, validation=known.validation))
    if constant := facts["constant"]:
        listed = [f'"{name}"' for name in constant[:MAX_CONSTANT]] + ["..."] * (len(constant) > MAX_CONSTANT)
        texts.append(render("importance_constant", lang, columns=", ".join(listed)))
    items = Items(tuple(texts))
    return Page(
        render("importance_title", lang), lang, (Section("", (items, Table(head, tuple(rows), (1, 2)))),)
    )
