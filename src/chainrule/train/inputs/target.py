"""What an output is asked for: from a person's labels (``"yes"``) to what a loss computes with (1), and back.

A classifier's classes are numbered in sorted order; the numbering is the model's ``labels`` and travels in
its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.errors import DataError, TrainingError
from chainrule.nn.loss import Loss
from chainrule.nn.loss.loss import refuse_target
from chainrule.records import frozen
from chainrule.spec import INTEGERS, Size, Spec, bound, shape_text
from chainrule.train.evaluation.metric.inputs import UNSCORED
from chainrule.train.network import Network

Label = str | int | float | bool

BATCH = Size.symbol("B")
_SHARES = ("soft_cross_entropy", "kl_divergence")  # losses whose targets are shares of classes


@frozen
class Target:
    """What one output of the net is asked for.

    Args:
        loss: how its answers are judged.
        spec: the spec the loss wants its targets in.
        output: the spec of what the net gives.
        labels: the classes in the order of their numbers; empty for values, and before any label is known.
    """

    loss: Loss
    spec: Spec
    output: Spec
    labels: tuple[Label, ...] = ()

    @property
    def scores(self) -> int:
        """How many numbers the output gives for a sample, or for each of its places."""
        last = self.output.shape[-1]
        return last if self.output.rank > 1 and isinstance(last, int) else 1

    @property
    def is_single(self) -> bool:
        """Whether each sample has one class."""
        one = self.spec.rank == 1 or (self.spec.rank == 2 and self.scores == 1)
        return self.loss.task == "classification" and one

    @property
    def is_classes(self) -> bool:
        """Whether each sample, or each of its places (the words of a sentence, the pixels of a picture), has
        one class; and not values, or several yes/no answers at once.
        """
        return self.is_single or (self.loss.task == "classification" and self.spec.dtype in INTEGERS)

    @property
    def ignored(self) -> int | None:
        """The number that stands where there is no class, such as behind a sentence's end."""
        return getattr(self.loss, "ignore_index", None)

    @property
    def max_classes(self) -> int:
        """How many classes the output can tell apart: one score for each, or a single one between two."""
        return self.scores if self.spec.dtype in INTEGERS else 2

    @property
    def task(self) -> str:
        """Whose metrics judge the answers; ``UNSCORED`` where none can: there are no values to compare."""
        if self.is_classes:
            return "classification"
        if not self.loss.needs_target:
            return UNSCORED
        if self.loss.task == "classification":
            return "distribution" if self.loss.name in _SHARES else "multilabel"
        return UNSCORED if self.spec.dtype in INTEGERS else "regression"

    def with_labels(self, y: np.ndarray) -> Target:
        """The same with the labels that occur in ``y``, sorted.

        Whole numbers below K at each place of a sample are the numbers of the net's K scores already: all of
        them are labels then, so that a word that occurs in the validation rows only is known.

        Raises:
            TrainingError E502: more classes than the net gives scores.
            TrainingError E504: more or fewer labels than samples or their places.
            DataError E321: one class only, from which nothing can be learned.
        """
        if not self.is_classes:
            return self
        self._refuse_shape(y)
        labels = tuple(sorted({_plain(v) for v in distinct(y)} - {self.ignored}))
        if len(labels) < 2:
            raise DataError(
                "E321", where="y", expected="at least 2 classes", received=f"only {_some(labels)}"
            )
        if not self.is_single and all(type(v) is int and 0 <= v < self.max_classes for v in labels):
            labels = tuple(range(self.max_classes))  # words of a vocabulary, of which a text shows only some
        elif self.ignored is not None and 0 <= self.ignored < len(labels):  # no class may have its number
            labels = (*labels[: self.ignored], self.ignored, *labels[self.ignored :])
        if len(labels) > self.max_classes:
            raise TrainingError(
                "E502", where="y", outputs=self.scores, classes=len(labels),
                expected=f"at most {self.max_classes} classes", received=_some(labels),
                fix=f"cr.Dense({len(labels)}) as the last layer, with cross_entropy",
            )  # fmt: skip
        return replace(self, labels=labels)

    def placeholder(self, rows: int) -> np.ndarray:
        """What stands for the targets of a loss that takes none: zeros."""
        return np.zeros((rows, *self._inside), self.spec.dtype)

    def encode(self, y: np.ndarray, where: str = "y") -> np.ndarray:
        """The targets as the loss wants them.

        Args:
            y: as a person gives them, rows first.
            where: what to call ``y`` in an error.

        Raises:
            TrainingError E503: the classes are not known before the first training.
            TrainingError E504: values of a shape or kind the net does not give.
            TrainingError E506: a label the training has not seen.
            TrainingError E509: a target that no answer can meet.
        """
        if self.is_classes:
            self._refuse_shape(y, where)
            coded = self._numbers(y, where).reshape(len(y), *self._inside).astype(self.spec.dtype)
        else:
            coded = self._values(y, where)
        self.loss.refuse(coded, self.output)
        return coded

    @property
    def _inside(self) -> tuple[int, ...]:
        """The shape of one sample's target."""
        return bound(self.spec.shape[1:])

    def _values(self, y: np.ndarray, where: str) -> np.ndarray:
        """Numbers, as the loss wants them."""
        wanted = self._inside
        y = self.loss.pad(y, wanted)
        if y.dtype.kind not in "fiub" or (y.shape[1:] != wanted and not (y.ndim == 1 and wanted == (1,))):
            raise TrainingError(
                "E504", where=where, expected=f"numbers {shape_text(self.spec.shape)}",
                received=f"{y.dtype.name} {shape_text((BATCH, *y.shape[1:]))}",
                fix="cr.Dense(n) as the last layer gives n numbers for a sample",
            )  # fmt: skip
        if self.spec.dtype in INTEGERS and not (y == np.floor(y)).all():
            strange = y[y != np.floor(y)][0]
            raise TrainingError("E504", where=where, expected="integers", received=f"{strange}")
        if self.spec.is_float and self.loss.task == "classification" and not ((y >= 0) & (y <= 1)).all():
            raise TrainingError(
                "E504", where=where, expected="numbers from 0 to 1", received=f"{y.min()} to {y.max()}"
            )
        return np.ascontiguousarray(y.reshape((len(y), *wanted)), dtype=self.spec.dtype)

    def _refuse_shape(self, y: np.ndarray, where: str = "y") -> None:
        if not self.is_single and y.shape[1:] != self._inside:
            raise TrainingError(
                "E504", where=where, expected=f"a label at each place: {shape_text(self.spec.shape)}",
                received=shape_text((BATCH, *y.shape[1:])),
                fix="y.argmax(axis=-1), if each place marks its class with a 1",
            )  # fmt: skip
        if self.is_single and y.ndim != 1:
            raise TrainingError(
                "E504", where=where, expected="one label for a sample: (B,)",
                received=shape_text((BATCH, *y.shape[1:])),
                fix="y.argmax(axis=1), if each row marks its class with a 1",
            )  # fmt: skip

    def _numbers(self, y: np.ndarray, where: str) -> np.ndarray:
        """The number of the class of each sample and place."""
        if not self.labels:
            raise TrainingError(
                "E503", where=where, expected="known classes", received="none", fix="model.fit(x, y)"
            )
        number = {label: i for i, label in enumerate(self.labels)} | {self.ignored: self.ignored}
        values = distinct(y)
        places = np.searchsorted(values, y)
        known = [number.get(_plain(v)) for v in values]
        if None in known:
            strange = known.index(None)
            at = np.unravel_index(int(np.argmax(places.reshape(-1) == strange)), y.shape)
            raise TrainingError(
                "E506",
                where=f"{where}[{', '.join(map(str, at))}]",
                expected=_some(self.labels),
                received=repr(_plain(values[strange])),
            )
        return np.array(known, np.int64)[places.reshape(-1)]

    def probabilities(self, answer: np.ndarray) -> np.ndarray:
        """The probability of each class: (N, K), or (N, ..., K) for each place; a single score is that of the
        second class.

        Scores that no label of the training ever belonged to are left out.
        """
        if not self.is_classes:
            return answer
        if self.max_classes != self.scores:
            p = answer.reshape(-1, 1)
            return np.concatenate([1 - p, p], axis=1)  # (N, 1) -> (N, 2)
        return answer[..., : len(self.labels) or None]

    def decode(self, answer: np.ndarray) -> np.ndarray:
        """The answer in the user's terms: the likeliest label, or the values."""
        if self.is_classes:
            chosen = np.argmax(self.probabilities(answer), axis=-1)
            return np.array(self.labels)[chosen] if self.labels else chosen
        decided = self.loss.to_targets(answer)
        if decided is not None:
            return decided
        if self.loss.task == "classification":
            return (answer > 0.5).astype(np.int64)
        return answer[:, 0] if answer.ndim == 2 and answer.shape[1] == 1 else answer


