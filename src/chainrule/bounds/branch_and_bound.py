"""Branch and bound: a property is proven on a box, or the box is divided and both halves are examined.

For a box, linear functions of the inputs below each condition are computed (``propagation.py``). The box is
done if one of them, or a weighted mean of them, is above its limit everywhere. Otherwise it is first cut to
the part where all of them are below their limits, which contains every violation, and then divided along the
input with the largest root of slope times width. Boxes are bounded many at a time, the newest first, so
few are kept; intervals of nodes are passed on to the parts, which need tightening only where they are open.

Rejected: slope times width, which stops dividing an input whose slope is small while the bounds are loose
(one network then needs more than 19,000 boxes instead of 145); width alone, which needs three times as many
boxes on the hardest network; a priority queue, which finds violations no sooner than corners do and keeps
millions of boxes.

Reference: Wang, Pei, Whitehouse, Yang and Jana (2018), Formal security analysis of neural networks using
symbolic intervals (USENIX Security), section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Condition, Thread

import numpy as np

from chainrule.bounds.counterexample import Counterexample, Falsifier
from chainrule.bounds.interval import Interval, gamma
from chainrule.bounds.propagation import Tightening
from chainrule.bounds.requirement import Case
from chainrule.bounds.verified_network import Subject
from chainrule.engines.large_stack import start_with_large_stack
from chainrule.graph import Node
from chainrule.records import frozen

BOXES = 512  # bounded at once
ROUNDS = 3  # of cutting by all conditions
WEIGHINGS = 8  # steps towards the best weighted mean of conditions
MARGIN = 1e-12  # relative; above the rounding errors of cutting and weighing
SMALLEST = 2.0**-40  # a side that is narrower, relative to its ends, is not divided


@frozen(eq=False)
class Boxes:
    """Boxes of flat inputs, with known bounds of nodes on them.

    Args:
        lower, upper: the bounds, (n, inputs).
        known: lower and upper bounds of nodes, (n, size) each.
    """

    lower: np.ndarray
    upper: np.ndarray
    known: Mapping[Node, tuple[np.ndarray, np.ndarray]]

    def __len__(self) -> int:
        return len(self.lower)

    def take(self, index: np.ndarray | slice) -> Boxes:
        known = {node: (low[index], high[index]) for node, (low, high) in self.known.items()}
        return Boxes(self.lower[index], self.upper[index], known)

    @staticmethod
    def concatenated(parts: list[Boxes]) -> Boxes:
        if len(parts) == 1:
            return parts[0]
        known = {
            node: (
                np.concatenate([part.known[node][0] for part in parts]),
                np.concatenate([part.known[node][1] for part in parts]),
            )
            for node in parts[0].known
            if all(node in part.known for part in parts)
        }
        lower, upper = (np.concatenate([getattr(p, end) for p in parts]) for end in _ENDS)
        return Boxes(lower, upper, known)


_ENDS = ("lower", "upper")


class BranchAndBound:
    """The search for one case of a property.

    Args:
        case: the box and the conditions of a violation.
        is_over: whether the time is over; ``run`` has a shorter one.
    """

    def __init__(self, subject: Subject, case: Case, is_over: Callable[[], bool] = lambda: False) -> None:
        self.subject, self.case = subject, case
        self.falsifier = Falsifier(subject, case, is_over)
        self._is_over, self._limit = is_over, subject.at_once(BOXES, max(len(case.limits), 1))
        lower, upper = case.box
        self.examined = 0
        self.stuck = 0  # boxes too small to divide
        self._stack = [Boxes(lower[None], upper[None], {})]
        self._active = 0  # workers that examine boxes
        self._counterexample: Counterexample | None = None
        self._failure: BaseException | None = None
        self._changed = Condition()

    def run(self, is_over: Callable[[], bool], workers: int = 1) -> Counterexample | None:
        """Examine boxes until none are left, a counterexample is found, or the time is over.

        Args:
            workers: number of threads.

        Returns:
            the counterexample. If ``is_done``, there is none.
        """
        others = [Thread(target=self._work, args=(is_over,), daemon=True) for _ in range(workers - 1)]
        for thread in others:
            start_with_large_stack(thread)
        self._work(is_over)
        for thread in others:
            thread.join()
        if self._failure is not None:
            raise self._failure
        return self._counterexample

    @property
    def is_done(self) -> bool:
        """Whether every box has been examined, and none was too small to divide."""
        return not self._stack and not self._active and not self.stuck

    @property
    def is_exhausted(self) -> bool:
        """Whether no box is left to examine."""
        return not self._stack and not self._active

    def _work(self, is_over: Callable[[], bool]) -> None:
        with np.errstate(all="ignore"):
            while (boxes := self._newest(is_over)) is not None:
                parts, stuck, counterexample = [], 0, None
                try:
                    counterexample, parts, stuck = self._examined(boxes)
                except BaseException as error:  # raised again by the thread that started this one
                    self._failure = error
                with self._changed:
                    self._stack += parts
                    self.stuck += stuck
                    self._active -= 1
                    self._counterexample = self._counterexample or counterexample
                    self._changed.notify_all()

    def _newest(self, is_over: Callable[[], bool]) -> Boxes | None:
        """Return the newest boxes, waiting while others may add some; ``None`` at the end of the search."""
        with self._changed:
            while not self._stack and self._active:
                self._changed.wait()
            if not self._stack or self._counterexample or self._failure or is_over():
                return None
            parts, count = [], 0
            while self._stack and count < self._limit:
                part = self._stack.pop()
                if count + len(part) > self._limit:
                    self._stack.append(part.take(slice(self._limit - count, None)))
                    part = part.take(slice(0, self._limit - count))
                parts.append(part)
                count += len(part)
            self._active += 1
            self.examined += count
        return Boxes.concatenated(parts)

    def _examined(self, boxes: Boxes) -> tuple[Counterexample | None, list[Boxes], int]:
        """Examine boxes.

        Returns:
            a counterexample if one is found, the parts that are left, and the number of boxes that are too
            small to divide. Nothing of the search is changed, as several threads examine boxes.
        """
        if not self.case.limits:  # every input is a violation; the falsifier found none in the dtype
            return None, [], len(boxes)
        structure, count = self.subject.structure, len(boxes)
        inherited = {
            node: Interval(*(structure.from_samples(node, end) for end in ends))
            for node, ends in boxes.known.items()
        }
        enclosure = self.subject.enclosure(
            boxes.lower, boxes.upper, known=inherited, tightening=Tightening(is_over=self._is_over)
        )
        conditions = self.case.coefficients
        rows, index = np.tile(conditions, (len(boxes), 1)), np.repeat(np.arange(len(boxes)), len(conditions))
        bound = enclosure.linear_bound(self.subject.structure.output, rows, index)
        shape = (len(boxes), len(conditions))
        excess = bound.value.reshape(shape) - self.case.raised
        is_open = np.asarray(~(excess > 0).any(1))
        if not is_open.any():
            return None, [], 0
        known = {
            node: (structure.by_sample(node, x.lower, count), structure.by_sample(node, x.upper, count))
            for node, x in enclosure.tightened.items()
        }
        rest = Boxes(boxes.lower, boxes.upper, known).take(is_open)
        factors = bound.factors[self.subject.label].reshape(*shape, -1)[is_open]
        constants = (bound.constant.reshape(shape) - self.case.raised)[is_open]
        counterexample = self.falsifier.check(_candidates(rest, factors, excess[is_open]))
        if counterexample is not None:
            return counterexample, [], 0
        lower, upper, is_empty = cut(rest.lower, rest.upper, factors, constants)
        is_left = ~is_empty
        rest = Boxes(lower, upper, rest.known).take(is_left)
        parts, stuck = _halves(rest, factors[is_left]) if len(rest) else ([], 0)
        return None, parts, stuck


def _halves(boxes: Boxes, factors: np.ndarray) -> tuple[list[Boxes], int]:
    """Return the halves of boxes, and how many are too small to divide."""
    width = boxes.upper - boxes.lower
    scale = np.maximum(np.abs(boxes.lower), np.abs(boxes.upper))
    width = np.where(width > SMALLEST * scale, width, 0.0)
    influence = np.sqrt(np.abs(factors).sum(1) + 1e-9) * width
    axis, place = np.argmax(influence, 1), np.arange(len(boxes))
    can_divide = width[place, axis] > 0
    stuck = int((~can_divide).sum())
    boxes, axis = boxes.take(can_divide), axis[can_divide]
    if not len(boxes):
        return [], stuck
    place = np.arange(len(boxes))
    middle = 0.5 * boxes.lower[place, axis] + 0.5 * boxes.upper[place, axis]
    upper, lower = boxes.upper.copy(), boxes.lower.copy()
    upper[place, axis], lower[place, axis] = middle, middle
    return [Boxes(boxes.lower, upper, boxes.known), Boxes(lower, boxes.upper, boxes.known)], stuck


def _candidates(boxes: Boxes, factors: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """Return for each box the corner where the condition closest to true is smallest, and the middle."""
    worst = factors[np.arange(len(boxes)), np.argmax(excess, 1)]
    corner = np.where(worst > 0, boxes.lower, boxes.upper)
    return np.concatenate([corner, 0.5 * boxes.lower + 0.5 * boxes.upper])


def cut(
    lower: np.ndarray, upper: np.ndarray, factors: np.ndarray, constants: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut boxes to the part where all linear functions can be 0 or below.

    Args:
        lower, upper: the boxes, (n, inputs).
        factors, constants: the functions, (n, conditions, inputs) and (n, conditions).

    Returns:
        the bounds, which contain that part, and whether it is empty, (n,).

    Example:
        >>> zero, one = np.zeros((1, 1)), np.ones((1, 1))
        >>> low, high, is_empty = cut(zero, one, one[:, None], np.array([[-0.25]]))
        >>> round(float(high[0, 0]), 6), bool(is_empty[0])
        (0.25, False)
    """
    lower, upper = lower.copy(), upper.copy()
    margin = max(MARGIN, 4.0 * gamma(lower.shape[1]))
    for _ in range(ROUNDS):
        for i in range(factors.shape[1]):
            a = factors[:, i]
            minimum = np.minimum(a * lower, a * upper)
            remainder = -(minimum.sum(1) + constants[:, i])
            remainder = remainder + margin * (np.abs(minimum).sum(1) + np.abs(constants[:, i]))
            with np.errstate(all="ignore"):
                limit = (minimum + remainder[:, None]) / a
            slack = margin * np.abs(limit)
            upper = np.where(a > 0, np.fmin(upper, limit + slack), upper)
            lower = np.where(a < 0, np.fmax(lower, limit - slack), lower)
    is_empty = (lower > upper).any(1)
    return lower, upper, is_empty | _is_excluded(lower, upper, factors, constants)


