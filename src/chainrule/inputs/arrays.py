"""Arrays of an ``.npz`` file, which any model reads: those named like inputs, and targets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

import numpy as np

from chainrule.data.readers.npz import read_archive
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import DataError, fact
from chainrule.inputs.kind import ARRAYS, InputKind, InputRows, save_call
from chainrule.model import Model
from chainrule.records import frozen


@frozen
class ArrayKind(InputKind):
    """Arrays named like the inputs of a network."""

    name = "arrays"
    priority = 9

    @classmethod
    def of(cls, model: Model) -> Self:
        """Return the kind; any model reads arrays."""
        return cls()

    def read(self, model: Model, data: str, reading: ReadOptions) -> InputRows | None:
        """Read an ``.npz`` file; see ``read_arrays``."""
        return read_arrays(self, model, data)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return the names of the inputs, and the call that saves them."""
        inputs = input_names(model) or ("x",)
        return fact("an .npz file with {names}", names=", ".join(inputs)), save_call("rows.npz", inputs)


def input_names(model: Model) -> tuple[str, ...]:
    """Return the names of the inputs of a network."""
    return () if model.network is None else tuple(model.network.inputs)


def read_arrays(kind: InputKind, model: Model, data: str) -> InputRows | None:
    """Read the arrays of an ``.npz`` file; ``None`` for another file.

    Raises:
        DataError E301: there is no such file. E326: an input is missing. E317: arrays of different lengths.
            Others as ``read_archive``.
    """
    if not data.endswith(ARRAYS):
        return None
    file = Path(data)
    if not os.path.isfile(file):
        raise DataError("E301", where=str(file), received=fact("no such file"))
    arrays = {name: np.atleast_1d(array) for name, array in read_archive(file).items()}
    inputs = input_names(model)
    missing = [name for name in inputs if name not in arrays]
    if missing:
        raise DataError(
            "E326",
            where=file.name,
            expected=", ".join(inputs),
            received=", ".join(arrays) or fact("none"),
            fix=save_call(file.name, inputs),
        )
    lengths = {name: len(array) for name, array in arrays.items()}
    first, rows = next(iter(lengths.items()), ("", 0))
    odd = [
        fact('"{name}" has {count}', name=name, count=length)
        for name, length in lengths.items()
        if length != rows
    ]
    if odd:
        expected = fact('{rows} rows, as "{name}" has', rows=rows, name=first)
        raise DataError("E317", where=file.name, expected=expected, received=odd[0], notes=odd[1:20])
    targets = {name: array for name, array in arrays.items() if name not in inputs}
    y = targets.get("y") if len(targets) <= 1 else targets
    return InputRows(kind, {name: arrays[name] for name in inputs}, y, rows)
