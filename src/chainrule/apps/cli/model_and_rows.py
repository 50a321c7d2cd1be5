"""Load a trained model and the rows for a command."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from chainrule.apps.cli.texts import text_of
from chainrule.data import Table
from chainrule.data.readers.read_options import NO_OPTIONS, ReadOptions
from chainrule.inputs import InputRows, read_rows
from chainrule.model import Model
from chainrule.page import screen
from chainrule.tabular.run_folder import model_file
from chainrule.train.evaluation.known_rows import known_rows


def load(run: str, data: str, reading: ReadOptions = NO_OPTIONS) -> tuple[Model, InputRows]:
    """Load the model of a RUN and the rows of a file; print findings about the rows.

    Args:
        data: what the model reads, or an ``.npz`` file.
        reading: how a table is read.

    Raises:
        FileError: a model file that is missing, damaged, foreign or newer. Others as ``read_rows``.
    """
    model = Model.load(model_file(run))
    rows = read_rows(model, data, reading, run)
    screen.notices(rows.notices, to_errors=True)
    return model, rows


def require_targets(rows: InputRows, run: str, data: str) -> None:
    """Require targets (E122; E607: texts to speak); those of a table are checked where they are read."""
    if rows.y is None and not isinstance(rows.x, Table):
        raise rows.kind.without_targets(rows, run, data)


def warn_of_known_rows(model: Model, x: Any, run: str) -> bool:
    """Warn if the model was trained on these rows, so that metrics are too optimistic; returns whether."""
    known = known_rows(model.state, x)
    if known is not None:
        counts = {field.name: getattr(known, field.name) for field in fields(known)}
        key = "evaluated_known" if known.test else "evaluated_known_folds"
        screen.line(text_of(key).format(**counts, run=run), "yellow", to_errors=True)
    return known is not None
