"""``chainrule evaluate``: the metrics of a model on a table with known targets."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import typer

from chainrule.apps.cli.model_and_rows import load, require_targets, warn_of_known_rows
from chainrule.apps.cli.prediction_output import announce_unlike
from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.score_lines import interval_line, threshold_table
from chainrule.apps.cli.signature import with_options
from chainrule.apps.cli.tables import positive_class, print_differences, result_table
from chainrule.apps.cli.texts import text_of
from chainrule.data import Finding, Preparation, Table
from chainrule.data.tables.prepared_data import row_weights
from chainrule.inputs import Evaluation, InputRows
from chainrule.metrics import Predictions, default_metrics, score
from chainrule.model import Model
from chainrule.page import screen
from chainrule.robustness.novelty_gate import refusing_gate
from chainrule.tabular.display import metric_title
from chainrule.tabular.evaluation import (
    calibrated,
    groups_in,
    is_calibrated,
    metric_names,
    model_output,
    results_of,
    to_scores,
)
from chainrule.tabular.predicted_columns import prediction_columns
from chainrule.tabular.threshold import CALIBRATED, stored_decision
from chainrule.tabular.training_status import TableFacts
from chainrule.train.evaluation.rows import encode_labeled
from chainrule.uncertainty.unknown_classes import UNKNOWN, stored_level

MAX_ROWS = 200_000  # up to which intervals are computed, in some seconds


@with_options(READING)
def evaluate(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=rows_file", metavar="DATA")],
    metric: Annotated[list[str] | None, typer.Option(help="=metric", metavar="NAME")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print the metrics of a model and of a constant prediction."""
    model, rows = load(run, data, take_reading(options))
    own = rows.kind.evaluation(model, rows, metric or [])
    if own is not None:
        _print_own(own, rows.count, data)
        _unlike_line(model, rows)
    elif model.preparation is None:
        _arrays(model, rows, run, data, metric)
    else:
        own_metrics = [name for name in model.state.metrics or () if isinstance(name, str)]
        _table(model, model.preparation, rows.x, run, metric or own_metrics)


def _print_own(own: Evaluation, rows: int, data: str) -> None:
    """Print the metrics of a kind of input that has its own."""
    screen.line(text_of("evaluated").format(rows=rows, data=data))
    if own.scores:
        screen.table([*own.scores], [[*own.scores.values()]], numbers=range(len(own.scores)))
    for note in own.notes:
        screen.line(note)


def _arrays(model: Model, rows: InputRows, run: str, data: str, metric: list[str] | None) -> None:
    """Print the loss and the metrics on arrays; raises E122 without targets, E101 for an unknown metric."""
    require_targets(rows, run, data)
    usual = [m.name for target in model.state.targets.values() for m in default_metrics(target.task)]
    values = model.evaluate(rows.x, rows.y, metrics=metric or model.state.metrics or usual)
    screen.line(text_of("evaluated").format(rows=rows.count, data=data))
    is_single = len(model.state.targets) == 1  # else each name starts with that of its output
    titles = [
        text_of("loss") if name == "loss" else metric_title(name) if is_single else name for name in values
    ]
    scores = _calibrated_scores(model, rows, list(values)) if is_single else None
    if scores is not None:
        named = [(text_of("net_classification"), values), (text_of("calibrated_classification"), scores)]
        cells = [(name, *(part.get(n, "") for n in values)) for name, part in named]
        screen.table(["", *titles], cells, numbers=range(1, len(values) + 1))
    elif is_single:
        screen.table(titles, [list(values.values())], numbers=range(len(values)))
    else:  # a line for each, since there are many
        screen.table(["", text_of("value")], list(zip(titles, values.values(), strict=True)), numbers=[1])
    _unknown_line(model, rows.x, rows.count)


def _calibrated_scores(model: Model, rows: InputRows, names: list[str]) -> dict[str, float] | None:
    """Return the metrics of the calibrated probabilities; ``None`` if those of the network are printed."""
    if not is_calibrated(model):
        return None
    corrected = calibrated(model, np.asarray(model.predict_proba(rows.x)))
    assert corrected is not None
    labels = encode_labeled(model.state, rows.x, rows.y).labels
    known = [name for name in names if name != "loss"]
    return score(Predictions(labels, corrected, None, "classification"), known)


