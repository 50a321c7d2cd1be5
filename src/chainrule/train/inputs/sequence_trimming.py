"""Batches of sequences, cut to their own length.

Sequences of different lengths are one array because the short ones are filled up. Most of a text is short and
a few sentences are long, so most of that array is filling, and a step spends most of its time on it. Here
sequences that are about equally long meet in a batch (``chainrule.data.Buckets``), and the batch is cut to
the multiple of the bucket's width at which all of them have ended.

    the array     a b c . . . . .        buckets of width 4:   one batch  a b c .
    (. is 0)      d e f g h i j .                                         k l . .
                  k l . . . . . .                        another batch    d e f g h i j .

The numbers are those of the whole array, as filling changes none of them: it is masked, or stands behind
what is looked at, and its labels are ignored. A step is a graph of fixed lengths, so there is one for each
length that occurs, with the same parameters; there are few, and each is made when it is first wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.engines.dispatch import Program
from chainrule.errors import UsageError
from chainrule.spec import Spec
from chainrule.train.inputs.target import Target
from chainrule.train.network import Network
from chainrule.train.step import Step, training_step


def lengths_of(data: Arrays, names: Mapping[str, str], targets: Mapping[str, Target]) -> np.ndarray:
    """How long each row is, at least 1: where the last of its inputs and labels ends, (N,).

    Args:
        data: encoded rows. An input ends behind its last number that is not 0; labels of places end behind
            the last that is not ignored; a label of the whole row has no length.
        names: under which name the targets of each output stand.
        targets: what each output is asked for.
    """
    given: Any = data
    counts = [np.asarray(array) != 0 for array in given.x.values()]
    for output, target in targets.items():
        if has_places(target):
            y = given.y[names[output]]
            counts.append(np.ones(y.shape, bool) if target.ignored is None else y != target.ignored)
    ends = [_ends(each.reshape(*each.shape[:2], -1).any(axis=2)) for each in counts]
    return np.maximum(np.max(ends, axis=0), 1)


def has_places(target: Target) -> bool:
    """Whether an output has a label at each place of a sequence."""
    return target.is_classes and not target.is_single


def _ends(is_there: np.ndarray) -> np.ndarray:
    """Behind which cell of each row (N, T) nothing is there any more: (N,)."""
    ends = is_there.shape[1] - np.argmax(is_there[:, ::-1], axis=1)
    return np.where(is_there.any(axis=1), ends, 0)


class SequenceTrimming:
    """Gives a batch cut to its length, with the step and the program for that length.

    Args:
        network: the graphs for sequences as long as the array.
        step: its step.
        horizon: how many updates the whole training will make.
        targets: what each output is asked for.
        lengths: of every row.
        width: batches are cut to multiples of it.
    """

    def __init__(
        self, network: Network, step: Step, horizon: int, targets: Mapping[str, Target],
        lengths: np.ndarray, width: int,
    ) -> None:  # fmt: skip
        self.network, self.step, self.horizon = network, step, horizon
        self.lengths, self.width = lengths, width
        self.placed = {network.target_names[name] for name, each in targets.items() if has_places(each)}
        self._made: dict[int, tuple[Step, Program]] = {}

    def __call__(self, data: Arrays, rows: np.ndarray) -> tuple[Arrays, Step, Program]:
        """The batch of these rows.

        Raises:
            UsageError E102: the net cannot be built for shorter sequences.
        """
        end = -(-int(self.lengths[rows].max()) // self.width) * self.width
        if end not in self._made:
            step = self._step(end, data.weights)
            self._made[end] = step, step.program.single(self.network.engine)
        batch: Any = data.take(rows)
        x = {name: array[:, :end] for name, array in batch.x.items()}  # (B, T, ...) -> (B, end, ...)
        y = {name: array[:, :end] if name in self.placed else array for name, array in batch.y.items()}
        weights = (
            batch.weights if batch.weights is None or batch.weights.ndim == 1 else batch.weights[:, :end]
        )
        return Arrays(x, y, weights), *self._made[end]

    def _step(self, end: int, weights: np.ndarray | None) -> Step:
        """The step for sequences of this length."""
        inputs = {name: _shorter(spec, end) for name, spec in self.network.inputs.items()}
        if inputs == dict(self.network.inputs):
            return self.step
        network = replace(self.network, inputs=inputs)
        wanted = {
            name: _shorter(node.spec, end) if name in self.placed else node.spec
            for name, node in _by_label(self.network).items()
        }
        found = {name: node.spec for name, node in _by_label(network).items()}
        wanted |= {path: each.spec for path, each in self.network.parameters.items()}
        found |= {path: each.spec for path, each in network.parameters.items()}
        odd = [f"{name}: {spec}" for name, spec in found.items() if spec != wanted.get(name)]
        if odd:
            raise UsageError(
                "E102", where=f"fit, sequences of length {end}", name="buckets", received=odd[0],
                expected="layers and labels that fit sequences of any length", notes=odd[1:],
                fix="buckets=None",
            )  # fmt: skip
        inside = () if weights is None else weights[:, :end].shape[1:] if weights.ndim > 1 else ()
        return training_step(network, weights is not None, self.horizon, inside)


def _shorter(spec: Spec, end: int) -> Spec:
    """The spec of a batch of sequences that are cut."""
    first, time, *rest = spec.shape
    assert isinstance(time, int)
    return spec.with_shape((first, min(time, end), *rest))


def _by_label(network: Network) -> dict[str, Any]:
    """The input node of each target, by its name in the step."""
    return {network.target_names[output]: node for output, node in network.targets.items()}
