"""Does a gradient agree with a small step? The question every backward rule must answer, also a user's own.

The derivative is the limit of (f(x + h) - f(x - h)) / 2h. Computed with a small h it is a second opinion that
shares nothing with the chain rule. Central differences err by h squared, so with h about the cube root of the
float64 rounding error, some ten digits agree where the function is smooth. At a corner (relu at 0) the two
rightly differ.

Reference: Nocedal and Wright (2006), Numerical Optimization, section 8.1; CS231n notes, "Gradient checks".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from chainrule.engines.dispatch import compile, evaluate
from chainrule.errors import GradientError
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.ops.elementwise.functions import lift
from chainrule.records import frozen

STEP = 6.0e-6  # about the cube root of the float64 unit roundoff


@frozen
class GradientCheck:
    """What a check found.

    Args:
        analytic, numeric: the two gradients by each input.
        error: the largest difference, relative to the larger of 1 and the gradient's largest number.
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
        fn: takes one node for each input and gives a node; a value of several numbers is weighted and summed,
            so that every element's gradient counts.
        inputs: an array for each argument; whole-number and true/false arrays are held fixed.
        tolerance: the largest relative error that is accepted.
        step: how far to step, relative to the larger of 1 and the number's size.

    Fails:
        GradientError E274: the two disagree; names the input, the index and both numbers.

    Example:
        >>> import chainrule.ops
        >>> print(check_gradient(lambda x: x * x * x, [[1.0, 2.0]]))  # doctest: +ELLIPSIS
        2 derivatives checked; largest relative error ...
    """
    arrays = [np.asarray(x) for x in inputs]
    arrays = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]
    nodes = [input_node(f"x{i}", a.shape, a.dtype.name) for i, a in enumerate(arrays)]
    output = weighted_sum(fn(*nodes))
    moved = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    feeds = {f"x{i}": a for i, a in enumerate(arrays)}
    analytic = evaluate(grad(output, [nodes[i] for i in moved], unused="zeros"), feeds, "reference")
    numeric = [central_difference(output, feeds, f"x{i}", step) for i in moved]
    check = _compare(analytic, numeric, moved)
    if not check.error <= tolerance:
        i, index = check.place
        at = moved.index(i)
        raise GradientError(
            "E274", where=f"input {i} at {index}", expected=f"{numeric[at][index]:.12g} (a step of {step:g})",
            received=f"{analytic[at][index]:.12g} (relative error {check.error:.1e})",
        )  # fmt: skip
    return check


def weighted_sum(node: Node) -> Node:
    """A single number that every element of ``node`` influences in its own measure."""
    shape = tuple(axis if isinstance(axis, int) else 1 for axis in node.shape)
    weights = np.cos(np.arange(int(np.prod(shape)))).reshape(shape) + 0.1
    return (node * lift(weights.astype(node.dtype), node)).sum()


def central_difference(
    output: Node, feeds: dict[str, np.ndarray], name: str, step: float = STEP
) -> np.ndarray:
    """The gradient of a single number by one input, from two values a small step apart for each element."""
    law = compile(Graph({"value": output}), "reference")  # once, not for each of the values
    base = feeds[name]
    result = np.zeros_like(base)
    for index in np.ndindex(base.shape):
        h = step * max(1.0, abs(float(base[index])))
        sides = []
        for sign in (1.0, -1.0):
            moved = base.copy()
            moved[index] += sign * h
            sides.append((float(law.run({**feeds, name: moved})["value"]), float(moved[index])))
        result[index] = (sides[0][0] - sides[1][0]) / (sides[0][1] - sides[1][1])
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
