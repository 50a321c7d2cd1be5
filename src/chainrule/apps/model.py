"""A trained model that is asked about tables, and the row that is meant."""

from __future__ import annotations

from typing import TypeVar

from chainrule.apps.run import model_file
from chainrule.data import Preparation, Table
from chainrule.errors import UsageError
from chainrule.train.learner import Learner

L = TypeVar("L", bound=Learner)


def load(run: str, kind: type[L]) -> tuple[L, Preparation]:
    """The model of a RUN and how it prepares a table.

    Args:
        run: the folder or the model file.
        kind: what the model is wanted as: a ``Learner`` answers, a ``Model`` also explains.

    Fails:
        FileError: missing, damaged, foreign or newer. UsageError E607: it was trained on arrays, so a table
            says nothing to it.
    """
    file = model_file(run)
    model = kind.load(file)
    if model.preparation is None:
        raise UsageError(
            "E607",
            where=str(file),
            expected="a model trained on a table",
            received="trained on arrays",
            fix=f'cr.load("{file}").{"explain(x[0], y[0])" if hasattr(kind, "explain") else "predict(x)"}',
        )
    return model, model.preparation


def row_of(table: Table, row: int) -> int:
    """The row's number from 0, of a row counted from 1 as people do.

    Fails:
        UsageError E606: the table has no such row.
    """
    if not 1 <= row <= table.rows:
        raise UsageError(
            "E606", where="--row", row=row, expected=f"1 to {table.rows}", received=row, fix="--row 1"
        )
    return row - 1
