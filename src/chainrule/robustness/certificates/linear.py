"""Certificates of the network itself: linear bounds, an attack, and branch and bound."""

from __future__ import annotations

import math
import time
from fractions import Fraction

import numpy as np

from chainrule.bounds.branch_and_bound import BranchAndBound
from chainrule.bounds.neuron_splitting import NeuronSplitting
from chainrule.bounds.optimized_bound import rectifiers
from chainrule.bounds.requirement import Case
from chainrule.bounds.rounding import UNIT
from chainrule.bounds.subject import Subject
from chainrule.bounds.verification import FEW
from chainrule.records import frozen
from chainrule.robustness.ball import Ball
from chainrule.robustness.problem import Problem, Search
from chainrule.robustness.stream import Stream

STEPS = 40  # of the attack
SAMPLES = 16  # bounded at once


@frozen(eq=False)
class Region:
    """All changed samples, as boxes and for the Euclidean norm also as ellipsoids; rounded outward.

    Args:
        lower, upper: bounds of flat inputs, (n, inputs).
        ellipsoid: center and half axes, (n, inputs) each; ``None`` for the norm ``"inf"``.
    """

    lower: np.ndarray
    upper: np.ndarray
    ellipsoid: tuple[np.ndarray, np.ndarray] | None

    @staticmethod
    def of(ball: Ball, x: np.ndarray) -> Region:
        """Return the region of samples (n, ...) within a ball and the range of the data."""
        flat = len(x), math.prod(x.shape[1:])
        center = x.astype(np.float64)
        scale = np.broadcast_to(np.abs(np.asarray(ball.scale, np.float64)), x.shape[1:])
        change = np.broadcast_to(ball.radius * scale * (1.0 + 4.0 * UNIT), x.shape)
        low, high = ball.limits(x)
        lower = np.maximum(np.nextafter(center - change, -np.inf), low)
        upper = np.minimum(np.nextafter(center + change, np.inf), high)
        lower, upper = np.minimum(lower, center), np.maximum(upper, center)
        ellipsoid = (center.reshape(flat), change.reshape(flat)) if ball.norm == "2" else None
        return Region(lower.reshape(flat), upper.reshape(flat), ellipsoid)

    def rows(self, index: np.ndarray) -> Region:
        """Return the region of some samples."""
        ellipsoid = None if self.ellipsoid is None else tuple(part[index] for part in self.ellipsoid)
        return Region(self.lower[index], self.upper[index], ellipsoid)  # pyright: ignore[reportArgumentType]


def proven(subject: Subject, region: Region, classes: np.ndarray) -> np.ndarray:
    """Return whether linear bounds prove that each sample's class is predicted on its region, (n,)."""
    return np.asarray((lower_margins(subject, region, classes) > 0).all(1))  # NaN, no bound, is no proof


def lower_margins(subject: Subject, region: Region, classes: np.ndarray) -> np.ndarray:
    """Lower bounds of the logit of the class of each sample minus each other one, in order, (n, K - 1)."""
    count = subject.outputs
    lowest = np.zeros((len(classes), count - 1))
    for first in range(0, len(classes), SAMPLES):
        index = np.arange(first, min(first + SAMPLES, len(classes)))
        part = region.rows(index)
        ellipsoids = None if part.ellipsoid is None else {subject.label: part.ellipsoid}
        enclosure = subject.enclosure(part.lower, part.upper, ellipsoids=ellipsoids)
        own, other, boxes = [], [], []
        for box, label in enumerate(classes[index]):
            others = [k for k in range(count) if k != label]
            own += [label] * len(others)
            other += others
            boxes += [box] * len(others)
        place, rows = np.arange(len(own)), np.zeros((len(own), count))
        rows[place, own], rows[place, other] = 1.0, -1.0
        margins = enclosure.linear_bound(subject.structure.output, rows, np.array(boxes, int)).value
        lowest[index] = margins.reshape(len(index), -1)
    return lowest


def attacked(problem: Problem, rows: np.ndarray, stream: Stream) -> np.ndarray:
    """Attack the margin by projected gradient ascent from the samples and from random points.

    Args:
        problem: the network, samples, predicted classes and ball.
    """
    search, ball = Search(problem, rows), problem.ball
    starts = (
        np.zeros((len(rows), *problem.sample_shape)),
        ball.random((len(rows), *problem.sample_shape), stream),
    )
    for start in starts:
        at = search.open
        u = ball.project(problem.x[rows[at]], start[at])
        for step in range(STEPS):
            if not at.size:
                return search.points
            evaluation = problem.evaluate(u, rows[at], "margin")
            is_correct = search.record(at, u, evaluation)
            assert evaluation.gradient is not None
            length = 2.0 * ball.radius * (1.0 - step / STEPS) * 0.25
            u = (u + length * ball.steepest(evaluation.gradient))[is_correct]
            at = at[is_correct]
            u = ball.project(problem.x[rows[at]], u)
    return search.points


def can_divide(subject: Subject, region: Region) -> bool:
    """Return whether branch and bound applies: few inputs and the norm ``"inf"``, or a network with relu."""
    return bool(rectifiers(subject.structure)) or (region.ellipsoid is None and region.lower.shape[1] <= FEW)


def divided(
    subject: Subject, region: Region, row: int, label: int, seconds: float
) -> tuple[bool, np.ndarray | None]:
    """Branch and bound for one sample; see ``can_divide``.

    Returns:
        whether its class is proven, and a candidate for a counterexample, if there is one.
    """
    started = time.monotonic()
    if not (np.isfinite(region.lower[row]).all() and np.isfinite(region.upper[row]).all()):
        return False, None
    has_few = region.ellipsoid is None and region.lower.shape[1] <= FEW
    ellipsoid = None if region.ellipsoid is None else (region.ellipsoid[0][row], region.ellipsoid[1][row])
    lower, upper = (tuple(Fraction(float(v)) for v in end[row]) for end in (region.lower, region.upper))
    margins = lower_margins(subject, region.rows(np.array([row])), np.array([label]))[0]
    others = np.delete(np.arange(subject.outputs), label)
    is_open = np.flatnonzero(~(margins > 0))  # the other classes are excluded by linear bounds already
    for other in others[is_open[np.argsort(margins[is_open])]].tolist():
        coefficients = np.zeros((1, subject.outputs))
        coefficients[0, label], coefficients[0, other] = 1.0, -1.0
        case = Case(lower, upper, coefficients, (Fraction(0),))
        search = BranchAndBound(subject, case) if has_few else NeuronSplitting(subject, case, ellipsoid)
        counterexample = search.run(lambda: time.monotonic() - started > seconds)
        if counterexample is not None:
            return False, counterexample.x
        if not search.is_done:
            return False, None
    return True, None
