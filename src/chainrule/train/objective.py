"""The number that training makes small: J, a mean of losses, plus penalties.

For each output J is one quotient over the batch, sum of weight * loss / sum of weight. The weight of a term
is that of its sample or place, times that of its class, or 0 where a place has no label (``Loss.parts``).
Outputs are added. Where nothing is weighted this is (1/n) sum J^(i).

The denominator belongs to the whole batch, but a step computes its batch in microbatches whose sums are added
(``plan``). A gradient of the quotient would need the denominator before the first microbatch. So where one
quotient is all there is, the gradient is taken of the numerator and divided afterwards, once for each
parameter: dJ/dw = (d numerator/dw) / denominator. With several weighted outputs, or a penalty on activations,
the gradient is that of the sum, and the batch is computed in one piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.engines import compile
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.nn.build import Built
from chainrule.nn.loss.loss import divisor
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.spec import Shape
from chainrule.train.network import SAMPLE_WEIGHT, Network

BLOCK = 1 << 14  # rows whose weights are computed at once


@frozen
class Objective:
    """J and what it is made of.

    Args:
        value: J, with penalties, ().
        data: J without them.
        penalty: what the size of parameters and activity costs, or ``None``.
        total, count: numerator and denominator of J without penalties, (), where J is one weighted quotient
            and nothing in the network has a cost of its own; else ``None``.
    """

    value: Node
    data: Node
    penalty: Node | None
    total: Node | None = None
    count: Node | None = None

    def gradients(self, nodes: Mapping[str, Node]) -> dict[str, Node]:
        """dJ/dw of each parameter, by path."""
        inputs = list(nodes.values())
        if self.total is None or self.count is None:
            return dict(zip(nodes, grad(self.value, inputs, unused="zeros"), strict=True))
        found = [dy / self.count for dy in grad(self.total, inputs, unused="zeros")]
        if self.penalty is not None:
            costs = grad(self.penalty, inputs, unused="zeros")
            found = [dy + cost for dy, cost in zip(found, costs, strict=True)]
        return dict(zip(nodes, found, strict=True))


def sample_weight(network: Network, inside: Shape | None) -> Node | None:
    """The input node of the sample weights.

    Args:
        network: what they belong to.
        inside: the shape of one sample's weight: ``()``, or that of its places; ``None``: there are none.
    """
    return None if inside is None else input_node(SAMPLE_WEIGHT, ("B", *inside), network.recipe.dtype)


def is_plain(network: Network, weight: Node | None) -> bool:
    """Whether each sample counts as a whole: no loss weights its terms, and no weight is one of a place."""
    shares = any(network.losses[name].has_shares for name in network.inference.outputs)
    return not shares and (weight is None or weight.rank == 1)


def loss_parts(network: Network, built: Built, weight: Node | None) -> dict[str, tuple[Node, Node | None]]:
    """Numerator and denominator of each sample's loss, (B,) each, by output."""
    return {
        name: network.losses[name].parts(node, network.targets[name], weight)
        for name, node in built.outputs.items()
    }


def sample_losses(network: Network, built: Built, inside: Shape | None = None) -> tuple[Node, Node | None]:
    """The loss of each sample and its weight in the mean, (B,) each; the weight is ``None`` if all are alike.

    J is the sum of their products divided by the sum of the weights, except that several outputs with weights
    of their own have no common weight.

    Args:
        network, built, inside: as for ``objective``.
    """
    weight = sample_weight(network, inside)
    if is_plain(network, weight):
        return network.sample_loss(built), weight
    found = list(loss_parts(network, built, weight).values())
    each = sum_of(total if count is None else total / divisor(count) for total, count in found)
    own = weight if weight is not None and weight.rank == 1 else None
    return each, found[0][1] if len(found) == 1 else own


def sum_of(nodes: Iterable[Node]) -> Node:
    """The nodes added up in their order."""
    return reduce(lambda total, node: total + node, nodes)


def objective(network: Network, built: Built, inside: Shape | None = None) -> Objective:
    """J of a batch.

    Args:
        network: the network.
        built: its nodes, in training or in inference.
        inside: the shape of one sample's weight; see ``sample_weight``.
    """
    weight, penalty = sample_weight(network, inside), network.penalty(built)
    total: Node | None = None
    count: Node | None = None
    if is_plain(network, weight):
        each = network.sample_loss(built)
        data = F.mean(each)
        if weight is not None:
            data = F.sum(each * weight) / divisor(F.sum(weight))
    else:
        quotients = [_quotient(*pair) for pair in loss_parts(network, built, weight).values()]
        data = sum_of(quotient for quotient, _, _ in quotients)
        if len(quotients) == 1 and not built.book.costs:
            _, total, count = quotients[0]
    return Objective(data if penalty is None else data + penalty, data, penalty, total, count)


def _quotient(each: Node, counts: Node | None) -> tuple[Node, Node | None, Node | None]:
    """The mean of an output's losses, its numerator and its denominator."""
    if counts is None:
        return F.mean(each), None, None
    total, count = F.sum(each), divisor(F.sum(counts))
    return total / count, total, count


def row_weights(network: Network, data: Arrays) -> np.ndarray | None:
    """How much each row counts in the mean over an epoch, (N,) in float64; ``None``: all alike.

    With one output this is the denominator of its loss, so that the mean over batches is that of one batch of
    all rows. Several outputs may have several denominators; there rows count by their own weights.

    Args:
        network: the network.
        data: encoded rows.
    """
    counts, weights = loss_denominators(network, data), data.weights
    if len(counts) == 1:
        return next(iter(counts.values()))
    if weights is None:
        return None
    return weights.reshape(len(weights), -1).mean(axis=1, dtype=np.float64)


def loss_denominators(network: Network, data: Arrays) -> dict[str, np.ndarray]:
    """The denominators of the rows' losses by output, (N,) each in float64; none where nothing is weighted
    but whole rows.

    Args:
        network: the network.
        data: encoded rows.
    """
    weight = sample_weight(network, None if data.weights is None else data.weights.shape[1:])
    if is_plain(network, weight):
        return {}
    found = loss_parts(network, network.inference, weight)
    graph = Graph({name: count for name, (_, count) in found.items() if count is not None})
    return {name: np.ones(data.rows) for name in found} | _run_over(graph, data)


class RowWeights:
    """``row_weights`` of the rows of each epoch.

    Args:
        network: the network.
        data: encoded rows.
        changes: whether the rows are others in each epoch, as augmentation makes them.
    """

    def __init__(self, network: Network, data: Arrays, changes: bool) -> None:
        self.network, self.data, self.changes = network, data, changes
        self._epoch, self._weights = -1, None

    def __call__(self, epoch: int) -> np.ndarray | None:
        """The weights of the rows in an epoch, once these rows are there."""
        if self._epoch < 0 or (self.changes and self._epoch != epoch):
            self._epoch, self._weights = epoch, row_weights(self.network, self.data)
        return self._weights


def _run_over(graph: Graph, data: Arrays) -> dict[str, np.ndarray]:
    """A graph of targets and weights run over all rows, some at a time."""
    given: Any = {**(data.y if isinstance(data.y, dict) else {}), SAMPLE_WEIGHT: data.weights}
    arrays = {name: given[name] for name in graph.inputs}
    program = compile(graph, "reference")
    blocks = [slice(start, start + BLOCK) for start in range(0, data.rows, BLOCK)]
    found = [program.run({name: array[rows] for name, array in arrays.items()}) for rows in blocks]
    return {name: np.concatenate([f[name] for f in found]).astype(np.float64) for name in graph.outputs}
