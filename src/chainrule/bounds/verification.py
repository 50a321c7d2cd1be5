"""Verify a property: proof, counterexample, or neither within the limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Literal, TypeAlias

import numpy as np

from chainrule.bounds.branch_and_bound import BranchAndBound
from chainrule.bounds.counterexample import Counterexample, Falsifier
from chainrule.bounds.neuron_splitting import NeuronSplitting, box_enclosure
from chainrule.bounds.optimized_bound import rectifiers
from chainrule.bounds.propagation import Enclosure
from chainrule.bounds.requirement import Case
from chainrule.bounds.subject import Subject
from chainrule.records import frozen

FEW = 12  # inputs up to which boxes are divided, not the signs of relu
FIRST_ROUNDS = 8  # of each search in the first turn; in each further one twice as many
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
        subject: the network.
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
    attempt = _Attempt(subject, cases, lambda: clock() - started > seconds, workers)
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
        subject: the network.
        cases: the property.
        is_over: whether the time is over.
        workers: number of threads that divide boxes.
    """

    def __init__(
        self, subject: Subject, cases: Sequence[Case], is_over: Callable[[], bool], workers: int
    ) -> None:
        self._subject, self._cases, self._is_over, self._workers = subject, cases, is_over, workers
        self._searches: list[Search] = []
        self.is_proven = False

    @property
    def examined(self) -> int:
        """How many boxes, or parts of boxes, were bounded."""
        return sum(search.examined for search in self._searches)

    def run(self) -> Counterexample | None:
        """Return a counterexample if one is found."""
        for case in self._cases:
            counterexample = Falsifier(self._subject, case, self._is_over).search()
            if counterexample is not None or self._is_over():
                return counterexample
        enclosures: dict[tuple[bytes, ...], Enclosure] = {}
        for case in self._cases:
            self._searches.append(self._search(case, enclosures))
            counterexample = self._searches[-1].run(self._is_over_after(1), self._workers)
            if counterexample is not None or self._is_over():
                return counterexample
        return self._alternated()

    def _alternated(self) -> Counterexample | None:
        """Run the searches that are not done in turns, each longer than the last, and look for violations."""
        for turn in count():
            left = [search for search in self._searches if not search.is_exhausted]
            if self._is_over() or not left:
                self.is_proven = all(search.is_done for search in self._searches)
                return None
            for search in left:
                counterexample = search.falsifier.directed(turn)
                counterexample = counterexample or search.run(
                    self._is_over_after(FIRST_ROUNDS * 2**turn), self._workers
                )
                if counterexample is not None or self._is_over():
                    return counterexample
        return None

    def _search(self, case: Case, enclosures: dict[tuple[bytes, ...], Enclosure]) -> Search:
        """The search for one case; cases with the same box share the bounds on it."""
        if len(case.lower) <= FEW or not rectifiers(self._subject.structure):
            return BranchAndBound(self._subject, case, self._is_over)
        key = tuple(end.tobytes() for end in case.box)
        if key not in enclosures:
            enclosures[key] = box_enclosure(self._subject, case, None, self._is_over)
        return NeuronSplitting(self._subject, case, enclosure=enclosures[key], is_over=self._is_over)

    def _is_over_after(self, rounds: int) -> Callable[[], bool]:
        """Whether the time, or a number of rounds, is over."""
        left = iter(range(rounds))
        return lambda: next(left, None) is None or self._is_over()
