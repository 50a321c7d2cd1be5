"""DeepLIFT: from the output back to the inputs, differences in place of slopes.

A slope at the sample is blind to a unit that is saturated. DeepLIFT asks instead how far each value lies
from what it is at the baseline, and hands the difference of a result back to the differences of what it was
made of. What flows back is a *multiplier*, difference of the score per difference of the value; like a
gradient it is passed from node to node, so the walk is that of ``ops.backward`` with other rules, and its
result is a graph:

- a number that is a function of one number (relu, tanh, a whole activation): dy / dx, the *rescale* rule;
  where dx is nearly 0, the slope;
- linear operations, and products of two values that both differ: the slope half-way between the two, which
  is exact;
- the largest of several: if the result has grown, all of it to the winner at the sample, else all of it to
  the winner at the baseline;
- what remains (softmax, division by a deviation, a recurrent layer): the mean slope on the straight line
  between the two values, at a few Gauss-Legendre points, or more where those do not add up. For a number of
  one number that mean *is* dy / dx: one idea, four ways to compute it.

Each rule hands back exactly what it was given, so the whole adds up to the difference of the scores.

Reference: Shrikumar, Greenside and Kundaje (2017), Learning important features through propagating activation
differences (ICML).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from chainrule.attribution.method import Found, Method, account, require_count, require_size
from chainrule.attribution.question import Question
from chainrule.attribution.score import Score, run
from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.graph import Graph, Node, input_node, make, order, rebuild
from chainrule.ops import functional as F
from chainrule.ops.card import Card
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.elementwise.functions import full_like
from chainrule.ops.pullback_walk import flow, joined
from chainrule.records import frozen

LINEAR = {
    "add", "subtract", "negative", "multiply", "square", "matmul", "sum", "transpose", "reshape", "broadcast",
    "slice", "pad", "concatenate", "cast", "convolution", "convolution_input", "convolution_weight", "gather",
    "scatter_add", "resample", "patches", "fold", "remat", "again", "stop_gradient",
}  # fmt: skip
"""Operations whose slope half-way is the mean slope: linear, or a product of two values."""
POINTS = (8, 32)  # Gauss-Legendre points on the line between two values: usually, and where that is too few
NEAR = {"float32": 1e-5, "float64": 1e-10}  # a difference of which no quotient can be formed


@frozen(eq=False)
class Lift:
    """The graph of the contributions of the entries of a score.

    Args:
        score: what is explained.
        points: how many there are on the line between two values, where no rule is exact.
    """

    score: Score
    points: int

    @cached_property
    def nodes(self) -> list[Node]:
        """The nodes between the entries and the score, in topological order."""
        return order([self.score.moved])

    @cached_property
    def begins(self) -> dict[Node, Node]:
        """The baseline input of each entry."""
        places = self.score.places.values()
        return {p: input_node(f"{p.op.attributes['label']} baseline", p.shape, p.dtype) for p in places}

    @cached_property
    def below(self) -> dict[Node, Node]:
        """Every node, evaluated at the baseline."""
        return dict(zip(self.nodes, rebuild(self.nodes, self.begins), strict=True))

    @cached_property
    def roots(self) -> dict[Node, frozenset[Node]]:
        """Of what each node is a function number by number: of the nodes that mix or that enter."""
        found: dict[Node, frozenset[Node]] = {}
        for node in self.nodes:
            inside = [found[source] for source in node.inputs if source in found]
            if node in self.begins or (inside and not isinstance(node.op, Elementwise)):
                found[node] = frozenset([node])
            elif inside:
                found[node] = frozenset().union(*inside)
        return found

    @cached_property
    def program(self) -> Program:
        """From entries and their baselines to the contributions, the score and the score of the "
        "baseline."""
        parts = {self.score.moved: [full_like(self.score.moved, 1.0)]}
        contributions = {}
        for node in reversed(self.nodes):
            if node not in parts or node not in self.roots:
                continue
            arrived = joined(parts.pop(node))
            if node in self.begins:
                contributions[node.op.attributes["label"]] = arrived * (node - self.begins[node])
                continue
            for source, multiplier in self._back(node, arrived):
                parts.setdefault(source, []).append(multiplier)
        ends = {"score": self.score.moved, "base": self.below[self.score.moved]}
        given = {f"c {label}": node for label, node in contributions.items()}
        return compile(Graph({**ends, **given}), self.score.network.engine)

    def _back(self, node: Node, arrived: Node) -> Iterator[tuple[Node, Node]]:
        """Return the multipliers that a node propagates to its inputs."""
        moving = [source for source in node.inputs if source in self.roots]
        is_linear = self._is_linear(node)
        if isinstance(node.op, Elementwise) and not (is_linear and len(moving) == 1):
            (root, *others) = self.roots[node] if len(moving) > 1 else moving
            if not others and root is not node and root.spec.is_float:
                yield root, self._rescaled(node, root, arrived)
                return
        if node.op.name in ("max", "min"):
            yield moving[0], self._to_winners(node, arrived)
            return
        weighed: dict[Node, list[Node]] = {}
        for place, weight in _stops(1 if is_linear else self.points):
            for source, pulled in self._slope(node, arrived * weight, place):
                weighed.setdefault(source, []).append(pulled)
        yield from ((source, joined(parts)) for source, parts in weighed.items())

    def _is_linear(self, node: Node) -> bool:
        """Whether the derivative at the midpoint equals the mean derivative."""
        still = {"divide": 1, "where": 0}  # linear, where this input is the same at the baseline
        if node.op.name in still:
            return node.inputs[still[node.op.name]] not in self.roots
        return node.op.name in LINEAR

    def _rescaled(self, node: Node, root: Node, arrived: Node) -> Node:
        """Return the quotient of differences of an elementwise function, or its derivative where dx is near
        0.
        """
        up, along = node - self.below[node], root - self.below[root]
        is_near = F.abs(along) < NEAR[root.dtype]
        quotient = up / F.where(is_near, full_like(along, 1.0), along)
        slope = flow({node: full_like(node, 1.0)}, [root], [root])[0].get(root, full_like(along, 0.0))
        return arrived * F.where(is_near, slope, quotient)

    def _to_winners(self, node: Node, arrived: Node) -> Node:
        """Assign the difference of a maximum or minimum to the input that attains it."""
        (x,) = node.inputs
        above, under = self.below[node], self.below[x]
        grown, along = node - above, x - under
        up = F.relu(grown)
        here, there = (up, grown - up) if node.op.name == "max" else (grown - up, up)
        own = _card(node).pullback(arrived * here, node, x)[0]
        other = _card(node).pullback(arrived * there, above, under)[0]
        assert isinstance(own, Node)
        assert isinstance(other, Node)
        # What lies at its baseline has won nothing; and padding lies infinitely far below.
        differs = F.abs(along) > NEAR[x.dtype]
        zero, one = full_like(along, 0.0), full_like(along, 1.0)
        return F.where(differs, (own + other) / F.where(differs, along, one), zero)

    def _slope(self, node: Node, arrived: Node, place: float) -> Iterator[tuple[Node, Node]]:
        """Return the gradient at a point between the node's inputs at baseline and sample."""
        at = {x: self._between(x, place) for x in node.inputs}
        value = make(node.op.moved(at), *(at[x] for x in node.inputs))
        results = _card(value).pullback(arrived, value, *value.inputs)
        for source, pulled in zip(node.inputs, results, strict=True):
            if source in self.roots and isinstance(pulled, Node):
                yield source, pulled

    def _between(self, x: Node, place: float) -> Node:
        if x not in self.roots or not x.spec.is_float:
            return x
        return self.below[x] + (x - self.below[x]) * place


