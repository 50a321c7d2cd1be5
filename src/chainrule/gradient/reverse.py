"""Reverse-mode differentiation by the chain rule.

Every operation has a pullback, which maps the cotangent ``dy`` of its value to the cotangents of its inputs.
The gradient of a scalar with respect to all nodes takes one traversal: from the output, whose cotangent is 1,
back to the inputs (``ops/pullback_walk.py``).

The result is a graph like any other. It refers to forward values by their nodes, so nothing is computed
twice.

Reference: Linnainmaa (1976), Taylor expansion of the accumulated rounding error (BIT 16); Rumelhart, Hinton
and Williams (1986), Learning representations by back-propagating errors (Nature 323).
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import GradientError, fact
from chainrule.graph import Node, order
from chainrule.ops.elementwise.broadcasting_functions import full_like
from chainrule.ops.operation_card import NoGradient
from chainrule.ops.pullback_walk import flow
from chainrule.symbolic_shape import shape_text


def grad(output: Node, inputs: Sequence[Node], unused: str = "error") -> tuple[Node, ...]:
    """Return the gradient of a scalar with respect to each of the inputs, as nodes.

    Args:
        output: a floating-point node of shape ``()``.
        inputs: the nodes to differentiate with respect to, anywhere in the graph.
        unused: what to return if the output does not depend on an input: ``"error"`` or ``"zeros"``.

    Raises:
        GradientError E273: the output is not a floating-point scalar.
        GradientError E271: every path from an input to the output contains an operation without derivative.
        GradientError E272: the output does not depend on an input.

    Example:
        >>> from chainrule.graph import input_node
        >>> x = input_node("x", (), "float64")
        >>> grad(x * x * x, [x])[0]
        <add float64()>
    """
    if output.shape != () or not output.spec.is_float:
        expected = fact("shape (), floating-point")
        raise GradientError("E273", expected=expected, received=output.spec, fix="cr.grad(y.mean(), inputs)")
    gradients, blocked = cotangents(output, inputs)
    return tuple(
        gradients[x] if x in gradients else absent_gradient(output, x, blocked, unused) for x in inputs
    )


def cotangents(output: Node, inputs: Sequence[Node]) -> tuple[dict[Node, Node], dict[Node, NoGradient]]:
    """Return the cotangents of all nodes between the inputs and the output, and the nodes without derivative.

    Returns:
        The gradient of ``output`` with respect to each node that depends on an input and influences the
        output; and for each node whose operation has no derivative, the reason.
    """
    return flow({output: full_like(output, 1.0)}, inputs)


def absent_gradient(output: Node, x: Node, blocked: dict[Node, NoGradient], unused: str) -> Node:
    """Return the gradient of an input without cotangent: zeros, or raise the reason as an error."""
    depends = {x}
    for node in order([output]):
        if any(source in depends for source in node.inputs):
            depends.add(node)
    without_derivative = [node for node in blocked if node in depends]
    if unused == "zeros":
        return full_like(x, 0.0)
    if without_derivative:
        node = without_derivative[0]
        raise GradientError(
            "E271",
            where=str(node.site),
            op=node.op.name,
            reason=blocked[node].reason,
            expected=fact("a path of differentiable operations"),
            received=f"{node.op} {shape_text(node.shape)}",
        )
    if output in depends and output is not x:
        return full_like(x, 0.0)
    raise GradientError("E272", where=repr(x), fix='cr.grad(output, inputs, unused="zeros")')