def distinct(y: np.ndarray) -> np.ndarray:
    """The values that occur, sorted: ``numpy.unique``, which takes longer to load what it needs than a first
    step takes in all.
    """
    ordered = np.sort(y, axis=None)
    is_new = np.ones(ordered.size, bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_new]


def _plain(value: Any) -> Label:
    """A NumPy scalar as the Python value it is; a whole float as an int, so that 1.0 and 1 are one class."""
    plain = value.item() if isinstance(value, np.generic) else value
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain


def _some(labels: tuple[Label, ...]) -> str:
    """The first few labels."""
    return ", ".join(map(str, labels[:8])) + (", ..." if len(labels) > 8 else "")


def targets_of(network: Network) -> dict[str, Target]:
    """The target of each output of a network, before any label is known."""
    return {
        name: Target(network.losses[name], network.targets[name].spec, node.spec)
        for name, node in network.inference.outputs.items()
    }


def by_output(targets: Mapping[str, Target], y: Any, where: str = "y") -> dict[str, np.ndarray]:
    """The targets of each output by its name; an output whose loss takes none is left out.

    Args:
        targets: what each output is asked for.
        y: one array when there is one output, or an array for each output by name.
        where: what to call ``y`` in an error.

    Raises:
        TrainingError E504: no targets; outputs without targets; targets for no output.
        UsageError E132: targets for a loss that takes none.
    """
    free = {name: each for name, each in targets.items() if not each.loss.needs_target}
    for name, each in free.items():
        given = y.get(name) if isinstance(y, Mapping) else y if len(targets) == 1 else None
        refuse_target(each.loss, given, "model.fit(x, y)", "model.fit(x)")
    targets = {name: each for name, each in targets.items() if name not in free}
    if not targets and (y is None or isinstance(y, Mapping)):
        return {}
    parts = y if isinstance(y, Mapping) else {next(iter(targets)): y}
    if y is None or parts.keys() != targets.keys():
        received = "none" if y is None else ", ".join(map(str, y)) if isinstance(y, Mapping) else "one array"
        several = "{" + ", ".join(f'"{name}": ...' for name in targets) + "}"
        raise TrainingError(
            "E504", where=where, expected=f"targets for {', '.join(targets)}", received=received,
            fix="model.fit(x, y)" if len(targets) == 1 else f"y={several}",
        )  # fmt: skip
    return {name: np.asarray(parts[name]) for name in targets}
