"""A trained model, the rows it is asked about, and the row that is meant.

A model that learned from a table is asked about tables; one that learned from arrays about the arrays of an
``.npz`` file, which are called as its inputs are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.apps.cli import screen
from chainrule.apps.cli.run_paths import model_file
from chainrule.apps.cli.texts import say
from chainrule.data import Table
from chainrule.data.readers.npz import read_archive
from chainrule.errors import DataError, UsageError
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.train.evaluation.known_rows import known_rows

ARRAYS = ".npz"


@frozen(eq=False)
class Given:
    """Rows that a model is asked about.

    Args:
        x: a table, or arrays by the names of the model's inputs.
        y: what was wanted, by name where there are several answers; ``None`` where the file says none, and
            of a table, in which it stands.
        rows: how many rows.
    """

    x: Any
    y: Any
    rows: int

    def take(self, index: np.ndarray) -> Given:
        """The rows in ``index``, in that order."""
        if isinstance(self.x, Table):
            return Given(self.x.take(index), None, len(index))
        return Given(_taken(self.x, index), _taken(self.y, index), len(index))

    def row(self, row: int) -> Given:
        """One row, counted from 1.

        Raises:
            UsageError E606: there is no such row.
        """
        return self.take(np.array([_row_of(self.rows, row)]))


def load(run: str, data: str) -> tuple[Model, Given]:
    """The model of a RUN and the rows it is asked about.

    Args:
        run: the folder or the model file.
        data: a table, or for a model of arrays an ``.npz`` file.

    Raises:
        FileError: missing, damaged, foreign or newer. UsageError E607: a model of arrays, and no ``.npz``.
        DataError E326: arrays the model needs are missing. Else as ``Preparation.read``.
    """
    file = model_file(run)
    model = Model.load(file)
    if model.preparation is not None:
        table = model.preparation.read(data)
        return model, Given(table, None, table.rows)
    if not data.endswith(ARRAYS):
        raise _not_of_tables(model, str(file))
    return model, _arrays(model, Path(data))


def warn_of_known_rows(model: Model, x: Any, run: str) -> None:
    """Warn if rows are those the model was trained on: on them it looks better than it is.

    Args:
        model, x: whose answers to what are measured.
        run: as the user calls it.
    """
    known = known_rows(model.state, x)
    if known is not None:
        counts = {field.name: getattr(known, field.name) for field in fields(known)}
        screen.line(say("evaluated_known").format(**counts, run=run), "yellow", to_errors=True)


def _row_of(rows: int, row: int) -> int:
    if not 1 <= row <= rows:
        raise UsageError("E606", where="--row", row=row, expected=f"1 to {rows}", received=row, fix="--row 1")
    return row - 1


def _taken(part: Any, index: np.ndarray) -> Any:
    """The rows of an array, of several by name, or of none."""
    if isinstance(part, dict):
        return {name: array[index] for name, array in part.items()}
    return None if part is None else part[index]


def _arrays(model: Model, file: Path) -> Given:
    """The arrays of a file: those called as inputs are inputs, the others what was wanted.

    Raises:
        DataError E326: an input is missing. E317: arrays of different lengths. Else as ``read_archive``.
    """
    if not os.path.isfile(file):
        raise DataError("E301", where=str(file), received="no such file")
    arrays = {name: np.atleast_1d(array) for name, array in read_archive(file).items()}
    inputs = () if model.network is None else tuple(model.network.inputs)
    missing = [name for name in inputs if name not in arrays]
    if missing:
        raise DataError(
            "E326", where=file.name, expected=", ".join(inputs), received=", ".join(arrays) or "none",
            fix=_saved(file.name, inputs),
        )  # fmt: skip
    lengths = {name: len(array) for name, array in arrays.items()}
    first, rows = next(iter(lengths.items()), ("", 0))
    odd = [f'"{name}" has {length}' for name, length in lengths.items() if length != rows]
    if odd:
        expected = f'{rows} rows, as "{first}" has'
        raise DataError("E317", where=file.name, expected=expected, received=odd[0], notes=odd[1:20])
    wanted = {name: array for name, array in arrays.items() if name not in inputs}
    y = wanted.get("y") if len(wanted) <= 1 else wanted
    return Given({name: arrays[name] for name in inputs}, y, rows)


def require_answer(given: Given, data: str) -> None:
    """Refuse arrays that do not say what was wanted.

    Raises:
        UsageError E122: they do not.
    """
    if given.y is None and isinstance(given.x, dict):
        raise UsageError("E122", where=data, expected="a label or a value", fix=_saved(data, tuple(given.x)))


def _saved(file: str, inputs: Sequence[str]) -> str:
    """The line that puts arrays into a file."""
    return f'np.savez("{file}", {", ".join(f"{name}={name}" for name in (*inputs, "y"))})'


def _not_of_tables(model: Model, file: str) -> UsageError:
    """The error for a table that comes before a model of arrays."""
    names = ("x",) if model.network is None else tuple(model.network.inputs)
    return UsageError(
        "E607", where=file, expected=f"DATA as an .npz file: {', '.join((*names, 'y'))}",
        received="a model trained on arrays",
        fix=_saved("rows.npz", names),
    )  # fmt: skip
