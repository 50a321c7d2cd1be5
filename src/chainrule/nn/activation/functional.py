"""The activations as functions of nodes: ``cr.gelu(x)``, ``cr.leaky_relu(x, 0.2)``.

Written by ``python -m pages.activation_functions`` from the table ``ACTIVATIONS``, which has their formulas.
An activation that is an operation, such as ``relu`` or ``softmax``, is a function of
``chainrule.ops.functional``.

Args of every function:
    x: a floating-point node of any shape.
    scope: in ``prelu`` and ``rrelu`` the scope of the layer, the source of parameters and random numbers;
        without it the slope is its initial value or its mean.
    The others are the settings of the activation.

Raises: UsageError E131 (no such setting), E102 (a setting out of its range).
"""

from __future__ import annotations

from chainrule.errors import explain_function_calls
from chainrule.graph import Node
from chainrule.nn.activation.registry import ACTIVATIONS
from chainrule.nn.scope import Scope


@explain_function_calls
def celu(x: Node, alpha: float = 1.0) -> Node:
    """Continuously differentiable exponential linear unit: slope 1 at 0 for every alpha."""
    return ACTIVATIONS["celu"](x, alpha=alpha)


@explain_function_calls
def elu(x: Node, alpha: float = 1.0) -> Node:
    """Exponential linear unit: x where positive, else alpha * (exp(x) - 1)."""
    return ACTIVATIONS["elu"](x, alpha=alpha)


@explain_function_calls
def exponential(x: Node) -> Node:
    """Exponential function exp(x)."""
    return ACTIVATIONS["exponential"](x)


@explain_function_calls
def gelu(x: Node) -> Node:
    """Gaussian error linear unit x * P(Z <= x) for a standard normal Z."""
    return ACTIVATIONS["gelu"](x)


@explain_function_calls
def gelu_tanh(x: Node) -> Node:
    """Approximation of gelu by tanh, with an error below 0.001."""
    return ACTIVATIONS["gelu_tanh"](x)


@explain_function_calls
def glu(x: Node, axis: int = -1) -> Node:
    """Gated linear unit a * sigmoid(b) of the two halves a and b along axis."""
    return ACTIVATIONS["glu"](x, axis=axis)


@explain_function_calls
def hard_shrink(x: Node, width: float = 0.5) -> Node:
    """0 where abs(x) <= width, else x."""
    return ACTIVATIONS["hard_shrink"](x, width=width)


@explain_function_calls
def hard_sigmoid(x: Node) -> Node:
    """Piecewise linear sigmoid x / 6 + 0.5, limited to [0, 1]."""
    return ACTIVATIONS["hard_sigmoid"](x)


@explain_function_calls
def hard_silu(x: Node) -> Node:
    """Piecewise approximation of silu: x * hard_sigmoid(x)."""
    return ACTIVATIONS["hard_silu"](x)


@explain_function_calls
def hard_tanh(x: Node, low: float = -1.0, high: float = 1.0) -> Node:
    """x, limited to the interval from low to high."""
    return ACTIVATIONS["hard_tanh"](x, low=low, high=high)


@explain_function_calls
def leaky_relu(x: Node, slope: float = 0.01) -> Node:
    """x where positive, else slope * x."""
    return ACTIVATIONS["leaky_relu"](x, slope=slope)


@explain_function_calls
def log_sigmoid(x: Node) -> Node:
    """Logarithm of the sigmoid; does not underflow."""
    return ACTIVATIONS["log_sigmoid"](x)


@explain_function_calls
def mish(x: Node) -> Node:
    """x * tanh(softplus(x))."""
    return ACTIVATIONS["mish"](x)


@explain_function_calls
def prelu(x: Node, slope: float = 0.25, shared: int = 0, scope: Scope | None = None) -> Node:
    """leaky_relu with a trained slope, one per channel (shared=1: one for all channels)."""
    return ACTIVATIONS["prelu"](x, scope, slope=slope, shared=shared)


@explain_function_calls
def relu6(x: Node) -> Node:
    """relu, limited to 6."""
    return ACTIVATIONS["relu6"](x)


@explain_function_calls
def rrelu(
    x: Node, lower: float = 0.125, upper: float = 0.3333333333333333, scope: Scope | None = None
) -> Node:
    """leaky_relu with a slope sampled for each number in training, and its mean in inference."""
    return ACTIVATIONS["rrelu"](x, scope, lower=lower, upper=upper)


@explain_function_calls
def selu(x: Node) -> Node:
    """Scaled exponential linear unit, with the constants that normalize mean and variance."""
    return ACTIVATIONS["selu"](x)


@explain_function_calls
def silu(x: Node) -> Node:
    """Sigmoid linear unit x * sigmoid(x), also called Swish."""
    return ACTIVATIONS["silu"](x)


@explain_function_calls
def soft_shrink(x: Node, width: float = 0.5) -> Node:
    """x moved towards 0 by width; 0 where abs(x) <= width."""
    return ACTIVATIONS["soft_shrink"](x, width=width)


@explain_function_calls
def softmin(x: Node, axis: int = -1) -> Node:
    """Softmax of -x along axis."""
    return ACTIVATIONS["softmin"](x, axis=axis)


@explain_function_calls
def softsign(x: Node) -> Node:
    """x / (1 + abs(x))."""
    return ACTIVATIONS["softsign"](x)


@explain_function_calls
def sparse_plus(x: Node) -> Node:
    """relu with a parabola between -1 and 1."""
    return ACTIVATIONS["sparse_plus"](x)


@explain_function_calls
def sparse_sigmoid(x: Node) -> Node:
    """(x + 1) / 2, limited to [0, 1]: the derivative of sparse_plus."""
    return ACTIVATIONS["sparse_sigmoid"](x)


@explain_function_calls
def sparsemax(x: Node, axis: int = -1) -> Node:
    """Projection onto the probability simplex along axis: probabilities with exact zeros."""
    return ACTIVATIONS["sparsemax"](x, axis=axis)


@explain_function_calls
def squareplus(x: Node, b: float = 4.0) -> Node:
    """(x + sqrt(x ^ 2 + b)) / 2, a smooth relu without an exponential."""
    return ACTIVATIONS["squareplus"](x, b=b)


@explain_function_calls
def tanh_shrink(x: Node) -> Node:
    """x - tanh(x)."""
    return ACTIVATIONS["tanh_shrink"](x)


@explain_function_calls
def threshold(x: Node, threshold: float = 1.0, value: float = 0.0) -> Node:
    """x where above threshold, else value."""
    return ACTIVATIONS["threshold"](x, threshold=threshold, value=value)
