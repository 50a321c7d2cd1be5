"""``chainrule predict``: an answer for every row of a table, as CSV.

Labels come from data, and a spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a
formula. So a text label that begins so, and is no number, gets an apostrophe in front, which spreadsheets
hide. Numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from chainrule.apps import screen
from chainrule.apps.model import load
from chainrule.apps.run import model_file
from chainrule.errors import UsageError
from chainrule.store import durable
from chainrule.train.learner import Learner

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def predict(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=data", metavar="DATA")],
    out: Annotated[str | None, typer.Option(help="=csv", metavar="CSV")] = None,
    proba: Annotated[bool, typer.Option("--proba", help="=proba")] = False,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Print an answer for every row, or write them into a file."""
    model, given = load(run, data, Learner)
    if out is not None:
        _refuse_input(out, data, str(model_file(run)))
    x = given.x
    if model.preparation is not None:
        applied = model.preparation.apply(x)
        screen.notices(applied.notices, to_errors=True)
        x = applied.x
    text = answers_text(model, x, proba)
    if out is not None:
        durable.write(out, text.encode())
    else:
        sys.stdout.write(text)
        sys.stdout.flush()


def answers_text(model: Learner, x: np.ndarray | dict[str, np.ndarray], proba: bool) -> str:
    """The answers as CSV, one line for each row, in the rows' order.

    Args:
        model: any that is trained.
        x: (N, ...) prepared inputs, or arrays by the names of the inputs.
        proba: whether the probability of each class follows.

    Fails:
        TrainingError E507: probabilities of a model that gives values.
    """
    header: list[Any] = ["prediction"]
    columns = [np.asarray(model.predict(x)).tolist()]
    if proba:
        chances = np.asarray(model.predict_proba(x), np.float64)  # (N, K)
        header += [f"probability of {label}" for label in model.labels]
        columns += [[f"{p:.6g}" for p in chance] for chance in chances.T.tolist()]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([safe(value) for value in row] for row in zip(*columns, strict=True))
    return text.getvalue()


def safe(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula.

    Example:
        >>> safe("=HYPERLINK(1)"), safe("-3.5"), safe("setosa")
        ("'=HYPERLINK(1)", '-3.5', 'setosa')
    """
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def _refuse_input(out: str, *inputs: str) -> None:
    """Refuse to write the answers over what they are made from."""
    for name in inputs:
        if Path(out).exists() and Path(name).exists() and Path(out).samefile(name):
            raise UsageError(
                "E609", where="--out", expected="a new file", received=out, fix="--out answers.csv"
            )
