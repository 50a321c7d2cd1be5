"""How much each sample counts: a user's own weights, times the weight of its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from chainrule.data import Arrays
from chainrule.errors import UsageError

if TYPE_CHECKING:
    from chainrule.train.learner import Learner


def sample_weights(
    class_weight: str | Mapping | None, data: Arrays, model: Learner
) -> np.ndarray | None:
    """One weight for each row, or ``None`` when all count alike.

    Args:
        class_weight: ``"balanced"`` (N / (K N_k): all classes weigh the same in total), or a weight for each label.
        data: the rows, with the weights a user gave.
        model: knows the labels.

    Fails:
        UsageError E101: another word than ``"balanced"``, or a label without a weight.
        UsageError E108: class weights for a net without classes.
    """
    if class_weight is None:
        return data.weights
    target = next(iter(model.targets.values()))
    if not target.is_classes or len(model.targets) != 1:
        raise UsageError("E108", where="class_weight", expected="one output with classes", received=target.loss.name)
    number = target.encode(np.asarray(data.y)).reshape(-1).astype(np.int64)
    weights = _for_classes(class_weight, number, target.labels)[number]
    own = 1.0 if data.weights is None else data.weights
    return (weights * own).astype(model.recipe.dtype)


def _for_classes(class_weight: str | Mapping, number: np.ndarray, labels: tuple) -> np.ndarray:
    if isinstance(class_weight, Mapping):
        missing = [label for label in labels if label not in class_weight]
        if missing:
            raise UsageError(
                "E101", where="class_weight", name=missing[0], expected=", ".join(map(str, labels)),
                received=", ".join(map(str, class_weight)), fix=f"class_weight={{{missing[0]!r}: 1.0, ...}}",
            )  # fmt: skip
        return np.array([float(class_weight[label]) for label in labels])
    if class_weight != "balanced":
        raise UsageError("E101", where="class_weight", name=class_weight, expected='"balanced" or a dict',
                         received=class_weight, fix='class_weight="balanced"')  # fmt: skip
    counts = np.bincount(number, minlength=len(labels))
    return len(number) / (len(labels) * np.maximum(counts, 1))
