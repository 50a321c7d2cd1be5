"""Jacobian-vector products, by two reverse passes.

The gradient of ``<y, v>`` with respect to ``x`` is ``v J``, which is linear in the cotangent ``v``. Its own
gradient with respect to ``v``, in direction ``dx``, is ``J dx``: no operation needs a forward rule. The
result does not contain ``v``, so a graph computes the value and the second pass, not the first one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.errors import GradientError, ShapeError, fact
from chainrule.gradient.reverse import absent_gradient
from chainrule.graph import Node, constant, input_node, order
from chainrule.graph.graph import rebuild
from chainrule.ops.elementwise.broadcasting_functions import Operand, full_like
from chainrule.ops.pullback_walk import flow

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
