"""Interval training: minimize the loss of the worst logits that interval arithmetic allows.

Bounds that follow from intervals are loose for an ordinary network, often useless after three layers. A
network trained on them has weights for which they are tight, so that its robustness can be proven at the cost
of one forward pass. The radius grows from 0, because the worst logits of a new network teach nothing.

Interval bounds of nodes as nodes: for each node that depends on the input, a lower and an upper bound.

An operation that rises with its argument maps both bounds. A linear one maps the middle c and half the width
r of the interval: W x of |x - c| <= r is within W c plus and minus |W| r. The bounds are nodes, so that they
are compiled and differentiated like all others. Their rounding is that of the engine, not outward: they are
for training; ``chainrule.bounds`` proves.

Operations without a rule are refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from chainrule.errors import TrainingError, fact
from chainrule.graph import Node, make, order, rebuild
from chainrule.nn.build import Built
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import bound
from chainrule.train.robust.robust_training import Part, RobustStep, RobustTraining, require

LARGEST = 2**14  # weights of a last layer whose differences are computed for each sample


@frozen
class IntervalTraining(RobustTraining):
    """Interval bound propagation (IBP): the loss on the samples and on the worst logits of their balls.

    Formula: J = k l(z, y) + (1 - k) l(z', y); z' differs from class to class by the upper bounds of the
    differences to the logit of the true class. Over ``ramp`` steps the radius grows from 0 and k falls from
    1, both linearly.

    Args:
        radius: the largest change of an element at the end of the ramp (L-inf), in the units of
            ``AdversarialTraining``. Slightly more than the radius to be proven works best.
        warmup: steps before the ramp, with the ordinary loss.
        ramp: steps of the ramp.
        clean_weight: k at the end of the ramp, from 0 to 1.
        bounds: the range of the data; ``None``: 0 to 1 for images with such values, else none.

    Raises:
        UsageError E102: a number out of its range. TrainingError E571: an operation without an interval rule.

    Reference: Gowal, Dvijotham, Stanforth, Bunel, Qin, Uesato, Arandjelovic, Mann and Kohli (2018), On the
    effectiveness of interval bound propagation for training verifiably robust models, arXiv:1810.12715.
    """

    warmup: int = 500
    ramp: int = 2000
    clean_weight: float = 0.5
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "warmup")
        require(self, "ramp", low=1)
        require(self, "clean_weight", high=1.0)

    def parts(self, step: RobustStep) -> tuple[tuple[Part, ...], Node | None]:
        name, x, space = step.single_logits("IntervalTraining"), step.x, step.space
        progress = F.clip((step.step - float(self.warmup)) / float(self.ramp), 0.0, 1.0)  # ()
        reach = space.scaled(F.broadcast_to(progress * self.radius, x.shape))
        output = step.built.outputs[name]
        (classes,) = bound(output.shape[1:])
        own = F.one_hot(step.network.targets[name], classes, output.dtype)  # (B, K)
        worst = worst_logits(output, own, x, (space.clip(x - reach), space.clip(x + reach)))
        clean = 1.0 - progress * (1.0 - self.clean_weight)
        parts = (Part(clean, step.built), Part(1.0 - clean, _with_output(step, name, worst)))
        return parts, None


def worst_logits(output: Node, own: Node, x: Node, box: tuple[Node, Node]) -> Node:
    """Return logits whose differences to that of the true class are upper bounds of these differences.

    After a fully connected last layer z = W h + b the difference of two logits is (w_k - w_y) h, which is
    bounded directly: tighter than the bound of z_k minus the bound of z_y.

    Args:
        output: the logits, (B, K).
        own: 1 for the true class, else 0, (B, K).
        x: the input.
        box: its bounds.
    """
    product = output.inputs[0] if output.op.name == "add" else output
    if product.op.name == "matmul" and math.prod(bound(product.inputs[1].shape)) <= LARGEST:
        hidden, weight = product.inputs
        if x in order([hidden]) and x not in order([weight]):
            low, high = interval_of(hidden, x, *box)
            middle = F.matmul((low + high) * 0.5, weight)
            z = middle if product is output else make(output.op, middle, output.inputs[1])
            rows = F.matmul(own, F.transpose(weight, (1, 0)))  # (B, H), the weights of the true class
            shape = (rows.shape[0], *weight.shape)  # (B, H, K)
            ours = F.broadcast_to(F.reshape(rows, (*rows.shape, 1)), shape)
            others = F.broadcast_to(F.reshape(weight, (1, *weight.shape)), shape)
            half = F.broadcast_to(F.reshape((high - low) * 0.5, (*rows.shape, 1)), shape)
            return z + F.sum(F.abs(others - ours) * half, 1)
    low, high = interval_of(output, x, *box)
    return own * low + (1.0 - own) * high


def _with_output(step: RobustStep, name: str, node: Node) -> Built:
    return replace(step.built, outputs={name: node})


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