def _card(node: Node) -> Card:
    assert isinstance(node.op, Card)
    return node.op


def _stops(count: int) -> Iterator[tuple[float, float]]:
    """Return points between 0 and 1 with their weights."""
    points, weights = np.polynomial.legendre.leggauss(count)
    return ((float(p + 1) / 2, float(w) / 2) for p, w in zip(points, weights, strict=True))


def deep_lift(question: Question, points: int | None = None, tolerance: float = 1e-3) -> Found:
    """Return the contributions of the entries, averaged over the baselines."""
    require_size("deep_lift", "tolerance", tolerance)
    if points is not None:
        require_count("deep_lift", "points", points, 1)
    used, *finer = POINTS if points is None else (points,)
    values, base = _lifted(question, used)
    for count in finer:
        residual, size = account(values, question.asked - base)
        if (np.abs(residual) > tolerance * size).any():
            used, (values, base) = count, _lifted(question, count)
    return Found(values, base, None, tolerance, {"points": used, "tolerance": tolerance})


def _lifted(question: Question, points: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the contributions by input, and (n,) the score of the baseline."""
    known: dict[int, Lift] = vars(question.score).setdefault("lifts", {})  # so each is compiled once
    lift = known.setdefault(points, Lift(question.score, points))
    rows, others = question.rows, len(next(iter(question.baselines.values())))
    given = {**question.inputs, **question.chosen, **question.fixed, **question.entries}
    values: dict[str, np.ndarray] = {}
    base = np.zeros(rows)
    for k in range(others):
        begins = {
            f"{label} baseline": np.repeat(array[k : k + 1], rows, 0)
            for label, array in question.baselines.items()
        }
        found = run(lift.program, question.model.held, {**given, **begins})
        zeros = {label: np.zeros_like(array) for label, array in question.entries.items()}
        part = question.folded({label: found.get(f"c {label}", z) for label, z in zeros.items()})
        values = {name: values.get(name, 0.0) + array / others for name, array in part.items()}
        base += found["base"] / others
    return values, base


DEEP_LIFT = Method(
    name="deep_lift",
    titles=("DeepLIFT", "DeepLIFT（差值反向传播）"),
    formula="m[i] (x[i] - b[i]), m propagated from the score backward as dy / dx of each operation",
    says=(
        "The difference from the baseline, propagated from the score to the inputs in one backward pass: the "
        "values sum exactly to the difference of the scores.",
        "把得分与基线之差逐层分回各输入，一次反向遍历即可：各值之和恰好等于两处得分之差。",
    ),
    reference="Shrikumar, Greenside and Kundaje (2017), Learning important features through propagating "
    "activation differences (ICML)",
    run=deep_lift,
    complete=True,
    needs=("gradient",),
    options={"points": None, "tolerance": 1e-3},
)
