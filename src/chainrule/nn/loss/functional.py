"""The losses as functions of nodes, for use without a model: ``cr.mse(y, t)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.graph import Node, constant
from chainrule.nn.loss.loss import Loss, refuse_target
from chainrule.nn.loss.registry import LOSSES


def _function(kind: type[Loss]) -> Callable[..., Node]:
    """The loss as a function of nodes that gives J, the mean over the batch; a target may be an array."""

    def apply(prediction: Node, target: Any = None, *, weight: Any = None, **settings: Any) -> Node:
        loss = kind(**settings)
        refuse_target(loss, target, f"cr.{loss.name}(prediction, target)", f"cr.{loss.name}(prediction)")
        if not loss.needs_target:
            target = prediction
        if not isinstance(target, Node):
            array, spec = target, loss.target(prediction.spec)
            target = constant(target, spec.dtype if spec.is_float else None)
            loss.refuse(array, prediction.spec)
        if weight is not None and not isinstance(weight, Node):
            weight = constant(weight, prediction.dtype)
        return loss.mean(prediction, target, weight)

    apply.__name__ = apply.__qualname__ = kind.name
    apply.__doc__ = kind.__doc__
    return apply


LOSS_FUNCTIONS: dict[str, Callable[..., Node]] = {name: _function(kind) for name, kind in LOSSES.items()}
