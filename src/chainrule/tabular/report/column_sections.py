"""The sections of the report about columns: their importance, and how the prediction depends on them.

Names and levels come from the table and are escaped by the template; only charts, which contain numbers
alone, are inserted as markup.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from chainrule.notation.number_format import short
from chainrule.page import charts
from chainrule.tabular.display import cut
from chainrule.tabular.report.column_effects import ColumnEffect
from chainrule.tabular.report.column_importance import ColumnImportance
from chainrule.tabular.texts import both_texts

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
