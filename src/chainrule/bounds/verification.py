"""Verify a property: proof, counterexample, or neither within the limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import count, product
from typing import Literal, TypeAlias

import numpy as np

from chainrule.bounds.alpha_beta_crown import rectifiers
from chainrule.bounds.branch_and_bound import BranchAndBound
from chainrule.bounds.counterexample import Counterexample, Falsifier
from chainrule.bounds.neuron_splitting import NeuronSplitting, box_enclosure
from chainrule.bounds.propagation import Enclosure
from chainrule.bounds.requirement import Case
from chainrule.bounds.verified_network import Subject
from chainrule.records import frozen

FEW = 12  # inputs up to which boxes are divided, not the signs of relu
SPLITS = (4, 12, 36)  # of each bound of a hidden value, by turn
SHARE = 0.35  # of the time, for improving the bounds of hidden values in a turn
FIRST_ROUNDS = 2  # of each search in the first turn; in each further one four times as many
Search: TypeAlias = "BranchAndBound | NeuronSplitting"
Status: TypeAlias = Literal["holds", "violated", "unknown"]


@frozen(eq=False)
class Verdict:
    """The result of a verification.

    Args:
        status: ``"holds"``, ``"violated"`` or ``"unknown"``.
        counterexample: of a violated property.
        boxes: how many boxes, or parts of boxes, were bounded.
        seconds: the time by the clock that was used.
    """

    status: Status
    counterexample: Counterexample | None
    boxes: int
    seconds: float


def verify(
    subject: Subject,
    cases: Sequence[Case],
    seconds: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
    workers: int = 1,
) -> Verdict:
    """Prove that no case of a property is violated, or find a counterexample.

    Args:
        cases: the property; it holds if no case is violated.
        seconds: after how many seconds the result is ``"unknown"``.
        clock: the time; ``time.process_time`` counts the processor time of all threads.
        workers: number of threads that divide boxes.

    Example:
        >>> from fractions import Fraction
        >>> from chainrule.graph import input_node
        >>> from chainrule.ops import functional as F
        >>> x = input_node("x", (None, 2), "float32")
        >>> subject = Subject(F.relu(x) - x, {})
        >>> one, below = Fraction(1), Fraction(-1, 10)
        >>> case = Case((-one, -one), (one, one), np.array([[1.0, 0.0]]), (below,))
        >>> verify(subject, [case]).status  # relu(x) - x is never -0.1 or less
        'holds'
    """
    started = clock()
    attempt = _Attempt(subject, cases, lambda: clock() - started, seconds, workers)
    with np.errstate(all="ignore"):
        counterexample = attempt.run()
    if counterexample is not None:
        status: Status = "violated"
    else:
        status = "holds" if attempt.is_proven else "unknown"
    return Verdict(status, counterexample, attempt.examined, clock() - started)


class _Attempt:
    """An attempt to prove or to refute a property within a time.

    Args:
        elapsed: seconds since the start.
        seconds: the time.
        workers: number of threads that divide boxes.
    """

    def __init__(
        self,
        subject: Subject,
        cases: Sequence[Case],
        elapsed: Callable[[], float],
        seconds: float,
        workers: int,
    ) -> None:
        self._subject, self._cases, self._workers = subject, cases, workers
        self._elapsed, self._seconds = elapsed, seconds
        self._enclosures: dict[tuple[bytes, ...], Enclosure] = {}
        self._searches: list[Search] = []
        self.is_proven = False

    def _is_over(self) -> bool:
        return self._elapsed() > self._seconds

    @property
    def examined(self) -> int:
        """The number of boxes, or parts of boxes, that were bounded."""
        return sum(search.examined for search in self._searches)

    def run(self) -> Counterexample | None:
        """Return a counterexample if one is found."""
        for case in self._cases:
            counterexample = Falsifier(self._subject, case, self._is_over).search()
            if counterexample is not None or self._is_over():
                return counterexample
        for case in self._cases:
            self._searches.append(self._search(case))
            counterexample = self._searches[-1].run(self._is_over_after(1), self._workers)
            if counterexample is not None or self._is_over():
                return counterexample
        return self._alternated()

    def _alternated(self) -> Counterexample | None:
        """Alternate between unfinished searches, each turn longer than the last, and look for violations."""
        for turn in count():
            left = [search for search in self._searches if not search.is_exhausted]
            if self._is_over() or not left:
                self.is_proven = all(search.is_done for search in self._searches)
                return None
            for search in left:
                counterexample = search.run(self._is_over_after(FIRST_ROUNDS * 4**turn), self._workers)
                if counterexample is not None or self._is_over():
                    return counterexample
            left = [search for search in left if not search.is_exhausted]
            for search, i in product(left, range(2)):
                counterexample = search.falsifier.directed(2 * turn + i)
                if counterexample is not None or self._is_over():
                    return counterexample
            if left and turn < len(SPLITS):
                self._improve([s for s in left if isinstance(s, NeuronSplitting)], SPLITS[turn])
        return None

    def _improve(self, searches: Sequence[NeuronSplitting], splits: int) -> None:
        """Improve the bounds of hidden values on the boxes of searches, in a part of the time."""
        end = self._elapsed() + SHARE * self._seconds
        improved: set[tuple[bytes, ...]] = set()

        def is_over() -> bool:
            return self._elapsed() > min(end, self._seconds)

        for search in searches:
            key = _box_of(search.case)
            if key not in improved:
                improved.add(key)
                known = search.bounds_of(self._enclosures[key])
                self._enclosures[key] = box_enclosure(
                    self._subject, search.case, None, is_over, splits=splits, known=known
                )
            search.narrow(self._enclosures[key])

    def _search(self, case: Case) -> Search:
        """Return the search for one case; cases with the same box share the bounds on it."""
        if len(case.lower) <= FEW or not rectifiers(self._subject.structure):
            return BranchAndBound(self._subject, case, self._is_over)
        key = _box_of(case)
        if key not in self._enclosures:
            self._enclosures[key] = box_enclosure(self._subject, case, None, self._is_over)
        return NeuronSplitting(self._subject, case, enclosure=self._enclosures[key], is_over=self._is_over)

    def _is_over_after(self, rounds: int) -> Callable[[], bool]:
        """Return whether the time, or a number of rounds, is over."""
        left = iter(range(rounds))
        return lambda: next(left, None) is None or self._is_over()


def _box_of(case: Case) -> tuple[bytes, ...]:
    """Return the box as a key."""
    return tuple(end.tobytes() for end in case.box)
