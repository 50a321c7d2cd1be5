"""APGD: projected gradient descent with momentum, whose step size halves where the objective stagnates.

A fixed step size is the one setting of PGD that must fit the network. Here it starts at twice the radius, and
at given checkpoints it is halved for every row whose objective rose in too few of the last steps, or whose
best value and step size have not changed since the last checkpoint; the row then continues from its best
point.

Checkpoints of 100 steps: 22, 41, 57, 70, 80, 87, 93, 99: intervals of 0.22 of all steps that shrink by 0.03,
down to 0.06.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from chainrule.messages import Text
from chainrule.records import frozen
from chainrule.robustness.method import Attack
from chainrule.robustness.problem import Evaluation, Problem, Search
from chainrule.robustness.stream import Stream
from chainrule.validation import require_integer

MOMENTUM = 0.75  # weight of the gradient step; the rest is the weight of the move before it
RISING = 0.75  # share of the steps between two checkpoints in which the objective must rise
FIRST_INTERVAL, SHRINK, LAST_INTERVAL = 0.22, 0.03, 0.06  # of the checkpoints, as shares of all steps


def checkpoints(steps: int) -> list[int]:
    """Return the steps after which step sizes are reviewed.

    Example:
        >>> checkpoints(100)
        [22, 41, 57, 70, 80, 87, 93, 99]
    """
    at, interval, points = FIRST_INTERVAL, FIRST_INTERVAL, []
    while at < 1.0 - 1e-9:
        points.append(math.ceil(round(at * steps, 9)))
        interval = max(interval - SHRINK, LAST_INTERVAL)
        at += interval
    return points


@dataclass
class _Rows:
    """The rows that are still attacked; every array has one entry for each.

    Args:
        at: their positions in the search.
        u, previous: the present and the previous changes.
        gradient: at the present changes.
        value: the objective at the present changes.
        best, best_u, best_gradient: the largest objective, and where it is.
        size: the step size.
        rises: in how many steps since the last checkpoint the objective rose.
        was_halved: whether the step size was halved at the last checkpoint.
        best_before: the largest objective at the last checkpoint.
        targets: the classes that the objective prefers; not used by those without one.
    """

    at: np.ndarray
    u: np.ndarray
    previous: np.ndarray
    gradient: np.ndarray
    value: np.ndarray
    best: np.ndarray
    best_u: np.ndarray
    best_gradient: np.ndarray
    size: np.ndarray
    rises: np.ndarray
    was_halved: np.ndarray
    best_before: np.ndarray
    targets: np.ndarray

    def keep(self, mask: np.ndarray) -> None:
        """Drop the rows outside a mask."""
        if not mask.all():
            for name, array in vars(self).items():
                setattr(self, name, array[mask])

    def update(self, u: np.ndarray, evaluation: Evaluation) -> None:
        """Move to other changes with their values."""
        assert evaluation.gradient is not None
        self.previous, self.u = self.u, u
        self.rises = self.rises + (evaluation.values > self.value)
        self.value, self.gradient = evaluation.values, evaluation.gradient
        better = self.value > self.best
        self.best = np.where(better, self.value, self.best)
        self.best_u[better], self.best_gradient[better] = u[better], self.gradient[better]

    def review(self, interval: int) -> None:
        """Halve the step size of the rows that stagnate, and return them to their best points."""
        halve = self.rises < RISING * interval
        halve |= ~self.was_halved & (self.best <= self.best_before)
        self.size = np.where(halve, self.size / 2, self.size)
        self.u[halve] = self.previous[halve] = self.best_u[halve]
        self.gradient[halve] = self.best_gradient[halve]
        self.value = np.where(halve, self.best, self.value)
        self.was_halved, self.best_before = halve, self.best.copy()
        self.rises = np.zeros_like(self.rises)


@frozen
class APGD(Attack):
    """Auto-PGD: projected gradient descent with momentum and an adapted step size, on the loss of the model.

    Args:
        steps: steps of each restart.
        restarts: number of random starting points.

    Reference: Croce and Hein (2020), Reliable evaluation of adversarial robustness with an ensemble of
    diverse parameter-free attacks, ICML, algorithm 1.
    """

    name: ClassVar[str] = "apgd"
    title: ClassVar[Text] = "auto-PGD on the loss (APGD)"
    reference: ClassVar[str] = (
        "Croce and Hein, 2020, Reliable evaluation of adversarial robustness with an ensemble of diverse "
        "parameter-free attacks"
    )
    objective: ClassVar[str] = "loss"
    steps: int = 50
    restarts: int = 1

    def __post_init__(self) -> None:
        require_integer(self, "steps", 2, fix=f"steps={type(self).steps}")
        require_integer(self, "restarts", 1, fix=f"restarts={type(self).restarts}")

    def search(self, problem: Problem, rows: np.ndarray, stream: Stream) -> Search:
        search = Search(problem, rows)
        for _ in range(self.restarts):
            start = problem.ball.random((len(rows), *problem.sample_shape), stream)
            if search.open.size:
                self._restart(search, start[search.open])
        return search

    def _restart(self, search: Search, start: np.ndarray, targets: np.ndarray | None = None) -> None:
        """Search from one starting point of each open row."""
        problem, ball = search.problem, search.problem.ball
        u = ball.project(problem.x[search.rows[search.open]], start)
        state = self._first(search, u, np.zeros(len(u), np.int64) if targets is None else targets)
        reviews, last = checkpoints(self.steps), 0
        for step in range(1, self.steps):
            if not state.at.size:
                return
            x = problem.x[search.rows[state.at]]
            size = state.size.reshape(-1, *[1] * (x.ndim - 1))
            target = ball.project(x, state.u + size * ball.steepest(state.gradient))
            momentum = MOMENTUM if step > 1 else 1.0
            moved = state.u + momentum * (target - state.u) + (1 - momentum) * (state.u - state.previous)
            self._move(search, state, ball.project(x, moved))
            if step in reviews:
                state.review(step - last)
                last = step

    def _first(self, search: Search, u: np.ndarray, targets: np.ndarray) -> _Rows:
        """Evaluate the starting points."""
        at = search.open
        evaluation = search.problem.evaluate(u, search.rows[at], self.objective, self._targets(targets))
        correct = search.record(at, u, evaluation)
        assert evaluation.gradient is not None
        gradient, value = evaluation.gradient, evaluation.values
        size = np.full(len(at), 2.0 * search.problem.ball.radius)
        zeros = np.zeros(len(at))
        state = _Rows(
            at,
            u,
            u.copy(),
            gradient,
            value,
            value.copy(),
            u.copy(),
            gradient.copy(),
            size,
            zeros,
            zeros.astype(bool),
            value.copy(),
            targets,
        )
        state.keep(correct)
        return state

    def _move(self, search: Search, state: _Rows, u: np.ndarray) -> None:
        """Evaluate the next changes of all rows."""
        targets = self._targets(state.targets)
        evaluation = search.problem.evaluate(u, search.rows[state.at], self.objective, targets)
        correct = search.record(state.at, u, evaluation)
        state.update(u, evaluation)
        state.keep(correct)

    def _targets(self, targets: np.ndarray) -> np.ndarray | None:
        """Return the targets of evaluations; ``None`` for an objective without them."""
        return None


@frozen
class APGDWithRatio(APGD):
    """Auto-PGD on the difference of logits ratio: the objective does not depend on the size of the logits.

    Args:
        steps: steps of each restart.
        restarts: number of random starting points.

    Reference: Croce and Hein (2020), section 4.
    """

    name: ClassVar[str] = "apgd_dlr"
    title: ClassVar[Text] = "auto-PGD on the difference of logits ratio (APGD-DLR)"
    objective: ClassVar[str] = "dlr"


@frozen
class TargetedAPGD(APGD):
    """Auto-PGD on the targeted difference of logits ratio, for one class after the other.

    The untargeted attacks follow the class that is the closest one at the start, which need not be the one
    that can be reached.

    Args:
        steps: steps for each class.
        restarts: number of random starting points for each class.
        targets: number of classes, those with the largest logits first.

    Reference: Croce and Hein (2020), section 4 and equation 7.
    """

    name: ClassVar[str] = "apgd_targeted"
    title: ClassVar[Text] = "auto-PGD toward each class (APGD-T)"
    objective: ClassVar[str] = "targeted_dlr"
    only_unbroken: ClassVar[bool] = True
    targets: int = 9

    def __post_init__(self) -> None:
        super().__post_init__()
        require_integer(self, "targets", 1, fix=f"targets={type(self).targets}")

    def search(self, problem: Problem, rows: np.ndarray, stream: Stream) -> Search:
        search = Search(problem, rows)
        if not rows.size:
            return search
        for chosen in self._order(problem, rows).T:
            for _ in range(self.restarts):
                start = problem.ball.random((len(rows), *problem.sample_shape), stream)
                if search.open.size:
                    self._restart(search, start[search.open], chosen[search.open])
        return search

    def _order(self, problem: Problem, rows: np.ndarray) -> np.ndarray:
        """Return the classes that are tried for each row, one after the other, (m, targets)."""
        if problem.goal is not None:
            return np.full((len(rows), 1), problem.goal)
        logits = problem.logits(problem.x[rows], rows).astype(np.float64)
        logits[np.arange(len(rows)), problem.labels[rows]] = -np.inf
        return np.argsort(-logits, axis=1, kind="stable")[:, : min(self.targets, logits.shape[1] - 1)]

    def _targets(self, targets: np.ndarray) -> np.ndarray | None:
        return targets
