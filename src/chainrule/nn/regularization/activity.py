"""A penalty on the size of a layer's outputs instead of its weights."""

from __future__ import annotations

from chainrule.graph import Node
from chainrule.nn.layer import Layer, layer
from chainrule.nn.regularization.penalty import L1, L1L2, L2, Penalty
from chainrule.nn.scope import Scope
from chainrule.ops.elementwise.cast_and_stop_gradient import extent
from chainrule.validation import require


@layer
class ActivityRegularization(Layer):
    """Leaves its input unchanged and adds a penalty on it to the objective: few units then stay active.

    Shapes: any -> the same.

    Formula: J <- J + (1/n) sum over the samples of penalty(x^(i)), n samples.

    Args:
        penalty: the penalty on a sample's numbers: ``cr.L1(...)`` makes most of them exactly 0,
            ``cr.L2(...)`` keeps them small, ``cr.L1L2(strength=...)`` both.

    Raises:
        UsageError E102: a penalty that is not defined for a sample.

    Example:
        >>> print(ActivityRegularization(L1(0.001)))
        ActivityRegularization(L1(strength=0.001))

    Reference: Keras's layer of this name, and its ``activity_regularizer``, which divide by the samples of a
    batch too.
    """

    chinese = ("激活值正则化", "不改变数值，让激活值的大小计入目标函数。")
    takes_one = True
    penalty: Penalty

    def check(self) -> None:
        fits = isinstance(self.penalty, L1 | L2 | L1L2)
        fix = "cr.ActivityRegularization(cr.L1(1e-3))"
        require(self, "penalty", fits, "cr.L1(...), cr.L2(...) or cr.L1L2(strength=...)", fix)

    def __call__(self, x: Node, scope: Scope) -> Node:
        scope.cost("activity", self.penalty(x) / extent(x, (0,)))
        return x
