"""Tables on the screen: columns of data, layers of a network, results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from chainrule.apps.cli.texts import text_of
from chainrule.data import Column, Finding, Preparation, Table
from chainrule.data.tables.differences_from_training import COVERED, Drift, drift_of, short_number
from chainrule.model import Model
from chainrule.nn import Layer
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.symbolic_shape import Spec
from chainrule.tabular.comparison import Scores
from chainrule.tabular.display import column_rows, history_title, layer_rows, metric_title
from chainrule.tabular.evaluation import RESULT_METRICS, Result
from chainrule.train.callback.early_stopping import MEMBER_LOSS
from chainrule.train.evaluation.evaluate import precision_lines

# The differences of a table from the training rows of a model, as a table on standard error.

MAX_ROWS = 40


def print_differences(preparation: Preparation, table: Table, notices: Sequence[Finding]) -> bool:
    """Print notices of a table, empty columns and a table of other differences; returns whether any are."""
    drifts = drift_of(preparation, table)
    others = [f for f in notices if not preparation.profiles or f.code not in COVERED]
    empty = [f for drift in drifts if (f := drift.finding) is not None]
    screen.notices([*others, *empty], to_errors=True)
    _difference_table(drifts)
    return bool(drifts)


def _difference_table(drifts: Sequence[Drift]) -> None:
    others = [drift for drift in drifts if drift.kind != "empty"]
    if not others:
        return
    screen.line(text_of("drift_title"), "yellow", to_errors=True)
    header = [text_of(f"drift_{key}") for key in ("column", "what", "values", "example", "training")]
    screen.table(header, map(_row, others[:MAX_ROWS]), numbers=(2,), to_errors=True)
    if len(others) > MAX_ROWS:
        screen.line(text_of("drift_more").format(count=len(others) - MAX_ROWS), to_errors=True)


def _row(drift: Drift) -> tuple[str, str, str, str, str]:
    profile, values = drift.profile, f"{drift.count:,}"
    if drift.kind == "missing":
        values, training = _percent(drift.count / drift.rows), _percent(profile.missing_share)
    elif profile.low is not None and profile.high is not None:
        low, high = short_number(profile.low), short_number(profile.high)
        training = text_of("drift_range").format(low=low, high=high)
    else:
        training = text_of("drift_levels").format(count=f"{len(profile.levels):,}")
    return drift.column, text_of(f"drift_is_{drift.kind}"), values, drift.example, training


def _percent(share: float) -> str:
    """Return a share as a percentage; a positive one is never printed as 0.

    Example:
        >>> _percent(0.1234), _percent(0.0), _percent(1e-6)
        ('12.3%', '0%', '<0.1%')
    """
    if 0 < share < 0.001:
        return "<0.1%"
    return f"{100 * share:.1f}".removesuffix(".0") + "%"


MAX_COLUMNS = 40  # columns of data on a screen; the report lists all


def columns_table(columns: Sequence[Column], preparation: Preparation | None = None) -> None:
    """Print the columns of the data, at most ``MAX_COLUMNS`` including the target."""
    listed = list(columns)
    if len(listed) > MAX_COLUMNS:
        listed = [c for i, c in enumerate(columns) if i < MAX_COLUMNS - 1 or c.is_target]
    header = [text_of(key) for key in ("name", "kind", "missing", "summary", "why")]
    screen.table(header, column_rows(listed, preparation), numbers=(2,))
    if len(listed) < len(columns):
        screen.line(text_of("more_columns").format(count=len(columns) - len(listed)))


def model_table(model: Model, inputs: Mapping[str, Spec]) -> None:
    """Print the layers with shapes and numbers of parameters, and the loss, optimizer and penalty."""
    layers_table(model.recipe.net, inputs, model.recipe.dtype)
    for line in precision_lines(model.network, settings.lang) if model.network is not None else ():
        screen.line(line)
    recipe = model.recipe
    loss = getattr(recipe.loss, "name", recipe.loss)
    penalty = recipe.penalty or text_of("none")
    screen.line(text_of("how_trained").format(loss=loss, optimizer=recipe.optimizer, penalty=penalty))


def layers_table(net: Layer, inputs: Mapping[str, Spec], dtype: str) -> None:
    """Print the layers of a network and its number of parameters."""
    rows = layer_rows(net, inputs, dtype)
    screen.table(
        [text_of(key) for key in ("layer", "what_layer", "output", "parameters")],
        [(r.path, r.layer, r.output, f"{r.parameters:,}") for r in rows],
        numbers=(3,),
    )
    screen.line(text_of("parameter_count").format(count=f"{sum(r.parameters for r in rows):,}"))


def result_table(results: Sequence[Result], kind: str, additional: Sequence[str] = ()) -> None:
    """Print the metrics of a model and of baselines, the ``additional`` ones after the default ones.

    A metric that is not defined for the rows, such as the AUC of rows of one class, has a dash.
    """
    names = list(dict.fromkeys([*RESULT_METRICS[kind], *additional]))
    values = [[float(r.values.get(name, math.nan)) for name in names] for r in results]
    rows = [
        (text_of(f"{r.name}_{kind}"), *("–" if math.isnan(value) else value for value in row))
        for r, row in zip(results, values, strict=True)
    ]
    screen.table(["", *map(metric_title, names)], rows, numbers=range(1, len(names) + 1))


def positive_class(preparation: Preparation) -> None:
    """Print the positive class of F1, for two classes."""
    if len(preparation.labels) == 2:
        screen.line(text_of("positive").format(label=preparation.labels[1]))


def verdict_lines(scores: Scores, rows: int, columns: int) -> None:
    """Print the comparison with the best baseline, left-out boosting, and results too good to be true."""
    if scores.too_good is not None:
        finding = Finding("too_good", "warning", {"r2": scores.too_good})
        screen.line(finding.render(settings.lang), "yellow")
    if "boosting" not in scores.outputs:
        screen.line(text_of("no_boosting").format(rows=rows, columns=columns))
    if scores.verdict is not None:
        screen.line(scores.verdict.render(settings.lang))


def history_table(history: Sequence[dict[str, float | None]], last: int = 5) -> None:
    """Print the last epochs of a training."""
    columns = [name for name in history[-1] if not MEMBER_LOSS.fullmatch(name)]
    rows = [
        [int(row[k] or 0) if k == "epoch" else _value(row.get(k)) for k in columns] for row in history[-last:]
    ]
    screen.table([history_title(name) for name in columns], rows, numbers=range(len(columns)))


def _value(value: float | None) -> object:
    return "" if value is None else float(value)