def _unknown_line(model: Model, x: Any, rows: int) -> None:
    """Print how many rows ``predict`` names unknown, which the metrics do not know."""
    if refusing_gate(model.state) is None and stored_level(model.state) is None:
        return
    predicted = next(iter(prediction_columns(model, x, False).values()))
    key, other = (
        ("without_every_value", None) if model.task == "regression" else ("evaluated_unknown", UNKNOWN)
    )
    count = sum(value == other for value in predicted.tolist())
    screen.line(text_of(key).format(count=count, rows=rows))


def _unlike_line(model: Model, rows: InputRows) -> None:
    """Print how many rows of a kind with its own predictions have none."""
    gate, kind = refusing_gate(model.state), rows.kind
    if gate is not None and kind.has_own_output:
        key = "evaluated_unknown" if kind.names_unlike else "without_every_value"
        count = int(kind.unlike(model, rows.x).sum())
        screen.line(text_of(key).format(count=count, rows=rows.count))


def _table(model: Model, preparation: Preparation, table: Table, run: str, metric: list[str]) -> None:
    """Print the metrics on a table, with those of a constant prediction and intervals.

    Rows that the model was trained on have no intervals: they do not contain the scores of new rows. Neither
    do a million rows, which would take long for an interval that is narrower than the digits printed.
    """
    names = metric_names(preparation.task, metric)
    table = _with_targets(preparation, table)
    y = preparation.targets(table)
    applied = preparation.apply(table)
    print_differences(preparation, table, applied.notices)
    is_known = warn_of_known_rows(model, table, run)
    outputs = {"net": model_output(model, applied.x)}
    corrected = calibrated(model, outputs["net"])
    if corrected is not None:
        outputs[CALIBRATED] = corrected
    trivial = constant_prediction(model, preparation, len(y))
    if trivial is not None:
        outputs["trivial"] = trivial
    screen.line(text_of("evaluated").format(rows=table.rows, data=table.source))
    trained = TableFacts.of(model.facts)
    scores = to_scores(model, y, outputs, _weights(trained, table))
    scores = replace(scores, groups=groups_in(table, trained.group))
    result_table(results_of(scores, names), preparation.task, metric)
    positive_class(preparation)
    if not is_known and table.rows <= MAX_ROWS:
        interval_line(scores)
    threshold_table(stored_decision(model, scores))
    _unknown_line(model, applied.x, table.rows)
    announce_unlike(model, applied.x)
    if trivial is not None:
        counts = trained.class_counts
        majority = "" if preparation.task == "regression" else preparation.labels[np.argmax(counts)]
        text = text_of(f"trivial_{preparation.task}_is")
        screen.line(text.format(label=majority, mean=f"{preparation.target_mean:.6g}"))


def _weights(trained: TableFacts, table: Table) -> np.ndarray | None:
    """Return the row weights, if the training had a column of weights and the table has it too."""
    if not trained.weight or trained.weight not in table.columns:
        return None
    screen.line(text_of("weighted_by").format(column=trained.weight))
    return row_weights(table, trained.weight)


def _with_targets(preparation: Preparation, table: Table) -> Table:
    """Return the rows that have a target; prints how many are left out. A table without any is unchanged."""
    if preparation.target not in table.columns:
        return table
    missing = table.frame[preparation.target].is_null()
    count = int(missing.sum())
    if not 0 < count < table.rows:
        return table
    screen.notices([Finding("target_missing", "warning", {"count": count})], to_errors=True)
    return table.take(np.flatnonzero(~missing.to_numpy()))


def constant_prediction(model: Model, preparation: Preparation, rows: int) -> np.ndarray | None:
    """Return the constant prediction: the class frequencies or the mean of the training rows.

    Returns:
        probabilities (N, K), standardized values (N, 1), or ``None`` if the model file has no valid counts or
        the model is private: its preparation contains no mean of rows.
    """
    if model.privacy_spent is not None:
        return None
    if preparation.task == "regression":
        return np.zeros((rows, 1))  # the mean of the training rows is 0 once it is standardized
    counts = TableFacts.of(model.facts).class_counts
    if len(counts) != len(preparation.labels):
        return None
    return np.tile(np.array(counts) / sum(counts), (rows, 1))
