"""The mask of padded sequences: which positions count."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.layer import Layer, Sample, layer
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import shape_text
from chainrule.validation import require_number


@layer
class PaddingMask(Layer):
    """Marks the positions of a sequence that are not padding, for layers that take a mask by name.

    Shapes: words (B, T) or vectors (B, T, ...) -> booleans (B, T).

    Formula: y[t] = some x[t, ...] != value.

    Args:
        value: the number of the word that stands for none, or in vectors the number in every channel.

    Raises:
        ShapeError E208: no axis of positions.
        UsageError E102: a value that is not a number.

    Example:
        >>> print(PaddingMask())
        PaddingMask()
    """

    chinese = ("填充掩码层", "标出序列中不是填充的位置。")
    takes_one = True
    samples = (Sample((4, 2), {"value": 0.5}),)
    _: KW_ONLY
    value: float = 0.0

    def check(self) -> None:
        require_number(self, "value")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, T, ...) -> (B, T)
        if x.rank < 2:
            raise ShapeError(
                "E208",
                op="PaddingMask",
                constraint=fact("sequences of positions"),
                expected="(B, T)",
                received=shape_text(x.shape),
                fix=fact("cr.Reshape((-1, 1)) before it"),
            )
        differs = F.not_equal(x, int(self.value) if not x.spec.is_float else float(self.value))
        if x.rank == 2:
            return differs
        return F.max(differs.astype("float32"), tuple(range(2, x.rank))) > 0.0
