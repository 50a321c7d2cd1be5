"""The activations as functions of nodes: ``cr.gelu(x)``, ``cr.leaky_relu(x, 0.2)``.

Written by ``python -m pages.activation_functions`` from the table ``ACTIVATIONS``, which has their formulas.
An activation that is an operation, such as ``relu`` or ``softmax``, is a function of
``chainrule.ops.functional``.

Raises: UsageError E131 (no such setting), E102 (a setting out of its range).
"""

from __future__ import annotations

from chainrule.errors import explain_function_calls
from chainrule.graph import Node
from chainrule.nn.activation.registry import ACTIVATIONS
from chainrule.nn.scope import Scope


@explain_function_calls
def celu(x: Node, alpha: float = 1.0) -> Node:
    """Continuously differentiable exponential linear unit: slope 1 at 0 for every alpha.

    Formula: y = where(x > 0, x, alpha * (exp(where(x > 0, 0, x) / alpha) - 1))

    Args:
        x: floating-point numbers of any shape.
        alpha: a finite number, > 0; 1 by default.
    """
    return ACTIVATIONS["celu"](x, alpha=alpha)


@explain_function_calls
def elu(x: Node, alpha: float = 1.0) -> Node:
    """Exponential linear unit: x where positive, else alpha * (exp(x) - 1).

    Formula: y = where(x > 0, x, alpha * (exp(where(x > 0, 0, x)) - 1))

    Args:
        x: floating-point numbers of any shape.
        alpha: a finite number; 1 by default.
    """
    return ACTIVATIONS["elu"](x, alpha=alpha)


@explain_function_calls
def exponential(x: Node) -> Node:
    """Exponential function exp(x).

    Formula: y = exp(x)

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["exponential"](x)


@explain_function_calls
def gelu(x: Node) -> Node:
    """Gaussian error linear unit x * P(Z <= x) for a standard normal Z.

    Formula: y = x * (1 + erf(x / sqrt(2))) / 2

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["gelu"](x)


@explain_function_calls
def gelu_tanh(x: Node) -> Node:
    """Approximation of gelu by tanh, with an error below 0.001.

    Formula: y = x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x))) / 2

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["gelu_tanh"](x)


@explain_function_calls
def glu(x: Node, axis: int = -1) -> Node:
    """Gated linear unit a * sigmoid(b) of the two halves a and b along axis.

    Formula: y = a * sigmoid(b)

    Args:
        x: floating-point numbers of any shape.
        axis: an integer; -1 by default.
    """
    return ACTIVATIONS["glu"](x, axis=axis)


@explain_function_calls
def hard_shrink(x: Node, width: float = 0.5) -> Node:
    """0 where abs(x) <= width, else x.

    Formula: y = where(abs(x) <= width, 0, x)

    Args:
        x: floating-point numbers of any shape.
        width: a finite number, >= 0; 0.5 by default.
    """
    return ACTIVATIONS["hard_shrink"](x, width=width)


@explain_function_calls
def hard_sigmoid(x: Node) -> Node:
    """Piecewise linear sigmoid x / 6 + 0.5, limited to [0, 1].

    Formula: y = where(x <= -3, 0, where(x >= 3, 1, x / 6 + 0.5))

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["hard_sigmoid"](x)


@explain_function_calls
def hard_silu(x: Node) -> Node:
    """Piecewise approximation of silu: x * hard_sigmoid(x).

    Formula: y = where(x <= -3, 0, where(x >= 3, x, x * (x / 6 + 0.5)))

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["hard_silu"](x)


@explain_function_calls
def hard_tanh(x: Node, low: float = -1.0, high: float = 1.0) -> Node:
    """x, limited to the interval from low to high.

    Formula: y = where(x <= low, low, where(x >= high, high, x))

    Args:
        x: floating-point numbers of any shape.
        low: a finite number; -1 by default.
        high: a finite number, >= low; 1 by default.
    """
    return ACTIVATIONS["hard_tanh"](x, low=low, high=high)


@explain_function_calls
def leaky_relu(x: Node, slope: float = 0.01) -> Node:
    """x where positive, else slope * x.

    Formula: y = where(x > 0, x, slope * x)

    Args:
        x: floating-point numbers of any shape.
        slope: a finite number; 0.01 by default.
    """
    return ACTIVATIONS["leaky_relu"](x, slope=slope)


@explain_function_calls
def log_sigmoid(x: Node) -> Node:
    """Logarithm of the sigmoid; does not underflow.

    Formula: y = -softplus(-x)

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["log_sigmoid"](x)


