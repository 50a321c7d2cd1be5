"""Gradient check: compares gradients with central differences, for the library's pullbacks and the user's
own.

The derivative is the limit of (f(x + h) - f(x - h)) / 2h. With a small h it is a reference that does not use
the chain rule. The error of central differences is of order h squared, so with h about the cube root of the
float64 unit roundoff, about ten digits agree if the function is smooth. At a kink (relu at 0) the two differ
legitimately.

Reference: Nocedal and Wright (2006), Numerical Optimization, section 8.1; CS231n notes, "Gradient checks".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from chainrule.engines.dispatch import compile, evaluate
from chainrule.errors import GradientError, fact
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.ops.elementwise.broadcasting_functions import lift
from chainrule.records import frozen

STEP = 6.0e-6  # about the cube root of the float64 unit roundoff


@frozen
class GradientCheck:
    """Result of a gradient check.

    Args:
        analytic, numeric: the two gradients with respect to each input.
        error: the largest difference, relative to the larger of 1 and the gradient's largest absolute value.
        place: the input and the index of that difference.
    """

    analytic: tuple[np.ndarray, ...]
    numeric: tuple[np.ndarray, ...]
    error: float
    place: tuple[int, tuple[int, ...]]

    def __str__(self) -> str:
        numbers = sum(a.size for a in self.analytic)
        return f"{numbers} derivatives checked; largest relative error {self.error:.1e}"


def check_gradient(
    fn: Callable[..., Node], inputs: Sequence[object], tolerance: float = 1e-6, step: float = STEP
) -> GradientCheck:
    """Compare the gradient of a function of nodes with central differences, in float64.

    Args:
        fn: function from one node for each input to a node; a value with several elements is reduced to a
            weighted sum, so that every element contributes.
        inputs: an array for each argument; integer and boolean arrays are constants.
        tolerance: maximal accepted relative error.
        step: step size, relative to the larger of 1 and the absolute value of the number.

    Raises:
        GradientError E274: the gradients differ; the message contains the input, the index and both numbers.

    Example:
        >>> import chainrule.ops
        >>> print(check_gradient(lambda x: x * x * x, [[1.0, 2.0]]))  # doctest: +ELLIPSIS
        2 derivatives checked; largest relative error ...
    """
    arrays = [np.asarray(x) for x in inputs]
    arrays = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]
    nodes = [input_node(f"x{i}", a.shape, a.dtype.name) for i, a in enumerate(arrays)]
    output = weighted_sum(fn(*nodes))
    differentiated = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    feeds = {f"x{i}": a for i, a in enumerate(arrays)}
    analytic = evaluate(grad(output, [nodes[i] for i in differentiated], unused="zeros"), feeds, "reference")
    numeric = [central_difference(output, feeds, f"x{i}", step) for i in differentiated]
    check = _compare(analytic, numeric, differentiated)
    if not check.error <= tolerance:
        i, index = check.place
        at = differentiated.index(i)
        where = fact("input {number} at {index}", number=i, index=index)
        expected = fact("{derivative:.12g} (a step of {step:g})", derivative=numeric[at][index], step=step)
        received = fact(
            "{derivative:.12g} (relative error {error:.1e})",
            derivative=analytic[at][index],
            error=check.error,
        )
        raise GradientError("E274", where=where, expected=expected, received=received)
    return check


def weighted_sum(node: Node) -> Node:
    """Return a weighted sum of the elements of ``node``, with distinct weights."""
    shape = tuple(axis if isinstance(axis, int) else 1 for axis in node.shape)
    weights = np.cos(np.arange(int(np.prod(shape)))).reshape(shape) + 0.1
    return (node * lift(weights.astype(node.dtype), node)).sum()


def central_difference(
    output: Node, feeds: dict[str, np.ndarray], name: str, step: float = STEP
) -> np.ndarray:
    """Return the numeric gradient of a scalar with respect to one input, from two values for each element."""
    program = compile(Graph({"value": output}), "reference")  # compiled once for all values
    base = feeds[name]
    result = np.zeros_like(base)
    for index in np.ndindex(base.shape):
        h = step * max(1.0, abs(float(base[index])))
        values = []
        for sign in (1.0, -1.0):
            shifted = base.copy()
            shifted[index] += sign * h
            values.append((float(program.run({**feeds, name: shifted})["value"]), float(shifted[index])))
        result[index] = (values[0][0] - values[1][0]) / (values[0][1] - values[1][1])
    return result


def _compare(
    analytic: Sequence[np.ndarray], numeric: Sequence[np.ndarray], names: Sequence[int]
) -> GradientCheck:
    worst, place = 0.0, (0, ())
    for name, a, n in zip(names, analytic, numeric, strict=True):
        if a.size == 0:
            continue
        error = np.abs(a - n) / max(1.0, float(np.max(np.abs(n))))
        error = np.where(np.isnan(error), np.inf, error)
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(error)), error.shape))
        if error[index] > worst:
            worst, place = float(error[index]), (name, index)
    return GradientCheck(tuple(analytic), tuple(numeric), worst, place)
