"""Checks of whether an attack can be believed: masked gradients.

An attack that fails proves nothing, and a network whose gradients are zero, random or wrong (masked
gradients) lets every attack with gradients fail although it is not robust. Each check compares facts that
must agree for a network with useful gradients; where they do not, robust accuracy is only an upper limit,
which may be far from the truth.

Reference: Athalye, Carlini and Wagner (2018), Obfuscated gradients give a false sense of security, ICML,
section 3.1. Carlini et al. (2019), On evaluating adversarial robustness, arXiv:1902.06705.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from chainrule.records import frozen
from chainrule.robustness.attack_objective import Problem
from chainrule.robustness.attacks import PGD
from chainrule.robustness.ball import Ball, Stream

MAX_ROWS = 64  # that each check uses
TOLERATED = 0.05  # share of the rows that may contradict without a warning
DEVIATIONS = 2.0  # standard errors by which more rows must contradict
SHORT = 0.1  # of the radius: the step along the gradient
FAR = 100.0  # radii, or the complete range of the data: an attack without a limit must reach every class


@frozen
class MaskingCheck:
    """A comparison that must hold if the gradients are useful.

    Args:
        name: one of the keys of its texts: ``zero_gradient``, ``not_uphill``, ``black_box``, ``one_step``,
            ``larger_radius``, ``unlimited``.
        against: rows that contradict it.
        rows: rows that it was measured on.
    """

    name: str
    against: int
    rows: int

    @property
    def is_suspicious(self) -> bool:
        """Whether more than the tolerated share of rows contradict, by more than chance explains."""
        spread = DEVIATIONS * math.sqrt(self.rows * TOLERATED * (1 - TOLERATED))
        return self.against > TOLERATED * self.rows + spread


def masking_checks(
    problem: Problem, correct: np.ndarray, broken_by: Mapping[str, np.ndarray], stream: Stream
) -> tuple[MaskingCheck, ...]:
    """Run all checks.

    Args:
        problem: the attacked problem.
        correct: (m,) the rows that the network classifies correctly.
        broken_by: for each attack that ran the rows that it broke.

    Returns:
        the checks that could be measured.
    """
    rows = correct[:MAX_ROWS]
    if not rows.size or problem.ball.radius == 0:
        return ()
    checks = [*_gradient_checks(problem, rows)]
    by_square, gradient = broken_by.get("square"), [r for n, r in broken_by.items() if n != "square"]
    if by_square is not None and gradient:
        missed = np.setdiff1d(by_square, np.concatenate(gradient))
        checks.append(MaskingCheck("black_box", len(missed), len(correct)))
    one_step = broken_by.get("fgsm", np.zeros(0, np.int64))
    if one_step.size and "pgd" in broken_by:
        missed = np.setdiff1d(one_step, broken_by["pgd"])
        checks.append(MaskingCheck("one_step", len(missed), len(one_step)))
    by_descent = broken_by.get("pgd", np.zeros(0, np.int64))[:MAX_ROWS]
    if by_descent.size:
        wider = replace(problem.ball, radius=2 * problem.ball.radius)
        checks.append(
            MaskingCheck("larger_radius", _unbroken(problem, wider, by_descent, stream), len(by_descent))
        )
    broken = np.unique(np.concatenate(list(broken_by.values()))) if broken_by else np.zeros(0, np.int64)
    unbroken = np.setdiff1d(correct, broken)[:MAX_ROWS]
    if unbroken.size:
        limit = _unlimited(problem.ball)
        checks.append(MaskingCheck("unlimited", _unbroken(problem, limit, unbroken, stream), len(unbroken)))
    return tuple(checks)


def _gradient_checks(problem: Problem, rows: np.ndarray) -> tuple[MaskingCheck, ...]:
    """Check that gradients are not zero, and that the margin rises along them."""
    zeros = np.zeros((len(rows), *problem.sample_shape))
    first = problem.evaluate(zeros, rows, "margin")
    assert first.gradient is not None
    sizes = np.abs(first.gradient).reshape(len(rows), -1).max(axis=1)
    is_zero = ~np.isfinite(sizes) | (sizes == 0)
    ball = problem.ball
    u = ball.project(problem.x[rows], SHORT * ball.radius * ball.steepest(first.gradient))
    falls = (problem.margins(u, rows).values < first.values) & ~is_zero
    return (
        MaskingCheck("zero_gradient", int(is_zero.sum()), len(rows)),
        MaskingCheck("not_uphill", int(falls.sum()), len(rows)),
    )


def _unlimited(ball: Ball) -> Ball:
    """Return a ball that contains the complete range of the data, or one that is much larger."""
    size = np.max((np.asarray(ball.high) - ball.low) / np.maximum(np.abs(np.asarray(ball.scale)), 1e-30))
    radius = FAR * ball.radius
    if np.isfinite(size):
        radius = float(size) if ball.norm == "inf" else float(size) * FAR
    return replace(ball, radius=max(radius, ball.radius))


def _unbroken(problem: Problem, ball: Ball, rows: np.ndarray, stream: Stream) -> int:
    """Return how many rows projected gradient descent does not break in a ball."""
    wider = replace(problem, ball=ball, evaluations=0)
    return int((~PGD(steps=20).search(wider, rows, stream).wrong).sum())
