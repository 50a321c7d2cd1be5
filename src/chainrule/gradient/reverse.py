"""The chain rule, backwards.

Every node knows how to turn the gradient that arrives at its value (the cotangent ``dy``) into gradients for
its inputs. So the gradient of one number by everything behind it takes one walk: from the output, at which 1
arrives, back to the inputs (``ops.backward``).

The result is a graph like any other. Forward values it needs are simply named: nodes are shared, so nothing
is computed twice.

Reference: Linnainmaa (1976), Taylor expansion of the accumulated rounding error (BIT 16); Rumelhart, Hinton
    and
Williams (1986), Learning representations by back-propagating errors (Nature 323).
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import GradientError, fact
from chainrule.graph import Node, order
from chainrule.ops.card import NoGradient
from chainrule.ops.elementwise.functions import full_like
from chainrule.ops.pullback_walk import flow
from chainrule.spec import shape_text


def grad(output: Node, inputs: Sequence[Node], unused: str = "error") -> tuple[Node, ...]:
    """The gradient of one number by each of the inputs, as nodes.

    Args:
        output: a node of shape ``()``, floating-point.
        inputs: what to differentiate by; any nodes, also ones in the middle of the graph.
        unused: what to do when the output does not depend on an input: ``"error"`` or ``"zeros"``.

    Raises:
        GradientError E273: the output is no single floating-point number.
        GradientError E271: every way from an input to the output passes an operation without a derivative.
        GradientError E272: the output does not depend on an input.

    Example:
        >>> from chainrule.graph import input_node
        >>> x = input_node("x", (), "float64")
        >>> grad(x * x * x, [x])[0]
        <add float64()>
    """
    if output.shape != () or not output.spec.is_float:
        raise GradientError(
            "E273",
            expected=fact("shape (), floating-point"),
            received=output.spec,
            fix="cr.grad(y.mean(), inputs)",
        )
    found, blocked = cotangents(output, inputs)
    return tuple(found[x] if x in found else _absent(output, x, blocked, unused) for x in inputs)


def cotangents(output: Node, inputs: Sequence[Node]) -> tuple[dict[Node, Node], dict[Node, NoGradient]]:
    """What arrives at every node between the inputs and the output, and where something was refused.

    Returns:
        the gradient of ``output`` by each node that depends on an input and influences the output; and for
            nodes
        whose operation has no derivative, the reason.
    """
    return flow({output: full_like(output, 1.0)}, inputs)


def _absent(output: Node, x: Node, blocked: dict[Node, NoGradient], unused: str) -> Node:
    """The gradient by an input at which nothing arrived: zeros, or the reason as an error."""
    depends = {x}
    for node in order([output]):
        if any(source in depends for source in node.inputs):
            depends.add(node)
    refused = [node for node in blocked if node in depends]
    if unused == "zeros":
        return full_like(x, 0.0)
    if refused:
        where = refused[0]
        raise GradientError(
            "E271", where=str(where.site), op=where.op.name, reason=blocked[where].reason,
            expected=fact("a way with a derivative at every step"),
            received=f"{where.op} {shape_text(where.shape)}",
        )  # fmt: skip
    if output in depends and output is not x:
        return full_like(x, 0.0)
    raise GradientError("E272", where=repr(x), fix='cr.grad(output, inputs, unused="zeros")')
