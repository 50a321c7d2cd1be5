"""Custom gradients: a value whose derivative is given and not computed."""

from __future__ import annotations

from collections.abc import Iterable

from chainrule.errors import ShapeError
from chainrule.graph import Node
from chainrule.ops import functional as F
from chainrule.symbolic_shape import shape_text


def custom_gradient(value: Node, gradients: Iterable[tuple[Node, Node | float]]) -> Node:
    """Return a node with the value of another one and with given derivatives.

    Shapes: ``value``, each input and its derivative have one shape; or ``value`` has shape () and each
    derivative the shape of its input.

    Formula: y = value and dx = dy * gradient for each pair (x, gradient); no other derivative passes. It is
    built as y = stop_gradient(value) + stop_gradient(gradient) * (x - stop_gradient(x)), summed if the shape
    is (), so finite values do not change.

    Args:
        value: the result.
        gradients: pairs of an input and the derivative of the value with respect to it, a node or a number.

    Numerics: an infinite input or derivative makes the result NaN.

    Raises:
        ShapeError E201: a derivative that does not have the shape of its input and of the value.

    Example:
        >>> import chainrule as cr
        >>> x = cr.input("x", (None,), "float64")
        >>> rounded = custom_gradient(cr.floor(x + 0.5), [(x, 1.0)])  # straight-through estimator
        >>> cr.evaluate([rounded, *cr.grad(rounded.sum(), [x])], {"x": [0.2, 0.7, 1.6]})
        [array([0., 1., 2.]), array([1., 1., 1.])]

    Reference: Bengio, Léonard and Courville (2013), Estimating or propagating gradients through stochastic
    neurons for conditional computation (arXiv 1308.3432), the straight-through estimator.
    """
    result = F.stop_gradient(value)
    for x, factor in gradients:
        gradient = factor if isinstance(factor, Node) else F.full_like(x, factor)
        expected = x.shape if value.rank == 0 else value.shape
        if gradient.shape != expected or x.shape != expected:
            expected = f"gradient {shape_text(x.shape)}"
            received = f"gradient {shape_text(gradient.shape)}"
            fix = f"gradient.reshape({shape_text(x.shape)})"
            raise ShapeError("E201", op="custom_gradient", expected=expected, received=received, fix=fix)
        change = F.stop_gradient(gradient) * (x - F.stop_gradient(x))
        result = result + (change.sum() if value.rank == 0 and x.rank else change)
    return result
