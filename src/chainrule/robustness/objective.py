"""What an attack maximizes, as programs: from a point to the logits, the objective and its gradient.

A numeric input is attacked itself. Tokens have no gradient; there the embedding vectors are attacked, which
measures how sensitive the network is, but such vectors need not belong to any token.

Objectives, with the logits z, the true class y and the logits in descending order z_(1), z_(2), ...:

- ``loss``: the loss of the model;
- ``margin``: max_(i != y) z_i - z_y, positive where the prediction is wrong;
- ``dlr``: the margin divided by z_(1) - z_(3), which does not change if all logits are multiplied by a
  number. The cross-entropy of a network with large logits has a gradient of 0 in float32; this one does not;
- ``targeted_dlr``: (z_t - z_y) / (z_(1) - (z_(3) + z_(4)) / 2) for a chosen class t, which reaches classes
  that are not the closest one at the start. Of three classes the divisor is z_(1) - z_(3).

Reference: Croce and Hein (2020), Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks, ICML, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from chainrule.attribution.score import Score, score_of
from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.errors import TrainingError, fact
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node, rebuild
from chainrule.memo import cached_property
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.spec import bound
from chainrule.train.network import Network

OBJECTIVES = ("loss", "margin", "dlr", "targeted_dlr")
LABELS = "attack labels"  # the input of the graph with the true class of each sample
TARGETS = "attack targets"  # the input with the class that a targeted objective prefers
_FAR = 1e9  # subtracted from a logit that must not be the largest
_SMALL = 1e-12


@frozen(eq=False)
class AttackGraph:
    """The logits of a classifier and the objectives of attacks, as functions of the attacked entry.

    Args:
        network: the graphs.
        output: the name of its output.
        classes: the number of classes.
    """

    network: Network
    output: str
    classes: int

    @cached_property
    def score(self) -> Score:
        """The loss of each sample, whose entries can be attacked."""
        return score_of(self.network, self.output, "loss")

    @property
    def input(self) -> str:
        """The name of the attacked input.

        Raises:
            TrainingError E570: several inputs, or one without an entry.
        """
        inputs = list(self.network.inputs)
        if len(inputs) != 1 or len(self.score.entries.get(inputs[0], ())) != 1:
            raise TrainingError(
                "E570", where="attack", received=", ".join(inputs),
                expected=fact("one input: numbers, or tokens with one embedding"),
            )  # fmt: skip
        return inputs[0]

    @property
    def is_embedded(self) -> bool:
        """Whether the embedding vectors of tokens are attacked."""
        return self.entry is not self.network.inference.inputs[self.input]

    @property
    def entry(self) -> Node:
        """The node whose value is attacked."""
        (node,) = self.score.entries[self.input]
        return node

    @cached_property
    def _replaced(self) -> dict[Node, Node]:
        return {**self.score.condition_inputs, **self.score.entry_inputs} if self.is_embedded else {}

    @cached_property
    def point(self) -> Node:
        """The graph input for points."""
        return self._replaced.get(self.entry, self.entry)

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
        return node[:, : self.classes]

    def objective(self, name: str) -> Node:
        """The objective of each sample, (B,)."""
        if name == "loss":
            node = self.network.loss_of(self.output, self.network.inference.outputs[self.output])
            return rebuild([node], self._replaced)[0]
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
        """The classes of an input of the graph as 0/1 rows, (B, K)."""
        z = self.logits
        return F.one_hot(input_node(label, (z.shape[0],), "int64"), self.classes, z.dtype)

    def _highest(self, count: int) -> list[Node]:
        """The logits of the highest ranks in descending order, (B,) each."""
        z, values = self.logits, []
        for _ in range(count):
            values.append(F.max(z, 1))
            z = z - F.one_hot(F.argmax(z, 1), self.classes, z.dtype) * _FAR
        return values

    @cached_property
    def entry_program(self) -> Program:
        """The program from the inputs of the network to the entry and the conditions."""
        nodes = {new.op.attributes["label"]: old for old, new in self._replaced.items()}
        return compile(Graph(nodes or {self.point_name: self.entry}), self.network.engine)

    @cached_property
    def forward_program(self) -> Program:
        """The program from points to logits."""
        return compile(Graph({"logits": self.logits}), self.network.engine)

    def gradient_program(self, objective: str) -> Program:
        """The program from points to logits, objective and gradient; compiled once for each objective."""
        key = "attack", self.output, self.classes, objective
        return self.network.memo(key, lambda: self._compiled(objective))

    def _compiled(self, objective: str) -> Program:
        node = self.objective(objective)
        (gradient,) = grad(F.sum(node), [self.point], unused="zeros")
        outputs = {"logits": self.logits, "value": node, "gradient": gradient}
        return compile(Graph(outputs), self.network.engine)


def attack_graph(network: Network, output: str, classes: int) -> AttackGraph:
    """Return the graph of attacks on an output, stored with the network, so that it is compiled once."""
    return network.memo(("attack graph", output, classes), lambda: AttackGraph(network, output, classes))


def wrong(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return whether the largest logit of each row is not that of its label: (n,).

    Example:
        >>> wrong(np.array([[1.0, 2.0], [1.0, 0.0]]), np.array([1, 1])).tolist()
        [False, True]
    """
    return logits.argmax(axis=1) != labels


Arrays = Mapping[str, np.ndarray]
