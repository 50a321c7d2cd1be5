"""The problem that an attack solves, and the best points that it found.

``Problem`` evaluates scaled changes of samples (``ball``), whatever the network is. ``Search`` stores for
each row the change with the largest objective, and drops a row as soon as the network misclassifies it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from chainrule.attribution.score import run
from chainrule.records import frozen
from chainrule.robustness.ball import Ball
from chainrule.robustness.objective import GOALS, LABELS, TARGETS, Arrays, AttackGraph


@frozen(eq=False)
class Evaluation:
    """The network at some points.

    Args:
        wrong: (n,) whether it misclassifies each, or predicts the goal.
        values: (n,) the objective.
        gradient: (n, ...) its gradient with respect to the scaled changes; ``None`` if it was not computed.
    """

    wrong: np.ndarray
    values: np.ndarray
    gradient: np.ndarray | None = None


@dataclass
class Problem:
    """A classifier, labeled samples and a ball.

    Args:
        graph: logits and objectives.
        arrays: parameters and states by path.
        x: (n, ...) the samples, or their embedding vectors.
        labels: (n,) their classes.
        feeds: the further inputs of the graph for each sample: encoded targets and conditions.
        ball: the allowed changes.
        goal: the only class whose prediction counts as success; ``None``: each wrong one.
        evaluations: the number of points that were evaluated.
    """

    graph: AttackGraph
    arrays: Arrays
    x: np.ndarray
    labels: np.ndarray
    feeds: Arrays
    ball: Ball
    goal: int | None = None
    evaluations: int = field(default=0)

    @property
    def rows(self) -> int:
        """The number of samples."""
        return len(self.x)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.x.shape[1:]

    def logits(self, points: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the logits at points, (m, K), of samples with these indices, (m,)."""
        self.evaluations += len(points)
        return run(self.graph.forward_program, self.arrays, self._feeds(points, rows))["logits"]

    def evaluate(
        self, u: np.ndarray, rows: np.ndarray, objective: str, targets: np.ndarray | None = None
    ) -> Evaluation:
        """Return objective and gradient at scaled changes.

        Args:
            u: (m, ...) the changes.
            rows: (m,) the index of the sample of each.
            objective: one of ``OBJECTIVES``.
            targets: (m,) the classes that a targeted objective prefers.
        """
        points = self.ball.points(self.x[rows], u)
        self.evaluations += len(points)
        if self.goal is not None:
            objective, targets = GOALS[objective], np.full(len(rows), self.goal)
        program = self.graph.gradient_program(objective)
        feeds = self._feeds(points, rows) | ({} if targets is None else {TARGETS: targets})
        results = run(program, self.arrays, feeds)
        is_wrong = self.is_success(results["logits"].argmax(axis=1), rows)
        gradient = results["gradient"] * np.asarray(self.ball.scale, results["gradient"].dtype)
        return Evaluation(is_wrong, _finite(results["value"]), gradient)

    def margins(self, u: np.ndarray, rows: np.ndarray) -> Evaluation:
        """Return the margins at scaled changes from logits alone, as an attacker without gradients does."""
        logits = self.logits(self.ball.points(self.x[rows], u), rows)
        return Evaluation(self.is_success(logits.argmax(axis=1), rows), self._margins(logits, rows))

    def margins_at(self, points: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the margins at points, (m,): positive where the attack succeeds.

        The largest other logit minus that of the true class; with a goal its logit minus the largest other.
        """
        return self._margins(self.logits(points, rows), rows)

    def is_success(self, predicted: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return whether predicted classes, (m,), of samples with these indices count as success."""
        return predicted != self.labels[rows] if self.goal is None else predicted == self.goal

    def _margins(self, logits: np.ndarray, rows: np.ndarray) -> np.ndarray:
        if self.goal is None:
            return _finite(_excess(logits, self.labels[rows]))
        return _finite(-_excess(logits, np.full(len(rows), self.goal)))

    def _feeds(self, points: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        feeds = {name: array[rows] for name, array in self.feeds.items()}
        return {**feeds, LABELS: self.labels[rows], self.graph.point_name: points}


class Search:
    """The best change of each row so far.

    Args:
        rows: (m,) the samples that are attacked.
    """

    def __init__(self, problem: Problem, rows: np.ndarray) -> None:
        self.problem, self.rows = problem, rows
        self.u = np.zeros((len(rows), *problem.sample_shape))
        self.values = np.full(len(rows), -np.inf)
        self.wrong = np.zeros(len(rows), bool)

    @property
    def open(self) -> np.ndarray:
        """The positions of the rows that are still classified correctly."""
        return np.flatnonzero(~self.wrong)

    @property
    def points(self) -> np.ndarray:
        """The best point of each row."""
        return self.problem.ball.points(self.problem.x[self.rows], self.u)

    def record(self, at: np.ndarray, u: np.ndarray, evaluation: Evaluation) -> np.ndarray:
        """Store the points that are better than those before.

        Args:
            at: (m,) positions among the rows.
            u: (m, ...) their changes.
            evaluation: of these changes.

        Returns:
            (m,) whether each row is still classified correctly.
        """
        better = evaluation.wrong | (evaluation.values > self.values[at])
        self.u[at[better]] = u[better]
        self.values[at[better]] = evaluation.values[better]
        self.wrong[at] |= evaluation.wrong
        return ~evaluation.wrong


def _excess(logits: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the largest other logit minus that of a class of each row, (m,)."""
    logits, own = logits.astype(np.float64), (np.arange(len(classes)), classes)
    others = logits.copy()
    others[own] = -np.inf
    return others.max(axis=1) - logits[own]


def _finite(values: np.ndarray) -> np.ndarray:
    """Return values with NaN replaced by -inf: such a point is never the best one."""
    return np.where(np.isnan(values), -np.inf, values.astype(np.float64))
