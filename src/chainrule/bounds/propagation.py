"""Bounds of a network on boxes of inputs: intervals forward, linear functions backward (CROWN).

Forward, every node gets an interval. Backward, a linear function of the output is replaced step by step by
linear functions of earlier nodes that lie below it: through a linear operation exactly, by its pullback, and
through another one by its relaxation,

    a y >= max(a, 0) (s x + t) + min(a, 0) (S x + T)      where   s x + t <= y <= S x + T

until it is a function of the inputs, whose minimum over a box is known. The intervals of the arguments of
nonlinear operations are tightened in this way as well, one after the other, because relaxations depend on
them. Many boxes are bounded at once: *rows* of coefficients, each with the index of its box.

Rounding: the errors of the pullbacks are part of each node's ``slack``; relaxations, whose coefficients
change sign freely, take them into their constants, so they cost nothing per row.

Reference: Zhang, Weng, Chen, Hsieh and Daniel (2018), Efficient neural network robustness certification with
general activation functions (NeurIPS); Singh, Gehr, Püschel and Vechev (2019), An abstract domain for
certifying neural networks (POPL).

Bounds of hidden values are improved by splitting relu before them, each bound by splits of its own.

What a linear bound of a deep network loses is mostly lost in the intervals of its hidden values. Each of
their ends is the minimum of a linear function, so it is found as the whole property is: the box is split by
the sign of the relu that costs this function most, both parts are bounded with penalties for their signs, and
the smaller bound holds for the box. A few splits go far: an argument whose sign becomes certain makes all
later bounds tighter.

Reference: Bunel, Lu, Turkaslan, Torr, Kohli and Kumar (2020), Branch and bound for piecewise linear neural
network verification (JMLR 21); Wang, Zhang, Xu, Lin, Jana, Hsieh and Kolter (2021), Beta-CROWN (NeurIPS).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias, cast

import numpy as np

from chainrule.bounds.alpha_beta_crown import Optimized, optimized, rectifiers
from chainrule.bounds.crown_backward_pass import (
    NONE,
    BackwardPass,
    Enclosed,
    LinearBound,
    Multipliers,
    Prepared,
)
from chainrule.bounds.interval import TINY, UNIT, Interval, gamma, middle
from chainrule.bounds.rule import Relaxation, reduced_axes
from chainrule.bounds.structure import Structure
from chainrule.graph import Node
from chainrule.ops.operation_card import Card
from chainrule.records import frozen

# Linear bounds of a function of one number that is composed of several operations, such as GELU.
#
# The interval of the argument is divided into cells. On each cell the rules of intervals enclose the
# function, ``f in [low, high]``; a line with slope ``s`` is below it if its intercept is at most ``low - s
# x`` on every cell. So every activation that is a formula has linear bounds without a rule of its own.

CELLS = 32


def enclosed(structure: Structure, node: Node, x: Interval) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the cells of the argument and the bounds of the function on each.

    Args:
        structure: of the network.
        node: the value of the function; its root is the argument.
        x: bounds of the argument, (n, ...).

    Returns:
        the ends of the cells (CELLS + 1, n, ...), and lower and upper bounds of the function (CELLS, n, ...).
    """
    root, ends = structure.roots[node], _ends(x)
    count = x.lower.size // structure.size(root)
    low, high = (
        structure.from_samples(root, np.concatenate([structure.by_sample(root, e, count) for e in part]))
        for part in (np.minimum(ends[:-1], ends[1:]), np.maximum(ends[:-1], ends[1:]))
    )
    values = {root: Interval(low, high)}
    for step in structure.between(root, node):
        inputs = [values[s] if s in values else structure.fixed[s] for s in step.inputs]
        values[step] = structure.bounded(step, structure.card(step, CELLS * count), inputs)[0]

    def by_cell(values: np.ndarray) -> np.ndarray:
        rows = structure.by_sample(node, np.broadcast_to(values, low.shape), CELLS * count)
        return np.stack([structure.from_samples(node, part) for part in np.split(rows, CELLS)])

    return ends, by_cell(values[node].lower), by_cell(values[node].upper)


