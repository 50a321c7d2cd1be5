"""Tables given to a learner: prepared on the way in, so that a frame is as good as an array."""

from __future__ import annotations

import os
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Applied, Preparation, Table, choose_task, describe, read_table, split

if TYPE_CHECKING:
    from chainrule.train.learner import Learner


def is_table(x: Any, y: Any) -> bool:
    """Whether ``x`` is a table (a path, a name, a frame) and not arrays.

    A frame of numbers beside an array of targets is an array like any other, as in scikit-learn.
    """
    if y is not None and not isinstance(y, str):
        return False
    return isinstance(y, str) or isinstance(x, str | os.PathLike | Table) or type(x).__name__ == "DataFrame"


def prepare(model: Learner, x: Any, y: Any, validation: Any, seed: int) -> tuple[np.ndarray, np.ndarray, Any]:
    """Arrays from a table, and the preparation that made them, learned on the training rows alone.

    Args:
        model: gets the preparation.
        x: the table.
        y: the column to predict; the table's own target by default.
        validation: as in ``fit``: a fraction, ``(table, column)``, arrays, or ``None``.
        seed: of the split.
    """
    table = read_table(x)
    task = choose_task(table, y)
    target = task.target
    columns = describe(table, target)
    rows = table.take(task.rows)
    rest = None
    if isinstance(validation, Real) and 0 < (part := float(validation)) < 1:
        labels = Preparation.fit(rows, columns, target, task).targets(rows)
        parts = split(labels, seed, (1 - part, part, 0.0), stratify=task.is_classification)
        rows, rest = rows.take(parts.train), rows.take(parts.validation)
    model.preparation = Preparation.fit(rows, columns, target, task)
    if rest is not None:
        validation = apply(model.preparation, rest)
    elif isinstance(validation, tuple | list) and is_table(validation[0], None):
        validation = apply(model.preparation, validation[0])
    return (*apply(model.preparation, rows), validation)


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
