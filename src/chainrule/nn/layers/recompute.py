"""A layer whose activations are recomputed in the backward pass (``chainrule.ops.rematerialization``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.graph import Node, order
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.containers import require_layer
from chainrule.nn.scope import Scope, called
from chainrule.ops import functional as F


@layer
class Remat(Layer):
    """Rematerialization (gradient checkpointing): activations inside the layer are recomputed in the backward
    pass.

    Only the input of the layer is stored. A network of many such layers needs about the memory of the largest
    one and of the values passed between them, and about a third more time. Outputs, gradients, random numbers
    and names of parameters do not change; a file saved with it can be loaded without it, and vice versa.

    Shapes: as the layer.

    Args:
        inner: the layer: a block of a deep network. Single operations give nothing: what enters them is as
            large as what they give.

    Cost: the layer's forward pass once more in each training step.

    Raises:
        UsageError E104: something that is not a layer.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> from chainrule.nn.layers.containers import Residual, Sequential
        >>> print(Remat(Residual(Sequential(Dense(64, "relu"), Dense(64)))).kind)
        residual

    Reference: Chen, Xu, Zhang and Guestrin (2016), Training deep networks with sublinear memory cost.
    PyTorch: ``torch.utils.checkpoint``; JAX: ``jax.checkpoint``.
    """

    chinese = ("重计算层", "训练时不保存内层算出的值，反向传播时再算一遍：省内存，多花约三分之一的时间。")
    inner: Layer

    def check(self) -> None:
        require_layer("Remat", self.inner)

    @property
    def kind(self) -> str:
        return self.inner.kind  # the names of the parameters are those of the layer

    def __call__(self, x: Any, scope: Scope) -> Any:
        before = scope.values()  # what an earlier call has left in states is kept too
        y = called(self.inner, x, scope)
        if not scope.training:
            return y
        inputs = tuple(x.values()) if isinstance(x, Mapping) else (x,)
        read = set(order([y] if isinstance(y, Node) else y.values(), inputs)) if before else ()
        entries = (*inputs, *(node for node in before if node in read))
        if isinstance(y, Node):
            return F.remat(y, *entries)
        return {name: F.remat(node, *entries) for name, node in y.items()}