def _ends(x: Interval) -> np.ndarray:
    """Return the ends of the cells, among them 0 if it is inside: many activations have a corner there."""
    half = np.linspace(0.0, 1.0, CELLS // 2 + 1).reshape(-1, *[1] * x.lower.ndim)
    center = np.where((x.lower < 0) & (x.upper > 0), 0.0, 0.5 * x.lower + 0.5 * x.upper)
    left, right = x.lower + (center - x.lower) * half, center + (x.upper - center) * half
    ends = np.concatenate([left, right[1:]])
    ends[CELLS // 2], ends[0], ends[-1] = center, x.lower, x.upper
    return ends


def relax_function(ends: np.ndarray, low: np.ndarray, high: np.ndarray, x: Interval) -> Relaxation:
    """Return lines below and above the function; see ``enclosed`` for the arguments."""
    center = 0.5 * x.lower + 0.5 * x.upper
    lines = [_line(slope, ends, low, high, x) for slope in _directions(ends, low, high)]
    below = np.stack([slope * center + t for slope, t, _ in lines])
    above = np.stack([slope * center + t for slope, _, t in lines])
    first = np.argmax(np.where(np.isfinite(below), below, -np.inf), 0)[None]
    second = np.argmin(np.where(np.isfinite(above), above, np.inf), 0)[None]
    factors, lower, upper = (np.stack([line[i] for line in lines]) for i in range(3))

    def selected(array: np.ndarray, index: np.ndarray) -> np.ndarray:
        return np.take_along_axis(array, index, 0)[0]

    return Relaxation(
        (selected(factors, first),),
        (selected(factors, second),),
        selected(lower, first),
        selected(upper, second),
    )


def _directions(ends: np.ndarray, low: np.ndarray, high: np.ndarray) -> Sequence[np.ndarray]:
    """Return the slopes to try: chord, flat, and those of the first, the middle and the last cells."""
    middle = 0.5 * low + 0.5 * high
    factors = []
    for first, last in ((0, -1), (0, 1), (CELLS // 2 - 1, CELLS // 2), (-2, -1)):
        with np.errstate(all="ignore"):
            slope = (middle[last] - middle[first]) / (
                0.5 * (ends[1:][last] + ends[:-1][last]) - 0.5 * (ends[1:][first] + ends[:-1][first])
            )
        factors.append(np.where(np.isfinite(slope), slope, 0.0))
    return [*factors, np.zeros_like(factors[0])]


def _line(
    slope: np.ndarray, ends: np.ndarray, low: np.ndarray, high: np.ndarray, x: Interval
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the slope, and the intercepts of the lines with it below and above the function."""
    products = slope * ends
    maximum, minimum = np.maximum(products[:-1], products[1:]), np.minimum(products[:-1], products[1:])
    error = 8.0 * UNIT * (np.maximum(np.abs(low), np.abs(high)).max(0) + np.abs(slope) * x.magnitude) + TINY
    return slope, (low - maximum).min(0) - error, (high - minimum).max(0) + error


ELEMENTS = 2**17  # of the widest value, for rows that are processed at once
Known: TypeAlias = "Mapping[Node, Interval]"


@frozen(eq=False)
class Tightening:
    """The settings by which intervals are tightened.

    Args:
        steps: passes for each bound; more than 1 optimize the slopes below relu.
        splits: of relu, for each bound; see ``BoundSplitting``.
        is_over: whether no time is left.
    """

    steps: int = 1
    splits: int = 0
    is_over: Callable[[], bool] = lambda: False


ONE_PASS = Tightening()


class Enclosure:
    """Bounds of every node of a network for all inputs in boxes.

    Args:
        structure: of the network.
        boxes: lower and upper bounds of each input by label, (n, ...) each.
        known: intervals of some nodes that are known already, (n, ...), such as those of larger boxes.
        tightening: of intervals, by linear bounds; ``None``: they are not.
        ellipsoids: by label of an input, the center and the half axes of an ellipsoid that contains the
            inputs as well, (n, size) each.
        last: the last node that is bounded; ``None``: all are.
    """

    def __init__(
        self,
        structure: Structure,
        boxes: Mapping[str, tuple[np.ndarray, np.ndarray]],
        known: Known | None = None,
        tightening: Tightening | None = ONE_PASS,
        ellipsoids: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
        last: Node | None = None,
    ) -> None:
        self.structure = structure
        self._known = known = known or {}
        self.count = len(next(iter(boxes.values()))[0])
        self.intervals: dict[Node, Interval] = dict(structure.fixed)
        for label, node in structure.inputs.items():
            lower, upper = (bound.astype(np.float64) for bound in boxes[label])
            if node in known:
                lower, upper = np.maximum(lower, known[node].lower), np.minimum(upper, known[node].upper)
            self.intervals[node] = Interval(lower, upper)
        self.tightened: dict[Node, Interval] = {}
        self._prepared: dict[Node, Prepared] = {}
        self._errors: dict[Node, np.ndarray] = {}  # by rounding of the network
        self._cells: dict[Node, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self.ellipsoids = ellipsoids or {}
        self._tightening = tightening
        nodes = structure.nodes
        self._run(nodes if last is None else nodes[: nodes.index(last) + 1])

    def _run(self, nodes: Sequence[Node]) -> None:
        with np.errstate(all="ignore"):
            for node in nodes:
                if node in self.structure.rules:
                    self._tighten_arguments(node)
                    self.intervals[node] = self._interval(node)

    def _interval(self, node: Node) -> Interval:
        structure = self.structure
        card = structure.card(node, self.count)
        inputs = [self._expanded(source, node) for source in node.inputs]
        y, error = structure.bounded(node, card, inputs)
        shape = structure.shape(node, self.count)
        if error is not None:
            self._errors[node] = np.broadcast_to(error, shape)
        lower, upper = np.broadcast_to(y.lower, shape), np.broadcast_to(y.upper, shape)
        if node in structure.roots and node.spec.is_float:
            x = self.intervals[structure.roots[node]]
            cells = self._cells[node] = enclosed(structure, node, x)
            lower, upper = np.maximum(lower, cells[1].min(0)), np.minimum(upper, cells[2].max(0))
        if node in self._known:
            lower = np.maximum(lower, self._known[node].lower)
            upper = np.minimum(upper, self._known[node].upper)
        if node not in structure.linear:
            return Interval(lower, upper)
        slack = structure.linear[node].slack(card, inputs, structure.flags(node), structure.terms(node))
        return Interval(lower, upper, np.broadcast_to(slack if error is None else slack + error, shape))

    def _expanded(self, source: Node, node: Node) -> Interval:
        """Return the interval of an input; see ``Structure.operand``."""
        x = self.intervals[source]
        ends = [self.structure.operand(source, node, end, self.count) for end in (x.lower, x.upper)]
        return x if ends[0] is x.lower else Interval(*ends)

    # --- tightening

    def _tighten_arguments(self, node: Node) -> None:
        """Tighten the intervals of the arguments of a nonlinear node."""
        structure = self.structure
        if self._tightening is None or node in structure.linear or node not in structure.sources:
            return
        root = structure.roots.get(node)
        if root is not None:
            x = self.intervals[root]
            self._tighten(root, x.lower < x.upper)
            return
        inputs = [self.intervals[source] for source in node.inputs]
        for source, is_open in zip(node.inputs, structure.rules[node].open_elements(inputs), strict=True):
            self._tighten(source, is_open)

    def _tighten(self, node: Node, is_open: np.ndarray) -> None:
        """Tighten elements of the interval of a linear node by linear bounds."""
        is_exact = node in self.structure.exact and not self.ellipsoids
        if node not in self.structure.linear or is_exact or node in self.tightened:
            return
        x = self.intervals[node]
        if not is_open.any():
            self.tightened[node] = x
            return
        boxes, elements = np.nonzero(self.structure.by_sample(node, is_open, self.count))
        lower, upper = (self.structure.by_sample(node, end.copy(), self.count) for end in (x.lower, x.upper))
        step = max(ELEMENTS // (2 * self._widest), 1)
        for first in range(0, len(boxes), step):
            if self._tightening is None or self._tightening.is_over():
                break
            box, element = boxes[first : first + step], elements[first : first + step]
            rows = np.zeros((2 * len(box), lower.shape[1]))
            place = np.arange(len(box))
            rows[place, element], rows[place + len(box), element] = 1.0, -1.0
            bound = self._lowest(node, rows, np.concatenate([box, box]))
            lower[box, element] = np.fmax(lower[box, element], bound[: len(box)])
            upper[box, element] = np.fmin(upper[box, element], -bound[len(box) :])
        lower, upper = (self.structure.from_samples(node, end) for end in (lower, upper))
        self.intervals[node] = self.tightened[node] = Interval(lower, upper, x.slack)

    def _lowest(self, node: Node, rows: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Lower bounds of linear functions of a node, (R,)."""
        tightening = self._tightening or ONE_PASS
        if tightening.steps == 1 or not any(relu.op.name == "relu" for relu in self.intervals):
            return self.linear_bound(node, rows, boxes).value
        limits, is_over = np.full(len(rows), np.inf), tightening.is_over
        first = optimized(self, node, rows, boxes, limits, steps=tightening.steps, is_over=is_over)
        if not tightening.splits:
            return first.value
        search = BoundSplitting(self, node, rows, first)
        search.run(tightening.splits, is_over)
        return search.values

    def repeated(self, count: int, known: Known, last: Node) -> Enclosure:
        """Return bounds up to a node for parts of the only box of this enclosure.

        Args:
            count: number of parts.
            known: bounds of some nodes on them.
            last: the node.
        """
        boxes = {}
        for label, node in self.structure.inputs.items():
            x = self.intervals[node]
            boxes[label] = np.repeat(x.lower, count, 0), np.repeat(x.upper, count, 0)
        ellipsoids = {
            label: (np.repeat(center, count, 0), np.repeat(axes, count, 0))
            for label, (center, axes) in self.ellipsoids.items()
        }
        return Enclosure(self.structure, boxes, known, tightening=None, ellipsoids=ellipsoids, last=last)

    @property
    def _widest(self) -> int:
        return max(self.structure.size(node) for node in self.structure.variable)

    # --- backward

    def linear_bound(
        self, node: Node, rows: np.ndarray, boxes: np.ndarray, multipliers: Multipliers = NONE
    ) -> LinearBound:
        """Lower bounds of linear functions of a node.

        Args:
            node: the node.
            rows: the coefficients, (R, size of the node for one sample).
            boxes: the index of the box of each row, (R,).
            multipliers: see ``BackwardPass``.
        """
        with np.errstate(all="ignore"):
            bound = BackwardPass(self, boxes, multipliers).run(node, rows)
            lowest = self._interval_bound(node, rows, boxes)
            return replace(
                bound, value=np.where(np.isnan(lowest), bound.value, np.maximum(bound.value, lowest))
            )

    def _interval_bound(self, node: Node, rows: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Lower bounds of linear functions of a node from its interval alone, (R,); NaN where it has no end.

        A function such as clip or softmax has a range of its own, that of no line below it.
        """
        x = self.intervals[node]
        lower, upper = (self.structure.by_sample(node, end, self.count)[boxes] for end in (x.lower, x.upper))
        products = np.where(rows > 0, rows * lower, np.where(rows < 0, rows * upper, 0.0))
        error = 2.0 * gamma(rows.shape[1]) * np.abs(products).sum(1) + TINY
        return products.sum(1) - error

    def prepared(self, node: Node) -> Prepared:
        """Return the relaxation of a nonlinear node, with all rounding errors in its constants."""
        if node not in self._prepared:
            self._prepared[node] = self._prepare(node)
        return self._prepared[node]

    def _relaxation(self, node: Node) -> tuple[tuple[Node, ...], Relaxation | None]:
        """Return the inputs of the relaxation of a node, and the relaxation."""
        structure = self.structure
        rule, card = structure.rules[node], cast("Card", node.op)
        root, y = structure.roots.get(node), self.intervals[node]
        inputs = [self.intervals[source] for source in node.inputs]
        if root is None:
            return node.inputs, rule.relax(card, y, inputs)
        function = relax_function(*self._cells[node], self.intervals[root])
        if node.op.name != "where":
            return (root,), function
        choice = rule.relax(card, y, inputs)
        assert choice is not None
        is_certain = inputs[0].lower == inputs[0].upper
        return (*node.inputs, root), _either(is_certain, choice, function)

    def _prepare(self, node: Node) -> Prepared:
        structure = self.structure
        y, terms = self.intervals[node], structure.terms(node)
        sources, relaxation = self._relaxation(node)
        error = gamma(terms)
        if relaxation is None:
            lower, upper = y.lower - error * np.abs(y.lower), y.upper + error * np.abs(y.upper)
            return Prepared((), lower, upper, None)
        lower = relaxation.lower - error * np.abs(relaxation.lower)
        upper = relaxation.upper + error * np.abs(relaxation.upper)
        if node in self._errors and node not in structure.roots:  # those of functions are in their cells
            lower, upper = lower - self._errors[node], upper + self._errors[node]
        passed, rectified = [], None
        factors = zip(sources, relaxation.lower_factors, relaxation.upper_factors, strict=True)
        for source, below, above in factors:
            if below is None or above is None:
                continue
            x = self.intervals[source]
            if source in structure.variable:
                margin = 4.0 * UNIT * x.magnitude + TINY + (0.0 if x.slack is None else x.slack)
                passed.append((source, below, above))
                rectified = margin if node.op.name == "relu" else None
            else:
                center, radius = middle(x.lower, x.upper)
                margin = radius + 8.0 * UNIT * x.magnitude + TINY
                lower, upper = lower + below * center, upper + above * center
            if relaxation.spread is None:
                lower, upper = lower - np.abs(below) * margin, upper + np.abs(above) * margin
            else:
                axes = reduced_axes(cast("Card", node.op))
                lower = lower - (np.abs(below) * margin).sum(axes).reshape(lower.shape)
                upper = upper + (np.abs(above) * margin).sum(axes).reshape(upper.shape)
        return Prepared(tuple(passed), lower, upper, relaxation.spread, rectified)


def _either(is_first: np.ndarray, first: Relaxation, second: Relaxation) -> Relaxation:
    """Return elementwise one of two relaxations, with the inputs of both."""

    def masked(factors: tuple[np.ndarray | None, ...], is_own: np.ndarray) -> tuple[np.ndarray | None, ...]:
        return tuple(None if slope is None else np.where(is_own, slope, 0.0) for slope in factors)

    return Relaxation(
        masked(first.lower_factors, is_first) + masked(second.lower_factors, ~is_first),
        masked(first.upper_factors, is_first) + masked(second.upper_factors, ~is_first),
        np.where(is_first, first.lower, second.lower),
        np.where(is_first, first.upper, second.upper),
    )


PARTS = 256  # that are bounded at once, at most
STEPS = 8  # passes for each
NUMBERS = 2**24  # in all values of the parts that are bounded at once


class BoundSplitting:
    """An improvement of lower bounds of linear functions of a node on one box.

    Args:
        enclosure: bounds of the nodes before it, on one box.
        rows: the linear functions, (R, size of the node).
        first: their bounds without a split.
    """

    def __init__(self, enclosure: Enclosed, node: Node, rows: np.ndarray, first: Optimized) -> None:
        self._enclosure, self._node, self._rows = enclosure, node, rows
        self._nodes = [relu for relu in rectifiers(enclosure.structure) if relu in enclosure.intervals]
        self._arguments = list(dict.fromkeys(relu.inputs[0] for relu in self._nodes))
        structure = enclosure.structure
        self._sizes = {x: structure.size(x) for x in self._arguments}
        self._owner = np.arange(len(rows))
        self._value = np.where(np.isnan(first.value), -np.inf, first.value)
        self._signs = {x: np.zeros((len(rows), n), np.int8) for x, n in self._sizes.items()}
        self._alphas = {node: a.astype(np.float32) for node, a in first.alphas.items()}
        self._penalties = {x: np.zeros((len(rows), n), np.float32) for x, n in self._sizes.items()}
        self._chosen, self._can_split = self._best_splits(first, len(rows))

    @property
    def values(self) -> np.ndarray:
        """The bounds, (R,)."""
        lowest = np.full(len(self._rows), np.inf)
        np.minimum.at(lowest, self._owner, self._value)
        return lowest

    def run(self, rounds: int, is_over: Callable[[], bool]) -> None:
        """Split the lowest part of each function whose bound is below 0.

        Args:
            rounds: splits of each.
            is_over: whether the time is over.
        """
        numbers = sum(self._enclosure.structure.size(node) for node in self._enclosure.intervals)
        halves = max(min(PARTS, NUMBERS // (4 * numbers)) // 2, 1)
        for _ in range(rounds):
            worst = self._lowest_parts()
            if not worst.size:
                return
            for first in range(0, len(worst), halves):
                if is_over():
                    return
                self._split(worst[first : first + halves])

    def _lowest_parts(self) -> np.ndarray:
        """Return for each function with a bound below 0 the part with that bound, if it can be split."""
        order = np.lexsort((self._value, self._owner))
        is_first = np.r_[True, self._owner[order][1:] != self._owner[order][:-1]]
        worst = order[is_first]
        return worst[(self._value[worst] < 0) & self._can_split[worst]]

    def _split(self, worst: np.ndarray) -> None:
        """Replace parts by their halves; the first half takes the place of the part."""
        count = len(worst)
        both = np.concatenate([worst, worst])
        signs = {x: a[both] for x, a in self._signs.items()}
        place = np.arange(count)
        for k, relu in enumerate(self._nodes):
            own = np.flatnonzero(self._chosen[worst, 0] == k)
            for offset, sign in ((0, 1), (count, -1)):
                signs[relu.inputs[0]][place[own] + offset, self._chosen[worst[own], 1]] = sign
        enclosure, is_empty = self._parts_enclosure(signs)
        start = (
            {node: a[both].astype(np.float64) for node, a in self._alphas.items()},
            {x: a[both].astype(np.float64) for x, a in self._penalties.items()},
        )
        rows = self._rows[self._owner[both]]
        boxes = np.arange(2 * count)
        limits = np.zeros(2 * count)
        result = optimized(enclosure, self._node, rows, boxes, limits, signs=signs, start=start, steps=STEPS)
        value = np.fmax(result.value, self._value[both])
        value = np.where(is_empty, np.inf, np.where(np.isnan(value), -np.inf, value))
        chosen, can_split = self._best_splits(result, 2 * count)
        penalties = {x: result.penalties.get(x, self._penalties[x][both]) for x in self._arguments}

        def replaced(old: np.ndarray, new: np.ndarray) -> np.ndarray:
            old[worst] = new[:count]
            return np.concatenate([old, new[count:].astype(old.dtype)])

        self._signs = {x: replaced(a, signs[x]) for x, a in self._signs.items()}
        self._alphas = {node: replaced(a, result.alphas[node]) for node, a in self._alphas.items()}
        self._penalties = {x: replaced(a, penalties[x]) for x, a in self._penalties.items()}
        self._owner = replaced(self._owner, self._owner[both])
        self._value, self._chosen = replaced(self._value, value), replaced(self._chosen, chosen)
        self._can_split = replaced(self._can_split, can_split)

    def _parts_enclosure(self, signs: Mapping[Node, np.ndarray]) -> tuple[Enclosed, np.ndarray]:
        """Return bounds on parts, and whether they contradict one another, (n,)."""
        structure, count = self._enclosure.structure, len(next(iter(signs.values())))
        known = {}
        for x in self._arguments:
            interval = self._enclosure.intervals[x]
            lower, upper = (structure.by_sample(x, end, 1) for end in (interval.lower, interval.upper))
            low = np.where(signs[x] > 0, np.maximum(lower, 0.0), lower)
            high = np.where(signs[x] < 0, np.minimum(upper, 0.0), upper)
            known[x] = Interval(structure.from_samples(x, low), structure.from_samples(x, high))
        enclosure = self._enclosure.repeated(count, known, self._node)
        is_empty = np.zeros(count, bool)
        for x in self._arguments:
            interval = enclosure.intervals[x]
            is_empty |= structure.by_sample(x, interval.lower > interval.upper, count).any(1)
        return enclosure, is_empty

    def _best_splits(self, result: Optimized, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the relu that each part is split at next, and whether there is one."""
        chosen, scores = np.zeros((count, 2), int), np.full(count, -1.0)
        for k, relu in enumerate(self._nodes):
            if relu not in result.gaps:
                continue
            gap = np.nan_to_num(result.gaps[relu], nan=-1.0)
            element = np.argmax(gap, 1)
            score = gap[np.arange(count), element]
            is_better = score > scores
            chosen[is_better] = np.stack([np.full(count, k), element], 1)[is_better]
            scores = np.where(is_better, score, scores)
        return chosen, scores >= 0
