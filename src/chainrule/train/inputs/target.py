"""``Target``: encoding of targets, from labels (``"yes"``) to the arrays of a loss (1), and back.

The labels of a classifier are sorted; their indices are the classes. The model file contains the labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.errors import DataError, TrainingError, UsageError, fact, nearest
from chainrule.memoization import cached_property
from chainrule.metrics.inputs import UNSCORED
from chainrule.nn.loss import Loss
from chainrule.nn.loss.loss import refuse_target
from chainrule.records import frozen
from chainrule.symbolic_shape import INTEGERS, Size, Spec, bound, shape_text
from chainrule.train.network import Network
from chainrule.validation import number, out_of_range

Label = str | int | float | bool

BATCH = Size.symbol("B")
_PROBABILITIES = ("soft_cross_entropy", "kl_divergence")  # losses whose targets are class probabilities


@frozen
class Target:
    """The target of one output of a network.

    Args:
        spec: the spec of encoded targets, as the loss defines it.
        output: the spec of the output.
        labels: the classes in the order of their indices; empty for values, and before labels are known.
        is_declared: whether the labels were declared, so that some of them may have no row.
    """

    loss: Loss
    spec: Spec
    output: Spec
    labels: tuple[Label, ...] = ()
    is_declared: bool = False

    @cached_property
    def scores(self) -> int:
        """The number of values of the output for a sample, or for each of its positions."""
        last = self.output.shape[-1]
        return last if self.output.rank > 1 and isinstance(last, int) else 1

    @property
    def is_single(self) -> bool:
        """Whether each sample has one class."""
        is_scalar = self.spec.rank == 1 or (self.spec.rank == 2 and self.scores == 1)
        return self.loss.task == "classification" and is_scalar

    @cached_property
    def is_classes(self) -> bool:
        """Whether each sample, or each of its positions (tokens of a text, pixels of an image), has one
        class; false for values and for multilabel targets.
        """
        return self.is_single or (self.loss.task == "classification" and self.spec.dtype in INTEGERS)

    @property
    def ignored(self) -> int | None:
        """The class index of positions without a label, such as padding; ``None``: there is none."""
        return getattr(self.loss, "ignore_index", None)

    @cached_property
    def max_classes(self) -> int:
        """The maximum number of classes: one for each score; two for a single score."""
        return self.scores if self.spec.dtype in INTEGERS else 2

    @property
    def task(self) -> str:
        """The task whose metrics apply; ``UNSCORED`` where none do, since there are no values to compare."""
        if self.is_classes:
            return "classification"
        if not self.loss.needs_target:
            return UNSCORED
        if self.loss.task == "classification":
            return "distribution" if self.loss.name in _PROBABILITIES else "multilabel"
        return UNSCORED if self.spec.dtype in INTEGERS else "regression"

    def with_labels(self, y: np.ndarray) -> Target:
        """Return the target with the labels that occur in ``y``, sorted.

        Integers from 0 to K - 1 are indices of the network's K scores. All K are labels then: a class that
        occurs in other rows only has its score, and a network with trained scores keeps their meaning.

        Raises:
            UsageError E143: fewer classes than the network has scores, which are no indices of the scores.
            TrainingError E502: more classes than the network has scores.
            TrainingError E504: not one label for each sample or position.
            DataError E321: only one class.
        """
        if not self.is_classes:
            return self
        self._refuse_shape(y)
        labels = sorted_labels(y, self.ignored)
        if len(labels) < 2:
            expected = fact("at least 2 classes")
            received = fact("only {labels}", labels=_some(labels))
            fix = fact("Model(..., classes=[all labels]), if other rows have other labels")
            raise DataError("E321", where="y", expected=expected, received=received, fix=fix)
        return self.with_classes(labels)

    def with_classes(self, labels: tuple[Label, ...]) -> Target:
        """Return the target with these labels, in the order of the scores; all else as ``with_labels``."""
        if (
            all(type(v) is int and 0 <= v < self.max_classes for v in labels)
            and len(labels) < self.max_classes
        ):
            labels = tuple(range(self.max_classes))
        elif self.ignored is not None and 0 <= self.ignored < len(labels):  # no class may have this index
            labels = (*labels[: self.ignored], self.ignored, *labels[self.ignored :])
        if len(labels) > self.max_classes:
            raise TrainingError(
                "E502",
                where="y",
                outputs=self.scores,
                classes=len(labels),
                first_label=labels[0],
                last_label=labels[-1],
                expected=fact("at most {limit} classes", limit=self.max_classes),
                received=_some(labels),
                fix=fact("cr.Dense({classes}) as the last layer, with cross_entropy", classes=len(labels)),
            )
        if len(labels) < self.max_classes:
            raise UsageError(
                "E143",
                where="y",
                outputs=self.max_classes,
                classes=len(labels),
                expected=fact(
                    "{count} classes, or integers from 0 to {last}",
                    count=self.max_classes,
                    last=self.max_classes - 1,
                ),
                received=_some(labels),
                fix=fact(
                    "Model(..., classes=[all {count} labels by output]), or cr.Dense({classes}) at the end",
                    count=self.max_classes,
                    classes=len(labels),
                ),
            )
        return replace(self, labels=labels)

    def placeholder(self, rows: int) -> np.ndarray:
        """Return zeros in place of the targets of a loss without targets."""
        return np.zeros((rows, *self._sample_shape), self.spec.dtype)

    def encode(self, y: np.ndarray, where: str = "y") -> np.ndarray:
        """Return the targets as the array that the loss takes.

        Args:
            y: labels or values as users pass them, rows first.
            where: the name of ``y`` in an error.

        Raises:
            TrainingError E503: the classes are not known before the first training.
            TrainingError E504: a shape or dtype that is not that of the output.
            TrainingError E506: a label that did not occur in the training.
            TrainingError E509: a target that no output can reach.
        """
        if self.is_classes:
            self._refuse_shape(y, where)
            coded = self._numbers(y, where).reshape(len(y), *self._sample_shape).astype(self.spec.dtype)
        else:
            coded = self._values(y, where)
        self.loss.refuse(coded, self.output)
        return coded

    @property
    def _sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample's target."""
        return bound(self.spec.shape[1:])

    def _values(self, y: np.ndarray, where: str) -> np.ndarray:
        """Return values as the array that the loss takes."""
        shape = self._sample_shape
        y = self.loss.pad(y, shape)
        if y.dtype.kind not in "fiub" or (y.shape[1:] != shape and not (y.ndim == 1 and shape == (1,))):
            expected = fact("numbers {shape}", shape=shape_text(self.spec.shape))
            received = f"{y.dtype.name} {shape_text((BATCH, *y.shape[1:]))}"
            fix = fact("cr.Dense(n) as the last layer has n outputs for a sample")
            raise TrainingError("E504", where=where, expected=expected, received=received, fix=fix)
        if self.spec.dtype in INTEGERS and not (y == np.floor(y)).all():
            fractional = y[y != np.floor(y)][0]
            raise TrainingError("E504", where=where, expected=fact("integers"), received=f"{fractional}")
        if self.spec.is_float and self.loss.task == "classification" and not ((y >= 0) & (y <= 1)).all():
            received = fact("{first} to {last}", first=y.min(), last=y.max())
            raise TrainingError("E504", where=where, expected=fact("numbers from 0 to 1"), received=received)
        return np.ascontiguousarray(y.reshape((len(y), *shape)), dtype=self.spec.dtype)

    def _refuse_shape(self, y: np.ndarray, where: str = "y") -> None:
        if not self.is_single and y.shape[1:] != self._sample_shape:
            expected = fact("a label at each position: {shape}", shape=shape_text(self.spec.shape))
            fix = fact("y.argmax(axis=-1), if the targets are one-hot")
            raise TrainingError(
                "E504", where=where, expected=expected, received=shape_text((BATCH, *y.shape[1:])), fix=fix
            )
        if self.is_single and y.ndim != 1:
            expected = fact("one label for a sample: (B,)")
            fix = fact("y.argmax(axis=1), if the targets are one-hot")
            raise TrainingError(
                "E504", where=where, expected=expected, received=shape_text((BATCH, *y.shape[1:])), fix=fix
            )

    def _numbers(self, y: np.ndarray, where: str) -> np.ndarray:
        """Return the class index of each sample or position, flat."""
        if not self.labels:
            expected = fact("known classes")
            raise TrainingError(
                "E503", where=where, expected=expected, received=fact("none"), fix="model.fit(x, y)"
            )
        class_of = {label: i for i, label in enumerate(self.labels)} | {self.ignored: self.ignored}
        values = distinct(y)
        indices = np.searchsorted(values, y)
        classes = [class_of.get(_plain(v)) for v in values]
        if None in classes:
            unknown = classes.index(None)
            first = np.unravel_index(int(np.argmax(indices.reshape(-1) == unknown)), y.shape)
            raise TrainingError(
                "E506",
                where=f"{where}[{', '.join(map(str, first))}]",
                expected=_some(self.labels),
                received=repr(_plain(values[unknown])),
                fix=label_fix(_plain(values[unknown]), self.labels),
            )
        return np.array(classes, np.int64)[indices.reshape(-1)]

    def probabilities(self, prediction: np.ndarray) -> np.ndarray:
        """Return the probability of each class: (N, K), or (N, ..., K) with positions.

        A single score is the probability of the second class. Scores without a label are left out.
        """
        if not self.is_classes:
            return prediction
        if self.max_classes != self.scores:
            p = prediction.reshape(-1, 1)
            return np.concatenate([1 - p, p], axis=1)  # (N, 1) -> (N, 2)
        return prediction[..., : len(self.labels) or None]

    def most_probable(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the most probable label of each row or position, or its index where labels are not known.

        Args:
            probabilities: (N, K), or (N, ..., K) with positions.
        """
        classes = probabilities.argmax(-1)
        return self._labels_by_index[classes] if self.labels else classes

    @cached_property
    def _labels_by_index(self) -> np.ndarray:
        return np.array(self.labels)

    def decided(self, probabilities: np.ndarray, threshold: float | None = None) -> np.ndarray:
        """Return the index of the predicted class of each row, (N,).

        Args:
            probabilities: (N, K).
            threshold: from which probability the second of two classes is predicted; ``None``: the likelier
                one is. It is compared in float64, since it can lie between two numbers of float32.
        """
        if threshold is None:
            return probabilities.argmax(axis=1)
        return (probabilities[:, 1].astype(np.float64) >= threshold).astype(np.int64)

    def decision_threshold(self, value: Any, where: str) -> float | None:
        """Return a checked threshold of two classes; ``None`` if it is not passed.

        Raises:
            UsageError E611: another number of classes. E102: no number from 0 on.
        """
        if value is None:
            return None
        classes = len(self.labels) or self.max_classes
        if classes != 2:
            received = fact("{count} classes", count=classes)
            raise UsageError(
                "E611", where=f"{where}, threshold", expected=fact("two classes"), received=received
            )
        return float(number(value, "threshold", where, minimum=0.0, example=0.3))

    def decode(self, prediction: np.ndarray) -> np.ndarray:
        """Return the prediction as users see it: the most probable label, or the values."""
        if self.is_classes:
            return self.most_probable(self.probabilities(prediction))
        decoded = self.loss.to_targets(prediction)
        if decoded is not None:
            return decoded
        if self.loss.task == "classification":
            return (prediction > 0.5).astype(np.int64)
        return prediction[:, 0] if prediction.ndim == 2 and prediction.shape[1] == 1 else prediction


TINY = 1e-12  # the distance from 0 and 1 of probabilities whose log-odds are computed


def log_odds(p: Any) -> Any:
    """Return log(p / (1 - p)) of probabilities in float64, which are moved away from 0 and 1.

    Example:
        >>> log_odds(0.5), round(log_odds(0.2), 4)
        (0.0, -1.3863)
    """
    inside = np.clip(np.asarray(p, np.float64), TINY, 1.0 - TINY)
    value = np.log(inside) - np.log1p(-inside)
    return value if value.ndim else float(value)


def distinct(y: np.ndarray) -> np.ndarray:
    """Return the sorted distinct values; the imports of ``numpy.unique`` take longer than a first step."""
    ordered = np.sort(y, axis=None)
    is_new = np.ones(ordered.size, bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_new]


def sorted_labels(y: np.ndarray, ignored: Label | None) -> tuple[Label, ...]:
    """Return the sorted labels that occur, without the one that is ignored."""
    return tuple(sorted({_plain(v) for v in distinct(y)} - {ignored}))  # pyright: ignore[reportArgumentType]


def _plain(value: Any) -> Label:
    """Return a NumPy scalar as a Python value; an integral float as an int, so 1.0 and 1 are one class."""
    plain = value.item() if isinstance(value, np.generic) else value
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain


def label_fix(label: Label, known: tuple[Label, ...]) -> str:
    """Return what can be done about a label that did not occur in the training."""
    close = nearest(str(label), map(str, known))
    if close:
        return fact('correct the label: "{label}"', label=close)
    return fact(
        "leave the row out, train with rows of this label, or declare all labels: Model(..., classes=[...])"
    )


def _some(labels: tuple[Label, ...]) -> str:
    """Return the first few labels."""
    return ", ".join(map(str, labels[:8])) + (", ..." if len(labels) > 8 else "")


def targets_of(network: Network, classes: Mapping[str, tuple[Label, ...]]) -> dict[str, Target]:
    """Return the target of each output of a network, with the declared labels.

    Args:
        classes: the labels of outputs by name, in the order of the scores; ``""`` is the only output of
            classes.

    Raises:
        UsageError E102: labels of an output that does not exist or has no classes.
        UsageError E143, TrainingError E502: more or fewer labels than scores.
    """
    targets = {
        name: Target(network.losses[name], network.targets[name].spec, node.spec)
        for name, node in network.inference.outputs.items()
    }
    outputs = [name for name, target in targets.items() if target.is_classes]
    for name, labels in classes.items():
        output = outputs[0] if name == "" and len(outputs) == 1 else name
        if output not in outputs:
            expected = fact("labels of outputs with classes: {names}", names=", ".join(outputs) or "–")
            received = name or fact("labels of one output")
            fix = f'classes={{"{outputs[0]}": [...]}}' if outputs else "classes=None"
            raise out_of_range(received, "classes", "Model", expected, fix=fix)
        targets[output] = replace(targets[output].with_classes(labels), is_declared=True)
    return targets


def declared_classes(classes: Any) -> dict[str, tuple[Label, ...]]:
    """Return the declared labels by output, ``""`` the only one with classes (E102: fewer than two)."""
    if classes is None:
        return {}
    parts = classes if isinstance(classes, Mapping) else {"": classes}
    declared = {str(name): _declared(part) for name, part in parts.items()}
    for name, labels in declared.items():
        if len(labels) < 2 or len(set(labels)) < len(labels) or not all(map(_is_label, labels)):
            where = f'Model, classes["{name}"]' if name else "Model"
            expected = fact("at least two different labels: texts, numbers or booleans")
            raise out_of_range(parts[name], "classes", where, expected, fix='classes=["no", "yes"]')
    return declared


def _declared(part: Any) -> tuple[Any, ...]:
    if isinstance(part, str) or not hasattr(part, "__iter__"):
        return ()
    return tuple(_plain(label) for label in part)


def _is_label(label: object) -> bool:
    return isinstance(label, str | int | float)


def by_output(targets: Mapping[str, Target], y: Any, where: str = "y") -> dict[str, np.ndarray]:
    """Return the targets by output, without outputs whose loss takes none; ``y`` may be one array.

    Raises:
        TrainingError E504: no targets; outputs without targets; targets of an unknown output.
        UsageError E132: targets for a loss that takes none.
    """
    unsupervised = {name: target for name, target in targets.items() if not target.loss.needs_target}
    for name, target in unsupervised.items():
        values = y.get(name) if isinstance(y, Mapping) else y if len(targets) == 1 else None
        refuse_target(target.loss, values, "model.fit(x, y)", "model.fit(x)")
    targets = {name: target for name, target in targets.items() if name not in unsupervised}
    if not targets and (y is None or isinstance(y, Mapping)):
        return {}
    parts = y if isinstance(y, Mapping) else {next(iter(targets)): y}
    if y is None or parts.keys() != targets.keys():
        received = (
            fact("none")
            if y is None
            else ", ".join(map(str, y))
            if isinstance(y, Mapping)
            else fact("one array")
        )
        several = "{" + ", ".join(f'"{name}": ...' for name in targets) + "}"
        expected = fact("targets for {names}", names=", ".join(targets))
        fix = "model.fit(x, y)" if len(targets) == 1 else f"y={several}"
        raise TrainingError("E504", where=where, expected=expected, received=received, fix=fix)
    return {name: np.asarray(parts[name]) for name in targets}
