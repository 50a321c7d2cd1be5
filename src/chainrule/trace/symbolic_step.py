"""The nodes of an explanation: loss, cotangents, gradients and the optimizer's update.

The backward pass starts from ``S = sum_i J^(i)``, for any number n of samples. The cotangent of a value of
sample i is therefore the derivative of that sample's own loss ``J^(i)``, and the gradient of a parameter w is
``(1/n) dS/dw`` plus the gradient of the penalty. With sample weights ``w^(i)``, which include the class
weights and the weights of the labeled positions, ``S = sum_i w^(i) J^(i)`` and ``J = S / sum_i w^(i)`` (see
``train.objective``). Nothing here depends on the kind of layer or loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace

import numpy as np

from chainrule.data import Arrays
from chainrule.gradient import cotangents
from chainrule.graph import Graph, Node, Site, input_node, make, order
from chainrule.graph.graph import rebuild
from chainrule.memoization import cached_property
from chainrule.nn.build import Built, build
from chainrule.nn.loss.loss import divisor
from chainrule.nn.optimizer import StepContext
from chainrule.ops import functional as F
from chainrule.ops.elementwise.broadcasting_functions import full_like
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.random_ops import Draw
from chainrule.records import frozen
from chainrule.train.network import Network
from chainrule.train.objective import SAMPLE_WEIGHT, loss_denominators, loss_parts, sum_of

WEIGHTS = SAMPLE_WEIGHT
POSITION_WEIGHTS = "place_weight"
Slots = Mapping[str, Mapping[str, tuple[Node, Node]]]


@frozen
class Derivation:
    """A network's loss and everything derived from it, as nodes.

    Args:
        network: the network, in float64.
        built: its nodes, in evaluation mode or, for an update of a training, in training mode.
        samples: n.
        divisor: the divisor of the sum over the samples: n, or the sum of their weights.
        sample_losses: J^(i) for each sample, (B,).
        weights: the input node of the sample weights, by output; ``""`` where all outputs share it.
        objective: J, the mean of the sample losses plus the penalty, ().
        penalty: the penalty on the parameters, or ``None``.
        cotangents: the cotangent of each node of the forward pass, from the loss on.
        gradients: dJ/dw of every parameter, by path.
        clipped: the gradients after clipping, for the trainable parameters.
        updated: the new values of the trainable parameters.
        slots: the optimizer state by path and name: (before, after).
        learning_rate, update_number: the input nodes of the learning rate and of the number of this update,
            from 1.
    """

    network: Network
    built: Built
    samples: int
    divisor: float
    sample_losses: Node
    weights: Mapping[str, Node]
    objective: Node
    penalty: Node | None
    cotangents: Mapping[Node, Node]
    gradients: Mapping[str, Node]
    clipped: Mapping[str, Node]
    updated: Mapping[str, Node]
    slots: Slots
    learning_rate: Node
    update_number: Node

    def graph(self) -> Graph:
        """Return the graph of all nodes."""
        after = [new for slots in self.slots.values() for _, new in slots.values()]
        nodes = [self.objective, *self.predictions(), *self.cotangents.values(), *self.gradients.values()]
        nodes += [*self.clipped.values(), *self.updated.values(), *after, *self.local_derivatives().values()]
        return Graph({str(i): node for i, node in enumerate(dict.fromkeys(nodes))})

    def predictions(self) -> list[Node]:
        """Return the predictions of the network, probabilities or values: one node per output."""
        return [self.network.losses[name].prediction(node) for name, node in self.built.outputs.items()]

    def local_derivatives(self) -> dict[Node, Node]:
        """Return da/dz of each value that is an elementwise function of one other value."""
        return self._local_derivatives

    def site_of(self, node: Node) -> Site:
        """Return the layer of this network that computes a value.

        Equal nodes are one node, also those of two networks: its own site is that of the network that was
        built first. The values that layers return and note are therefore looked up here.
        """
        sites = self._sites.get(node, ())
        return node.site if not sites or any(site.path == node.site.path for site in sites) else sites[0]

    @cached_property
    def _sites(self) -> dict[Node, list[Site]]:
        """The sites of the values that layers note and return, the innermost layer first."""
        book, sites = self.built.book, dict[Node, list[Site]]()
        pairs = [(name.rpartition(".")[0], node) for name, node in book.notes.items()]
        pairs += [(call, node) for call, node in book.results.items() if isinstance(node, Node)]
        for call, node in sorted(pairs, key=lambda pair: -len(pair[0])):
            path, _, number = call.partition("#")
            kind = type(book.layers.get(path)).__name__
            sites.setdefault(node, []).append(Site(path, None, kind, int(number or 1)))
        return sites

    @cached_property
    def _local_derivatives(self) -> dict[Node, Node]:
        local_derivatives = {}
        for node in self.cotangents:
            if isinstance(node.op, Elementwise) and is_curve(node):
                (slope,) = node.op.pullback(full_like(node, 1.0), node, *node.inputs)
                local_derivatives |= {node: slope} if isinstance(slope, Node) else {}
        return local_derivatives


def is_curve(node: Node) -> bool:
    """Return whether a value is an elementwise function of one other value."""
    return isinstance(node.op, Elementwise) and len(node.inputs) == 1


@frozen
class SampleWeights:
    """The weights of samples in the mean loss.

    Args:
        divisor: the divisor of the sum over the samples: n, or the sum of their weights.
        arrays: the sample weights, (n,), by output; ``""`` where all outputs share them.
        positions: the weights of the positions within samples, (n, ...), which are included in ``arrays``.
    """

    divisor: float
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    positions: np.ndarray | None = None

    def feeds(self) -> dict[str, np.ndarray]:
        """Return the weights by the names of their inputs."""
        feeds = {_label(name): array for name, array in self.arrays.items()}
        return feeds if self.positions is None else {**feeds, POSITION_WEIGHTS: self.positions}


def sample_weights(
    network: Network, targets: Mapping[str, np.ndarray], weights: np.ndarray | None
) -> SampleWeights:
    """Return the weights of samples in their mean loss.

    Args:
        network: the network, in float64.
        targets: by the name of their input.
        weights: weights of the samples, (n,), or of their positions, (n, ...).
    """
    rows = Arrays(dict(targets), dict(targets), weights)
    n, counts = rows.rows, loss_denominators(network, rows)
    positions = None if weights is None or weights.ndim == 1 else weights
    if not counts:
        return (
            SampleWeights(float(n))
            if weights is None
            else SampleWeights(float(weights.sum()) or 1.0, {"": weights})
        )
    if weights is not None and positions is None:
        counts = {name: count * weights for name, count in counts.items()}
    if len(counts) == 1:
        (count,) = counts.values()
        return SampleWeights(float(count.sum()) or 1.0, {"": count}, positions)
    shares = {name: count * (n / (count.sum() or 1.0)) for name, count in counts.items()}
    return SampleWeights(float(n), shares, positions)


def _label(output: str) -> str:
    return f"{WEIGHTS}.{output}" if output else WEIGHTS


_STEP_INPUTS = ("learning rate", "update number")


def derive(network: Network, weighting: SampleWeights, samples: int, draws: str = "") -> Derivation:
    """Build the derivation of a network.

    Args:
        network: the network, in float64.
        weighting: the sample weights.
        samples: the number of samples, n.
        draws: for training mode, with dropout masks and batch statistics, the dtype in which that training
            samples random numbers; ``""`` for evaluation mode.
    """
    built = as_trained(network, draws) if draws else network.inference
    sample_losses, counted, weights = _losses(network, built, weighting)
    nodes = {path: p.node for path, p in built.parameters.items()}
    numbers = [node for node in built.inputs.values() if node.spec.is_float]
    backward, _ = cotangents(F.sum(counted), [*nodes.values(), *numbers])
    penalty = network.penalty(built)
    penalty_gradients = {} if penalty is None else cotangents(penalty, list(nodes.values()))[0]
    gradients = {
        path: _gradient(node, backward, penalty_gradients, weighting.divisor) for path, node in nodes.items()
    }
    trained = {path: gradients[path] for path in network.trainable}
    clipped = dict(trained) if network.recipe.clip is None else network.recipe.clip(trained)
    learning_rate, update_number = (input_node(name, (), "float64", "step") for name in _STEP_INPUTS)
    data = F.sum(counted) / weighting.divisor if weights else F.mean(counted)
    objective, optimizer = data if penalty is None else data + penalty, network.recipe.optimizer
    slots_before = {
        label: input_node(label, s.shape, "float64", "state") for label, s in network.slots.items()
    }
    moving = {path: nodes[path] for path in clipped}
    context = StepContext(learning_rate, update_number, objective)
    updated, slots_after = optimizer.moves(moving, clipped, slots_before, context)
    slots = _slots(moving, slots_before, slots_after)
    return Derivation(
        network,
        built,
        samples,
        weighting.divisor,
        sample_losses,
        weights,
        objective,
        penalty,
        backward,
        gradients,
        clipped,
        updated,
        slots,
        learning_rate,
        update_number,
    )


def _slots(
    moving: Iterable[str], before: Mapping[str, Node], after: Mapping[str, Node]
) -> dict[str, dict[str, tuple[Node, Node]]]:
    """Return each slot before and after the update, by the path of its parameter and its name."""
    slots: dict[str, dict[str, tuple[Node, Node]]] = {path: {} for path in moving}
    for label, node in after.items():
        path, _, slot = label.rpartition("/")
        slots.setdefault(path, {})[slot] = (before[label], node)
    return slots


def _losses(network: Network, built: Built, weighting: SampleWeights) -> tuple[Node, Node, dict[str, Node]]:
    """Return the loss of each sample, the weighted loss of each sample, and the weights."""
    shape = None if weighting.positions is None else weighting.positions.shape[1:]
    positions = None if shape is None else input_node(POSITION_WEIGHTS, ("B", *shape), "float64")
    losses = {}
    for name, (total, count) in loss_parts(network, built, positions).items():
        losses[name] = network.weigh(name, total if count is None else total / divisor(count))
    sample_losses = sum_of(losses.values())
    weights = {
        name: input_node(_label(name), sample_losses.shape, sample_losses.dtype) for name in weighting.arrays
    }
    if not weights:
        return sample_losses, sample_losses, weights
    if "" in weights:
        return sample_losses, sample_losses * weights[""], weights
    return sample_losses, sum_of(loss * weights[name] for name, loss in losses.items()), weights


def as_trained(network: Network, dtype: str) -> Built:
    """Return the network in training mode; random numbers, in ``dtype``, are those of the training."""
    recipe = network.recipe
    built = build(recipe.net, network.inputs, recipe.dtype, True, recipe.frozen)
    collected, ends = (
        built.book,
        [*built.outputs.values(), *built.book.notes.values(), *built.book.costs.values()],
    )
    results = [node for node in collected.results.values() if isinstance(node, Node)]
    sampled = {}
    for node in order([*ends, *results]):
        if isinstance(node.op, Draw):
            in_dtype = make(replace(node.op, dtype=dtype), *node.inputs)
            sampled[node] = F.cast(in_dtype, node.dtype)
    rebuilt = dict(zip([*ends, *results], rebuild([*ends, *results], sampled), strict=True))
    collected = replace(
        collected,
        notes={name: rebuilt[node] for name, node in collected.notes.items()},
        costs={name: rebuilt[node] for name, node in collected.costs.items()},
        results={
            name: rebuilt.get(node, node)
            for name, node in collected.results.items()
            if isinstance(node, Node)
        },
    )
    return Built(built.inputs, {name: rebuilt[node] for name, node in built.outputs.items()}, collected)


def _gradient(
    node: Node, data_gradients: Mapping[Node, Node], penalty_gradients: Mapping[Node, Node], divisor: float
) -> Node:
    total = data_gradients.get(node)
    if total is not None and divisor != 1:
        total = total / divisor
    if node in penalty_gradients:
        total = penalty_gradients[node] if total is None else total + penalty_gradients[node]
    return full_like(node, 0.0) if total is None else total