@explain_function_calls
def mish(x: Node) -> Node:
    """x * tanh(softplus(x)).

    Formula: y = x * tanh(softplus(x))

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["mish"](x)


@explain_function_calls
def prelu(x: Node, slope: float = 0.25, shared: int = 0, scope: Scope | None = None) -> Node:
    """leaky_relu with a trained slope, one per channel (shared=1: one for all channels).

    Formula: y = where(x > 0, x, slope * x)

    Args:
        x: floating-point numbers of any shape.
        slope: a finite number; 0.25 by default.
        shared: an integer, >= 0; 0 by default.
        scope: the scope of the layer, the source of parameters and random numbers; without it the
            slope is its initial value or its mean.
    """
    return ACTIVATIONS["prelu"](x, scope, slope=slope, shared=shared)


@explain_function_calls
def relu6(x: Node) -> Node:
    """relu, limited to 6.

    Formula: y = where(x <= 0, 0, where(x >= 6, 6, x))

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["relu6"](x)


@explain_function_calls
def rrelu(
    x: Node, lower: float = 0.125, upper: float = 0.3333333333333333, scope: Scope | None = None
) -> Node:
    """leaky_relu with a slope sampled for each number in training, and its mean in inference.

    Formula: y = where(x > 0, x, slope * x)

    Args:
        x: floating-point numbers of any shape.
        lower: a finite number; 0.125 by default.
        upper: a finite number, >= lower; 0.333333 by default.
        scope: the scope of the layer, the source of parameters and random numbers; without it the
            slope is its initial value or its mean.
    """
    return ACTIVATIONS["rrelu"](x, scope, lower=lower, upper=upper)


@explain_function_calls
def selu(x: Node) -> Node:
    """Scaled exponential linear unit, with the constants that normalize mean and variance.

    Formula: y = 1.0507009873554805 * where(x > 0, x, 1.6732632423543772 * (exp(where(x > 0, 0, x)) - 1))

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["selu"](x)


@explain_function_calls
def silu(x: Node) -> Node:
    """Sigmoid linear unit x * sigmoid(x), also called Swish.

    Formula: y = x * sigmoid(x)

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["silu"](x)


@explain_function_calls
def soft_shrink(x: Node, width: float = 0.5) -> Node:
    """x moved towards 0 by width; 0 where abs(x) <= width.

    Formula: y = where(abs(x) <= width, 0, x - width * sign(x))

    Args:
        x: floating-point numbers of any shape.
        width: a finite number, >= 0; 0.5 by default.
    """
    return ACTIVATIONS["soft_shrink"](x, width=width)


@explain_function_calls
def softmin(x: Node, axis: int = -1) -> Node:
    """Softmax of -x along axis.

    Formula: y = exp(-x[j]) / sum(k, exp(-x[k]))

    Args:
        x: floating-point numbers of any shape.
        axis: an integer; -1 by default.
    """
    return ACTIVATIONS["softmin"](x, axis=axis)


@explain_function_calls
def softsign(x: Node) -> Node:
    """x / (1 + abs(x)).

    Formula: y = x / (1 + abs(x))

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["softsign"](x)


@explain_function_calls
def sparse_plus(x: Node) -> Node:
    """relu with a parabola between -1 and 1.

    Formula: y = where(x <= -1, 0, where(x >= 1, x, (x + 1) ^ 2 / 4))

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["sparse_plus"](x)


@explain_function_calls
def sparse_sigmoid(x: Node) -> Node:
    """(x + 1) / 2, limited to [0, 1]: the derivative of sparse_plus.

    Formula: y = where(x <= -1, 0, where(x >= 1, 1, (x + 1) / 2))

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["sparse_sigmoid"](x)


@explain_function_calls
def sparsemax(x: Node, axis: int = -1) -> Node:
    """Projection onto the probability simplex along axis: probabilities with exact zeros.

    Formula: y = max(x[j] - t, 0)

    Args:
        x: floating-point numbers of any shape.
        axis: an integer; -1 by default.
    """
    return ACTIVATIONS["sparsemax"](x, axis=axis)


@explain_function_calls
def squareplus(x: Node, b: float = 4.0) -> Node:
    """(x + sqrt(x ^ 2 + b)) / 2, a smooth relu without an exponential.

    Formula: y = (x + sqrt(x ^ 2 + b)) / 2

    Args:
        x: floating-point numbers of any shape.
        b: a finite number, > 0; 4 by default.
    """
    return ACTIVATIONS["squareplus"](x, b=b)


@explain_function_calls
def tanh_shrink(x: Node) -> Node:
    """x - tanh(x).

    Formula: y = x - tanh(x)

    Args:
        x: floating-point numbers of any shape.
    """
    return ACTIVATIONS["tanh_shrink"](x)


@explain_function_calls
def threshold(x: Node, threshold: float = 1.0, value: float = 0.0) -> Node:
    """x where above threshold, else value.

    Formula: y = where(x <= threshold, value, x)

    Args:
        x: floating-point numbers of any shape.
        threshold: a finite number; 1 by default.
        value: a finite number; 0 by default.
    """
    return ACTIVATIONS["threshold"](x, threshold=threshold, value=value)
