"""The objective J that training minimizes: a mean of losses plus penalties.

The loss of an output is a weighted mean over the batch::

    J = sum_i w_i l_i / sum_i w_i

l_i is the loss of a term (a sample, or a position of a sample), w_i the weight of its sample or position
times the weight of its class; w_i is 0 where a position has no label (``Loss.parts``). The losses of several
outputs are added, each times its factor in ``loss_weights``. Without weights this is J = (1/n) sum_i J^(i),
the mean over the n samples.

The denominator depends on all samples of the batch, but a step computes its batch in microbatches and adds
their sums (``plan``). The gradient of the quotient would need the denominator before the first microbatch.
Where J is a single quotient, the gradient of the numerator is therefore computed and divided at the end, once
for each
parameter: dJ/dw = (d numerator/dw) / denominator. With several weighted outputs, or with a penalty on
activations, the gradient is that of the sum, and the batch is not split.
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
from chainrule.plan.inference_chunks import couples_rows
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape
from chainrule.train.network import SAMPLE_WEIGHT, Network

DATA_LOSS = "data_loss"  # column of the history: the loss of a network with one output without penalties
BLOCK = 1 << 14  # rows whose weights are computed in one call


@frozen
class Objective:
    """The nodes of J and of its terms.

    Args:
        value: J, with penalties, ().
        data: J without penalties, ().
        penalty: the sum of all penalties, (); ``None`` where there are none.
        total, count: numerator and denominator of J without penalties, (), where J is a single weighted
            quotient and no layer adds a loss; else ``None``.
        known: the gradient of each parameter, where it is not the derivative of J, as in a private training.
        squared_norms: the squared norm of each sample's gradient in a private training, (B,).
    """

    value: Node
    data: Node
    penalty: Node | None
    total: Node | None = None
    count: Node | None = None
    known: Mapping[Node, Node] | None = None
    squared_norms: Node | None = None

    def gradients(self, nodes: Mapping[str, Node]) -> dict[str, Node]:
        """Return dJ/dw of each parameter, by path."""
        if self.known is not None:
            return {path: self.known[node] for path, node in nodes.items()}
        if self.total is None or self.count is None:
            return dict(zip(nodes, grad(self.value, list(nodes.values()), unused="zeros"), strict=True))
        gradients = self.data_gradients(nodes)
        if self.penalty is None:
            return gradients
        penalties = grad(self.penalty, list(nodes.values()), unused="zeros")
        return {path: dy + dp for (path, dy), dp in zip(gradients.items(), penalties, strict=True)}

    def data_gradients(self, nodes: Mapping[str, Node]) -> dict[str, Node]:
        """Return the gradient of J without penalties with respect to each parameter, by path."""
        inputs = list(nodes.values())
        if self.total is None or self.count is None:
            return dict(zip(nodes, grad(self.data, inputs, unused="zeros"), strict=True))
        gradients = [dy / self.count for dy in grad(self.total, inputs, unused="zeros")]
        return dict(zip(nodes, gradients, strict=True))

    def penalty_gradients(self, nodes: Mapping[str, Node]) -> dict[str, Node]:
        """Return the gradient of the penalties by the parameters that they depend on, by path."""
        if self.penalty is None:
            return {}
        known = Graph({"penalty": self.penalty}).inputs
        penalized = {path: node for path, node in nodes.items() if path in known}
        return dict(zip(penalized, grad(self.penalty, list(penalized.values())), strict=True))


def sample_weight(network: Network, weight_shape: Shape | None) -> Node | None:
    """Return the input node of the sample weights, (B, ...).

    Args:
        weight_shape: the shape of one sample's weight: ``()``, or that of its positions; ``None``: samples
            have no weights.
    """
    if weight_shape is None:
        return None
    return input_node(SAMPLE_WEIGHT, ("B", *weight_shape), network.recipe.dtype)


def is_plain(network: Network, weight: Node | None) -> bool:
    """Return whether each sample has a single weight: no loss or position weighs its terms."""
    is_weighted = any(network.losses[name].has_shares for name in network.inference.outputs)
    return not is_weighted and (weight is None or weight.rank == 1)


def loss_parts(network: Network, built: Built, weight: Node | None) -> dict[str, tuple[Node, Node | None]]:
    """Return numerator and denominator of each sample's loss, (B,) each, by output, without loss weights."""
    return {name: network.parts(name, node, weight) for name, node in built.outputs.items()}


def _weighted_parts(
    network: Network, built: Built, weight: Node | None
) -> dict[str, tuple[Node, Node | None]]:
    """Return ``loss_parts`` with numerators times the loss weight of the output."""
    fractions = loss_parts(network, built, weight)
    return {name: (network.weigh(name, total), count) for name, (total, count) in fractions.items()}


def epoch_columns(network: Network) -> list[str]:
    """Return the columns of the history with losses of an epoch besides J.

    These are ``NAME_loss`` of each of several outputs, ``data_loss`` of one output with a penalty.
    """
    if len(network.targets) > 1:
        return [f"{name}_loss" for name in network.targets]
    return [DATA_LOSS] if network.has_penalty else []


def loss_sums(network: Network, built: Built, weight_shape: Shape | None) -> dict[str, Node]:
    """Return running sums of each output's loss over an epoch, () in float64, by the label of the slot.

    ``NAME loss`` is the sum of the losses of an output without loss weights, ``NAME count`` the sum of their
    weights, where they have weights. Empty for a network with one output and no penalty: its loss is J.
    """
    if not epoch_columns(network):
        return {}
    sums: dict[str, Node] = {}
    for name, (total, count) in loss_parts(network, built, sample_weight(network, weight_shape)).items():
        sums[f"{name} loss"] = total
        if count is not None:
            sums[f"{name} count"] = count
    return {
        label: input_node(label, (), "float64", "state") + F.cast(F.sum(values), "float64")
        for label, values in sums.items()
    }


