"""The nodes an explanation is made of: loss, every cotangent, the gradients, the optimizer's move.

One bookkeeping for any number of samples: the reverse walk starts from S = sum_i J^(i), so what arrives at a
value of sample i is the derivative of that sample's own loss, and the gradient of a parameter is (1/n) dS/dw,
plus what the penalty adds. Samples that do not count alike have weights, of which those of the classes and of
the places with a label are factors: S = sum_i w^(i) J^(i) and J = S / sum_i w^(i) (``train.objective``).
Nothing here is specific to a layer or a loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from functools import cached_property

import numpy as np

from chainrule.data import Arrays
from chainrule.gradient import cotangents
from chainrule.graph import Graph, Node, input_node, make, order
from chainrule.graph.rebuild import rebuild
from chainrule.nn.build import Built, build
from chainrule.nn.loss.loss import divisor
from chainrule.nn.optimizer import Now
from chainrule.ops import PUBLIC
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.elementwise.functions import full_like
from chainrule.ops.random_ops import Draw
from chainrule.records import frozen
from chainrule.train.objective import SAMPLE_WEIGHT, counts_of, parts, sum_of
from chainrule.train.step import Network

WEIGHTS = SAMPLE_WEIGHT
PLACES = "place_weight"
Slots = Mapping[str, Mapping[str, tuple[Node, Node]]]


@frozen
class Derivation:
    """A network's loss with everything that is derived from it, as nodes.

    Args:
        network: the network, in float64.
        built: its nodes: as it answers or, to explain an update of a training, as it learns.
        samples: n.
        divisor: what the sum over the samples is divided by: n, or the sum of their weights.
        each: J^(i) for each sample, (B,).
        weights: the input node of the samples' weights, by output; ``""`` where all outputs share it.
        objective: J, the mean of them and the penalty, ().
        penalty: what the size of the parameters costs, or ``None``.
        cotangents: for each node of the forward pass what comes back to it, from the loss on.
        gradients: dJ/dw of every parameter, by path.
        clipped: the same after clipping, for the parameters that move.
        moved: the new values of the parameters that move.
        slots: what the optimizer remembers, by path and name: before and after.
        rate, count: the input nodes of the learning rate and of the number of this update, from 1.
    """

    network: Network
    built: Built
    samples: int
    divisor: float
    each: Node
    weights: Mapping[str, Node]
    objective: Node
    penalty: Node | None
    cotangents: Mapping[Node, Node]
    gradients: Mapping[str, Node]
    clipped: Mapping[str, Node]
    moved: Mapping[str, Node]
    slots: Slots
    rate: Node
    count: Node

    def graph(self) -> Graph:
        """Everything to be computed."""
        after = [new for held in self.slots.values() for _, new in held.values()]
        nodes = [self.objective, *self.answers(), *self.cotangents.values(), *self.gradients.values()]
        nodes += [*self.clipped.values(), *self.moved.values(), *after, *self.slopes().values()]
        return Graph({str(i): node for i, node in enumerate(dict.fromkeys(nodes))})

    def answers(self) -> list[Node]:
        """What the net says, in the user's terms: probabilities or values, one node for each output."""
        return [self.network.losses[name].answer(node) for name, node in self.built.outputs.items()]

    def slopes(self) -> dict[Node, Node]:
        """For each value that one number bends by a curve, the slope of the curve there: da/dz."""
        return self._slopes

    @cached_property
    def _slopes(self) -> dict[Node, Node]:
        found = {}
        for node in self.cotangents:
            if isinstance(node.op, Elementwise) and is_curve(node):
                (slope,) = node.op.pullback(full_like(node, 1.0), node, *node.inputs)
                found |= {node: slope} if isinstance(slope, Node) else {}
        return found


def is_curve(node: Node) -> bool:
    """Whether a value is a function of one other value, number by number."""
    return isinstance(node.op, Elementwise) and len(node.inputs) == 1


@frozen
class Weighing:
    """How samples count.

    Args:
        divisor: what the sum over the samples is divided by: n, or the sum of their weights.
        arrays: the samples' weights, (n,), by output; ``""`` where all outputs share them.
        places: the weights of the samples' places, (n, ...), which are part of ``arrays``.
    """

    divisor: float
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    places: np.ndarray | None = None

    def feeds(self) -> dict[str, np.ndarray]:
        """The weights by the names of their inputs."""
        found = {_label(name): array for name, array in self.arrays.items()}
        return found if self.places is None else {**found, PLACES: self.places}


