"""DeepLIFT: contributions by differences from a baseline, propagated backward like gradients.

The gradient at the sample ignores saturated units. DeepLIFT uses the difference of each value from its value
at the baseline instead, and distributes the difference of a result among the differences of its inputs. It
propagates *multipliers*, differences of the score per difference of a value. They pass from node to node as
gradients do, so the traversal is that of reverse-mode differentiation with other rules, and the result is a
graph:

- a function of one number (relu, tanh, a complete activation): dy / dx, the *rescale* rule; the derivative if
  dx is nearly 0;
- linear operations, and products of two values that both differ: the derivative at the midpoint of the two,
  which is exact;
- the maximum of several values: if the result has increased, the difference goes to the largest value at the
  sample, otherwise to the largest value at the baseline;
- all others (softmax, division by a standard deviation, a recurrent layer): the mean derivative on the
  straight line between the two values, at a few Gauss-Legendre points, or more if the values do not add up.
  For a function of one number this mean equals dy / dx, so all rules compute the same quantity.

Each rule distributes exactly what it receives, so the contributions sum to the difference of the scores.

Reference: Shrikumar, Greenside and Kundaje (2017), Learning important features through propagating activation
differences (ICML).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.attribution.context import AttributionContext
from chainrule.attribution.method import Method, MethodResult, sum_error
from chainrule.attribution.score import Score, run
from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.graph import Graph, Node, input_node, make, order, rebuild
from chainrule.memoization import cached_property
from chainrule.ops import functional as F
from chainrule.ops.elementwise.broadcasting_functions import full_like
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.operation_card import Card
from chainrule.ops.pullback_walk import add_up, flow
from chainrule.records import frozen
from chainrule.validation import integer, number

LINEAR = set(
    (
        "add subtract negative multiply square matmul sum transpose reshape broadcast slice pad concatenate "
        "cast convolution convolution_input convolution_weight gather scatter_add resample patches fold "
        "remat again stop_gradient"
    ).split()
)
"""Operations whose derivative at the midpoint is the mean derivative: linear, or a product of two values."""
POINTS = (8, 32)  # Gauss-Legendre points between two values: the default, and if those are too few
MIN_DIFFERENCE = {"float32": 1e-5, "float64": 1e-10}  # smaller differences are not divided by


@frozen(eq=False)
class DeepLiftGraph:
    """The graph of the contributions of the entries of a score.

    Args:
        score: the explained score.
        points: the number of points on the line between two values, for operations without an exact rule.
    """

    score: Score
    points: int

    @cached_property
    def nodes(self) -> list[Node]:
        """The nodes between the entries and the score, in topological order."""
        return order([self.score.score_from_entries])

    @cached_property
    def baseline_inputs(self) -> dict[Node, Node]:
        """The baseline input of each entry."""
        entries = self.score.entry_inputs.values()
        return {p: input_node(f"{p.op.attributes['label']} baseline", p.shape, p.dtype) for p in entries}

    @cached_property
    def at_baseline(self) -> dict[Node, Node]:
        """Every node, evaluated at the baseline."""
        return dict(zip(self.nodes, rebuild(self.nodes, self.baseline_inputs), strict=True))

    @cached_property
    def roots(self) -> dict[Node, frozenset[Node]]:
        """For each node the non-elementwise or entry nodes of which it is an elementwise function."""
        roots: dict[Node, frozenset[Node]] = {}
        for node in self.nodes:
            source_roots = [roots[source] for source in node.inputs if source in roots]
            if node in self.baseline_inputs or (source_roots and not isinstance(node.op, Elementwise)):
                roots[node] = frozenset([node])
            elif source_roots:
                roots[node] = frozenset().union(*source_roots)
        return roots

    @cached_property
    def program(self) -> Program:
        """The program from entries and their baselines to the contributions and both scores."""
        parts = {self.score.score_from_entries: [full_like(self.score.score_from_entries, 1.0)]}
        contributions = {}
        for node in reversed(self.nodes):
            if node not in parts or node not in self.roots:
                continue
            multiplier = add_up(parts.pop(node))
            if node in self.baseline_inputs:
                contributions[node.op.attributes["label"]] = multiplier * (node - self.baseline_inputs[node])
                continue
            for source, part in self._multipliers(node, multiplier):
                parts.setdefault(source, []).append(part)
        ends = {
            "score": self.score.score_from_entries,
            "base": self.at_baseline[self.score.score_from_entries],
        }
        contribution_outputs = {f"c {label}": node for label, node in contributions.items()}
        return compile(Graph({**ends, **contribution_outputs}), self.score.network.engine)

    def _multipliers(self, node: Node, multiplier: Node) -> Iterator[tuple[Node, Node]]:
        """Yield the multipliers that a node propagates to its inputs."""
        moving = [source for source in node.inputs if source in self.roots]
        is_linear = self._is_linear(node)
        if isinstance(node.op, Elementwise) and not (is_linear and len(moving) == 1):
            (root, *others) = self.roots[node] if len(moving) > 1 else moving
            if not others and root is not node and root.spec.is_float:
                yield root, self._rescale_rule(node, root, multiplier)
                return
        if node.op.name in ("max", "min"):
            yield moving[0], self._extremum_rule(node, multiplier)
            return
        weighted: dict[Node, list[Node]] = {}
        for place, weight in _legendre_points(1 if is_linear else self.points):
            for source, part in self._gradient_at(node, multiplier * weight, place):
                weighted.setdefault(source, []).append(part)
        yield from ((source, add_up(parts)) for source, parts in weighted.items())

    def _is_linear(self, node: Node) -> bool:
        """Return whether the derivative at the midpoint equals the mean derivative."""
        still = {"divide": 1, "where": 0}  # linear if this input is the same at the baseline
        if node.op.name in still:
            return node.inputs[still[node.op.name]] not in self.roots
        return node.op.name in LINEAR

    def _rescale_rule(self, node: Node, root: Node, multiplier: Node) -> Node:
        """Return dy / dx of an elementwise function, or its derivative if dx is nearly 0."""
        dy, dx = node - self.at_baseline[node], root - self.at_baseline[root]
        is_small = F.abs(dx) < MIN_DIFFERENCE[root.dtype]
        quotient = dy / F.where(is_small, full_like(dx, 1.0), dx)
        derivative = flow({node: full_like(node, 1.0)}, [root], [root])[0].get(root, full_like(dx, 0.0))
        return multiplier * F.where(is_small, derivative, quotient)

    def _extremum_rule(self, node: Node, multiplier: Node) -> Node:
        """Assign the difference of a maximum or minimum to the input that attains it."""
        (x,) = node.inputs
        y_at_baseline, x_at_baseline = self.at_baseline[node], self.at_baseline[x]
        dy, dx = node - y_at_baseline, x - x_at_baseline
        increase = F.relu(dy)
        sample_part, baseline_part = (
            (increase, dy - increase) if node.op.name == "max" else (dy - increase, increase)
        )
        from_sample = _card(node).pullback(multiplier * sample_part, node, x)[0]
        from_baseline = _card(node).pullback(multiplier * baseline_part, y_at_baseline, x_at_baseline)[0]
        assert isinstance(from_sample, Node)
        assert isinstance(from_baseline, Node)
        # Values at their baseline get no contribution; padding is at minus infinity.
        differs = F.abs(dx) > MIN_DIFFERENCE[x.dtype]
        zero, one = full_like(dx, 0.0), full_like(dx, 1.0)
        return F.where(differs, (from_sample + from_baseline) / F.where(differs, dx, one), zero)

    def _gradient_at(self, node: Node, multiplier: Node, place: float) -> Iterator[tuple[Node, Node]]:
        """Return the gradient at a point between the node's inputs at baseline and sample."""
        at = {x: self._between(x, place) for x in node.inputs}
        value = make(node.op.with_nodes(at), *(at[x] for x in node.inputs))
        results = _card(value).pullback(multiplier, value, *value.inputs)
        for source, part in zip(node.inputs, results, strict=True):
            if source in self.roots and isinstance(part, Node):
                yield source, part

    def _between(self, x: Node, place: float) -> Node:
        if x not in self.roots or not x.spec.is_float:
            return x
        return self.at_baseline[x] + (x - self.at_baseline[x]) * place


