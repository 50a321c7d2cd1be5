"""The mean of a loss over a batch, of nodes and arrays."""

from __future__ import annotations

from chainrule.graph import Node, constant
from chainrule.nn.loss.loss import Loss, refuse_target
from chainrule.ops.elementwise.functions import Operand


def mean_loss(loss: Loss, prediction: Node, target: Operand | None, weight: Operand | None) -> Node:
    """The mean of a loss over the batch, shape ().

    Args:
        loss: the loss.
        prediction: the output of the network.
        target: the targets, a node or an array; ``None`` for a loss that takes none.
        weight: the weight of each sample or term, as in ``Loss.mean``.
    """
    refuse_target(loss, target, f"cr.{loss.name}(prediction, target)", f"cr.{loss.name}(prediction)")
    if target is None:
        target = prediction
    if not isinstance(target, Node):
        array, spec = target, loss.target(prediction.spec)
        target = constant(target, spec.dtype if spec.is_float else None)
        loss.refuse(array, prediction.spec)
    if weight is not None and not isinstance(weight, Node):
        weight = constant(weight, prediction.dtype)
    return loss.mean(prediction, target, weight)
