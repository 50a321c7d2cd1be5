"""Branch and bound over the signs of relu arguments, for networks with many inputs.

Dividing the box of an image along one pixel changes next to nothing. Instead a part of the box is described
by signs: the inputs for which the argument of one relu is 0 or above, and those for which it is 0 or below.
On both parts this relu is linear. The parts are bounded with penalties for their signs
(``alpha_beta_crown.py``), many at a time, the newest first; a part is done if one of the conditions is above
its limit, or if bounds contradict one another, so that it contains no input. The intervals of the arguments
are those of the whole box, cut by the signs: tightening them for every part costs more than it saves.

The relu that is split is the one at which the lines of the bound differ most from the network at the point
where the bound is smallest.

Reference: Wang, Zhang, Xu, Lin, Jana, Hsieh and Kolter (2021), Beta-CROWN: efficient bound propagation with
per-neuron split constraints for neural network robustness verification (NeurIPS); Bunel, Lu, Turkaslan,
Torr, Kohli and Kumar (2020), Branch and bound for piecewise linear neural network verification (JMLR 21).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from chainrule.bounds.alpha_beta_crown import Arrays, Optimized, optimized, rectifiers
from chainrule.bounds.counterexample import Counterexample, Falsifier
from chainrule.bounds.interval import Interval
from chainrule.bounds.propagation import Enclosure, Tightening
from chainrule.bounds.requirement import Case
from chainrule.bounds.verified_network import Subject
from chainrule.graph import Node
from chainrule.records import frozen

NUMBERS = 2**22  # of all intervals of the parts that are bounded at once
PARTS = 64  # that are bounded at once, at most
FIRST_STEPS, STEPS = 40, 12  # passes for the whole box, and for a part
ARGUMENT_STEPS = 12  # passes for each bound of an argument on the whole box
NEAR = 8  # minimizers of open parts from which a counterexample is searched for


@frozen(eq=False)
class Parts:
    """Parts of a box.

    Args:
        lower, upper: bounds of the arguments of relu, by node, (n, size).
        signs: 1 where an argument is 0 or above, -1 where it is 0 or below, else 0, (n, size).
        alphas, penalties: of the last bound, by node, (n, conditions, size).
        chosen: the relu to be split, its number in ``NeuronSplitting.nodes`` and its element, (n, 2).
    """

    lower: Mapping[Node, np.ndarray]
    upper: Mapping[Node, np.ndarray]
    signs: Mapping[Node, np.ndarray]
    alphas: Mapping[Node, np.ndarray]
    penalties: Mapping[Node, np.ndarray]
    chosen: np.ndarray

    def __len__(self) -> int:
        return len(self.chosen)

    def take(self, index: np.ndarray | slice) -> Parts:
        lower, upper, signs, alphas, penalties = (
            {node: a[index] for node, a in part.items()} for part in self._mappings
        )
        return Parts(lower, upper, signs, alphas, penalties, self.chosen[index])

    @property
    def _mappings(self) -> tuple[Mapping[Node, np.ndarray], ...]:
        return self.lower, self.upper, self.signs, self.alphas, self.penalties

    @staticmethod
    def concatenated(parts: list[Parts]) -> Parts:
        columns = zip(*(part._mappings for part in parts), strict=True)
        lower, upper, signs, alphas, penalties = (
            {node: np.concatenate([m[node] for m in ms]) for node in ms[0]} for ms in columns
        )
        chosen = np.concatenate([part.chosen for part in parts])
        return Parts(lower, upper, signs, alphas, penalties, chosen)


def box_enclosure(
    subject: Subject,
    case: Case,
    ellipsoid: tuple[np.ndarray, np.ndarray] | None,
    is_over: Callable[[], bool],
    *,
    splits: int = 0,
    known: Mapping[Node, Interval] = MappingProxyType({}),
) -> Enclosure:
    """Return bounds on the whole box of a case, with optimized bounds of the arguments of relu.

    Args:
        ellipsoid: see ``NeuronSplitting``.
        is_over: whether the time is over; bounds hold also if it is, but are looser.
        splits: of relu, for each bound.
        known: bounds of some nodes.
    """
    lower, upper = (end[None] for end in case.box)
    ellipsoids = _repeated(subject, ellipsoid, 1)
    tightening = Tightening(ARGUMENT_STEPS, splits, is_over)
    return subject.enclosure(lower, upper, ellipsoids=ellipsoids, tightening=tightening, known=known)


def _repeated(
    subject: Subject, ellipsoid: tuple[np.ndarray, np.ndarray] | None, count: int
) -> dict[str, tuple[np.ndarray, np.ndarray]] | None:
    if ellipsoid is None:
        return None
    center, axes = (np.repeat(part[None], count, 0) for part in ellipsoid)
    return {subject.label: (center, axes)}


class NeuronSplitting:
    """The search for one case of a property.

    Args:
        subject: the network, with at least one relu.
        case: the box and the conditions of a violation.
        ellipsoid: center and half axes of an ellipsoid that contains the inputs as well, (inputs,) each.
        enclosure: bounds on the whole box, for cases with the same one.
        is_over: whether the time is over; ``run`` has a shorter one.
    """

    def __init__(
        self,
        subject: Subject,
        case: Case,
        ellipsoid: tuple[np.ndarray, np.ndarray] | None = None,
        enclosure: Enclosure | None = None,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self.subject, self.case = subject, case
        self.nodes = rectifiers(subject.structure)
        self.falsifier, self._is_over = Falsifier(subject, case, is_over), is_over
        self.examined = 0
        self.stuck = 0  # parts without a relu to split that are not proven
        self._ellipsoid, self._enclosure_of_box, self._is_started = ellipsoid, enclosure, False
        self._stack: list[Parts] = []
        self._is_done = False

    @property
    def is_done(self) -> bool:
        """Whether every part has been proven."""
        return self._is_done

    @property
    def is_exhausted(self) -> bool:
        """Whether no part is left to examine."""
        return self._is_started and not self._stack

    def run(self, is_over: Callable[[], bool], workers: int = 1) -> Counterexample | None:
        """Examine parts until none are left, a counterexample is found, or the time is over.

        Args:
            is_over: whether the time is over; the search may be run again then.
            workers: not used; one thread examines the parts.
        """
        counterexample = None
        if not self._is_started:
            self._is_started = True
            counterexample = self._first(is_over)
        while self._stack and counterexample is None and not is_over():
            counterexample = self._bounded(self._divided(self._newest()))
        self._is_done = not self._stack and not self.stuck and counterexample is None
        return counterexample

    def bounds_of(self, enclosure: Enclosure) -> dict[Node, Interval]:
        """Return the bounds of the arguments of relu."""
        return {x: enclosure.intervals[x] for x in self._arguments}

    def narrow(self, enclosure: Enclosure) -> None:
        """Cut the parts that are left to better bounds on the whole box."""
        structure, ends = self.subject.structure, {}
        for x in self._arguments:
            interval = enclosure.intervals[x]
            ends[x] = tuple(structure.by_sample(x, end, 1) for end in (interval.lower, interval.upper))

        def cut(part: Parts) -> Parts:
            lower = {x: np.maximum(a, ends[x][0]) for x, a in part.lower.items()}
            upper = {x: np.minimum(a, ends[x][1]) for x, a in part.upper.items()}
            return Parts(lower, upper, part.signs, part.alphas, part.penalties, part.chosen)

        self._stack = [cut(part) for part in self._stack]

    def _first(self, is_over: Callable[[], bool]) -> Counterexample | None:
        """Bound the whole box."""
        structure = self.subject.structure
        enclosure = self._enclosure_of_box or box_enclosure(self.subject, self.case, self._ellipsoid, is_over)
        intervals = {x: enclosure.intervals[x] for x in self._arguments}
        lower, upper = (
            {x: structure.by_sample(x, np.asarray(getattr(i, end)), 1) for x, i in intervals.items()}
            for end in ("lower", "upper")
        )
        signs = {x: np.zeros(a.shape, np.int8) for x, a in lower.items()}
        part = Parts(lower, upper, signs, {}, {}, np.zeros((1, 2), int))
        return self._bounded(part, enclosure, FIRST_STEPS)

    @property
    def _arguments(self) -> list[Node]:
        return list(dict.fromkeys(node.inputs[0] for node in self.nodes))

    def _enclosure(self, parts: Parts) -> Enclosure:
        structure, count = self.subject.structure, len(parts)
        known = {
            x: Interval(structure.from_samples(x, parts.lower[x]), structure.from_samples(x, parts.upper[x]))
            for x in parts.lower
        }
        lower, upper = (np.repeat(end[None], count, 0) for end in self.case.box)
        ellipsoids = _repeated(self.subject, self._ellipsoid, count)
        return self.subject.enclosure(lower, upper, known=known, tightening=None, ellipsoids=ellipsoids)

    def _newest(self) -> Parts:
        """Return the newest parts, as many as are bounded at once."""
        size = sum(a[0].size for a in self._stack[-1].lower.values()) * (2 + 4 * len(self.case.limits))
        count_at_once = self.subject.at_once(PARTS, 4 * max(len(self.case.limits), 1))
        limit, parts, count = max(min(count_at_once, NUMBERS // max(size, 1)), 1), [], 0
        while self._stack and count < limit:
            part = self._stack.pop()
            if count + len(part) > limit:
                self._stack.append(part.take(slice(limit - count, None)))
                part = part.take(slice(0, limit - count))
            parts.append(part)
            count += len(part)
        return Parts.concatenated(parts)

    def _divided(self, parts: Parts) -> Parts:
        """Return both halves of each part: the argument of the chosen relu is 0 or above, or 0 or below."""
        halves = []
        for sign in (1, -1):
            lower, upper, signs = (
                {x: a.copy() for x, a in mapping.items()}
                for mapping in (parts.lower, parts.upper, parts.signs)
            )
            for k, node in enumerate(self.nodes):
                (x,) = node.inputs
                rows = np.flatnonzero(parts.chosen[:, 0] == k)
                place = parts.chosen[rows, 1]
                signs[x][rows, place] = sign
                ends = lower if sign > 0 else upper
                ends[x][rows, place] = 0.0
            halves.append(Parts(lower, upper, signs, parts.alphas, parts.penalties, parts.chosen))
        return Parts.concatenated(halves)

    def _bounded(
        self, parts: Parts, enclosure: Enclosure | None = None, steps: int = STEPS
    ) -> Counterexample | None:
        """Bound parts; those that are not proven are kept, with the relu to split next."""
        case, structure, count = self.case, self.subject.structure, len(parts)
        self.examined += count
        enclosure = enclosure or self._enclosure(parts)
        conditions = len(case.limits)
        if not conditions:  # every input is a violation; the falsifier did not find one
            self.stuck += count
            return None
        rows, boxes = np.tile(case.coefficients, (count, 1)), np.repeat(np.arange(count), conditions)
        start = None
        if parts.alphas:
            alphas, penalties = (
                {x: a.reshape(count * conditions, -1) for x, a in mapping.items()}
                for mapping in (parts.alphas, parts.penalties)
            )
            start = alphas, penalties
        signs = {x: s[boxes] for x, s in parts.signs.items() if s.any()}
        result = optimized(
            enclosure,
            structure.output,
            rows,
            boxes,
            np.tile(case.raised, count),
            signs=signs,
            start=start,
            steps=steps,
            is_over=self._is_over,
        )
        excess = result.value.reshape(count, conditions) - case.raised
        is_open = np.asarray(~(excess > 0).any(1)) & ~self._is_empty(enclosure)
        if not is_open.any():
            return None
        best = np.argmax(np.nan_to_num(excess, nan=-np.inf), 1)
        place = np.arange(count) * conditions + best
        points = result.points[self.subject.label][place][is_open]
        counterexample = self.falsifier.check(points) or self.falsifier.near(points[:NEAR])
        if counterexample is not None:
            return counterexample
        self._keep(parts, result, place, is_open, structure.by_sample, enclosure)
        return None

    def _keep(
        self,
        parts: Parts,
        result: Optimized,
        place: np.ndarray,
        is_open: np.ndarray,
        by_sample: Callable[[Node, np.ndarray, int], np.ndarray],
        enclosure: Enclosure,
    ) -> None:
        """Put parts that are not proven on the stack."""
        count, chosen, scores = len(parts), np.zeros((len(parts), 2), int), np.full(len(parts), -1.0)
        for k, node in enumerate(self.nodes):
            if node in result.gaps:
                gap = result.gaps[node][place]
                element = np.argmax(np.nan_to_num(gap, nan=-1.0), 1)
                score = gap[np.arange(count), element]
                is_better = score > scores
                chosen[is_better] = np.stack([np.full(count, k), element], 1)[is_better]
                scores = np.where(is_better, score, scores)
        can_split = is_open & (scores >= 0)
        self.stuck += int((is_open & ~can_split).sum())
        if not can_split.any():
            return

        def by_part(arrays: Arrays) -> Arrays:
            return {x: a.reshape(count, -1, a.shape[1]) for x, a in arrays.items()}

        penalties = dict(result.penalties)
        for x, a in parts.lower.items():
            if x not in penalties:
                penalties[x] = np.zeros((len(result.value), a.shape[1]))
        lower, upper = (
            {x: by_sample(x, np.asarray(getattr(enclosure.intervals[x], end)), count) for x in parts.lower}
            for end in ("lower", "upper")
        )
        remaining = Parts(lower, upper, parts.signs, by_part(result.alphas), by_part(penalties), chosen)
        self._stack.append(remaining.take(can_split))

    def _is_empty(self, enclosure: Enclosure) -> np.ndarray:
        """Return whether bounds of a part contradict one another, (n,)."""
        structure, count = self.subject.structure, enclosure.count
        is_empty = np.zeros(count, bool)
        for x in self._arguments:
            interval = enclosure.intervals[x]
            is_empty |= structure.by_sample(x, interval.lower > interval.upper, count).any(1)
        return is_empty