def _card(node: Node) -> Card:
    assert isinstance(node.op, Card)
    return node.op


def _legendre_points(count: int) -> Iterator[tuple[float, float]]:
    """Return points between 0 and 1 with their weights."""
    points, weights = np.polynomial.legendre.leggauss(count)
    return ((float(p + 1) / 2, float(w) / 2) for p, w in zip(points, weights, strict=True))


def deep_lift(
    context: AttributionContext, points: int | None = None, tolerance: float = 1e-4
) -> MethodResult:
    """Return the contributions of the entries, averaged over the baselines."""
    tolerance = number(tolerance, "tolerance", "attribute, deep_lift", minimum=0, example=0.1)
    if points is not None:
        points = integer(points, "points", "attribute, deep_lift", minimum=1, example=64)
    used, *finer = POINTS if points is None else (points,)
    values, base = _contributions(context, used)
    for count in finer:
        residual, limit = sum_error(values, context.sample_scores, base, tolerance)
        if not (np.abs(residual) <= limit).all():
            used, (values, base) = count, _contributions(context, count)
    return MethodResult(values, base, None, tolerance, {"points": used, "tolerance": tolerance})


def _contributions(context: AttributionContext, points: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the contributions by input, and (n,) the score of the baseline."""
    key = "DeepLIFT", context.score, points
    lift = context.score.network.memo(key, lambda: DeepLiftGraph(context.score, points))  # compiled once
    rows, baselines = context.rows, len(next(iter(context.baseline_entries.values())))
    feeds = {**context.inputs, **context.score_inputs, **context.condition_values, **context.entries}
    values: dict[str, np.ndarray] = {}
    base = np.zeros(rows)
    for k in range(baselines):
        baseline_inputs = {
            f"{label} baseline": np.repeat(array[k : k + 1], rows, 0)
            for label, array in context.baseline_entries.items()
        }
        results = run(lift.program, context.model.arrays, {**feeds, **baseline_inputs})
        zeros = {label: np.zeros_like(array) for label, array in context.entries.items()}
        part = context.sum_to_inputs({label: results.get(f"c {label}", z) for label, z in zeros.items()})
        values = {name: values.get(name, 0.0) + array / baselines for name, array in part.items()}
        base += results["base"] / baselines
    return values, base


DEEP_LIFT = Method(
    name="deep_lift",
    title="DeepLIFT",
    formula="m[i] (x[i] - b[i]), m propagated from the score backward as dy / dx of each operation",
    summary=(
        "The difference from the baseline, propagated from the score to the inputs in one backward pass: the "
        "values sum to the difference of the scores."
    ),
    reference="Shrikumar, Greenside and Kundaje (2017), Learning important features through propagating "
    "activation differences (ICML)",
    run=deep_lift,
    complete=True,
    needs=("gradient",),
    options={"points": None, "tolerance": 1e-4},
)
