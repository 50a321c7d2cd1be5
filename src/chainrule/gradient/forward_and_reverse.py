"""Reverse-mode differentiation by the chain rule.

Every operation has a pullback, which maps the cotangent ``dy`` of its value to the cotangents of its inputs.
The gradient of a scalar with respect to all nodes takes one traversal: from the output, whose cotangent is 1,
back to the inputs (``ops/pullback_walk.py``).

The result is a graph like any other. It refers to forward values by their nodes, so nothing is computed
twice.

Reference: Linnainmaa (1976), Taylor expansion of the accumulated rounding error (BIT 16); Rumelhart, Hinton
and Williams (1986), Learning representations by back-propagating errors (Nature 323).

Jacobian-vector products, by two reverse passes.

The gradient of ``<y, v>`` with respect to ``x`` is ``v J``, which is linear in the cotangent ``v``. Its own
gradient with respect to ``v``, in direction ``dx``, is ``J dx``: no operation needs a forward rule. The
result does not contain ``v``, so a graph computes the value and the second pass, not the first one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.errors import GradientError, ShapeError, fact
from chainrule.graph import Node, constant, input_node, order
from chainrule.graph.graph import rebuild
from chainrule.ops.elementwise.broadcasting_functions import Operand, full_like
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


COTANGENT = "jvp/cotangent"


def jvp(output: Node, inputs: Sequence[Node], tangents: Sequence[Operand], unused: str = "error") -> Node:
    """Return the Jacobian-vector product: the derivative of ``output`` when ``inputs`` change by
    ``tangents``.

    Formula: dy = sum(i, (dy/dx_i) dx_i), computed by two reverse passes (double backward).

    Args:
        output: a floating-point node of any shape.
        inputs: the nodes to differentiate with respect to, anywhere in the graph.
        tangents: the direction for each input: a node or an array of its shape.
        unused: what to return if the output does not depend on an input: ``"error"`` or ``"zeros"``.

    Returns:
        a node of the shape of ``output``.

    Cost: about twice that of the value, for any number of inputs.

    Raises:
        ShapeError E208: a tangent of another shape or dtype than its input; not one tangent for each input.
        GradientError E273: the output is not of floating-point numbers.
        GradientError E271, E272: as ``cr.grad``.

    Example:
        >>> import chainrule as cr
        >>> x = cr.input("x", (2,), "float64")
        >>> cr.evaluate(jvp(x**3, [x], [[1.0, 10.0]]), {"x": [1.0, 2.0]}).tolist()
        [3.0, 120.0]
    """
    if not output.spec.is_float:
        expected = fact("floating-point numbers")
        raise GradientError("E273", expected=expected, received=output.spec, fix='cr.cast(y, "float32")')
    directions = _directions(inputs, tangents)
    cotangent = input_node(COTANGENT, output.shape, output.dtype)
    gradients, blocked = flow({output: cotangent}, inputs)
    seeds: dict[Node, Node] = {}
    for x, direction in directions.items():
        if x in gradients:
            gradient = gradients[x]
            seeds[gradient] = seeds[gradient] + direction if gradient in seeds else direction
        else:
            absent_gradient(output, x, blocked, unused)
    zeros = full_like(output, 0.0)
    result = flow(seeds, [cotangent])[0].get(cotangent, zeros)
    if cotangent in order([result]):  # as an operand of an operation whose result does not depend on it
        (result,) = rebuild([result], {cotangent: zeros})
    return result


def _directions(inputs: Sequence[Node], tangents: Sequence[Operand]) -> dict[Node, Node]:
    """Return the tangent of each input as a node."""
    if len(inputs) != len(tangents):
        constraint = fact("one tangent for each input")
        raise ShapeError(
            "E208", op="jvp", constraint=constraint, expected=str(len(inputs)), received=str(len(tangents))
        )
    directions: dict[Node, Node] = {}
    for x, tangent in zip(inputs, tangents, strict=True):
        direction = tangent if isinstance(tangent, Node) else constant(np.asarray(tangent, x.dtype))
        if direction.spec != x.spec:
            constraint = fact("tangents of the shape and dtype of their inputs")
            received = str(direction.spec)
            raise ShapeError("E208", op="jvp", constraint=constraint, expected=str(x.spec), received=received)
        directions[x] = directions[x] + direction if x in directions else direction
    return directions
