"""Sample weights: the weights that a user passes, times the weights of classes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from chainrule.errors import DataError, UsageError, fact, nearest
from chainrule.symbolic_shape import Shape
from chainrule.train.inputs.target import Target
from chainrule.train.network import Network
from chainrule.validation import out_of_range

ClassWeight = str | Mapping


def sample_weights(
    class_weight: ClassWeight | None,
    sample_weight: np.ndarray | None,
    targets: Mapping[str, Target],
    coded: np.ndarray,
) -> np.ndarray | None:
    """Return the weight of each row, (N,) or (N, ...); ``None`` where all weights are equal.

    Args:
        class_weight: ``"balanced"``, or a weight for each label. ``"balanced"`` is N / (K N_k) for a class
            with N_k of N rows among K classes: all classes have the same total weight.
        sample_weight: the weights that the user passes, (N,), or (N, ...) with one for each position.
        coded: the encoded targets of the only output.

    Raises:
        UsageError E101: another string than ``"balanced"``; a label without a weight; a weight without a
            label.
        UsageError E102: weights that are negative, not finite, or all 0.
        UsageError E108: class weights for a network without classes.
    """
    weights = sample_weight
    if class_weight is not None:
        target = next(iter(targets.values()))
        if not target.is_single or len(targets) != 1:
            expected = fact("one output with classes")
            received = fact("{count} outputs", count=len(targets)) if len(targets) > 1 else target.loss.name
            raise UsageError("E108", where="class_weight", expected=expected, received=(received))
        classes = coded.reshape(-1).astype(np.int64)
        weights = _of_classes(class_weight, classes, target.labels)[classes]
        if sample_weight is not None:
            weights = weights.reshape(-1, *[1] * (sample_weight.ndim - 1))
            weights = (weights * sample_weight).astype(sample_weight.dtype)
    refuse_zero_weights(weights)
    return weights


def refuse_zero_weights(weights: np.ndarray | None) -> None:
    """Refuse weights that are all 0 (E102)."""
    if weights is not None and not weights.sum(dtype=np.float64) > 0:
        raise out_of_range(0, "the sum of the weights", "weights", "> 0")


def weight_shape_of(weights: np.ndarray | None) -> Shape:
    """Return the shape of one row's weight: ``()``, or that of its positions."""
    return () if weights is None else weights.shape[1:]


def refuse_weight_shape(network: Network, weights: np.ndarray | None) -> None:
    """Refuse weights whose shape is not that of the loss terms of every output; E341 has those that fit."""
    shape = weight_shape_of(weights)
    if weights is None or not shape:
        return
    for name, node in network.inference.outputs.items():
        members = network.members(name)
        terms = network.losses[name].terms(node, network.targets[name])
        inside = (members,) if members else terms.shape[1:]
        if inside != shape:
            positions = "".join(f", {n}" for n in inside)
            expected = f"(N,) or (N{positions})" if positions else "(N,)"
            received = tuple(weights.shape)
            fix = "sample_weight.mean(axis=1)"
            raise DataError("E341", where="sample_weight", expected=expected, received=received, fix=fix)


def _of_classes(class_weight: ClassWeight, classes: np.ndarray, labels: tuple) -> np.ndarray:
    """Return the weight of each class, (K,); ``classes`` (N,) are the class indices of the rows."""
    if isinstance(class_weight, Mapping):
        _refuse_labels(class_weight, labels, {labels[i] for i in np.unique(classes)})
        return np.array([_weight(class_weight, label) for label in labels])
    if not isinstance(class_weight, str) or class_weight != "balanced":
        received = repr(class_weight)[:80]
        where = "class_weight"
        expected = fact('"balanced" or a dict')
        fix = 'class_weight="balanced"'
        raise UsageError("E101", where=where, name=received, expected=expected, received=received, fix=fix)
    counts = np.bincount(classes, minlength=len(labels))
    return len(classes) / (len(labels) * np.maximum(counts, 1))


def _refuse_labels(class_weight: Mapping, labels: tuple, occurring: set) -> None:
    """Refuse weights of unknown labels, and labels that occur without a weight."""
    missing = [label for label in labels if label in occurring and label not in class_weight]
    unknown = [label for label in class_weight if label not in labels]
    if missing or unknown:
        name = (unknown or missing)[0]
        close = nearest(str(name), map(str, labels))
        raise UsageError(
            "E101",
            where="class_weight",
            name=name,
            expected=", ".join(map(str, labels)),
            received=", ".join(map(str, class_weight)) or fact("none"),
            notes=[fact("{label} has no weight", label=label) for label in missing],
            fix=f"class_weight={{{close or labels[0]!r}: 1.0, ...}}",
        )


def _weight(class_weight: Mapping, label: object) -> float:
    """Return the weight of a label; 1 for a label that does not occur."""
    weight = class_weight.get(label, 1.0)
    if (
        isinstance(weight, bool)
        or not isinstance(weight, int | float | np.number)
        or not 0 <= weight < math.inf
    ):
        raise out_of_range(weight, str(label), "class_weight", ">= 0")
    return float(weight)
