"""From what a person calls the answer (``"malignant"``) to what a loss is computed with (1), and back.

A classifier's classes are numbered in sorted order; the numbering is the model's ``labels`` and travels in its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import TrainingError
from chainrule.nn.loss import Loss
from chainrule.spec import Spec, shape_text

Label = str | int | float | bool


@dataclass(frozen=True)
class Target:
    """What one output of the net is asked for.

    Args:
        loss: how its answers are judged.
        spec: the spec the loss wants its targets in.
        scores: how many numbers the output gives for a sample.
        labels: the classes in the order of their numbers; empty for values.
    """

    loss: Loss
    spec: Spec
    scores: int
    labels: tuple[Label, ...] = ()

    @property
    def is_classes(self) -> bool:
        """Whether each sample has one class (and not values, or several yes/no answers at once)."""
        return self.loss.task == "classification" and (self.spec.rank == 1 or self.scores == 1)

    def learn(self, y: np.ndarray) -> Target:
        """The same with the labels that occur in ``y``, sorted.

        Fails:
            TrainingError E502: more classes than the net gives scores.
        """
        if not self.is_classes:
            return self
        labels = tuple(_plain(v) for v in np.unique(y))
        room = max(2, self.scores)
        if len(labels) > room:
            raise TrainingError(
                "E502", outputs=self.scores, classes=len(labels), expected=f"at most {room} classes",
                received=", ".join(map(str, labels[:8])), fix=f"cr.Dense({len(labels)}) as the last layer",
            )  # fmt: skip
        return Target(self.loss, self.spec, self.scores, labels)

    def encode(self, y: np.ndarray) -> np.ndarray:
        """The targets as the loss wants them.

        Fails:
            TrainingError E506: a label the training has not seen.
            TrainingError E504: values of a shape the net does not give.
        """
        if self.is_classes:
            return self._numbers(y).reshape((-1, *(1 for _ in self.spec.shape[1:]))).astype(self.spec.dtype)
        wanted = tuple(n for n in self.spec.shape[1:] if isinstance(n, int))
        if y.dtype.kind not in "fiub" or (y.shape[1:] != wanted and not (y.ndim == 1 and wanted == (1,))):
            raise TrainingError(
                "E504", where="y", expected=shape_text(self.spec.shape), received=f"{y.dtype.name}{y.shape}",
                fix="y.reshape(-1, 1)" if wanted == (1,) else "the last layer gives as many numbers as a row of y",
            )  # fmt: skip
        return np.ascontiguousarray(y.reshape((len(y), *wanted)), dtype=self.spec.dtype)

    def _numbers(self, y: np.ndarray) -> np.ndarray:
        """The number of each sample's class."""
        number = {label: i for i, label in enumerate(self.labels)}
        known = [number.get(_plain(v), -1) for v in np.unique(y)]
        values, places = np.unique(y, return_inverse=True)
        if -1 in known:
            strange = _plain(values[known.index(-1)])
            row = int(np.argmax(np.asarray(y) == values[known.index(-1)]))
            raise TrainingError(
                "E506", where=f"y[{row}]", expected=", ".join(map(str, self.labels)), received=repr(strange)
            )
        return np.asarray(known)[places.reshape(-1)]

    def probabilities(self, answer: np.ndarray) -> np.ndarray:
        """The probability of each class: (N, K); a single score is that of the second class."""
        if self.scores == 1 and self.is_classes:
            p = answer.reshape(-1, 1)
            return np.concatenate([1 - p, p], axis=1)
        return answer

    def decide(self, answer: np.ndarray) -> np.ndarray:
        """The answer in the user's terms: the likeliest label, or the values."""
        if not self.is_classes:
            if self.loss.task == "classification":
                return (answer > 0.5).astype(np.int64)
            return answer[:, 0] if answer.ndim == 2 and answer.shape[1] == 1 else answer
        chosen = np.argmax(self.probabilities(answer), axis=1)
        names = list(self.labels) or list(range(max(2, self.scores)))
        return np.array([names[i] if i < len(names) else i for i in chosen])


def _plain(value: Any) -> Label:
    """A NumPy scalar as the Python value it is; a whole float as an int, so that 1.0 and 1 are one class."""
    plain = value.item() if isinstance(value, np.generic) else value
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain


def encode_all(targets: Mapping[str, Target], y: Any, names: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The targets of every output, by the name of the step's input.

    Args:
        targets: by output.
        y: an array, or arrays by output.
        names: the input's name for each output.
    """
    parts = y if isinstance(y, Mapping) else {next(iter(targets)): y}
    return {names[output]: target.encode(np.asarray(parts[output])) for output, target in targets.items()}
