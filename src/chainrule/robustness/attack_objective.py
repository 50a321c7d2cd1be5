"""The problem that an attack solves: the objective as programs, and the best points found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from chainrule.attribution.score import Score, run, score_of
from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.errors import TrainingError, fact
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, constant, input_node, rebuild
from chainrule.memoization import cached_property
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.robustness.ball import Ball
from chainrule.symbolic_shape import bound
from chainrule.train.network import Network

# What an attack maximizes, as programs: from a point to the logits, the objective and its gradient.
#
# A numeric input is attacked itself. Tokens have no gradient; there the embedding vectors are attacked, which
# measures how sensitive the network is, but such vectors need not belong to any token. The vectors of several
# embeddings are one point: they are flattened and concatenated.
#
# Objectives, with the logits z, the true class y and the logits in descending order z_(1), z_(2), ...:
#
# - ``loss``: the loss of the model; - ``margin``: max_(i != y) z_i - z_y, positive where the prediction is
# wrong; - ``dlr``: the margin divided by z_(1) - z_(3), which does not change if all logits are multiplied by
# a number. The cross-entropy of a network with large logits has a gradient of 0 in float32; this one does
# not; - ``targeted_dlr``: (z_t - z_y) / (z_(1) - (z_(3) + z_(4)) / 2) for a chosen class t, which reaches
# classes that are not the closest one at the start. Of three classes the divisor is z_(1) - z_(3).
#
# Where only one class t counts as success, the first three are replaced by ``goal_loss``, log softmax(z)_t,
# ``goal_margin``, z_t - max_(i != t) z_i, and ``goal_dlr``, this margin divided by z_(1) - z_(3).
#
# Reference: Croce and Hein (2020), Reliable evaluation of adversarial robustness with an ensemble of diverse
# parameter-free attacks, ICML, section 4.

GOALS = {"loss": "goal_loss", "margin": "goal_margin", "dlr": "goal_dlr", "targeted_dlr": "targeted_dlr"}
POINT = "attack point"  # the input with the vectors of several embeddings
LABELS = "attack labels"  # the input of the graph with the true class of each sample
TARGETS = "attack targets"  # the input with the class that a targeted objective prefers
_FAR = 1e9  # subtracted from a logit that must not be the largest
_SMALL = 1e-12


@frozen(eq=False)
class AttackGraph:
    """The logits of a classifier and the objectives of attacks, as functions of the attacked entry.

    Args:
        output: the name of its output.
        shift: subtracted from the second score: 0, or that of a threshold between two classes.
    """

    network: Network
    output: str
    classes: int
    shift: float = 0.0

    @cached_property
    def score(self) -> Score:
        """The loss of each sample, whose entries can be attacked."""
        return score_of(self.network, self.output, "loss")

    @property
    def input(self) -> str:
        """The name of the attacked input; of several inputs of tokens the first one."""
        assert self.entries
        return next(iter(self.network.inputs))

    @cached_property
    def entries(self) -> tuple[Node, ...]:
        """The nodes whose values are attacked: one input of numbers, or the vectors of all tokens.

        Raises:
            TrainingError E570: several inputs with numbers among them, or one without an entry.
        """
        inputs, by_input = self.network.inference.inputs, self.score.entries
        entries = tuple(node for name in inputs for node in by_input.get(name, ()))
        is_numeric = any(node in inputs.values() for node in entries)
        if set(inputs) != set(by_input) or (is_numeric and len(entries) > 1):
            expected = fact("one input of numbers, or tokens with an embedding")
            fix = fact("join the inputs to one array, or read tokens by {layer}", layer="cr.Embedding")
            received = ", ".join(inputs)
            raise TrainingError("E570", where="attack", received=received, expected=expected, fix=fix)
        return entries

    @property
    def is_embedded(self) -> bool:
        """Whether the embedding vectors of tokens are attacked."""
        return self.entries[0] is not self.network.inference.inputs[self.input]

    @cached_property
    def _replaced(self) -> dict[Node, Node]:
        if not self.is_embedded:
            return {}
        if len(self.entries) == 1:
            return {**self.score.condition_inputs, **self.score.entry_inputs}
        start, parts = 0, {}
        for node in self.entries:
            end = start + math.prod(bound(node.shape[1:]))
            parts[node] = F.reshape(self.point[:, start:end], node.shape)
            start = end
        return {**self.score.condition_inputs, **parts}

    @cached_property
    def point(self) -> Node:
        """The graph input for points."""
        if not self.is_embedded:
            return self.entries[0]
        if len(self.entries) == 1:
            return self.score.entry_inputs[self.entries[0]]
        size = sum(math.prod(bound(node.shape[1:])) for node in self.entries)
        return input_node(POINT, (self.entries[0].shape[0], size), self.entries[0].dtype)

    @property
    def point_name(self) -> str:
        """The name of the graph input for points."""
        return self.point.op.attributes["label"]

    @cached_property
    def logits(self) -> Node:
        """The logits at a point, (B, K); a single score z of two classes as (0, z)."""
        node = self.network.inference.outputs[self.output]
        flat = F.reshape(node, (node.shape[0], math.prod(bound(node.shape[1:]))))
        if flat.shape[1] == 1:
            flat = F.concatenate([F.full_like(flat, 0.0), flat], 1)  # (B, 1) -> (B, 2)
        (node,) = rebuild([flat], self._replaced)
        node = node[:, : self.classes]
        return node - constant(np.array([[0.0, self.shift]], node.dtype)) if self.shift else node

    def objective(self, name: str) -> Node:
        """Return the objective of each sample, (B,)."""
        if name == "loss":
            node = self.network.loss_of(self.output, self.network.inference.outputs[self.output])
            return rebuild([node], self._replaced)[0]
        return self._of_goal(name) if name.startswith("goal") else self._of_label(name)

    def _of_goal(self, name: str) -> Node:
        """Return an objective that is largest where the class of ``TARGETS`` is predicted, (B,)."""
        z, goal = self.logits, self._one_hot(TARGETS)
        if name == "goal_loss":
            return F.sum(F.log_softmax(z, -1) * goal, 1)
        margin = F.sum(z * goal, 1) - F.max(z - goal * _FAR, 1)
        if name == "goal_margin" or self.classes < 3:
            return margin
        highest = self._highest(3)
        return margin / (highest[0] - highest[2] + _SMALL)

    def _of_label(self, name: str) -> Node:
        """Return an objective that is largest where the true class is not predicted, (B,)."""
        z = self.logits
        own = self._one_hot(LABELS)
        margin = F.max(z - own * _FAR, 1) - F.sum(z * own, 1)
        if name == "margin" or (self.classes < 3 and name == "dlr"):
            return margin
        if name == "dlr":
            highest = self._highest(3)
            return margin / (highest[0] - highest[2] + _SMALL)
        difference = F.sum(z * self._one_hot(TARGETS), 1) - F.sum(z * own, 1)
        if self.classes < 3:
            return difference
        first, _, *rest = self._highest(min(self.classes, 4))
        below = rest[0] if len(rest) == 1 else (rest[0] + rest[1]) * 0.5
        return difference / (first - below + _SMALL)

    def _one_hot(self, label: str) -> Node:
        """Return the classes of an input of the graph as 0/1 rows, (B, K)."""
        z = self.logits
        return F.one_hot(input_node(label, (z.shape[0],), "int64"), self.classes, z.dtype)

    def _highest(self, count: int) -> list[Node]:
        """Return the logits of the highest ranks in descending order, (B,) each."""
        z, values = self.logits, []
        for _ in range(count):
            values.append(F.max(z, 1))
            z = z - F.one_hot(F.argmax(z, 1), self.classes, z.dtype) * _FAR
        return values

    @cached_property
    def entry_program(self) -> Program:
        """The program from the inputs of the network to the entry and the conditions."""
        conditions = {new.op.attributes["label"]: old for old, new in self.score.condition_inputs.items()}
        flat = [F.reshape(node, (node.shape[0], math.prod(bound(node.shape[1:])))) for node in self.entries]
        point = self.entries[0] if len(self.entries) == 1 else F.concatenate(flat, 1)
        return compile(Graph({**conditions, self.point_name: point}), self.network.engine)

    @cached_property
    def forward_program(self) -> Program:
        """The program from points to logits."""
        return compile(Graph({"logits": self.logits}), self.network.engine)

    def gradient_program(self, objective: str) -> Program:
        """Return the program from points to logits, objective and gradient, compiled once per objective."""
        key = "attack", self.output, self.classes, self.shift, objective
        return self.network.memo(key, lambda: self._compiled(objective))

    def _compiled(self, objective: str) -> Program:
        node = self.objective(objective)
        (gradient,) = grad(F.sum(node), [self.point], unused="zeros")
        outputs = {"logits": self.logits, "value": node, "gradient": gradient}
        return compile(Graph(outputs), self.network.engine)


def attack_graph(network: Network, output: str, classes: int, shift: float = 0.0) -> AttackGraph:
    """Return the graph of attacks on an output, stored with the network, so that it is compiled once."""
    key = "attack graph", output, classes, shift
    return network.memo(key, lambda: AttackGraph(network, output, classes, shift))


Arrays = Mapping[str, np.ndarray]


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
