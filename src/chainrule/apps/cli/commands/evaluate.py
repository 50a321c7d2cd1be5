"""``chainrule evaluate``: how good a model is on a table with known answers."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer

from chainrule.apps.cli import screen
from chainrule.apps.cli.model_and_rows import Given, load, require_answer, warn_of_known_rows
from chainrule.apps.cli.run_writer import Rating, answer_of, judgeable, measured
from chainrule.apps.cli.tables import name_of, positive_class, result_table
from chainrule.apps.cli.texts import say
from chainrule.data import Preparation, Table
from chainrule.model import Model
from chainrule.train.evaluation.metric import score


def evaluate(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=data", metavar="DATA")],
    metric: Annotated[list[str] | None, typer.Option(help="=metric", metavar="NAME")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Print the metrics of a model beside those of a trivial answer."""
    model, given = load(run, data)
    if model.preparation is None:
        _arrays(model, given, data, metric)
    else:
        _table(model, model.preparation, given.x, run, metric or [])


def _arrays(model: Model, given: Given, data: str, metric: list[str] | None) -> None:
    """The loss and the metrics on arrays.

    Raises:
        UsageError E122: the file does not say what was wanted. E101: no such metric.
    """
    require_answer(given, data)
    found = model.evaluate(given.x, given.y, metrics=metric)
    screen.line(say("evaluated").format(rows=given.rows, data=data))
    titles = [say("loss") if name == "loss" else name_of(name) for name in found]
    screen.table(titles, [list(found.values())], numbers=range(len(found)))


def _table(model: Model, preparation: Preparation, table: Table, run: str, metric: list[str]) -> None:
    """The metrics on a table, beside those of a trivial answer."""
    names = measured(preparation.task, metric)
    applied = preparation.apply(table)
    y = preparation.targets(table)
    screen.notices(applied.notices, to_errors=True)
    warn_of_known_rows(model, table, run)
    answers = {"net": answer_of(model, applied.x)}
    trivial = trivial_answer(model, preparation, len(y))
    if trivial is not None:
        answers["trivial"] = trivial
    screen.line(say("evaluated").format(rows=table.rows, data=table.source))
    rated = [Rating(name, score(judgeable(model, y, answer), names)) for name, answer in answers.items()]
    result_table(rated, preparation.task, metric)
    positive_class(preparation)
    if trivial is not None:
        majority = "" if preparation.task == "regression" else preparation.labels[model.facts["majority"]]
        known = say(f"trivial_{preparation.task}_is")
        screen.line(known.format(label=majority, mean=f"{preparation.target_mean:.6g}"))


def trivial_answer(model: Model, preparation: Preparation, rows: int) -> np.ndarray | None:
    """What the training rows say without looking at an input: their most frequent class, or their mean.

    Returns:
        probabilities (N, K), standardized values (N, 1), or ``None`` when the model file does not know the
        class.
    """
    if preparation.task == "regression":
        return np.zeros((rows, 1))  # the mean of the training rows is 0 once it is standardized
    majority = model.facts.get("majority")
    if type(majority) is not int or not 0 <= majority < len(preparation.labels):
        return None
    answer = np.zeros((rows, len(preparation.labels)))
    answer[:, majority] = 1.0
    return answer
