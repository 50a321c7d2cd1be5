"""``SequenceTrimming``: batches of padded sequences, trimmed to the longest sequence of the batch.

Sequences of different lengths are padded to one array. In most texts a few sentences are long and the others
short, so that most of the array is padding, on which a step would spend most of its time. Sequences of
similar lengths are therefore batched together (``chainrule.data.Buckets``), and each batch is trimmed to a
multiple of the bucket width::

    the array     a b c . . . . .        buckets of width 4:   one batch  a b c .
    (. is 0)      d e f g h i j .                                         k l . .
                  k l . . . . . .                        another batch    d e f g h i j .

The results are those of the padded array: padding is masked or follows all positions that are read, and its
labels are ignored. A step is a graph of fixed lengths, so there is one step for each length, with the same
parameters. There are few lengths; the step of a length is built when it first occurs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.errors import UsageError, fact
from chainrule.symbolic_shape import Spec
from chainrule.train.inputs.target import Target
from chainrule.train.network import SAMPLE_WEIGHT, Network
from chainrule.train.step_graph import Step, training_step
from chainrule.train.train_state import Tensors


def lengths_of(data: Arrays, names: Mapping[str, str], targets: Mapping[str, Target]) -> np.ndarray:
    """Return the length of each row, (N,), at least 1: the largest of the lengths of its inputs and labels.

    Args:
        data: encoded rows. An input ends after its last number that is not 0; labels of positions end after
            the last one that is not ignored; a label of a complete row has no length.
        names: the name of the targets of each output in ``data``.
    """
    rows: Any = data
    masks = [np.asarray(array) != 0 for array in rows.x.values()]
    for output, target in targets.items():
        if has_positions(target):
            y = rows.y[names[output]]
            masks.append(np.ones(y.shape, bool) if target.ignored is None else y != target.ignored)
    ends = [_ends(mask.reshape(*mask.shape[:2], -1).any(axis=2)) for mask in masks]  # (N, T, ...) -> (N,)
    return np.maximum(np.max(ends, axis=0), 1)


def has_positions(target: Target) -> bool:
    """Return whether an output has a label at each position of a sequence."""
    return target.is_classes and not target.is_single


def _ends(mask: np.ndarray) -> np.ndarray:
    """Return the index after the last true element of each row of ``mask`` (N, T), or 0: (N,)."""
    ends = mask.shape[1] - np.argmax(mask[:, ::-1], axis=1)
    return np.where(mask.any(axis=1), ends, 0)


class SequenceTrimming:
    """Trimming of a batch, and the step for its length.

    Args:
        network: the graphs for sequences of the length of the array.
        horizon: the number of updates of the complete training.
        lengths: the length of every row, (N,).
        width: batches are trimmed to multiples of it.
    """

    def __init__(
        self,
        network: Network,
        step: Step,
        horizon: int,
        targets: Mapping[str, Target],
        lengths: np.ndarray,
        width: int,
    ) -> None:
        self.network, self.step, self.horizon = network, step, horizon
        self.lengths, self.width = lengths, width
        self.trimmed_targets = {
            network.target_names[name] for name, target in targets.items() if has_positions(target)
        }
        self._steps: dict[int, Step] = {}

    def __call__(self, batch: Tensors, rows: Any) -> tuple[Tensors, Step]:
        """Return the trimmed batch, and the step for its length (E102: not possible for the network)."""
        end = -(-int(self.lengths[rows].max()) // self.width) * self.width
        if end not in self._steps:
            self._steps[end] = self._step(end, batch.get(SAMPLE_WEIGHT))
        names = {*self.network.inputs, *self.trimmed_targets}
        if batch.get(SAMPLE_WEIGHT, self.lengths).ndim > 1:
            names.add(SAMPLE_WEIGHT)
        trimmed = {  # (B, T, ...) -> (B, end, ...)
            name: array[:, :end] if name in names else array for name, array in batch.items()
        }
        return trimmed, self._steps[end]

    def _step(self, end: int, weights: np.ndarray | None) -> Step:
        """Return the step for sequences of this length."""
        inputs = {name: _trimmed(spec, end) for name, spec in self.network.inputs.items()}
        if inputs == dict(self.network.inputs):
            return self.step
        network = replace(self.network, inputs=inputs)
        expected = {
            name: _trimmed(node.spec, end) if name in self.trimmed_targets else node.spec
            for name, node in _target_nodes(self.network).items()
        }
        specs = {name: node.spec for name, node in _target_nodes(network).items()}
        expected |= {path: parameter.spec for path, parameter in self.network.parameters.items()}
        specs |= {path: parameter.spec for path, parameter in network.parameters.items()}
        mismatches = [f"{name}: {spec}" for name, spec in specs.items() if spec != expected.get(name)]
        if mismatches:
            raise UsageError(
                "E102",
                where=fact("fit, sequences of length {length}", length=end),
                name="buckets",
                received=mismatches[0],
                expected=fact("layers and labels that fit sequences of any length"),
                notes=mismatches[1:],
                fix="buckets=None",
            )
        shape = () if weights is None else weights[:, :end].shape[1:] if weights.ndim > 1 else ()
        return training_step(network, weights is not None, self.horizon, shape, bool(self.step.sums))


def _trimmed(spec: Spec, end: int) -> Spec:
    """Return the spec of a batch of trimmed sequences."""
    first, time, *rest = spec.shape
    assert isinstance(time, int)
    return spec.with_shape((first, min(time, end), *rest))


def _target_nodes(network: Network) -> dict[str, Any]:
    """Return the input node of each target, by its name in the step."""
    return {network.target_names[output]: node for output, node in network.targets.items()}
