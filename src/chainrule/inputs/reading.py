"""The kind of input of a model, and the rows of a file for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from chainrule import block_index
from chainrule.data import Table
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import NO_OPTIONS, ReadOptions
from chainrule.errors import ChainruleError, DataError, UsageError, fact
from chainrule.inputs.arrays import ArrayKind
from chainrule.inputs.kind import ARRAYS, InputKind, InputRows, LeftOut, other_kind
from chainrule.lazy_imports import LazyRegistry, paths
from chainrule.model import Model
from chainrule.settings import settings

TYPED = "--text"  # the source of texts that a user typed


@cache
def kinds() -> tuple[type[InputKind], ...]:
    """Return all kinds, the first to recognize a model first."""
    registry: LazyRegistry[type[InputKind]] = LazyRegistry("chainrule", paths(block_index.INPUT_KINDS))
    return tuple(sorted(registry.values(), key=lambda kind: (kind.priority, kind.__name__)))


def kind_of(model: Model) -> InputKind:
    """Return the kind of input of a model.

    Example:
        >>> import chainrule as cr
        >>> kind_of(cr.Model(cr.Dense(1), "mse")).name
        'arrays'
    """
    recognized = (kind.of(model) for kind in kinds())
    return next(kind for kind in recognized if kind is not None)


def read_rows(
    model: Model, data: str, reading: ReadOptions = NO_OPTIONS, run: str = "RUN", damaged: str = ""
) -> InputRows:
    """Read the rows of a file or a folder for a model.

    Args:
        model: a trained model.
        data: what its kind reads, or an ``.npz`` file with arrays named like the inputs.
        reading: how a table is read.
        run: the run folder or the model file, for the fix of an error.
        damaged: ``"skip"`` leaves out rows that cannot be encoded; ``"refuse"`` names that option in the
            error.

    Raises:
        UsageError E607: ``data`` is of another kind. DataError: the file is missing, damaged, or not as the
            model needs it; see ``Preparation.read`` and the ``read`` of the kinds.
    """
    kind = kind_of(model)
    table = kind.open(model, data, reading)
    if table is not None:
        return _encoded(kind, model, table, damaged)
    rows = kind.read(model, data, reading, "skip" if damaged == "skip" else "refuse")
    if rows is not None:
        return rows
    if data.endswith(ARRAYS) and model.preparation is None:  # any other model reads arrays
        arrays = ArrayKind().read(model, data, reading)
        assert arrays is not None
        return arrays
    if Path(data).suffix and not os.path.exists(data):
        raise DataError("E301", where=data, received=fact("no such file"))
    raise other_kind(kind, model, run, data)


def read_texts(model: Model, texts: Sequence[str], run: str = "RUN", damaged: str = "") -> InputRows:
    """Encode texts that a user typed.

    Args:
        model: a trained model.
        texts: one for each of the ``text_columns`` of its kind, row by row: of questions, the passage and the
            question.
        run, damaged: as for ``read_rows``.

    Raises:
        UsageError E607: a row of the model is no text. UsageError E601: another number of texts than the
            columns need. Others as the ``encode`` of the kind.
    """
    kind = kind_of(model)
    columns = kind.text_columns(model)
    if not columns:
        expected, fix = kind.expected(model, run)
        raise UsageError("E607", where=TYPED, expected=expected, received=fact("a text"), fix=fix)
    if not texts or len(texts) % len(columns):
        fix = " ".join(f"{TYPED} {name.upper()}" for name in columns)
        facts = {"expected": fact("{names}: a text each", names=", ".join(columns)), "fix": fix}
        raise UsageError("E601", where="chainrule predict", option=TYPED, received=len(texts), **facts)
    cells = {name: list(texts[i :: len(columns)]) for i, name in enumerate(columns)}
    return _encoded(kind, model, Table(pl.DataFrame(cells), TYPED), damaged)


def _encoded(kind: InputKind, model: Model, table: Table, damaged: str) -> InputRows:
    """Return the encoded rows of a table; ``"skip"`` leaves out those that cannot be encoded."""
    try:
        return kind.encode(model, table)
    except ChainruleError as error:
        rows = _undamaged(kind, model, table) if damaged == "skip" else None
        if rows is not None:
            return rows
        if damaged == "refuse" and table.rows > 1:
            error.notes = (*error.notes, fact("--damaged skip: predict the other rows"))
        raise


def _undamaged(kind: InputKind, model: Model, table: Table) -> InputRows | None:
    """Return the rows of a table that can be encoded; ``None`` if there are none."""
    reasons: list[str | None] = []
    for row in range(table.rows):
        try:
            kind.encode(model, table.take(np.array([row])))
            reasons.append(None)
        except ChainruleError as error:
            reasons.append(f"{error.code}: {error.clause(settings.lang)}")
    index = np.flatnonzero([reason is None for reason in reasons])
    if not len(index):
        return None
    return replace(kind.encode(model, table.take(index)), left_out=LeftOut(table, index, tuple(reasons)))
