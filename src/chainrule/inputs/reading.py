"""The kind of input of a model, and the rows of a file for it."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from chainrule import block_index
from chainrule.data.readers.read_options import NO_OPTIONS, ReadOptions
from chainrule.errors import DataError, fact
from chainrule.inputs.arrays import ArrayKind
from chainrule.inputs.kind import ARRAYS, InputKind, InputRows, other_kind
from chainrule.lazy_imports import LazyRegistry, paths
from chainrule.model import Model


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


def read_rows(model: Model, data: str, reading: ReadOptions = NO_OPTIONS, run: str = "RUN") -> InputRows:
    """Read the rows of a file or a folder for a model.

    Args:
        model: a trained model.
        data: what its kind reads, or an ``.npz`` file with arrays named like the inputs.
        reading: how a table is read.
        run: the run folder or the model file, for the fix of an error.

    Raises:
        UsageError E607: ``data`` is of another kind. DataError: the file is missing, damaged, or not as the
            model needs it; see ``Preparation.read`` and the ``read`` of the kinds.
    """
    kind = kind_of(model)
    rows = kind.read(model, data, reading)
    if rows is not None:
        return rows
    if data.endswith(ARRAYS) and model.preparation is None:  # any other model reads arrays
        arrays = ArrayKind().read(model, data, reading)
        assert arrays is not None
        return arrays
    if Path(data).suffix and not os.path.exists(data):
        raise DataError("E301", where=data, received=fact("no such file"))
    raise other_kind(kind, model, run, data)