def _is_excluded(
    lower: np.ndarray, upper: np.ndarray, factors: np.ndarray, constants: np.ndarray
) -> np.ndarray:
    """Return whether a weighted mean of the functions is above 0 on the box: then not all can be 0 or below.

    The weights of functions that are large where the mean is smallest are increased (multiplicative weights).
    """
    count = factors.shape[1]
    is_excluded = np.zeros(len(lower), bool)
    if count == 1:
        return is_excluded
    weights = np.full(factors.shape[:2], 1.0 / count)
    margin = max(1e-10, 4.0 * gamma(lower.shape[1]))
    scale = (np.abs(factors) * (upper - lower)[:, None]).sum(2).max(1) + 1e-30
    for _ in range(WEIGHINGS):
        mean = np.einsum("nc,nci->ni", weights, factors)
        corner = np.where(mean > 0, lower, upper)
        values = np.einsum("nci,ni->nc", factors, corner) + constants
        size = np.einsum("nci,ni->nc", np.abs(factors), np.abs(corner)) + np.abs(constants)
        is_excluded |= ((values - margin * size) * weights).sum(1) > 0
        weights = weights * np.exp(np.clip(4.0 * values / scale[:, None], -20.0, 20.0))
        weights /= weights.sum(1, keepdims=True)
    return is_excluded
