"""Tables given to a learner: prepared on the way in, so that a frame is as good as an array."""

from __future__ import annotations

import os
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import data
from chainrule.data import Table, split
from chainrule.errors import DataError
from chainrule.frozen import frozen

if TYPE_CHECKING:
    from chainrule.data import Applied, Preparation
    from chainrule.train.learner import Learner
    from chainrule.train.request import Request


def is_table(x: Any, y: Any) -> bool:
    """Whether ``x`` is a table (a path, a name, a frame) and not arrays.

    A frame of numbers beside an array of targets is an array like any other, as in scikit-learn.
    """
    if y is not None and not isinstance(y, str):
        return False
    return isinstance(y, str) or isinstance(x, str | os.PathLike | Table) or type(x).__name__ == "DataFrame"


@frozen
class Prepared:
    """Training rows and validation rows made from one table, each with its weights."""

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    validation: Any


def prepare(model: Learner, x: Any, y: Any, validation: Any, request: Request) -> Prepared:
    """Arrays from a table, and the preparation that made them, learned on the training rows alone.

    Args:
        model: gets the preparation.
        x: the table.
        y: the column to predict; the table's own target by default.
        validation: as in ``fit``: a fraction, ``(table, column)``, arrays, or ``None``.
        request: its seed is that of the split; its weights are those of the table's rows.

    Fails:
        DataError E344: as many weights as the table has no rows.
    """
    table = data.read_table(x)
    task = data.choose_task(table, y)
    target = task.target
    columns = data.describe(table, target)
    rows, weights, rest = table.take(task.rows), _picked(request.sample_weight, table, task.rows), None
    if isinstance(validation, Real) and 0 < (part := float(validation)) < 1:
        labels = data.Preparation.fit(rows, columns, target, task).targets(rows)
        parts = split(labels, request.seed, (1 - part, part, 0.0), stratify=task.is_classification)
        rest = rows.take(parts.validation), None if weights is None else weights[parts.validation]
        rows, weights = rows.take(parts.train), None if weights is None else weights[parts.train]
    model.preparation = data.Preparation.fit(rows, columns, target, task)
    if rest is not None:
        validation = (*apply(model.preparation, rest[0]), rest[1])
    elif isinstance(validation, tuple | list) and is_table(validation[0], None):
        validation = apply(model.preparation, validation[0])
    return Prepared(*apply(model.preparation, rows), weights, validation)


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
