"""How much each sample counts: a user's own weights, times the weight of its class."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from chainrule.errors import DataError, UsageError, nearest
from chainrule.spec import Shape
from chainrule.train.inputs.target import Target
from chainrule.train.network import Network

ClassWeight = str | Mapping


def sample_weights(
    class_weight: ClassWeight | None, own: np.ndarray | None, targets: Mapping[str, Target], coded: np.ndarray
) -> np.ndarray | None:
    """One weight for each row, or ``None`` when all count alike.

    Args:
        class_weight: ``"balanced"`` (N / (K N_k): all classes weigh the same in total), or a weight for each
            label.
        own: the weights a user gave, (N,) or one for each place.
        targets: what each output is asked for.
        coded: the targets of the only output, as its loss wants them.

    Raises:
        UsageError E101: another word than ``"balanced"``; a label without a weight; a weight without a label.
        UsageError E102: weights that are negative, no finite numbers, or all 0.
        UsageError E108: class weights for a net without classes.
    """
    weights = own
    if class_weight is not None:
        target = next(iter(targets.values()))
        if not target.is_single or len(targets) != 1:
            raise UsageError(
                "E108", where="class_weight", expected="one output with classes",
                received=f"{len(targets)} outputs" if len(targets) > 1 else target.loss.name,
            )  # fmt: skip
        number = coded.reshape(-1).astype(np.int64)
        each = _of_classes(class_weight, number, target.labels)[number]
        weights = each if own is None else (each * own).astype(own.dtype)
    refuse_zero_weights(weights)
    return weights


def refuse_zero_weights(weights: np.ndarray | None) -> None:
    """Refuse rows of which none counts.

    Raises:
        UsageError E102: the weights add up to 0.
    """
    if weights is not None and not weights.sum(dtype=np.float64) > 0:
        raise UsageError("E102", where="weights", name="the sum of the weights", expected="> 0", received="0")


def weight_shape_of(weights: np.ndarray | None) -> Shape:
    """The shape of one row's weight: ``()``, or that of its places."""
    return () if weights is None else weights.shape[1:]


def refuse_weight_shape(network: Network, weights: np.ndarray | None) -> None:
    """Refuse weights of places that are not the places of every output's loss.

    Raises:
        DataError E341: names the shapes that fit.
    """
    inside = weight_shape_of(weights)
    if weights is None or not inside:
        return
    for name, node in network.inference.outputs.items():
        terms = network.losses[name].terms(node, network.targets[name])
        if terms.shape[1:] != inside:
            places = "".join(f", {n}" for n in terms.shape[1:])
            raise DataError(
                "E341", where="sample_weight", expected=f"(N,) or (N{places})" if places else "(N,)",
                received=tuple(weights.shape), fix="sample_weight.mean(axis=1)",
            )  # fmt: skip


def _of_classes(class_weight: ClassWeight, number: np.ndarray, labels: tuple) -> np.ndarray:
    """The weight of each class."""
    if isinstance(class_weight, Mapping):
        return np.array([_weight(class_weight, label) for label in _agreed(class_weight, labels)])
    if class_weight != "balanced":
        raise UsageError(
            "E101", where="class_weight", name=class_weight, expected='"balanced" or a dict',
            received=repr(class_weight), fix='class_weight="balanced"',
        )  # fmt: skip
    counts = np.bincount(number, minlength=len(labels))
    return len(number) / (len(labels) * np.maximum(counts, 1))


def _agreed(class_weight: Mapping, labels: tuple) -> tuple:
    """The labels, once it is known that they are the ones weighed."""
    missing = [label for label in labels if label not in class_weight]
    strange = [label for label in class_weight if label not in labels]
    if missing or strange:
        name = (strange or missing)[0]
        close = nearest(str(name), map(str, labels))
        raise UsageError(
            "E101", where="class_weight", name=name, expected=", ".join(map(str, labels)),
            received=", ".join(map(str, class_weight)) or "none",
            notes=[f"{label} has no weight" for label in missing],
            fix=f"class_weight={{{close or labels[0]!r}: 1.0, ...}}",
        )  # fmt: skip
    return labels


def _weight(class_weight: Mapping, label: object) -> float:
    weight = class_weight[label]
    if (
        isinstance(weight, bool)
        or not isinstance(weight, int | float | np.number)
        or not 0 <= weight < math.inf
    ):
        raise UsageError(
            "E102", where="class_weight", name=str(label), expected=">= 0", received=repr(weight)
        )
    return float(weight)
