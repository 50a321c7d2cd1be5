"""Interval bounds of nodes as nodes: for each node that depends on the input, a lower and an upper bound.

An operation that rises with its argument maps both bounds. A linear one maps the middle c and half the width
r of the interval: W x of |x - c| <= r is within W c plus and minus |W| r. The bounds are nodes, so that they
are compiled and differentiated like all others. Their rounding is that of the engine, not outward: they are
for training; ``chainrule.bounds`` proves.

Operations without a rule are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable

from chainrule.errors import TrainingError, fact
from chainrule.graph import Node, order, rebuild
from chainrule.graph.node import make
from chainrule.ops import functional as F

Bounds = tuple[Node, Node]

RISING = frozenset(
    (
        "relu sigmoid tanh exp log sqrt softplus erf clip max min maximum minimum floor cast stop_gradient"
    ).split()
)
"""Operations that rise with every argument."""
MOVING = frozenset(
    {"reshape", "transpose", "broadcast", "slice", "concatenate", "stack", "patches", "pad", "sum"}
)
"""Operations that move or add elements: they map each bound."""
COMPARISONS = ("greater", "greater_equal", "less", "less_equal")


def interval_of(output: Node, x: Node, low: Node, high: Node) -> Bounds:
    """Return bounds of a node for every input between two bounds (E571: an operation without a rule)."""
    bounds: dict[Node, Bounds] = {x: (low, high)}
    comparisons: set[Node] = set()
    for node in order([output]):
        if node in bounds or not any(source in bounds for source in node.inputs):
            continue
        if node.op.name in COMPARISONS:
            comparisons.add(node)  # of no use alone; see _leaky
        elif node.op.name == "where" and node.inputs[0] in comparisons:
            bounds[node] = _leaky(node, bounds)
        elif comparisons.isdisjoint(node.inputs):
            bounds[node] = _bounds(node, bounds)
        else:
            raise _no_rule(node)
    return bounds.get(output, (output, output))


def _bounds(node: Node, bounds: dict[Node, Bounds]) -> Bounds:
    """Return the bounds of a node from those of its arguments."""
    name, arguments = node.op.name, [bounds.get(source, (source, source)) for source in node.inputs]
    dependent = [source in bounds for source in node.inputs]
    if name in RISING or name in MOVING or name == "add":
        return _applied_to_bounds(node, arguments)
    if name == "subtract":
        (a_low, a_high), (b_low, b_high) = arguments
        return a_low - b_high, a_high - b_low
    if name == "negative":
        ((low, high),) = arguments
        return -high, -low
    if name in ("multiply", "matmul", "convolution") and sum(dependent) == 1:
        return _linear(node, arguments, dependent.index(True))
    if name == "divide" and dependent == [True, False]:
        return _linear(node, arguments, 0)
    if name == "where" and not dependent[0] and any(dependent[1:]):
        return _applied_to_bounds(node, arguments)
    raise _no_rule(node)


def _applied_to_bounds(node: Node, arguments: list[Bounds]) -> Bounds:
    """Apply an operation to the lower bounds and to the upper bounds."""
    low, high = (make(node.op, *(pair[i] for pair in arguments)) for i in (0, 1))
    return low, high


def _linear(node: Node, arguments: list[Bounds], at: int) -> Bounds:
    """Apply an operation that is linear in its argument number ``at`` to middle and half width."""
    low, high = arguments[at]
    middle, half = (low + high) * 0.5, (high - low) * 0.5
    others = [pair[0] for pair in arguments]

    def applied(value: Node, change: Callable[[Node], Node]) -> Node:
        return make(node.op, *(value if i == at else change(other) for i, other in enumerate(others)))

    center, width = applied(middle, lambda other: other), applied(half, F.abs)
    return center - width, center + width


def _leaky(node: Node, bounds: dict[Node, Bounds]) -> Bounds:
    """Return the bounds of ``where(z > 0, z, slope z)`` for a slope of 0 or more (E571: other selections)."""
    condition, positive, negative = node.inputs
    is_leaky = (
        condition.op.name == "greater"
        and condition.inputs[0] is positive
        and negative.op.name == "multiply"
        and positive in negative.inputs
        and not any(source in bounds for source in negative.inputs if source is not positive)
    )
    if not is_leaky:
        raise _no_rule(node)
    low, high = (rebuild([node], {positive: bounds[positive][i]})[0] for i in (0, 1))
    return low, high


def _no_rule(node: Node) -> TrainingError:
    where = f"fit, robust=IntervalTraining: {node.site.path if node.site else ''}"
    expected = fact("operations with an interval rule, such as those of Dense, Conv, ReLU and pooling")
    return TrainingError("E571", where=where, expected=expected, received=node.op.name)
