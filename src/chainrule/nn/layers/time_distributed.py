"""A layer applied to every step of a sequence, such as a convolution to each frame of a video."""

from __future__ import annotations

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.containers import require_layer
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import count, shape_text


@layer
class TimeDistributed(Layer):
    """Applies a layer to each step of a sequence, with the same weights.

    Shapes: (B, T, ...) -> (B, T, ...), the rest as the inner layer makes it of (B T, ...).

    Args:
        inner: the layer. ``Dense`` and all layers that work along the last axis need no wrapping: they treat
            every leading axis as samples.

    Raises:
        ShapeError E208: no steps; an inner layer that gives several values.
        UsageError E104: the inner is not a layer.

    Example:
        >>> from chainrule.nn.layers.pooling import GlobalMaxPool
        >>> print(TimeDistributed(GlobalMaxPool()))
        TimeDistributed(GlobalMaxPool())
    """

    chinese = ("逐步应用层", "用同样的权重对序列的每一步应用一个层。")
    takes_one = True
    inner: Layer

    def check(self) -> None:
        require_layer("TimeDistributed", self.inner)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, T, ...) -> (B, T, ...)
        if x.rank < 3:
            op = "TimeDistributed"
            constraint = fact("sequences of steps that have axes themselves")
            received = shape_text(x.shape)
            fix = f"{self.inner} alone"
            raise ShapeError(
                "E208", op=op, constraint=constraint, expected="(B, T, ...)", received=received, fix=fix
            )
        steps = F.reshape(x, (count(x.shape[:2]), *x.shape[2:]))  # (B, T, ...) -> (B T, ...)
        y = scope.run(self.inner, steps)
        if not isinstance(y, Node):
            raise ShapeError(
                "E208",
                op="TimeDistributed",
                constraint=fact("an inner layer that gives one value"),
                expected=fact("one value"),
                received=", ".join(y),
                fix=fact("cr.Merge(...) at the end of it"),
            )
        return F.reshape(y, (*x.shape[:2], *y.shape[1:]))
