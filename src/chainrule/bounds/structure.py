"""The structure of a network for bounds: rules, constants, and which nodes are linear in which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from chainrule.bounds.evaluation import Transposed, evaluated
from chainrule.bounds.interval import ARITHMETICS, Interval
from chainrule.bounds.rule import BoundRule
from chainrule.bounds.rules import RULES
from chainrule.bounds.rules.linear import Linear, Rearrangement
from chainrule.errors import UsageError, fact
from chainrule.graph import Constant, Input, Node, make, order
from chainrule.memoization import cached_property
from chainrule.ops import functional as F
from chainrule.ops.batch_axis import BATCH, roles
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.operation_card import Card
from chainrule.symbolic_shape import Axis, Size, count, size_at

# Equivalent forms of a network whose bounds are tighter.


def rewritten(output: Node) -> Node:
    """Return a node with each ``log_softmax(x)`` as ``x - logsumexp(x)``, whose parts have linear bounds.

    Example:
        >>> from chainrule.graph import input_node
        >>> rewritten(F.log_softmax(input_node("x", (None, 3), "float64"), 1)).op.name
        'subtract'
    """
    nodes: dict[Node, Node] = {}
    for node in order([output]):
        inputs = tuple(nodes[source] for source in node.inputs)
        if node.op.name == "log_softmax":
            (x,), axis = inputs, node.op.attributes["axis"]
            wide = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
            nodes[node] = x - F.broadcast_to(F.reshape(F.logsumexp(x, axis), wide), x.shape)
        else:
            nodes[node] = node if inputs == node.inputs else make(node.op, *inputs)
    return nodes[output]


BATCH_NAME = str(BATCH)
KEEP_SIGN = frozenset({"add", "sum", "multiply", "divide"})  # of inputs from 0 on, however they are rounded
CHAIN = 64  # nodes before an elementwise node among which its root is searched


class Structure:
    """A network whose outputs are bounded.

    Args:
        output: the node that is bounded; samples lie along one of its axes.
        arrays: the parameters and states by label; the other inputs of the graph are data.
        sizes: values of symbolic sizes besides the batch size.
        is_rounded: whether bounds also hold for the values that the network has when every operation rounds
            in its dtype, in any order of summation; else they hold in exact arithmetic.

    Raises:
        UsageError E580: an operation has no rule for bounds. E581: samples influence one another.
    """

    def __init__(
        self,
        output: Node,
        arrays: Mapping[str, np.ndarray],
        sizes: Mapping[str, int] | None = None,
        is_rounded: bool = False,
    ) -> None:
        self.is_rounded = is_rounded
        self.output = output = rewritten(output)
        self.sizes = dict(sizes or {})
        self.nodes = order([output])
        self.inputs = {
            node.op.label: node
            for node in self.nodes
            if isinstance(node.op, Input) and node.op.label not in arrays
        }
        self.variable: set[Node] = set(self.inputs.values())
        for node in self.nodes:
            if any(source in self.variable for source in node.inputs) and not _is_count(node):
                self.variable.add(node)
        self._require_separate_samples()
        self.fixed: dict[Node, Interval] = {}
        for node in self.nodes:
            if node not in self.variable:
                self.fixed[node] = self._constant(node, arrays)
        self.rules = {node: self._rule(node) for node in self.nodes if node.inputs and node in self.variable}

    def _rule(self, node: Node) -> BoundRule:
        rule = RULES.get(node.op.name)
        if rule is None:
            expected = ", ".join(sorted(RULES))
            raise UsageError(
                "E580", where=str(node.site), op=node.op.name, expected=expected, received=node.op.name
            )
        return rule

    def _constant(self, node: Node, arrays: Mapping[str, np.ndarray]) -> Interval:
        """Return the bounds of a node that does not depend on the data, for a batch of one."""
        if isinstance(node.op, Input):
            return Interval.point(arrays[node.op.label])
        if isinstance(node.op, Constant):
            return Interval.point(node.op.array)
        if _is_count(node):
            lengths = [node.inputs[0].shape[axis] for axis in node.op.attributes["axes"]]
            return Interval.point(np.array(size_at(count(lengths), self.sizes), np.float64))
        inputs = [self.fixed[source] for source in node.inputs]
        card = self.card(node, 1)
        if all(x.lower.dtype.kind != "f" for x in inputs):  # integers and truth values are exact
            return Interval.point(evaluated(card, [x.lower for x in inputs]))
        return self.bounded(node, card, inputs, self._rule(node))[0]

    def bounded(
        self, node: Node, card: Card, inputs: Sequence[Interval], rule: BoundRule | None = None
    ) -> tuple[Interval, np.ndarray | None]:
        """Return bounds of the value of a node, and by how much rounding may change it, if it may.

        Args:
            node: the node.
            card: its card with sizes.
            inputs: bounds of its inputs.
            rule: of the node.
        """
        rule, terms = rule or self.rules[node], self.terms(node)
        y = rule.interval(card, inputs, terms)
        if not node.spec.is_float:
            return y, None
        if node.op.name == "square" or (
            node.op.name in KEEP_SIGN and all(bool((x.lower >= 0).all()) for x in inputs)
        ):
            return self._rounded(node, card, inputs, rule, Interval(np.maximum(y.lower, 0.0), y.upper), 0.0)
        return self._rounded(node, card, inputs, rule, y, -np.inf)

    def _rounded(
        self, node: Node, card: Card, inputs: Sequence[Interval], rule: BoundRule, y: Interval, low: float
    ) -> tuple[Interval, np.ndarray | None]:
        """Return the result of ``bounded``; the value is in ``y`` before rounding, never below ``low``."""
        if not self.is_rounded:
            return y, None
        error = rule.rounding(card, y, inputs, self.terms(node), ARITHMETICS[node.dtype])
        if isinstance(error, float) and error == 0.0:
            return y, None
        return Interval(np.maximum(y.lower - error, low), y.upper + error), np.asarray(error)

    def _require_separate_samples(self) -> None:
        by_node = roles(self.nodes)
        for node in self.nodes:
            if node in self.variable and (by_node[node].kind != "sample" or not _has_batch_axis(node)):
                expected = fact("samples along one axis, each on its own")
                raise UsageError(
                    "E581", where=str(node.site), op=node.op.name, expected=expected, received=node.spec
                )

    def card(self, node: Node, batch: int) -> Card:
        """Return the card of a node with its sizes bound."""
        return cast("Card", node.op.with_sizes({**self.sizes, BATCH_NAME: batch}))

    def size(self, node: Node) -> int:
        """Return the number of elements of a node for one sample."""
        return size_at(count(node.shape), {**self.sizes, BATCH_NAME: 1})

    def shape(self, node: Node, count: int) -> tuple[int, ...]:
        """Return the shape of a node for a number of samples."""
        return tuple(size_at(n, {**self.sizes, BATCH_NAME: count}) for n in node.shape)

    def by_sample(self, node: Node, values: np.ndarray, count: int) -> np.ndarray:
        """Return the values of a node with a row for each sample, (count, size)."""
        axis = _batch_axis(node)
        size = -1 if count else self.size(node)
        return (np.moveaxis(values, axis, 0) if axis else values).reshape(count, size)

    def from_samples(self, node: Node, rows: np.ndarray) -> np.ndarray:
        """Return the values of a node from a row for each sample, (count, size)."""
        shape, axis = self.shape(node, len(rows)), _batch_axis(node)
        if not axis:
            return rows.reshape(shape)
        return np.moveaxis(rows.reshape(len(rows), *shape[:axis], *shape[axis + 1 :]), 0, axis)

    def of_samples(self, node: Node, values: np.ndarray, index: np.ndarray | slice, count: int) -> np.ndarray:
        """Return the values of a node for some of ``count`` samples, which may be repeated."""
        axis = _batch_axis(node)
        if not axis and len(values) == count:
            return values[index]
        return self.from_samples(node, self.by_sample(node, values, count)[index])

    def operand(self, source: Node, node: Node, values: np.ndarray, count: int) -> np.ndarray:
        """Return the values of a node's input; constants are repeated, as concatenation cannot broadcast."""
        if node.op.name != "concatenate" or source in self.variable:
            return values
        return np.broadcast_to(values, self.shape(source, count))

    def terms(self, node: Node) -> int:
        """Return the most terms in a sum over a sample, of the value of a node or of its pullback."""
        return max(self.size(part) for part in (node, *node.inputs))

    def flags(self, node: Node) -> tuple[bool, ...]:
        """Return for each input of a node whether it depends on the data."""
        return tuple(source in self.variable for source in node.inputs)

    @cached_property
    def linear(self) -> dict[Node, Linear]:
        """The rules of the nodes that are affine in those of their inputs that depend on the data."""
        return {
            node: rule
            for node, rule in self.rules.items()
            if isinstance(rule, Linear)
            and node.spec.is_float
            and all(source.spec.is_float for source in node.inputs if source in self.variable)
            and rule.is_linear(cast("Card", node.op), self.flags(node))
        }

    @cached_property
    def transposed(self) -> dict[Node, Transposed]:
        """The pullback of each linear node."""
        return {node: Transposed(node, self.flags(node)) for node in self.linear}

    @cached_property
    def exact(self) -> set[Node]:
        """Nodes whose intervals are exact: at most one sum of separate inputs precedes them."""
        separate, exact = set(self.inputs.values()), set(self.inputs.values())
        for node, rule in self.linear.items():
            sources = [source for source in node.inputs if source in self.variable]
            if len(sources) != 1 or sources[0] not in exact:
                continue
            moves = isinstance(rule, Rearrangement) and node.op.name not in ("broadcast", "patches")
            keeps = moves or isinstance(node.op, Elementwise)
            if keeps or sources[0] in separate:
                exact.add(node)
            if keeps and sources[0] in separate:
                separate.add(node)
        return exact

    @cached_property
    def roots(self) -> dict[Node, Node]:
        """For elementwise nodes of several inputs: the one node that all of them are a function of, if any.

        ``x * (1 + erf(x / sqrt(2))) / 2`` is such a function: its product has two inputs, but one number
        determines both.
        """
        chains: dict[Node, list[Node]] = {}
        roots: dict[Node, Node] = {}
        for node in self.nodes:
            if node not in self.variable:
                continue
            chains[node] = [node]
            sources = list(dict.fromkeys(s for s in node.inputs if s in self.variable))
            if not sources or not isinstance(node.op, Elementwise):
                continue
            first, *others = (chains[source] for source in sources)
            common = [n for n in first if all(n in other for other in others) and n.shape == node.shape]
            chains[node] += common[:CHAIN]
            if len(sources) > 1 and common and node not in self.linear:
                roots[node] = common[0]
        return roots

    @cached_property
    def sources(self) -> dict[Node, tuple[Node, ...]]:
        """The nodes that each node passes coefficients to, for the nodes that the output needs."""
        passed_to: dict[Node, tuple[Node, ...]] = {}
        needed = {self.output}
        for node in reversed(self.nodes):
            if node in needed and node in self.rules:
                passed = [source for source in node.inputs if source in self.variable]
                if node in self.roots:
                    passed = [s for s in passed if node.op.name == "where" and s.spec.is_float]
                    passed.append(self.roots[node])
                passed_to[node] = tuple(dict.fromkeys(passed))
                needed.update(passed_to[node])
        return passed_to

    def between(self, root: Node, node: Node) -> Sequence[Node]:
        """Return the nodes that compute a node from its root, in order."""
        return [n for n in order([node], [root]) if n in self.variable]


def _is_count(node: Node) -> bool:
    """Return whether a node counts elements of a sample, which depends on shapes alone."""
    return node.op.name == "extent" and 0 not in node.op.attributes["axes"]


def _batch_axis(node: Node) -> int:
    """Return the axis along which samples lie."""
    return next((i for i, n in enumerate(node.shape) if _is_batch(n)), 0)


def _is_batch(length: Axis) -> bool:
    return isinstance(length, Size) and any(BATCH_NAME in m for m, _ in length.terms)


def _has_batch_axis(node: Node) -> bool:
    """Return whether samples lie along one axis; only along the first may several entries belong to one."""
    axes = [i for i, n in enumerate(node.shape) if _is_batch(n)]
    return len(axes) == 1 and (axes[0] == 0 or node.shape[axes[0]] == BATCH)