def epoch_losses(outputs: Iterable[str], sums: Mapping[str, np.ndarray], rows: float) -> dict[str, float]:
    """Return the mean loss of each output over an epoch from ``loss_sums``, without penalties, by column.

    A column is ``NAME_loss``, or ``data_loss`` if there is one output.
    """
    names = list(outputs)
    columns = [DATA_LOSS] if len(names) == 1 else [f"{name}_loss" for name in names]
    return {
        column: float(sums[f"{name} loss"]) / (float(sums.get(f"{name} count", rows)) or 1.0)
        for name, column in zip(names, columns, strict=True)
        if f"{name} loss" in sums
    }


def sample_losses(
    network: Network, built: Built, weight_shape: Shape | None = None
) -> tuple[Node, Node | None]:
    """Return the loss of each sample and its weight in the mean, (B,) each; ``None``: equal weights.

    J is the sum of their products divided by the sum of the weights, except that several outputs with
    different weights have no common weight.
    """
    weight = sample_weight(network, weight_shape)
    if is_plain(network, weight):
        return network.sample_loss(built), weight
    fractions = list(_weighted_parts(network, built, weight).values())
    losses = sum_of(total if count is None else total / divisor(count) for total, count in fractions)
    if len(fractions) == 1:
        return losses, fractions[0][1]
    return losses, weight if weight is not None and weight.rank == 1 else None


def sum_of(nodes: Iterable[Node]) -> Node:
    """Return the sum of nodes, in their order."""
    return reduce(lambda total, node: total + node, nodes)


def objective(network: Network, built: Built, weight_shape: Shape | None = None) -> Objective:
    """Return J of a batch for the nodes of a network, ``built`` in training or inference."""
    weight, penalty = sample_weight(network, weight_shape), network.penalty(built)
    total: Node | None = None
    count: Node | None = None
    if is_plain(network, weight):
        losses = network.sample_loss(built)
        data = F.mean(losses)
        if weight is not None:
            data = F.sum(losses * weight) / divisor(F.sum(weight))
    else:
        quotients = [_quotient(*pair) for pair in _weighted_parts(network, built, weight).values()]
        data = sum_of(quotient for quotient, _, _ in quotients)
        if len(quotients) == 1 and not built.book.costs:
            _, total, count = quotients[0]
    return Objective(data if penalty is None else data + penalty, data, penalty, total, count)


def _quotient(totals: Node, counts: Node | None) -> tuple[Node, Node | None, Node | None]:
    """Return the mean loss of an output, with its numerator and its denominator."""
    if counts is None:
        return F.mean(totals), None, None
    total, count = F.sum(totals), divisor(F.sum(counts))
    return total / count, total, count


def row_weights(network: Network, data: Arrays) -> np.ndarray | None:
    """Return the weight of each row in the mean over an epoch, (N,) in float64; ``None``: all are equal.

    With one output it is the denominator of the row's loss, so that the mean over batches equals the loss of
    a single batch of all rows. Several outputs may have different denominators; there it is the sample
    weight.
    """
    counts, weights = loss_denominators(network, data), data.weights
    if len(counts) == 1:
        return next(iter(counts.values()))
    if weights is None:
        return None
    return weights.reshape(len(weights), -1).mean(axis=1, dtype=np.float64)


def loss_denominators(network: Network, data: Arrays) -> dict[str, np.ndarray]:
    """Return the denominators of the rows' losses by output, (N,) each in float64.

    Empty where each sample has a single weight.
    """
    weight = sample_weight(network, None if data.weights is None else data.weights.shape[1:])
    if is_plain(network, weight):
        return {}
    fractions = loss_parts(network, network.inference, weight)
    graph = Graph({name: count for name, (_, count) in fractions.items() if count is not None})
    return {name: np.ones(data.rows) for name in fractions} | _run_over(graph, data)


class RowWeights:
    """``row_weights`` of the rows of each epoch.

    Args:
        changes: whether the rows change from epoch to epoch, as with augmentation.
    """

    def __init__(self, network: Network, data: Arrays, changes: bool) -> None:
        self.network, self.data, self.changes = network, data, changes
        self._epoch, self._weights = -1, None

    def __call__(self, epoch: int) -> np.ndarray | None:
        """Return the weights of the rows of an epoch; ``data`` must contain the rows of this epoch."""
        if self._epoch < 0 or (self.changes and self._epoch != epoch):
            self._epoch, self._weights = epoch, row_weights(self.network, self.data)
        return self._weights


def _run_over(graph: Graph, data: Arrays) -> dict[str, np.ndarray]:
    """Return the outputs of a graph of targets and weights over all rows, computed in blocks."""
    values: Any = {**(data.y if isinstance(data.y, dict) else {}), SAMPLE_WEIGHT: data.weights}
    arrays = {name: values[name] for name in graph.inputs}
    program, size = compile(graph, "reference"), data.rows if couples_rows(graph) else BLOCK
    blocks = [slice(start, start + size) for start in range(0, data.rows, size)]
    results = [program.run({name: array[rows] for name, array in arrays.items()}) for rows in blocks]
    return {name: np.concatenate([r[name] for r in results]).astype(np.float64) for name in graph.outputs}
