"""``TrainState``: everything that a training changes, in one record that a checkpoint stores.

A step is a function of this record and the data only: there is no other generator or counter. A training that
resumes from a saved record therefore results in the same bits as one that was not interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.symbolic_shape import Spec
from chainrule.train.callback.early_stopping import MEMBER_LOSS

Tensors = dict[str, np.ndarray]
Row = dict[str, "float | None"]  # None: a value that is not finite
KnownRow = dict[str, "float | Any"]  # the same for users, whose type checker accepts arithmetic on it
_GROUPS = ("parameters", "states", "slots", "best")
_COUNTS = ("step", "epoch", "batch")
_SUMS = ("loss_sum", "weight_sum")


@dataclass
class TrainState:
    """The state of a training between two updates.

    Args:
        parameters, states, slots: the parameters of the network, the states of layers (such as running means)
            and the optimizer state, by path or label.
        step: number of updates so far.
        epoch, batch: indices of the next batch, from 0.
        loss_sum, weight_sum: sum of weighted losses and of weights over the batches of the current epoch.
        best: the parameters and states of the best epoch of early stopping (``parameter.PATH``,
            ``state.PATH``).
        watch: the counters of each stopping rule, by the rule's name.
        history: one row of numbers for each complete epoch.
    """

    parameters: Tensors
    states: Tensors = field(default_factory=dict)
    slots: Tensors = field(default_factory=dict)
    step: int = 0
    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    weight_sum: float = 0.0
    best: Tensors = field(default_factory=dict)
    watch: dict[str, dict[str, float | None]] = field(default_factory=dict)
    history: list[Row] = field(default_factory=list)

    def tensors(self) -> Tensors:
        """Return all arrays by ``GROUP/NAME``, for a checkpoint."""
        return {f"{group}/{name}": array for group in _GROUPS for name, array in getattr(self, group).items()}

    def record(self) -> dict[str, Any]:
        """Return everything except arrays, as plain data."""
        return {
            **{name: getattr(self, name) for name in (*_COUNTS, *_SUMS)},
            "watch": self.watch,
            "history": history_record(self.history),
        }

    @staticmethod
    def restore(record: Mapping[str, Any], tensors: Mapping[str, np.ndarray], like: TrainState) -> TrainState:
        """Return the state that was saved.

        Args:
            record, tensors: the results of ``record`` and ``tensors``.
            like: the initial state of a training of the same recipe; the saved arrays must have its names,
                shapes and dtypes.

        Raises:
            FileError E440: the checkpoint belongs to another network or optimizer; all differences are
                listed.
            FileError E424: the record is malformed.
        """
        has_best = any(name.startswith("best/") for name in tensors)
        expected = {name: a for name, a in like.tensors().items() if not name.startswith("best/")}
        if has_best:
            best = TrainState(like.parameters, like.states)
            best.keep_best(like.parameters)
            expected |= {f"best/{name}": a for name, a in best.best.items()}
        refuse_other_arrays(expected, tensors, fact("the arrays of this network and optimizer"))
        groups = {  # in the order of ``like``, which is that of a training without interruption
            group: {
                name.partition("/")[2]: tensors[name] for name in expected if name.startswith(f"{group}/")
            }
            for group in _GROUPS
        }
        invalid = [key for key in _COUNTS if type(record.get(key)) is not int or not 0 <= record[key] < 2**53]
        invalid += [key for key in _SUMS if type(record.get(key)) not in (int, float)]
        history = history_of(record.get("history"))
        invalid += [] if _is_watch(record.get("watch"), history) else ["watch"]
        invalid += [] if len(history) == record.get("epoch") else ["history"]
        if invalid:
            received = fact("no usable {names}", names=", ".join(invalid))
            raise FileError("E424", expected=fact("the record of a training"), received=received)
        numbers = {key: record[key] for key in (*_COUNTS, *_SUMS)}
        return TrainState(**groups, **numbers, watch=record["watch"], history=history)

    def keep_best(self, predicting: Mapping[str, np.ndarray]) -> None:
        """Store the present parameters for predictions and the states as the best ones."""
        self.best = {f"parameter.{k}": v for k, v in predicting.items()}
        self.best |= {f"state.{k}": v for k, v in self.states.items()}

    def keep_best_members(
        self, predicting: Mapping[str, np.ndarray], improved: Sequence[bool], slices: Mapping[str, slice]
    ) -> None:
        """Store the present parameters of some members of an ensemble as their best ones.

        Args:
            predicting: the present parameters for predictions.
            improved: (K,) whether this is the best epoch of each member.
            slices: the members of each parameter, whose first axis is that of these members.
        """
        before, chosen = self.best, np.array(improved)
        self.keep_best(predicting)
        if not before:
            return
        for path, own in slices.items():
            name = f"parameter.{path}"
            if name not in self.best:
                continue  # a state of the members, which training does not change
            where = chosen[own].reshape(-1, *[1] * (self.best[name].ndim - 1))
            self.best[name] = np.where(where, self.best[name], before[name])

    def final(self, predicting: Tensors) -> tuple[Tensors, Tensors]:
        """Return parameters and states of the trained model: the best ones if stored, or ``predicting``."""
        if not self.best:
            return predicting, self.states
        groups = {
            group: {k.partition(".")[2]: v for k, v in self.best.items() if k.startswith(f"{group}.")}
            for group in ("parameter", "state")
        }
        return groups["parameter"], groups["state"]


def refuse_other_arrays(
    expected: Mapping[str, np.ndarray | Spec], arrays: Mapping[str, np.ndarray], description: str
) -> None:
    """Refuse arrays whose names, shapes or dtypes are not the expected ones.

    Args:
        expected: an array or a spec by name.
        arrays: the arrays of a file.
        description: a description of the expected arrays, for the error.

    Raises:
        FileError E440: arrays are missing, unexpected, or of another shape or dtype; lists the differences.
    """
    lines = [fact("{name} is missing", name=name) for name in expected if name not in arrays]
    lines += [fact("{name} is unexpected", name=name) for name in arrays if name not in expected]
    for name, like in expected.items():
        shape, dtype = tuple(like.shape), str(like.dtype)
        array = arrays.get(name)
        if array is not None and (array.shape != shape or array.dtype.name != dtype):
            lines.append(
                fact(
                    "{name} is {received}, not {expected}",
                    name=name,
                    received=f"{array.dtype}{array.shape}",
                    expected=f"{dtype}{shape}",
                )
            )
    if lines:
        raise FileError("E440", expected=description, received=lines[0], notes=lines[1:9])


def history_record(history: Sequence[Row]) -> dict[str, Any]:
    """Return a history as plain data with its columns in order."""
    columns = list(history[0]) if history else []
    return {"columns": columns, "rows": [[row[column] for column in columns] for row in history]}


def history_of(record: Any) -> list[Row]:
    """Return the history in a record of ``history_record`` (E424: malformed)."""
    columns, rows = (record.get("columns"), record.get("rows")) if isinstance(record, dict) else (None, None)
    if (
        not isinstance(columns, list)
        or not all(isinstance(c, str) for c in columns)
        or not isinstance(rows, list)
    ):
        raise FileError(
            "E424", expected=fact("a history of columns and rows"), received=f"{str(record)[:60]}"
        )
    for row in rows:
        is_row = isinstance(row, list) and len(row) == len(columns)
        if not is_row or any(type(v) not in (int, float, type(None)) for v in row):
            raise FileError(
                "E424", expected=fact("a number or null for each column"), received=f"{str(row)[:60]}"
            )
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _is_watch(watch: Any, history: Sequence[Row]) -> bool:
    """Return whether this is a mapping of counters by stopping rule, whose epochs are in the history."""
    if not isinstance(watch, dict) or not all(isinstance(counters, dict) for counters in watch.values()):
        return False
    members = {f"epoch {name}" for row in history[-1:] for name in row if MEMBER_LOSS.fullmatch(name)}
    for counters in watch.values():
        if any(type(v) not in (int, float, type(None)) for v in counters.values()):
            return False
        own = {name for name in counters if name.startswith("epoch ")}
        epochs = [v for name, v in counters.items() if name == "epoch" or name in own]
        if own and own != members:
            return False
        if not all(v is None or (type(v) is int and 1 <= v <= len(history)) for v in epochs):
            return False
    return True
