"""Tables given to a learner: prepared on the way in, so that a frame is as good as an array."""

from __future__ import annotations

import os
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import data
from chainrule.data import Table, split
from chainrule.errors import DataError
from chainrule.records import frozen
from chainrule.train.options import FitOptions

if TYPE_CHECKING:
    from chainrule.data import Applied, Preparation


def is_table(x: Any, y: Any) -> bool:
    """Whether ``x`` is a table (a path, a name, a frame) and not arrays.

    A frame of numbers beside an array of targets is an array like any other, as in scikit-learn; of one with
    words or dates in it ``beside`` makes a table.
    """
    if y is not None and not isinstance(y, str):
        return False
    return isinstance(y, str) or isinstance(x, str | os.PathLike | Table) or _is_frame(x)


def beside(x: Any, y: Any, target: str = "") -> tuple[Any, Any]:
    """A frame and the answers beside it, as scikit-learn takes them, as one table and its column of answers.

    Args:
        x: anything; a frame of numbers alone stays what it is, unless ``target`` is given.
        y: (N,) anything; a column's name stays what it is.
        target: what the column was called when the model was trained.

    Raises:
        DataError E305: the frame has a column of that name already. DataError E344: more or fewer answers.
    """
    words = _is_frame(x) and (target or any(not str(kind).lower().startswith(_NUMBERS) for kind in x.dtypes))
    if not words or y is None or isinstance(y, str):
        return x, y
    table, name = data.read_table(x), target or str(getattr(y, "name", None) or "target")
    answers = data.read_table({name: y}).frame[name]
    if name in table.columns:
        both, fix = f'"{name}" in x and in y', f'leave "{name}" out of x'
        raise DataError("E305", where="x and y", expected="distinct names", received=both, fix=fix)
    if len(answers) != table.rows:
        expected, received = f"{table.rows} rows, as x has", f"y has {len(answers)}"
        raise DataError("E344", where="x and y", expected=expected, received=received)
    return replace(table, frame=table.frame.with_columns(answers)), name


def taken(preparation: Preparation | None, x: Any, y: Any) -> tuple[Any, Any]:
    """Rows with answers for a model that has learned: arrays, prepared as its own were where it has a
    preparation and they are a table.
    """
    if preparation is None:
        return x, y
    x, y = beside(x, y, preparation.target)
    return apply(preparation, x) if is_table(x, y) else (x, y)


def _is_frame(x: Any) -> bool:
    return type(x).__name__ == "DataFrame"


_NUMBERS = ("int", "uint", "float", "bool")  # beginnings of the names of kinds, in pandas and polars


@frozen
class Prepared:
    """Training rows and validation rows from one table, each with its weights, and how they were prepared."""

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    validation: Any
    preparation: Preparation


def prepare(x: Any, y: Any, validation: Any, options: FitOptions) -> Prepared:
    """Arrays from a table, and the preparation that made them, learned on the training rows alone.

    Args:
        x: the table.
        y: the column to predict; the table's own target by default.
        validation: as in ``fit``: a fraction, ``(table, column)``, arrays, or ``None``.
        options: their seed is that of the split; their weights are those of the table's rows.

    Raises:
        DataError E344: as many weights as the table has no rows.
    """
    table = data.read_table(x)
    task = data.choose_task(table, y)
    target = task.target
    columns = data.describe(table, target)
    rows, weights, rest = table.take(task.rows), _picked(options.sample_weight, table, task.rows), None
    if isinstance(validation, Real) and 0 < (part := float(validation)) < 1:
        labels = data.Preparation.fit(rows, columns, target, task).targets(rows)
        parts = split(labels, options.seed, (1 - part, part, 0.0), stratify=task.is_classification)
        rest = rows.take(parts.validation), None if weights is None else weights[parts.validation]
        rows, weights = rows.take(parts.train), None if weights is None else weights[parts.train]
    preparation = data.Preparation.fit(rows, columns, target, task)
    if rest is not None:
        validation = (*apply(preparation, rest[0]), rest[1])
    elif isinstance(validation, tuple | list) and is_table(validation[0], None):
        shown, answers = (*validation, None)[:2]
        validation = apply(preparation, beside(shown, answers, target)[0])
    return Prepared(*apply(preparation, rows), weights, validation, preparation)


def _picked(weights: Any, table: Table, rows: np.ndarray) -> np.ndarray | None:
    """The weights of some of a table's rows."""
    if weights is None:
        return None
    given = np.asarray(weights)
    if given.shape[:1] != (table.rows,):
        raise DataError(
            "E344", where="fit", expected=f"{table.rows} rows, as the table has",
            received=f"weights has {len(given) if given.ndim else 1}",
        )  # fmt: skip
    return given[rows]


def inputs(preparation: Preparation, x: Any) -> np.ndarray:
    """The inputs of a table's rows."""
    return applied(preparation, x).x


def applied(preparation: Preparation, x: Any) -> Applied:
    """The inputs of a table's rows with what a person should be told."""
    return preparation.apply(preparation.read(x))


def apply(preparation: Preparation, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """The inputs and the targets of a table's rows; labels as a person calls them."""
    table = preparation.read(x)
    numbers = preparation.targets(table)
    if preparation.task == "classification":
        return preparation.inputs(table), np.array(preparation.labels)[numbers]
    return preparation.inputs(table), numbers
