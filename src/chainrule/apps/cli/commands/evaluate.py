"""``chainrule evaluate``: the metrics of a model on a table with known targets."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer

from chainrule.apps.cli import screen
from chainrule.apps.cli.model_and_rows import Rows, load, require_targets, warn_of_known_rows
from chainrule.apps.cli.run_writer import Result, metric_names, model_output, to_predictions
from chainrule.apps.cli.tables import metric_title, positive_class, result_table
from chainrule.apps.cli.texts import text_of
from chainrule.data import Preparation, Table
from chainrule.model import Model
from chainrule.train.evaluation.metric import score


def evaluate(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=data", metavar="DATA")],
    metric: Annotated[list[str] | None, typer.Option(help="=metric", metavar="NAME")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Print the metrics of a model and of a constant prediction."""
    model, rows = load(run, data)
    if model.preparation is None:
        _arrays(model, rows, data, metric)
    else:
        _table(model, model.preparation, rows.x, run, metric or [])


def _arrays(model: Model, rows: Rows, data: str, metric: list[str] | None) -> None:
    """Print the loss and the metrics on arrays.

    Raises:
        UsageError E122: the file contains no targets. E101: no such metric.
    """
    require_targets(rows, data)
    values = model.evaluate(rows.x, rows.y, metrics=metric)
    screen.line(text_of("evaluated").format(rows=rows.count, data=data))
    titles = [text_of("loss") if name == "loss" else metric_title(name) for name in values]
    screen.table(titles, [list(values.values())], numbers=range(len(values)))


def _table(model: Model, preparation: Preparation, table: Table, run: str, metric: list[str]) -> None:
    """Print the metrics on a table, with those of a constant prediction."""
    names = metric_names(preparation.task, metric)
    applied = preparation.apply(table)
    y = preparation.targets(table)
    screen.notices(applied.notices, to_errors=True)
    warn_of_known_rows(model, table, run)
    outputs = {"net": model_output(model, applied.x)}
    trivial = constant_prediction(model, preparation, len(y))
    if trivial is not None:
        outputs["trivial"] = trivial
    screen.line(text_of("evaluated").format(rows=table.rows, data=table.source))
    results = [Result(name, score(to_predictions(model, y, z), names)) for name, z in outputs.items()]
    result_table(results, preparation.task, metric)
    positive_class(preparation)
    if trivial is not None:
        majority = "" if preparation.task == "regression" else preparation.labels[model.facts["majority"]]
        text = text_of(f"trivial_{preparation.task}_is")
        screen.line(text.format(label=majority, mean=f"{preparation.target_mean:.6g}"))


def constant_prediction(model: Model, preparation: Preparation, rows: int) -> np.ndarray | None:
    """The constant prediction: the most frequent class or the mean of the training rows.

    Returns:
        probabilities (N, K), standardized values (N, 1), or ``None`` if the model file has no valid class.
    """
    if preparation.task == "regression":
        return np.zeros((rows, 1))  # the mean of the training rows is 0 once it is standardized
    majority = model.facts.get("majority")
    if type(majority) is not int or not 0 <= majority < len(preparation.labels):
        return None
    prediction = np.zeros((rows, len(preparation.labels)))
    prediction[:, majority] = 1.0
    return prediction
