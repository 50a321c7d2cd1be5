"""Losses of classes, labels and sequences of labels."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import explain_function_calls
from chainrule.graph import Node
from chainrule.nn.loss.classification import (
    NLL,
    BinaryCrossEntropy,
    BinaryFocal,
    CategoricalFocal,
    CrossEntropy,
    GeneralizedCrossEntropy,
    SoftCrossEntropy,
)
from chainrule.nn.loss.ctc import CTC
from chainrule.nn.loss.functional.mean import mean_loss
from chainrule.nn.loss.margin import (
    CategoricalHinge,
    Hinge,
    MultilabelMargin,
    MultiMargin,
    SoftMargin,
    SquaredHinge,
)
from chainrule.nn.loss.overlap import Dice, Tversky
from chainrule.ops.elementwise.functions import Operand


@explain_function_calls
def binary_cross_entropy(
    prediction: Node,
    target: Operand,
    *,
    label_smoothing: float = 0.0,
    positive_weight: float | tuple[float, ...] = 1.0,
    class_weight: Sequence[float] | None = None,
    weight: Operand | None = None,
) -> Node:
    """Binary cross-entropy of logits, one for each binary label."""
    loss = BinaryCrossEntropy(
        label_smoothing=label_smoothing, positive_weight=positive_weight, class_weight=class_weight
    )
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def cross_entropy(
    prediction: Node,
    target: Operand,
    *,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    weight: Operand | None = None,
) -> Node:
    """Cross-entropy of logits and class indices."""
    loss = CrossEntropy(class_weight=class_weight, ignore_index=ignore_index, label_smoothing=label_smoothing)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def soft_cross_entropy(
    prediction: Node,
    target: Operand,
    *,
    label_smoothing: float = 0.0,
    class_weight: Sequence[float] | None = None,
    weight: Operand | None = None,
) -> Node:
    """Cross-entropy of logits and target probabilities."""
    loss = SoftCrossEntropy(label_smoothing=label_smoothing, class_weight=class_weight)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def nll(
    prediction: Node,
    target: Operand,
    *,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    weight: Operand | None = None,
) -> Node:
    """Negative log-likelihood of class indices, from log-probabilities."""
    return mean_loss(NLL(class_weight=class_weight, ignore_index=ignore_index), prediction, target, weight)


@explain_function_calls
def binary_focal(
    prediction: Node,
    target: Operand,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    label_smoothing: float = 0.0,
    weight: Operand | None = None,
) -> Node:
    """Focal loss of binary labels, from logits."""
    loss = BinaryFocal(gamma=gamma, alpha=alpha, label_smoothing=label_smoothing)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def categorical_focal(
    prediction: Node,
    target: Operand,
    *,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    gamma: float = 2.0,
    alpha: float = 0.25,
    weight: Operand | None = None,
) -> Node:
    """Focal loss of class indices, from logits."""
    loss = CategoricalFocal(class_weight=class_weight, ignore_index=ignore_index, gamma=gamma, alpha=alpha)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def generalized_cross_entropy(
    prediction: Node,
    target: Operand,
    *,
    q: float = 0.5,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    weight: Operand | None = None,
) -> Node:
    """Generalized cross-entropy, robust against wrong labels."""
    loss = GeneralizedCrossEntropy(q, class_weight=class_weight, ignore_index=ignore_index)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def hinge(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Hinge loss ``max(0, 1 - target * prediction)``."""
    return mean_loss(Hinge(), prediction, target, weight)


@explain_function_calls
def squared_hinge(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Square of the hinge loss."""
    return mean_loss(SquaredHinge(), prediction, target, weight)


@explain_function_calls
def soft_margin(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Logistic loss of labels 1 and -1."""
    return mean_loss(SoftMargin(), prediction, target, weight)


@explain_function_calls
def categorical_hinge(
    prediction: Node,
    target: Operand,
    *,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    weight: Operand | None = None,
) -> Node:
    """Hinge loss of the true class and the best other class."""
    loss = CategoricalHinge(class_weight=class_weight, ignore_index=ignore_index)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def multi_margin(
    prediction: Node,
    target: Operand,
    *,
    class_weight: Sequence[float] | None = None,
    ignore_index: int | None = None,
    margin: float = 1.0,
    p: int = 1,
    weight: Operand | None = None,
) -> Node:
    """Hinge loss of the true class and each other class."""
    loss = MultiMargin(class_weight=class_weight, ignore_index=ignore_index, margin=margin, p=p)
    return mean_loss(loss, prediction, target, weight)


@explain_function_calls
def multilabel_margin(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Hinge loss of every class a sample has and every class it has not."""
    return mean_loss(MultilabelMargin(), prediction, target, weight)


@explain_function_calls
def dice(prediction: Node, target: Operand, *, weight: Operand | None = None) -> Node:
    """Dice loss: 1 minus the Dice coefficient."""
    return mean_loss(Dice(), prediction, target, weight)


@explain_function_calls
def tversky(
    prediction: Node,
    target: Operand,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    weight: Operand | None = None,
) -> Node:
    """Tversky loss: 1 minus the Tversky index."""
    return mean_loss(Tversky(alpha=alpha, beta=beta), prediction, target, weight)


@explain_function_calls
def ctc(
    prediction: Node,
    target: Operand,
    *,
    max_target_length: int | None = None,
    blank: int = 0,
    time_major: bool = False,
    zero_infinity: bool = False,
    weight: Operand | None = None,
) -> Node:
    """Connectionist temporal classification loss."""
    loss = CTC(
        max_target_length=max_target_length, blank=blank, time_major=time_major, zero_infinity=zero_infinity
    )
    return mean_loss(loss, prediction, target, weight)
