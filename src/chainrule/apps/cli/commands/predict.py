"""``chainrule predict``: a prediction for every row of a table, as CSV.

Labels come from data and are escaped according to the destination:

* on a terminal, control characters are printed as escape sequences, such as ``\\x1b``;
* in a file or pipe, labels are quoted as CSV requires. A label that a spreadsheet would evaluate as a
  formula, or that starts with an apostrophe, is prefixed by an apostrophe, which
  ``chainrule.escaping.spreadsheet_text`` removes; ``--raw`` writes labels unchanged.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from chainrule.apps.cli import screen
from chainrule.apps.cli.model_and_rows import load
from chainrule.apps.cli.reading import READING, take_reading
from chainrule.apps.cli.run_paths import model_file
from chainrule.apps.cli.signature import with_options
from chainrule.data import Table
from chainrule.errors import UsageError, fact
from chainrule.escaping import csv_text, printable, spreadsheet_cell
from chainrule.model import Model
from chainrule.store import atomic_write
from chainrule.train.monitor.memory import refuse_long_text


@with_options(READING)
def predict(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=data", metavar="DATA")],
    out: Annotated[str | None, typer.Option(help="=csv", metavar="CSV")] = None,
    proba: Annotated[bool, typer.Option("--proba", help="=proba")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="=raw")] = False,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print a prediction for every row, or write them to a file."""
    model, rows = load(run, data, take_reading(options))
    if out is not None:
        _refuse_input(out, data, str(model_file(run)))
    x, ids = rows.x, list[list[Any]]()
    if model.preparation is not None:
        ids = _id_columns(model, x)
        applied = model.preparation.apply(x)
        screen.notices(applied.notices, to_errors=True)
        x = applied.x
    refuse_long_text(model.targets, len(x if isinstance(x, np.ndarray) else next(iter(x.values()))))
    table = [
        [*left, *right]
        for left, right in zip(ids or repeat([]), prediction_table(model, x, proba), strict=False)
    ]
    if out is not None:
        atomic_write.write(out, _csv(table, None if raw else spreadsheet_cell).encode())
        return
    cell = _printable_cell if sys.stdout.isatty() else None if raw else spreadsheet_cell
    sys.stdout.write(_csv(table, cell))
    sys.stdout.flush()


def _id_columns(model: Model, table: Table) -> list[list[Any]]:
    """The cells of the columns that identify rows, after a header; empty if the training had none."""
    names = model.facts.get("ids")
    if not isinstance(names, list):
        return []
    present = [name for name in names if isinstance(name, str) and name in table.columns]
    return [present, *map(list, table.frame.select(present).rows())] if present else []


def prediction_table(model: Model, x: np.ndarray | dict[str, np.ndarray], proba: bool) -> list[list[Any]]:
    """The predictions in row order, after a header.

    Args:
        model: a trained model.
        x: (N, ...) prepared inputs, or arrays by input name.
        proba: add a column with the probability of each class.

    Raises:
        TrainingError E507: probabilities of a model that predicts values.
    """
    header: list[Any] = ["prediction"]
    columns = [np.asarray(model.predict(x)).tolist()]
    if proba:
        probabilities = np.asarray(model.predict_proba(x), np.float64)  # (N, K)
        header += [f"probability of {label}" for label in model.labels]
        columns += [[f"{p:.6g}" for p in column] for column in probabilities.T.tolist()]
    return [header, *map(list, zip(*columns, strict=True))]


def _csv(rows: list[list[Any]], cell: Callable[[Any], Any] | None) -> str:
    """Rows as CSV; ``cell`` converts each cell."""
    return csv_text(rows if cell is None else [[cell(value) for value in row] for row in rows])


def _printable_cell(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value


def _refuse_input(out: str, *inputs: str) -> None:
    """Refuse to overwrite an input by the predictions."""
    for name in inputs:
        if os.path.exists(out) and os.path.exists(name) and Path(out).samefile(name):
            raise UsageError(
                "E609", where="--out", expected=fact("a new file"), received=out, fix="--out predictions.csv"
            )
