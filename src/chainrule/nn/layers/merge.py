"""Merging of several values into one: at the end of branches, or between the inputs of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY
from functools import reduce

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.layer import Layer, layer
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.symbolic_shape import shape_text
from chainrule.validation import require, require_choice

MERGES: dict[str, Callable[[Sequence[Node]], Node]] = {
    "add": lambda values: reduce(F.add, values),
    "average": lambda values: reduce(F.add, values) / float(len(values)),
    "maximum": lambda values: reduce(F.maximum, values),
    "minimum": lambda values: reduce(F.minimum, values),
    "multiply": lambda values: reduce(F.multiply, values),
    "subtract": lambda values: reduce(F.subtract, values),
}
JOINS = ["concatenate", *MERGES]


@layer
class Merge(Layer):
    """Merges several named values: sum, product, maximum, concatenation and others.

    Shapes: values of one shape -> that shape; ``"concatenate"``: values that differ in one axis -> their
    lengths added up there.

    Args:
        mode: ``"add"``, ``"average"``, ``"maximum"``, ``"minimum"``, ``"multiply"``, ``"subtract"`` (from the
            first all others) or ``"concatenate"``.
        axis: along which axis ``"concatenate"`` joins; the last by default.

    Numerics: equal values share the gradient of a maximum or minimum.

    Raises:
        ShapeError E208: one value alone, where several by name are needed.
        ShapeError E201, E205, E207: shapes that differ; no such axis.
        UsageError E101, E102: unknown way to join; an axis that is no integer, or the batch's.

    Example:
        >>> print(Merge("multiply"))
        Merge('multiply')
    """

    chinese = ("合并层", "把几个值合为一个：求和、相乘或首尾相接等。")
    mode: str
    _: KW_ONLY
    axis: int = -1

    def check(self) -> None:
        require_choice(self, "mode", JOINS, 'cr.Merge("{}")')
        is_valid = type(self.axis) is int and self.axis != 0
        require(self, "axis", is_valid, fact("an integer other than 0, the axis of the samples"), "axis=-1")

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:
        return merged("Merge", self.mode, several(self, x), self.axis)


def merged(op: str, join: str, values: Sequence[Node], axis: int = -1) -> Node:
    """Return the merged values.

    Raises:
        ShapeError E201, E205, E207: shapes that differ; no such axis.
    """
    if join == "concatenate":
        return F.concatenate(values, axis)
    if any(value.shape != values[0].shape for value in values):
        shapes = " and ".join(shape_text(value.shape) for value in values)
        raise ShapeError("E201", op=op, expected=shape_text(values[0].shape), received=shapes)
    return MERGES[join](values)


def several(owner: Layer, x: Node | Mapping[str, Node], maximum: int | None = None) -> list[Node]:
    """Return the named values that a layer receives; there must be several.

    Args:
        maximum: the maximum number of values, if limited.

    Raises:
        ShapeError E208: a single value, or another number of them.
    """
    values = list(x.values()) if isinstance(x, Mapping) else [x]
    if not isinstance(x, Mapping) or (maximum is not None and len(values) != maximum):
        values_text = fact("{count} values", count=maximum) if maximum else fact("several values")
        raise ShapeError(
            "E208",
            op=type(owner).__name__,
            constraint=fact("{values} by name", values=values_text),
            expected=values_text,
            received=", ".join(x) if isinstance(x, Mapping) else fact("one value"),
            fix=fact('cr.Parallel("none", a=..., b=...) before it'),
        )
    return values
