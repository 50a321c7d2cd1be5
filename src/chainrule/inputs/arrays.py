"""Arrays of an ``.npz`` file, which any model reads: those named like inputs, and targets.

Where several classes of a row are right, such as several moves of a game, the target is a boolean array
(N, K), true for each right class.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from chainrule.data.readers.npz import read_archive
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import DataError, fact
from chainrule.inputs.kind import ARRAYS, Evaluation, InputKind, InputRows, refuse_metrics, save_call
from chainrule.metrics import default_metrics
from chainrule.model import Model
from chainrule.records import frozen


@frozen
class ArrayKind(InputKind):
    """Arrays named like the inputs of a network."""

    name = "arrays"
    skips_damaged = False
    priority = 9

    @classmethod
    def of(cls, model: Model) -> Self:
        """Return the kind; any model reads arrays."""
        return cls()

    def read(
        self, model: Model, data: str, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        """Read an ``.npz`` file; see ``read_arrays``. Of several right classes, the first is the target."""
        rows = read_arrays(self, model, data)
        right = {} if rows is None else right_classes(model, rows.y)
        if rows is None or not right:
            return rows
        labels = {name: np.array(model.state.targets[name].labels) for name in right}
        first = {name: labels[name][mask.argmax(axis=1)] for name, mask in right.items()}
        y = {**rows.y, **first} if isinstance(rows.y, dict) else next(iter(first.values()))
        return replace(rows, y=y, parts=right)

    def evaluation(self, model: Model, rows: InputRows, metrics: Sequence[str]) -> Evaluation | None:
        """Return how often the predicted class is a right one; ``None`` if each row has one right class.

        The outputs that predict values have the usual metrics.

        Raises:
            UsageError E601: ``metrics`` are requested.
        """
        if not rows.parts:
            return None
        refuse_metrics(metrics, "accuracy")
        scores = {}
        predicted = model.predict(rows.x)
        for name, target in model.state.targets.items():
            values = predicted[name] if isinstance(predicted, Mapping) else predicted
            title = f"{name} " if len(model.state.targets) > 1 else ""
            if name in rows.parts:
                is_right = rows.parts[name][np.asarray(values)[:, None] == np.array(target.labels)]
                scores[f"{title}accuracy"] = float(is_right.mean())
            elif target.task == "regression":
                pairs = {m.name: m(rows.y[name], np.asarray(values)) for m in default_metrics(target.task)}
                scores |= {f"{title}{metric}": float(value) for metric, value in pairs.items()}
        return Evaluation(scores)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return the names of the inputs, and the call that saves them."""
        inputs = input_names(model) or ("x",)
        return fact("an .npz file with {names}", names=", ".join(inputs)), save_call("rows.npz", inputs)


def input_names(model: Model) -> tuple[str, ...]:
    """Return the names of the inputs of a network."""
    return () if model.network is None else tuple(model.network.inputs)


def right_classes(model: Model, y: Any) -> dict[str, np.ndarray]:
    """Return the boolean targets (N, K) of outputs that predict one of K classes, by the name of the output.

    Those that have no right class in some row are no such targets.
    """
    masks = {}
    for name, target in model.state.targets.items():
        own = y.get(name) if isinstance(y, Mapping) else y if len(model.state.targets) == 1 else None
        if target.task != "classification" or not isinstance(own, np.ndarray) or own.dtype != bool:
            continue
        if own.ndim == 2 and own.shape[1] == len(target.labels) > 1 and own.any(axis=1).all():
            masks[name] = own
    return masks


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
