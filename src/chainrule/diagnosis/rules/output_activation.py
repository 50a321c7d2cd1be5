"""Rules on the graph of network and loss: problems 19 and 26."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from chainrule.diagnosis.context import TrainingContext, last_operation
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.graph import Node, order
from chainrule.messages import fact

if TYPE_CHECKING:
    from chainrule.diagnosis.first_steps import FirstSteps

PROBABLE = 1e-4  # maximum difference of a sum of probabilities from 1
_AFTER_ACTIVATION = (
    "multiply",
    "divide",
    "where",
    "max",
    "mean",
)  # operations of layers that may follow an activation
_NORMALIZED = ("softmax", "sigmoid", "log_softmax")
_POINTWISE = ("add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "where")


def _repeated_activation(context: TrainingContext) -> Iterator[Evidence]:
    """Report losses that expect scores after a network that outputs probabilities."""
    for name, target in context.targets.items():
        if target.loss.wants == "logits":
            node = last_operation(context.network.inference.outputs[name])
            while node.op.name in _AFTER_ACTIVATION and node.inputs:
                node = last_operation(node.inputs[-1 if node.op.name == "where" else 0])
            if node.op.name in _NORMALIZED:
                yield mismatch(target.loss.name, node.op.name, target.scores, node.site.path)


def _probabilities_as_scores(first: FirstSteps) -> Iterator[Evidence]:
    """Report probabilities among the values that the loss receives."""
    if list(_repeated_activation(first.context)):
        return
    for name, target in first.context.targets.items():
        values = first.outputs[name]
        if target.loss.wants != "logits" or values.ndim < 2 or values.shape[-1] < 2:
            continue
        sums = values.sum(axis=-1)
        if values.min() >= 0.0 and np.abs(sums - 1.0).max() < PROBABLE:
            yield mismatch(target.loss.name, "softmax", values.shape[-1], name)


def mismatch(loss: str, activation: str, classes: int, path: str) -> Evidence:
    """Return the evidence for a network whose output activation repeats that of the loss."""
    # Probabilities lie between 0 and 1, so as scores they cannot favor a class by more than 1.
    floor = math.log1p((max(2, classes) - 1) / math.e)
    facts = {"loss": loss, "activation": activation, "floor": floor}
    return Evidence(floor, 0.0, facts, layer=path)


def _broadcast_to_pairs(context: TrainingContext) -> Iterator[Evidence]:
    """Report elementwise operations with two batch axes, the result of broadcasting two vectors."""
    for node in order([context.network.sample_loss(context.network.inference)]):
        if node.op.name in _POINTWISE and _batch_axes(node) > 1:
            sides = [_without_broadcast(source) for source in node.inputs]
            if all(_batch_axes(side) == 1 for side in sides):
                shapes = " - ".join(str(side.spec.shape) for side in sides[:2])
                yield Evidence(2, 1, {"op": node.op.name, "shapes": shapes}, layer=str(node.site))
                return


def _batch_axes(node: Node) -> int:
    return sum(str(axis) == "B" for axis in node.shape)


def _without_broadcast(node: Node) -> Node:
    while node.op.name in ("broadcast", "reshape"):
        node = node.inputs[0]
    return node


LOSS_ACTIVATION = Rule(
    19,
    "loss-activation",
    "loss and output activation do not match",
    "error",
    symptom="a loss that expects scores (logits) receives probabilities",
    threshold=fact(
        "exact: the last operation is softmax or sigmoid, or the inputs of the loss are "
        "non-negative and sum to 1 within {probable:g}",
        probable=PROBABLE,
    ),
    source="UMLAUT; the floor ln(1 + (K - 1)/e) is exact: 0.313 for 2 classes, 1.461 for 10",
    what=(
        "{loss} applies {activation} itself, but the network already applies it: the loss cannot fall below "
        "{floor:.3f}"
    ),
    why=(
        "Probabilities are between 0 and 1. Read as scores they differ by at most 1, so even a perfect "
        "prediction becomes odds of only e to 1; the gradients are small and stay small."
    ),
    remedy="cr.Dense(10)",
    remedy_comment="output scores, without activation; predict_proba returns probabilities",
    before=_repeated_activation,
    is_silent=True,
    first=_probabilities_as_scores,
)

BROADCAST_LOSS = Rule(
    26,
    "broadcast-loss",
    "targets broadcast against predictions",
    "error",
    symptom="a custom loss compares the prediction of every sample with the target of every sample",
    threshold=(
        fact(
            "exact: the result of an elementwise operation of the loss has two batch axes, its inputs have "
            "one each"
        )
    ),
    source="exact (in scikit-learn, PyTorch and Keras it occurs as (n, 1) minus (n,))",
    what="the loss broadcasts {shapes} to batch by batch: every prediction is compared with every target",
    why=(
        "(n, 1) minus (n,) is (n, n). The mean over all pairs is minimal where every prediction is the "
        "mean of all targets, so the network learns to predict that mean. Built-in losses reject this "
        "(E201); targets of shape (n, 1) are used as (n,)."
    ),
    remedy="output[:, 0] - target[:, 0]",
    remedy_comment="in the loss: use equal shapes",
    before=_broadcast_to_pairs,
    is_silent=True,
)
