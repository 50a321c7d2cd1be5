"""The tightest linear bounds: slopes and penalties of relu are optimized by their gradients.

Below relu, where its argument may have both signs, lies every line through 0 with a slope from 0 to 1, and a
part of a box where the argument x is 0 or above allows a term -b x for every b of 0 or above. So a bound is
a function of these numbers, whatever they are, and the best ones are searched for by gradient ascent. The
gradient needs no automatic differentiation: if the linear function that a backward pass ends with is smallest
at the input x*, its derivative by a slope is the coefficient of relu times the value of the argument at x* in
the *relaxed* network, where every nonlinear operation is replaced by the line that the pass used.

Example: y = relu(x) on [-1, 2] with the coefficient 1. With slope s the bound is min(-s, 2 s) = -s, the
minimizer x* = -1, and the derivative by s is 1 * (-1). The best slope is 0.

Reference: Xu, Zhang, Wang, Wang, Jana, Lin and Hsieh (2021), Fast and complete: enabling complete neural
network verification with rapid and massively parallel incomplete verifiers (ICLR), section 3.1; Wang, Zhang,
Xu, Lin, Jana, Hsieh and Kolter (2021), Beta-CROWN (NeurIPS), section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from chainrule.bounds.crown_backward_pass import BackwardPass, Enclosed, Multipliers
from chainrule.bounds.evaluation import evaluated
from chainrule.bounds.interval import middle
from chainrule.bounds.rule import reduced_axes
from chainrule.bounds.structure import Structure
from chainrule.graph import Node
from chainrule.records import frozen

SLOPE_STEP, PENALTY_STEP = 0.3, 0.1  # of Adam
DECAY = 0.95  # of the steps
MOMENTS = 0.9, 0.99
Arrays = dict[Node, np.ndarray]


@frozen(eq=False)
class Optimized:
    """The best bounds that were found, and what they were found with.

    Args:
        value: the best bounds of all passes, (R,).
        alphas, penalties: the last ones; penalties without their sign, 0 or above.
        gaps: for each relu how much its line differs from it at the minimizer, times its coefficient, (R,
            size).
        points: the minimizer by label of the input, (R, size).
    """

    value: np.ndarray
    alphas: Arrays
    penalties: Arrays
    gaps: Arrays
    points: dict[str, np.ndarray]


def rectifiers(structure: Structure) -> list[Node]:
    """Return the relu nodes that the output depends on."""
    return [node for node in structure.sources if node.op.name == "relu"]


def optimized(
    enclosure: Enclosed,
    node: Node,
    rows: np.ndarray,
    boxes: np.ndarray,
    limits: np.ndarray,
    *,
    signs: Mapping[Node, np.ndarray] = MappingProxyType({}),
    start: tuple[Arrays, Arrays] | None = None,
    steps: int = 20,
    is_over: Callable[[], bool] = lambda: False,
) -> Optimized:
    """Lower bounds of linear functions of a node, with optimized slopes and penalties.

    Args:
        enclosure: bounds of all nodes before it.
        rows: the coefficients, (R, size of the node for one sample).
        boxes: the index of the box of each row, (R,).
        limits: what the bounds are to exceed, (R,); the search ends when all do.
        signs: by argument of relu, 1 where it is 0 or above in the part of the box of a row, -1 where it is
            0 or below, else 0, (R, size).
        start: slopes and penalties to begin with.
        steps: passes.
        is_over: whether the time is over, which ends the search.
    """
    structure = enclosure.structure
    nodes = [relu for relu in rectifiers(structure) if relu in enclosure.intervals]
    alphas, penalties = start or (_first_alphas(enclosure, nodes, boxes), {})
    penalties = {x: penalties.get(x, np.zeros(s.shape)) for x, s in signs.items()}
    search = _Ascent()

    def passed() -> tuple[BackwardPass, np.ndarray, dict[str, np.ndarray], Arrays]:
        signed = {x: -signs[x] * b for x, b in penalties.items()}
        run = BackwardPass(enclosure, boxes, Multipliers(alphas, signed), is_recorded=True)
        bound = run.run(node, rows)
        points = {label: run.minimizer(label, a) for label, a in bound.factors.items()}
        return run, bound.value, points, relaxed_values(run, points)

    with np.errstate(all="ignore"):
        run, value, points, values = passed()
        for _ in range(steps - 1):
            if (value > limits).all() or is_over():
                break
            alphas, penalties = search.step(run, values, alphas, penalties, signs)
            run, bound, points, values = passed()
            value = np.fmax(value, bound)
        gaps = {relu: _gap(run, relu, values) for relu in nodes if relu in run.rows}
    return Optimized(value, alphas, penalties, gaps, points)


class _Ascent:
    """Adam for slopes and penalties, with decreasing steps."""

    def __init__(self) -> None:
        self._count = 0
        self._moments: dict[tuple[Node, str], tuple[np.ndarray, np.ndarray]] = {}

    def step(
        self,
        run: BackwardPass,
        values: Arrays,
        alphas: Arrays,
        penalties: Arrays,
        signs: Mapping[Node, np.ndarray],
    ) -> tuple[Arrays, Arrays]:
        """Return slopes and penalties after one step."""
        self._count += 1
        structure, new_alphas, new_penalties = run.structure, dict(alphas), dict(penalties)
        for node, slope in alphas.items():
            source = node.inputs[0]
            if node not in run.rows or source not in values:
                continue
            x = structure.by_sample(source, values[source], run.count)
            coefficients = structure.by_sample(node, run.rows[node], run.count)
            change = self._change(node, "slope", np.maximum(coefficients, 0.0) * x)
            new_alphas[node] = np.clip(slope + SLOPE_STEP * change, 0.0, 1.0)
            if source in penalties and signs[source].any():
                change = self._change(source, "penalty", -signs[source] * x)
                new_penalties[source] = np.maximum(penalties[source] + PENALTY_STEP * change, 0.0)
        return new_alphas, new_penalties

    def _change(self, node: Node, name: str, gradient: np.ndarray) -> np.ndarray:
        gradient = np.nan_to_num(gradient, posinf=0.0, neginf=0.0)
        zero = np.zeros_like(gradient)
        first, second = self._moments.get((node, name), (zero, zero))
        first = MOMENTS[0] * first + (1.0 - MOMENTS[0]) * gradient
        second = MOMENTS[1] * second + (1.0 - MOMENTS[1]) * gradient * gradient
        self._moments[node, name] = first, second
        size = np.sqrt(second / (1.0 - MOMENTS[1] ** self._count)) + 1e-12
        return DECAY**self._count * first / (1.0 - MOMENTS[0] ** self._count) / size


def _first_alphas(enclosure: Enclosed, nodes: list[Node], boxes: np.ndarray) -> Arrays:
    """Return the slopes of CROWN: 1 where the argument reaches further above 0 than below, else 0."""
    structure, alphas = enclosure.structure, {}
    for node in nodes:
        x = enclosure.intervals[node.inputs[0]]
        slope = np.where(x.upper > -x.lower, 1.0, 0.0)
        alphas[node] = structure.by_sample(node.inputs[0], slope, enclosure.count)[boxes]
    return alphas


def relaxed_values(run: BackwardPass, points: Mapping[str, np.ndarray]) -> Arrays:
    """Return the values of nodes at points in each row's relaxed network, (R, ...); not rounded outward."""
    structure, values = run.structure, {}
    for label, point in points.items():
        node = structure.inputs[label]
        values[node] = structure.from_samples(node, point)
    for node in structure.nodes:
        if node not in run.rows:
            continue
        if node not in structure.linear:
            values[node] = _relaxed(run, node, values)
            continue
        inputs = [
            values[x] if x in values else middle(structure.fixed[x].lower, structure.fixed[x].upper)[0]
            for x in node.inputs
        ]
        inputs = [structure.operand(x, node, a, run.count) for x, a in zip(node.inputs, inputs, strict=True)]
        values[node] = evaluated(structure.card(node, run.count), inputs)
    return values


