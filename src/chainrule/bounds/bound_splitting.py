"""Bounds of hidden values are improved by splitting relu before them, each bound by splits of its own.

What a linear bound of a deep network loses is mostly lost in the intervals of its hidden values. Each of
their ends is the minimum of a linear function, so it is found as the whole property is: the box is split by
the sign of the relu that costs this function most, both parts are bounded with penalties for their signs, and
the smaller bound holds for the box. A few splits go far: an argument whose sign becomes certain makes all
later bounds tighter.

Reference: Bunel, Lu, Turkaslan, Torr, Kohli and Kumar (2020), Branch and bound for piecewise linear neural
network verification (JMLR 21); Wang, Zhang, Xu, Lin, Jana, Hsieh and Kolter (2021), Beta-CROWN (NeurIPS).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from chainrule.bounds.backward_pass import Enclosed
from chainrule.bounds.interval import Interval
from chainrule.bounds.optimized_bound import Optimized, optimized, rectifiers
from chainrule.graph import Node

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
