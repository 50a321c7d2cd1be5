"""Verify a property: proof, counterexample, or neither within the limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np

from chainrule.bounds.branch_and_bound import BranchAndBound
from chainrule.bounds.counterexample import Counterexample, Falsifier
from chainrule.bounds.neuron_splitting import NeuronSplitting
from chainrule.bounds.optimized_bound import rectifiers
from chainrule.bounds.requirement import Case
from chainrule.bounds.subject import Subject
from chainrule.records import frozen

FEW = 12  # inputs up to which boxes are divided, not the signs of relu
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
    started, examined = clock(), 0

    def verdict(status: Status, counterexample: Counterexample | None = None) -> Verdict:
        return Verdict(status, counterexample, examined, clock() - started)

    with np.errstate(all="ignore"):
        for case in cases:
            counterexample = Falsifier(subject, case).search()
            if counterexample is not None:
                return verdict("violated", counterexample)
        is_complete = True
        for case in cases:
            is_split = len(case.lower) > FEW and rectifiers(subject.structure)
            search = NeuronSplitting(subject, case) if is_split else BranchAndBound(subject, case)
            counterexample = search.run(lambda: clock() - started > seconds, workers)
            examined += search.examined
            if counterexample is not None:
                return verdict("violated", counterexample)
            is_complete = is_complete and search.is_done
            if clock() - started > seconds:
                break
        else:
            return verdict("holds" if is_complete else "unknown")
    return verdict("unknown")