def weigh(network: Network, targets: Mapping[str, np.ndarray], weights: np.ndarray | None) -> Weighing:
    """How samples count in their mean.

    Args:
        network: the network, in float64.
        targets: by the name of their input.
        weights: of the samples, (n,), or of their places.
    """
    rows = Arrays(dict(targets), dict(targets), weights)
    n, counts = rows.rows, counts_of(network, rows)
    places = None if weights is None or weights.ndim == 1 else weights
    if not counts:
        return Weighing(float(n)) if weights is None else Weighing(float(weights.sum()) or 1.0, {"": weights})
    if weights is not None and places is None:
        counts = {name: count * weights for name, count in counts.items()}
    if len(counts) == 1:
        (count,) = counts.values()
        return Weighing(float(count.sum()) or 1.0, {"": count}, places)
    shares = {name: count * (n / (count.sum() or 1.0)) for name, count in counts.items()}
    return Weighing(float(n), shares, places)


def _label(output: str) -> str:
    return f"{WEIGHTS}.{output}" if output else WEIGHTS


def derive(network: Network, weighing: Weighing, samples: int, draws: str = "") -> Derivation:
    """The derivation of a network.

    Args:
        network: the network, in float64.
        weighing: how the samples count.
        samples: how many.
        draws: of the net as it learns, with what dropout drops and the statistics of this batch: the number
            kind in which that training draws. ``""``: the net as it answers.
    """
    built = as_trained(network, draws) if draws else network.inference
    each, counted, weights = _losses(network, built, weighing)
    nodes = {path: p.node for path, p in built.parameters.items()}
    numbers = [node for node in built.inputs.values() if node.spec.is_float]
    back, _ = cotangents(PUBLIC["sum"](counted), [*nodes.values(), *numbers])
    penalty = network.penalty(built)
    extra = {} if penalty is None else cotangents(penalty, list(nodes.values()))[0]
    gradients = {path: _gradient(node, back, extra, weighing.divisor) for path, node in nodes.items()}
    trained = {path: gradients[path] for path in network.trainable}
    clipped = dict(trained) if network.recipe.clip is None else network.recipe.clip(trained)
    rate, count = (input_node(name, (), "float64", "step") for name in ("learning rate", "update number"))
    data = PUBLIC["sum"](counted) / weighing.divisor if weights else PUBLIC["mean"](counted)
    objective, optimizer = data if penalty is None else data + penalty, network.recipe.optimizer
    held = {label: input_node(label, s.shape, "float64", "state") for label, s in network.memory.items()}
    moving = {path: nodes[path] for path in clipped}
    moved, kept = optimizer.moves(moving, clipped, held, Now(rate, count, objective))
    slots: dict[str, dict[str, tuple[Node, Node]]] = {path: {} for path in moving}
    for label, after in kept.items():
        path, _, slot = label.rpartition("/")
        slots.setdefault(path, {})[slot] = (held[label], after)
    return Derivation(
        network, built, samples, weighing.divisor, each, weights, objective, penalty, back, gradients,
        clipped, moved, slots, rate, count,
    )  # fmt: skip


def _losses(network: Network, built: Built, weighing: Weighing) -> tuple[Node, Node, dict[str, Node]]:
    """The loss of each sample, the same times its weight, and the weights."""
    inside = None if weighing.places is None else weighing.places.shape[1:]
    places = None if inside is None else input_node(PLACES, ("B", *inside), "float64")
    losses = {}
    for name, (total, count) in parts(network, built, places).items():
        losses[name] = total if count is None else total / divisor(count)
    each = sum_of(losses.values())
    weights = {name: input_node(_label(name), each.shape, each.dtype) for name in weighing.arrays}
    if not weights:
        return each, each, weights
    if "" in weights:
        return each, each * weights[""], weights
    return each, sum_of(loss * weights[name] for name, loss in losses.items()), weights


def as_trained(network: Network, draws: str) -> Built:
    """The net as it learns, its random numbers drawn in a training's own number kind: the same numbers."""
    recipe = network.recipe
    built = build(recipe.net, network.inputs, recipe.dtype, True, recipe.frozen)
    book, ends = built.book, [*built.outputs.values(), *built.book.notes.values(), *built.book.costs.values()]
    results = [node for node in book.results.values() if isinstance(node, Node)]
    drawn = {}
    for node in order([*ends, *results]):
        if isinstance(node.op, Draw):
            own = make(replace(node.op, dtype=draws), *node.inputs)
            drawn[node] = PUBLIC["cast"](own, node.dtype)
    moved = dict(zip([*ends, *results], rebuild([*ends, *results], drawn), strict=True))
    book = replace(
        book,
        notes={name: moved[node] for name, node in book.notes.items()},
        costs={name: moved[node] for name, node in book.costs.items()},
        results={
            name: moved.get(node, node) for name, node in book.results.items() if isinstance(node, Node)
        },
    )
    return Built(built.inputs, {name: moved[node] for name, node in built.outputs.items()}, book)


def _gradient(node: Node, back: Mapping[Node, Node], extra: Mapping[Node, Node], count: float) -> Node:
    total = back.get(node)
    if total is not None and count != 1:
        total = total / count
    if node in extra:
        total = extra[node] if total is None else total + extra[node]
    return full_like(node, 0.0) if total is None else total
