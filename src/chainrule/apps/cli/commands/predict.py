"""``chainrule predict``: an answer for every row of a table, as CSV.

Labels come from data. What is written depends on who reads it:

* a terminal gets every control character by its number, such as ``\\x1b``;
* a file or a pipe gets CSV with each label quoted as it needs. A label that a spreadsheet would take for a
  formula gets an apostrophe in front, and so does one that begins with an apostrophe: a program takes one off
  (``chainrule.escaping.spreadsheet_text``), or asks for ``--raw``, which writes labels as they are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from chainrule.apps.cli import screen
from chainrule.apps.cli.model_and_rows import load
from chainrule.apps.cli.run_paths import model_file
from chainrule.errors import UsageError
from chainrule.escaping import csv_text, printable, spreadsheet_cell
from chainrule.model import Model
from chainrule.store import atomic_write
from chainrule.train.monitor.memory import refuse_long_text


def predict(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=data", metavar="DATA")],
    out: Annotated[str | None, typer.Option(help="=csv", metavar="CSV")] = None,
    proba: Annotated[bool, typer.Option("--proba", help="=proba")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="=raw")] = False,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Print an answer for every row, or write them into a file."""
    model, given = load(run, data)
    if out is not None:
        _refuse_input(out, data, str(model_file(run)))
    x = given.x
    if model.preparation is not None:
        applied = model.preparation.apply(x)
        screen.notices(applied.notices, to_errors=True)
        x = applied.x
    refuse_long_text(model.targets, len(x if isinstance(x, np.ndarray) else next(iter(x.values()))))
    table = answers(model, x, proba)
    if out is not None:
        atomic_write.write(out, _written(table, None if raw else spreadsheet_cell).encode())
        return
    cell = _printable_cell if sys.stdout.isatty() else None if raw else spreadsheet_cell
    sys.stdout.write(_written(table, cell))
    sys.stdout.flush()


def answers(model: Model, x: np.ndarray | dict[str, np.ndarray], proba: bool) -> list[list[Any]]:
    """The answers in the rows' order, below a row of headings.

    Args:
        model: any that is trained.
        x: (N, ...) prepared inputs, or arrays by the names of the inputs.
        proba: whether the probability of each class follows.

    Raises:
        TrainingError E507: probabilities of a model that gives values.
    """
    header: list[Any] = ["prediction"]
    columns = [np.asarray(model.predict(x)).tolist()]
    if proba:
        chances = np.asarray(model.predict_proba(x), np.float64)  # (N, K)
        header += [f"probability of {label}" for label in model.labels]
        columns += [[f"{p:.6g}" for p in chance] for chance in chances.T.tolist()]
    return [header, *map(list, zip(*columns, strict=True))]


def _written(rows: list[list[Any]], cell: Callable[[Any], Any] | None) -> str:
    """Rows as CSV, each cell first changed by a function, if there is one."""
    return csv_text(rows if cell is None else [[cell(value) for value in row] for row in rows])


def _printable_cell(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value


def _refuse_input(out: str, *inputs: str) -> None:
    """Refuse to write the answers over what they are made from."""
    for name in inputs:
        if os.path.exists(out) and os.path.exists(name) and Path(out).samefile(name):
            raise UsageError(
                "E609", where="--out", expected="a new file", received=out, fix="--out answers.csv"
            )
