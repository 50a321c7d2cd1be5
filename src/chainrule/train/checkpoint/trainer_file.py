"""Files of a ``Trainer``: its arrays, its counters, and the identity of what it computes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.records import frozen
from chainrule.store import container
from chainrule.train.checkpoint.computation_fingerprint import first_difference
from chainrule.train.checkpoint.training_identity import difference
from chainrule.train.network import Network
from chainrule.train.train_state import Tensors, refuse_other_arrays
from chainrule.validation import is_number

KIND = "trainer"


@frozen
class Progress:
    """What a trainer has besides arrays.

    Args:
        steps: the number of updates.
        seed: the seed of each step's random numbers.
        learning_rate: the learning rate that was set; ``None``: the schedule's.
        labels: the classes of each output.
        computation: the fingerprint of each part of the step (``computation``).
    """

    steps: int
    seed: int
    learning_rate: float | None
    labels: Mapping[str, tuple[Any, ...]]
    computation: Mapping[str, str]

    def record(self) -> dict[str, Any]:
        """Return the progress as plain data."""
        labels = {name: list(classes) for name, classes in self.labels.items()}
        return {
            "steps": self.steps,
            "seed": self.seed,
            "learning_rate": self.learning_rate,
            "labels": labels,
            "computation": dict(self.computation),
        }


def save(path: str | os.PathLike[str], progress: Progress, arrays: Tensors) -> None:
    """Write a trainer; see ``Trainer.save``."""
    container.save(path, KIND, progress.record(), arrays)


def load(
    path: str | os.PathLike[str], like: Progress, arrays: Tensors, network: Network
) -> tuple[Progress, Tensors]:
    """Read a trainer; see ``Trainer.load``. ``like``, ``arrays``: of the trainer that continues."""
    record, tensors = container.load(path, KIND)
    try:
        _refuse_malformed(record)
        saved, now = record["computation"], like.record()
        part = first_difference(saved, now["computation"], network)
        lines = [] if part is None else [fact("other computation: {names}", names=part)]
        labels = difference(record["labels"], now["labels"], "labels")
        lines += [] if labels is None else [labels]
        if lines:
            expected = fact("a trainer of the same model and options")
            fix = fact("the model and example batch of the trainer that was saved")
            raise FileError("E505", expected=expected, received=lines[0], notes=lines[1:], fix=fix)
        refuse_other_arrays(arrays, tensors, fact("the arrays of this network and optimizer"))
    except FileError as error:
        error.where = str(path)
        raise
    numbers = record["steps"], record["seed"], record["learning_rate"]
    return Progress(*numbers, like.labels, like.computation), tensors


def _refuse_malformed(record: Mapping[str, Any]) -> None:
    """Refuse a record with values that ``save`` never writes; E424 lists their names."""
    learning_rate = record.get("learning_rate")
    checks = {
        "steps": type(record.get("steps")) is int and 0 <= record["steps"] < 2**53,
        "seed": type(record.get("seed")) is int,
        "learning_rate": learning_rate is None or (is_number(learning_rate) and 0 <= learning_rate < np.inf),
        "labels": isinstance(record.get("labels"), dict),
        "computation": isinstance(record.get("computation"), dict)
        and all(isinstance(part, str) for part in record["computation"].values()),
    }
    invalid = [name for name, is_good in checks.items() if not is_good]
    if invalid:
        received = fact("no usable {names}", names=", ".join(invalid))
        raise FileError("E424", expected=fact("the record of a training"), received=received)
