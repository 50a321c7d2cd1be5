"""The importance of each column: how much worse predictions become when its values are shuffled.

Importances are measured on rows that the model did not learn from. Their cost is bounded: of many rows,
evenly spaced ones are used, fewer for wide tables; a table that is still too wide has no importances.

The partial dependence of the prediction on the most important columns, in the units of the columns.

The values at which a column is set are those of actual rows: of a number, a date or a duration, evenly spaced
quantiles of its cells, of a category, its most frequent levels. Texts, which hardly repeat, have none. All
features of the column are copied from such a row, so that the points are correct for any encoding.

The sections of the report about columns: their importance, and how the prediction depends on them.

Names and levels come from the table and are escaped by the template; only charts, which contain numbers
alone, are inserted as markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from markupsafe import Markup

from chainrule.attribution.permutation_importance_and_partial_dependence import (
    PartialDependence,
    partial_dependence,
    shuffled_copies,
)
from chainrule.data import Preparation
from chainrule.data.tables.columns import Faults, number_cells
from chainrule.metrics import score
from chainrule.notation.number_format import short
from chainrule.page import charts
from chainrule.plotting.style import evenly_spaced
from chainrule.records import frozen
from chainrule.tabular.display import cut
from chainrule.tabular.report.evaluation_rows import EvaluationRows
from chainrule.tabular.texts import both_texts

MEASURES = {"classification": ("log_loss", "accuracy"), "regression": ("rmse", "r2")}
"""The measure of importance, which must fall, and the score of a sentence about it, which must rise."""
REPEATS, SEED = 5, 0
MAX_ROWS, MIN_ROWS = 1000, 100
MAX_VALUES = 4e8  # inputs of all predictions together, some seconds at most
MAX_AT_ONCE = 1 << 22  # inputs of the copies of the rows that are predicted together
STRONG = 2.0  # a column matters if its mean exceeds this many standard deviations
NOTICEABLE = 1e-3  # increase of the measure, as a part of it, below which a column does not matter


@frozen(eq=False)
class ColumnImportance:
    """The importance of the columns of a table, the most important first.

    Args:
        increases: (C,) the mean increase of the measure over the repeats.
        spreads: (C,) its standard deviation.
        drops: (C,) the mean decrease of the score.
        measure, score: the names of both metrics.
        before: measure and score of the rows as they are.
        rows, repeats: how many rows were shuffled, and how often.
    """

    columns: tuple[str, ...]
    increases: np.ndarray
    spreads: np.ndarray
    drops: np.ndarray
    measure: str
    score: str
    before: tuple[float, float]
    rows: int
    repeats: int

    @property
    def matters(self) -> np.ndarray:
        """(C,) whether the importance of a column exceeds its spread clearly, and a part of the measure."""
        low = NOTICEABLE * abs(self.before[0])
        return (self.increases > STRONG * self.spreads) & (self.increases > low)

    @property
    def strongest(self) -> tuple[str, ...]:
        """The columns that matter, the most important first."""
        return tuple(name for name, matters in zip(self.columns, self.matters, strict=True) if matters)


def features_of(preparation: Preparation) -> dict[str, np.ndarray]:
    """Return the indices of the features of each column, in the order of the inputs."""
    indices: dict[str, list[int]] = {}
    for i, feature in enumerate(preparation.features):
        indices.setdefault(feature.column, []).append(i)
    return {column: np.array(positions) for column, positions in indices.items()}


def sampled(rows: int, limit: int) -> np.ndarray:
    """Return the indices of at most ``limit`` evenly spaced rows."""
    return np.asarray(evenly_spaced(rows, limit), np.int64)


def column_importance(
    rows: EvaluationRows, preparation: Preparation, threshold: float | None = None
) -> ColumnImportance | None:
    """Return the importance of each column; ``None`` for images, too few rows and very wide tables.

    Args:
        threshold: from which probability the second of two classes is predicted; ``None``: the likelier one.
    """
    if rows.x.ndim != 2 or len(rows.y) < 2:
        return None
    groups = features_of(preparation)
    limit = int(MAX_VALUES / (REPEATS * len(groups) * rows.x.shape[1]))
    if limit < min(MIN_ROWS, len(rows.y)):
        return None
    chosen = sampled(len(rows.y), min(limit, MAX_ROWS))
    names = MEASURES[rows.predictions.task]

    def measure(output: np.ndarray) -> np.ndarray:
        predictions = replace(rows.to_predictions(rows.y[chosen], output), threshold=threshold)
        values = score(predictions, names)
        return np.array([-values[names[0]], values[names[1]]])

    x = rows.x[chosen]
    before = measure(rows.predict(x.copy(), chosen))
    outputs = outputs_of_copies(rows, chosen, shuffled_copies(x, list(groups.values()), REPEATS, SEED))
    decreases = np.array([before - measure(output) for output in outputs]).reshape(len(groups), REPEATS, 2)
    if not np.isfinite(decreases).all():
        return None
    means, spreads = decreases.mean(axis=1), decreases.std(axis=1)[:, 0]
    order = np.argsort(-means[:, 0], kind="stable")
    return ColumnImportance(
        _ordered(tuple(groups), order),
        means[order, 0],
        spreads[order],
        means[order, 1],
        *names,
        (-float(before[0]), float(before[1])),
        len(chosen),
        REPEATS,
    )


def outputs_of_copies(
    rows: EvaluationRows, chosen: np.ndarray, copies: Iterable[np.ndarray]
) -> Iterator[np.ndarray]:
    """Yield the output of the model for each of several changed copies of the same rows, (n, K) each.

    Several copies are predicted at once, which takes less time than one after the other.

    Args:
        rows: rows that the model did not learn from.
        chosen: (n,) the indices of the rows.
        copies: inputs (n, F) of these rows, with other values.
    """
    remaining = iter(copies)
    count = max(1, MAX_AT_ONCE // max(1, len(chosen) * rows.x.shape[1]))
    while batch := list(islice(remaining, count)):
        output = rows.predict(np.concatenate(batch), np.tile(chosen, len(batch)))
        yield from np.split(output, len(batch))


def _ordered(names: Sequence[Any], order: np.ndarray) -> tuple[Any, ...]:
    return tuple(names[i] for i in order)


MAX_COLUMNS = 6
MAX_AVERAGED_ROWS = 500  # whose predictions are averaged
POINTS = 15  # of a number
ALL_POINTS = 24  # different numbers up to which all are points, such as the hours of a day
TAIL = 0.02  # share of cells beyond the first and the last point
LEVELS = 10  # of a category


@frozen(eq=False)
class ColumnEffect:
    """The prediction by the value of a column.

    Args:
        numbers: (points,) its values; empty for a category.
        levels: its levels, or dates and durations as they are written, with the number of their rows; empty
            for a number.
        dependence: the probabilities of the classes, or the values in the units of the target.
    """

    column: str
    numbers: np.ndarray
    levels: tuple[tuple[str, int], ...]
    dependence: PartialDependence


def column_effects(
    rows: EvaluationRows, preparation: Preparation, columns: Sequence[str]
) -> list[ColumnEffect]:
    """Return the partial dependence on columns; those with a single value in these rows are left out.

    Args:
        rows: rows that the model did not learn from.
        columns: columns, the most important first; at most ``MAX_COLUMNS`` are used.
    """
    indices, kinds = features_of(preparation), {e.column: e.kind for e in preparation.encodings}
    chosen = sampled(len(rows.y), MAX_AVERAGED_ROWS)

    def predict(copies: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for output in outputs_of_copies(rows, chosen, copies):
            yield rows.to_predictions(rows.y[chosen], output).prediction

    effects = []
    for column in columns:
        own = indices[column]
        numbers, levels, sources = _POINTS.get(kinds[column], _levels)(rows, column, own)
        if len(sources) < 2 or len(effects) == MAX_COLUMNS:
            continue
        values = rows.x[sources][:, own]
        effects.append(
            ColumnEffect(column, numbers, levels, partial_dependence(predict, rows.x[chosen], own, values))
        )
    return effects


Points = tuple[np.ndarray, tuple[tuple[str, int], ...], np.ndarray]
"""Numbers, levels, and the rows that have them."""


def _points(rows: EvaluationRows, column: str, own: np.ndarray) -> Points:
    """Return evenly spaced quantiles of the numbers of a column, or all of them if they are few."""
    cells = number_cells(rows.table, column, Faults())
    present = np.flatnonzero(cells.is_not_null().to_numpy())
    values = cells.to_numpy()[present].astype(np.float64)
    distinct, first = np.unique(values, return_index=True)
    if len(distinct) > ALL_POINTS:
        order = np.argsort(values, kind="stable")
        at = np.round(np.linspace(TAIL, 1 - TAIL, POINTS) * (len(order) - 1)).astype(np.int64)
        distinct, position = np.unique(values[order[at]], return_index=True)
        first = order[at][position]
    return distinct, (), present[first]


def _levels(rows: EvaluationRows, column: str, own: np.ndarray) -> Points:
    """Return the most frequent levels of a category."""
    cells = rows.table.frame[column]
    texts = ["" if cell is None else str(cell) for cell in cells.to_list()]
    first: dict[str, int] = {}
    counts: dict[str, int] = {}
    for i, text in enumerate(texts):
        first.setdefault(text, i)
        counts[text] = counts.get(text, 0) + 1
    frequent = sorted(counts, key=lambda text: (-counts[text], text))[:LEVELS]
    sources = np.array([first[text] for text in frequent], np.int64)
    return np.zeros(0), tuple((text, counts[text]) for text in frequent), sources


def _moments(rows: EvaluationRows, column: str, own: np.ndarray) -> Points:
    """Return evenly spaced quantiles of dates, times or durations, ascending by their first feature."""
    cells, values = rows.table.words(column), rows.x[:, own[0]]
    present = np.flatnonzero(cells.is_not_null().to_numpy())
    order = present[np.argsort(values[present], kind="stable")]
    if len(order) > LEVELS:
        order = order[np.round(np.linspace(0, len(order) - 1, LEVELS)).astype(np.int64)]
    _, first = np.unique(values[order], return_index=True)
    sources = order[first]
    counts = [int((values == values[i]).sum()) for i in sources]
    return np.zeros(0), tuple((str(cells[int(i)]), n) for i, n in zip(sources, counts, strict=True)), sources


def _no_points(rows: EvaluationRows, column: str, own: np.ndarray) -> Points:
    return np.zeros(0), (), np.zeros(0, np.int64)


_POINTS = {"number": _points, "date": _moments, "time": _moments, "duration": _moments, "text": _no_points}


MAX_LISTED = 20  # columns with a bar; the others are one line
MAX_DIGITS = 6  # decimals; smaller numbers are written with a power of ten
MAX_LINES = 5  # classes with a line or a dot: the most frequent of these rows


def importance_section(importance: ColumnImportance) -> dict[str, Any]:
    """Return the bars of the columns and the texts around them."""
    largest = float(importance.increases.max(initial=0.0)) or 1.0
    bars = [
        {
            "name": name,
            "width": f"{100 * max(0.0, float(increase)) / largest:.1f}",
            "matters": bool(matters),
            "value": _with_spread(float(increase), float(spread)),
        }
        for name, increase, spread, matters in zip(
            importance.columns, importance.increases, importance.spreads, importance.matters, strict=True
        )
    ]
    texts = both_texts("report_importance_caption")
    facts = {
        "rows": f"{importance.rows:,}",
        "repeats": importance.repeats,
        "before": short(importance.before[0]),
    }
    measure = both_texts(f"metric_{importance.measure}")
    more = len(bars) - MAX_LISTED
    return {
        "bars": bars[:MAX_LISTED],
        "caption": [text.format(measure=name, **facts) for text, name in zip(texts, measure, strict=True)],
        "more": [text.format(count=more) for text in both_texts("report_importance_more")]
        if more > 0
        else [],
    }


def _with_spread(value: float, spread: float) -> str:
    """Return an importance with its spread, both with the decimals of two significant digits of the spread.

    Example:
        >>> _with_spread(70459.525, 3309.1), _with_spread(0.3271663, 0.02693), _with_spread(0.0, 0.0)
        ('70,460 ± 3,309', '0.327 ± 0.027', '0.000 ± 0.000')
    """
    digits = max(0, 1 - math.floor(math.log10(spread))) if spread > 0 else 3
    return (
        f"{value:,.{digits}f} ± {spread:,.{digits}f}"
        if digits <= MAX_DIGITS
        else f"{value:.2g} ± {spread:.2g}"
    )


def effects_section(
    effects: Sequence[ColumnEffect], labels: Sequence[Any], counts: np.ndarray
) -> list[dict[str, Any]]:
    """Return a chart for each number, dots for each level of a category, all on the same scale."""
    outputs = _chosen_outputs(labels, counts)
    has_band = len(outputs) == 1
    low, high = _range(effects, outputs, has_band)
    parts = []
    for effect in effects:
        dependence = effect.dependence
        part: dict[str, Any] = {"name": effect.column, "svg": "", "levels": []}
        if len(effect.numbers):
            lines = [(dependence.mean[:, k], color) for k, _, color in outputs]
            k = outputs[0][0]
            band = (dependence.low[:, k], dependence.high[:, k]) if has_band else None
            part["svg"] = Markup(charts.dependence(effect.numbers, lines, band, (low, high)))
        else:
            part["levels"] = [
                {
                    "name": cut(level) if level else "",
                    "count": f"{count:,}",
                    "dots": [
                        {
                            "left": f"{100 * (mean[k] - low) / (high - low):.1f}",
                            "color": color,
                            "value": _output(mean[k], bool(labels)),
                        }
                        for k, _, color in outputs
                    ],
                }
                for (level, count), mean in zip(effect.levels, dependence.mean, strict=True)
            ]
        parts.append(part)
    return parts


def effects_caption(labels: Sequence[Any], counts: np.ndarray, target: str) -> list[tuple[str, Any]]:
    """Return the colors of the lines and what they are: mean prediction, or probability of a class."""
    outputs = _chosen_outputs(labels, counts)
    keys = ("report_effects_value", "report_effects_probability")
    texts = both_texts(keys[bool(labels)])
    names = [str(labels[k]) if labels else target for k, _, _ in outputs]
    return [
        (color, tuple(text.format(name=name) for text in texts))
        for (_, _, color), name in zip(outputs, names, strict=True)
    ]


def _chosen_outputs(labels: Sequence[Any], counts: np.ndarray) -> list[tuple[int, int, str]]:
    """Return index, rank and color of the outputs of a chart: of two classes, the second one."""
    if len(labels) <= 2:
        return [(len(labels) - 1 if labels else 0, 0, charts.BLUE)]
    order = np.argsort(-counts, kind="stable")[:MAX_LINES]
    colors = charts.COLORS
    return [(int(k), rank, colors[rank % len(colors)]) for rank, k in enumerate(order)]


def _range(
    effects: Sequence[ColumnEffect], outputs: Sequence[tuple[int, int, str]], has_band: bool
) -> tuple[float, float]:
    """Return the range of all charts, so that they can be compared."""
    arrays = []
    for effect in effects:
        parts = effect.dependence
        chosen = (parts.mean, parts.low, parts.high) if has_band and len(effect.numbers) else (parts.mean,)
        arrays += [part[:, k] for part in chosen for k, _, _ in outputs]
    values = np.concatenate(arrays) if arrays else np.array([0.0, 1.0])
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or 0.5 * abs(low) or 0.5
    return low - margin, high + margin


def _output(value: float, is_probability: bool) -> str:
    return f"{value:.0%}" if is_probability else short(float(value))
