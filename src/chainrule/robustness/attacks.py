"""Attacks: FGSM, PGD, APGD and Square, their base class and the registry of all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from chainrule.extension import Extensible
from chainrule.lazy_imports import LazyRegistry
from chainrule.messages import Text
from chainrule.records import frozen
from chainrule.robustness.attack_objective import Evaluation, Problem, Search
from chainrule.robustness.ball import Ball, Stream
from chainrule.validation import require_integer, require_number

# The base class of attacks, and the registry of all of them.
#
# The properties in ``tests/properties/test_attacks.py`` run over the registry, so a new attack is tested with
# no new test code.


@frozen
class Attack(Extensible):
    """Base of all attacks: a search for misclassified points in the balls of samples.

    The fields of a subclass are its options.
    """

    name: ClassVar[str] = ""
    title: ClassVar[Text] = ""
    reference: ClassVar[str] = ""
    only_unbroken: ClassVar[bool] = False  # in an ensemble: only samples that those before did not break

    def search(self, problem: Problem, rows: np.ndarray, stream: Stream) -> Search:
        """Search the balls of some samples.

        Args:
            problem: evaluates points.
            rows: (m,) the samples.

        Returns:
            the best point of each sample; the caller checks all of them.
        """
        raise TypeError(f"{type(self).__name__} does not define search")


ATTACKS: Mapping[str, type[Attack]] = LazyRegistry(
    "chainrule.robustness",
    {
        "fgsm": "attacks.FGSM",
        "pgd": "attacks.PGD",
        "apgd": "attacks.APGD",
        "apgd_dlr": "attacks.APGDWithRatio",
        "apgd_targeted": "attacks.TargetedAPGD",
        "square": "attacks.Square",
    },
)
COLUMNS = "columns"  # the search over the cells of a table
ENSEMBLE = "ensemble"  # all attacks; those with ``only_unbroken`` on the samples that are left


# APGD: projected gradient descent with momentum, whose step size halves where the objective stagnates.
#
# A fixed step size is the one setting of PGD that must fit the network. Here it starts at twice the radius,
# and at given checkpoints it is halved for every row whose objective rose in too few of the last steps, or
# whose best value and step size have not changed since the last checkpoint; the row then continues from its
# best point.
#
# Checkpoints of 100 steps: 22, 41, 57, 70, 80, 87, 93, 99: intervals of 0.22 of all steps that shrink by
# 0.03, down to 0.06.

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


# The fast gradient sign method: one step of the full radius along the gradient.


@frozen
class FGSM(Attack):
    """Fast gradient sign method: one step from the sample to the boundary of the ball.

    Formula: x' = x + r sign(dJ/dx); for the Euclidean norm x' = x + r (dJ/dx) / |dJ/dx|.

    Reference: Goodfellow, Shlens and Szegedy (2015), Explaining and harnessing adversarial examples, ICLR.
    """

    name: ClassVar[str] = "fgsm"
    title: ClassVar[Text] = "fast gradient sign method (FGSM)"
    reference: ClassVar[str] = (
        "Goodfellow, Shlens and Szegedy, 2015, Explaining and harnessing adversarial examples"
    )

    def search(self, problem: Problem, rows: np.ndarray, stream: Stream) -> Search:
        search, ball, every = Search(problem, rows), problem.ball, np.arange(len(rows))
        first = problem.evaluate(search.u, rows, "loss")
        search.record(every, search.u.copy(), first)
        assert first.gradient is not None
        u = ball.project(problem.x[rows], ball.radius * ball.steepest(first.gradient))
        search.record(every, u, problem.margins(u, rows))
        return search


# Projected gradient descent with random restarts.

_RELATIVE_STEP = 2.5  # radii that all steps together can cover, as in the reference


@frozen
class PGD(Attack):
    """Projected gradient descent (PGD): steps of fixed size along the gradient, projected into the ball.

    Each restart begins at a random point of the ball; a sample takes part until it is misclassified.

    Formula: x <- P(x + a s), s = sign(dJ/dx) or (dJ/dx) / |dJ/dx|; P projects into ball and range.

    Args:
        steps: steps of each restart.
        restarts: number of random starting points.
        step_size: length a of a step as a share of the radius; 0 for 2.5 / ``steps``.

    Reference: Madry, Makelov, Schmidt, Tsipras and Vladu (2018), Towards deep learning models resistant to
    adversarial attacks, ICLR.
    """

    name: ClassVar[str] = "pgd"
    title: ClassVar[Text] = "projected gradient descent (PGD)"
    reference: ClassVar[str] = (
        "Madry, Makelov, Schmidt, Tsipras and Vladu, 2018, Towards deep learning models resistant to "
        "adversarial attacks"
    )
    steps: int = 40
    restarts: int = 1
    step_size: float = 0.0

    def __post_init__(self) -> None:
        require_integer(self, "steps", 1, fix=f"steps={type(self).steps}")
        require_integer(self, "restarts", 1, fix=f"restarts={type(self).restarts}")
        require_number(self, "step_size", minimum=0)

    def search(self, problem: Problem, rows: np.ndarray, stream: Stream) -> Search:
        search, ball = Search(problem, rows), problem.ball
        size = (self.step_size or _RELATIVE_STEP / self.steps) * ball.radius
        for _ in range(self.restarts):
            u, at = ball.random((len(rows), *problem.sample_shape), stream), search.open
            u = ball.project(problem.x[rows[at]], u[at])
            for step in range(self.steps + 1):
                if not at.size:
                    return search
                evaluation = problem.evaluate(u, rows[at], "loss")
                correct = search.record(at, u, evaluation)
                if step == self.steps:
                    break
                assert evaluation.gradient is not None
                moved = u + size * ball.steepest(evaluation.gradient)
                at = at[correct]
                u = ball.project(problem.x[rows[at]], moved[correct])
        return search


SHARES_AT = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)  # of all evaluations, where p is halved
_TINY = 1e-12


@frozen
class Square(Attack):
    """Square attack: random search without gradients over windows of the sample.

    Args:
        queries: evaluations of the network for each sample.
        share: the share of the elements that a first window covers.

    Reference: Andriushchenko, Croce, Flammarion and Hein (2020), Square Attack: a query-efficient black-box
    adversarial attack via random search, ECCV, algorithms 1 to 3.
    """

    name: ClassVar[str] = "square"
    title: ClassVar[Text] = "square attack, without gradients"
    reference: ClassVar[str] = (
        "Andriushchenko, Croce, Flammarion and Hein, 2020, Square Attack: a query-efficient black-box "
        "adversarial attack via random search"
    )
    queries: int = 500
    share: float = 0.8

    def __post_init__(self) -> None:
        require_integer(self, "queries", 1, fix=f"queries={type(self).queries}")
        require_number(self, "share", above=0, maximum=1)

    def search(self, problem: Problem, rows: np.ndarray, stream: Stream) -> Search:
        search, ball = Search(problem, rows), problem.ball
        height, width, channels = image_shape(problem.sample_shape)
        propose = _propose_inf if ball.norm == "inf" else _propose_2 if width > 1 else _propose_direction
        image = (len(rows), height, width, channels)
        start = (_stripes if ball.norm == "inf" else _tiles)(image, ball, stream)
        self._try(search, search.open, start[search.open])
        for query in range(1, self.queries):
            at = search.open
            if not at.size:
                break
            side = window_side(self.share, query / self.queries, height, width)
            u = search.u[at].reshape(len(at), height, width, channels)
            self._try(search, at, propose(u, min(side, height), min(side, width), ball, stream))
        return search

    def _try(self, search: Search, at: np.ndarray, images: np.ndarray) -> None:
        """Evaluate changes, and keep those with a larger objective."""
        problem = search.problem
        x = problem.x[search.rows[at]]
        u = problem.ball.project(x, images.reshape(x.shape))
        search.record(at, u, problem.margins(u, search.rows[at]))


def image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return height, width and channels of a sample.

    Example:
        >>> image_shape((28, 28, 1)), image_shape((5, 3)), image_shape((7,))
        ((28, 28, 1), (5, 1, 3), (7, 1, 1))
    """
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    return (shape[0], 1, shape[1]) if len(shape) == 2 else (math.prod(shape), 1, 1)