def _relaxed(run: BackwardPass, node: Node, values: Arrays) -> np.ndarray:
    """Return the value of the line of each row that replaces a nonlinear node."""
    structure, prepared = run.structure, run.enclosure.prepared(node)
    is_below = run.rows[node] > 0
    total = np.where(is_below, run.of_rows(node, prepared.lower), run.of_rows(node, prepared.upper))
    for source, below, above in prepared.sources:
        factors = run.of_rows(source, below)
        if node in run.multipliers.alphas:
            factors = run.sloped(source, factors, run.multipliers.alphas[node])
        is_lower = is_below if prepared.spread is None else prepared.spread(is_below)
        term = np.where(is_lower, factors, run.of_rows(source, above)) * values[source]
        if prepared.spread is not None:
            term = term.sum(reduced_axes(structure.card(node, run.count))).reshape(total.shape)
        total = total + term
    return total


def _gap(run: BackwardPass, node: Node, values: Arrays) -> np.ndarray:
    """Return how much the bound would rise if each relu's line were exact at the minimizer, (R, size)."""
    (source,) = node.inputs
    y, x = values[node], values[source]
    gap = np.abs(run.rows[node] * (np.maximum(x, 0.0) - y))
    interval = run.enclosure.intervals[source]
    low, high = (run.of_rows(source, end) for end in (interval.lower, interval.upper))
    is_open = (low < 0) & (high > 0)
    area = np.abs(run.rows[node]) * np.where(is_open, -low * high / np.where(is_open, high - low, 1.0), 0.0)
    return run.structure.by_sample(node, np.where(is_open, gap + 0.05 * area, -1.0), run.count)
