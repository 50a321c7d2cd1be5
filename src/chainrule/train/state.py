"""The one record that holds everything needed to go on with a training.

A step is a function of this record and the data, and of nothing else: no hidden generator, no counter kept
elsewhere. So saving it, stopping, and going on from it gives the very bits that an undisturbed training
would have given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.errors import FileError
from chainrule.spec import Spec

Tensors = dict[str, np.ndarray]
Row = dict[str, "float | None"]
_GROUPS = ("parameters", "states", "slots", "best")
_COUNTS = ("step", "epoch", "batch")
_SUMS = ("loss_sum", "weight_sum")


@dataclass
class TrainState:
    """Where a training stands.

    Args:
        parameters, states, slots: the net's parameters, the layers' running values, the optimizer's memory.
        step: updates made.
        epoch, batch: the place in the data order of the next batch, from 0.
        loss_sum, weight_sum: of the batches of the running epoch, for its row of the history.
        best: the parameters and states that early stopping keeps (``parameter.PATH``, ``state.PATH``).
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
        """All arrays under names that say their group, for a checkpoint."""
        return {f"{group}/{name}": array for group in _GROUPS for name, array in getattr(self, group).items()}

    def record(self) -> dict[str, Any]:
        """Everything that is no array, as plain data."""
        return {
            **{name: getattr(self, name) for name in (*_COUNTS, *_SUMS)},
            "watch": self.watch,
            "history": history_record(self.history),
        }

    @staticmethod
    def restore(record: Mapping[str, Any], tensors: Mapping[str, np.ndarray], like: TrainState) -> TrainState:
        """The state that was saved.

        Args:
            record, tensors: what ``record`` and ``tensors`` gave.
            like: the state a new training of the same recipe begins with; its names and shapes must be those
                saved.

        Raises:
            FileError E440: the checkpoint belongs to another net or optimizer; all differences are listed.
            FileError E424: the record is none that ``record`` could have given.
        """
        has_best = any(name.startswith("best/") for name in tensors)
        wanted = {name: a for name, a in like.tensors().items() if not name.startswith("best/")}
        if has_best:
            best = TrainState(like.parameters, like.states)
            best.keep_best(like.parameters)
            wanted |= {f"best/{name}": a for name, a in best.best.items()}
        refuse_other_arrays(wanted, tensors, "the arrays of this net and optimizer")
        groups = {  # in the order of ``like``, as a training that was not interrupted has them
            group: {name.partition("/")[2]: tensors[name] for name in wanted if name.startswith(f"{group}/")}
            for group in _GROUPS
        }
        wrong = [key for key in _COUNTS if type(record.get(key)) is not int or not 0 <= record[key] < 2**53]
        wrong += [key for key in _SUMS if type(record.get(key)) not in (int, float)]
        wrong += [] if _is_watch(record.get("watch")) else ["watch"]
        history = history_of(record.get("history"))
        wrong += [] if len(history) == record.get("epoch") else ["history"]
        if wrong:
            raise FileError(
                "E424", expected="the record of a training", received=f"no usable {', '.join(wrong)}"
            )
        numbers = {key: record[key] for key in (*_COUNTS, *_SUMS)}
        return TrainState(**groups, **numbers, watch=record["watch"], history=history)

    def keep_best(self, answering: Mapping[str, np.ndarray]) -> None:
        """Remember the present weights, those the net answers with, as the best."""
        self.best = {f"parameter.{k}": v for k, v in answering.items()}
        self.best |= {f"state.{k}": v for k, v in self.states.items()}

    def chosen(self, answering: Tensors) -> tuple[Tensors, Tensors]:
        """The parameters and states a finished training hands out: the best ones where they were kept.

        Args:
            answering: the present weights, those the net answers with.
        """
        if not self.best:
            return answering, self.states
        pick = {
            group: {k.partition(".")[2]: v for k, v in self.best.items() if k.startswith(f"{group}.")}
            for group in ("parameter", "state")
        }
        return pick["parameter"], pick["state"]


def refuse_other_arrays(
    wanted: Mapping[str, np.ndarray | Spec], found: Mapping[str, np.ndarray], expected: str
) -> None:
    """Refuse arrays that are not exactly the wanted ones.

    Args:
        wanted: an array, or a spec, like each array by name.
        found: the arrays of a file.
        expected: what to call the wanted ones.

    Raises:
        FileError E440: arrays are missing, unexpected, or of another shape or kind; lists what differs.
    """
    lines = [f"{name} is missing" for name in wanted if name not in found]
    lines += [f"{name} is unexpected" for name in found if name not in wanted]
    for name, like in wanted.items():
        shape, dtype = tuple(like.shape), str(like.dtype)
        array = found.get(name)
        if array is not None and (array.shape != shape or array.dtype.name != dtype):
            lines.append(f"{name} is {array.dtype}{array.shape}, not {dtype}{shape}")
    if lines:
        raise FileError("E440", expected=expected, received=lines[0], notes=lines[1:9])


def history_record(history: Sequence[Row]) -> dict[str, Any]:
    """A history as plain data that keeps the order of its columns, as the keys of a JSON object would not."""
    columns = list(history[0]) if history else []
    return {"columns": columns, "rows": [[row[column] for column in columns] for row in history]}


def history_of(record: Any) -> list[Row]:
    """The history that ``history_record`` gave.

    Raises:
        FileError E424: it is not of that form.
    """
    columns, rows = (record.get("columns"), record.get("rows")) if isinstance(record, dict) else (None, None)
    if (
        not isinstance(columns, list)
        or not all(isinstance(c, str) for c in columns)
        or not isinstance(rows, list)
    ):
        raise FileError("E424", expected="a history of columns and rows", received=f"{str(record)[:60]}")
    for row in rows:
        fine = isinstance(row, list) and len(row) == len(columns)
        if not fine or any(type(v) not in (int, float, type(None)) for v in row):
            raise FileError("E424", expected="a number or null for each column", received=f"{str(row)[:60]}")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _is_watch(watch: Any) -> bool:
    """Whether this can be the counters of stopping rules."""
    if not isinstance(watch, dict) or not all(isinstance(counters, dict) for counters in watch.values()):
        return False
    return all(type(v) in (int, float, type(None)) for counters in watch.values() for v in counters.values())