def window_side(share: float, progress: float, height: int, width: int) -> int:
    """Return the side of a window after a share of all evaluations."""
    share /= 2 ** sum(progress > limit for limit in SHARES_AT)
    side = round(math.sqrt(share * height * width)) if width > 1 else round(share * height)
    return max(1, min(side, max(height, width)))


def _windows(
    images: np.ndarray, height: int, width: int, stream: Stream
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return indices of a random window of each image: rows, (n, h, 1) and (n, 1, w)."""
    count = len(images)
    top = stream.integers(images.shape[1] - height + 1, (count,))
    left = stream.integers(images.shape[2] - width + 1, (count,))
    down = top[:, None, None] + np.arange(height)[None, :, None]
    across = left[:, None, None] + np.arange(width)[None, None, :]
    return np.arange(count)[:, None, None], down, across


def _stripes(image: tuple[int, ...], ball: Ball, stream: Stream) -> np.ndarray:
    """Return vertical stripes of the full radius with random signs: the first changes for ``"inf"``."""
    rows, height, width, channels = image
    axis = (rows, 1, width, channels) if width > 1 else image
    return np.broadcast_to(ball.radius * stream.signs(axis), (rows, height, width, channels)).copy()


def _propose_inf(u: np.ndarray, height: int, width: int, ball: Ball, stream: Stream) -> np.ndarray:
    """Return changes whose window has one random sign of the full radius in each channel."""
    u = u.copy()
    signs = stream.signs((len(u), 1, 1, u.shape[3]))
    u[_windows(u, height, width, stream)] = ball.radius * np.broadcast_to(
        signs, (len(u), height, width, u.shape[3])
    )
    return u


def _tiles(image: tuple[int, ...], ball: Ball, stream: Stream) -> np.ndarray:
    """Return a grid of peaks with random signs, of the full radius: the first changes for ``"2"``."""
    rows, height, width, channels = image
    side = max(1, min(5, height), height // 5)
    across = min(side, width)
    u = np.zeros(image)
    for top in range(0, height - side + 1, side):
        for left in range(0, width - across + 1, across):
            signs = stream.signs((rows, 1, 1, channels))
            u[:, top : top + side, left : left + across] = peak(side, across)[None, :, :, None] * signs
    return ball.radius * u / np.sqrt((u**2).sum(axis=(1, 2, 3), keepdims=True) + _TINY)


def peak(height: int, width: int) -> np.ndarray:
    """Return a positive pattern that is largest in the middle of a window: (h, w), of length 1.

    The element (r, s) is the sum over k from 0 to M(r, s) of 1 / (n + 1 - k)^2, with n = h // 2 and M the
    number of concentric rings around it within the window (equation 2 of the reference).
    """
    n = height // 2
    rows = np.abs(np.arange(height) - n)[:, None]
    columns = np.abs(np.arange(width) - width // 2)[None, :]
    rings = np.maximum(n - np.maximum(rows, columns), 0)  # (h, w)
    sums = np.cumsum(1.0 / (n + 1 - np.arange(n + 1)) ** 2)
    pattern = sums[rings]
    return pattern / math.sqrt((pattern**2).sum())


def _two_peaks(height: int, width: int, transposed: bool) -> np.ndarray:
    """Return a positive and a negative peak beside each other, of length 1."""
    if width == 1 or (transposed and height > 1):
        half = height // 2
        parts = [peak(half, width)] if half else []
        pattern = np.concatenate([*parts, -peak(height - half, width)], axis=0)
    else:
        half = width // 2
        parts = [peak(height, half)] if half else []
        pattern = np.concatenate([*parts, -peak(height, width - half)], axis=1)
    return pattern / math.sqrt((pattern**2).sum())


def _propose_direction(u: np.ndarray, height: int, width: int, ball: Ball, stream: Stream) -> np.ndarray:
    """Return changes of the full radius, turned by a random direction within a window."""
    u, window = u.copy(), _windows(u, height, width, stream)
    u[window] += ball.radius * stream.normal((len(u), height, width, u.shape[3])) / math.sqrt(height)
    return ball.radius * u / np.sqrt((u**2).sum(axis=(1, 2, 3), keepdims=True) + _TINY)


def _propose_2(u: np.ndarray, height: int, width: int, ball: Ball, stream: Stream) -> np.ndarray:
    """Return changes that move the length of one random window to another (algorithm 3).

    The new window gets the pattern of two peaks, with a random sign in each channel, plus its present
    direction; the other window becomes 0, so that the length of the complete change stays the radius.
    """
    u, channels = u.copy(), u.shape[3]
    target, source = _windows(u, height, width, stream), _windows(u, height, width, stream)
    unused = np.maximum(ball.radius**2 - (u**2).sum(axis=(1, 2, 3)), 0.0)  # (n,)
    in_union = np.zeros(u.shape[:3], bool)
    in_union[target] = in_union[source] = True
    available = np.sqrt((u**2 * in_union[..., None]).sum(axis=(1, 2)) + unused[:, None] / channels)  # (n, C)
    pattern = _two_peaks(height, width, bool(stream.uniform((1,))[0] < 0.5))
    signs = stream.signs((len(u), 1, 1, channels))
    now = u[target]  # (n, h, w, C)
    size = np.sqrt((now**2).sum(axis=(1, 2), keepdims=True))
    direction = signs * pattern[None, :, :, None] + now / (size + _TINY)
    direction /= np.sqrt((direction**2).sum(axis=(1, 2), keepdims=True)) + _TINY
    u[source] = 0.0
    u[target] = direction * available[:, None, None, :]
    return u
