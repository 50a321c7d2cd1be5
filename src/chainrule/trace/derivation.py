"""The nodes an explanation is made of: loss, every cotangent, the gradients, the optimizer's move.

One bookkeeping for any number of samples: the reverse walk starts from S = sum_i J^(i), so what arrives at a
value of sample i is the derivative of that sample's own loss, and the gradient of a parameter is (1/n) dS/dw,
plus what the penalty adds. Nothing here is specific to a layer or a loss.
"""

from __future__ import annotations

from collections.abc import Mapping

from chainrule.frozen import frozen
from chainrule.gradient import cotangents
from chainrule.graph import Graph, Node, input_node
from chainrule.nn.build import Built
from chainrule.nn.optimizer import Now
from chainrule.ops import PUBLIC
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.function import full_like
from chainrule.train.step import Network

Slots = Mapping[str, Mapping[str, tuple[Node, Node]]]


@frozen
class Derivation:
    """A network's loss with everything that is derived from it, as nodes.

    Args:
        network: the network, in float64.
        samples: n.
        each: J^(i) for each sample, (B,).
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
    samples: int
    each: Node
    objective: Node
    penalty: Node | None
    cotangents: Mapping[Node, Node]
    gradients: Mapping[str, Node]
    clipped: Mapping[str, Node]
    moved: Mapping[str, Node]
    slots: Slots
    rate: Node
    count: Node

    @property
    def built(self) -> Built:
        return self.network.inference

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
        found = {}
        for node in self.cotangents:
            if isinstance(node.op, Elementwise) and is_curve(node):
                (slope,) = node.op.pullback(full_like(node, 1.0), node, *node.inputs)
                found |= {node: slope} if isinstance(slope, Node) else {}
        return found


def is_curve(node: Node) -> bool:
    """Whether a value is a function of one other value, number by number."""
    return isinstance(node.op, Elementwise) and len(node.inputs) == 1


def derive(network: Network, samples: int) -> Derivation:
    """The derivation of a network, for a batch of ``samples``."""
    built = network.inference
    each = network.sample_loss(built)
    nodes = {path: p.node for path, p in built.parameters.items()}
    numbers = [node for node in built.inputs.values() if node.spec.is_float]
    back, _ = cotangents(PUBLIC["sum"](each), [*nodes.values(), *numbers])
    penalty = network.penalty(built)
    extra = {} if penalty is None else cotangents(penalty, list(nodes.values()))[0]
    gradients = {path: _gradient(node, back, extra, samples) for path, node in nodes.items()}
    trained = {path: gradients[path] for path in network.trainable}
    clipped = dict(trained) if network.recipe.clip is None else network.recipe.clip(trained)
    rate, count = (input_node(name, (), "float64", "step") for name in ("learning rate", "update number"))
    objective, optimizer = network.objective(built), network.recipe.optimizer
    held = {label: input_node(label, s.shape, "float64", "state") for label, s in network.memory.items()}
    moving = {path: nodes[path] for path in clipped}
    moved, kept = optimizer.moves(moving, clipped, held, Now(rate, count, objective))
    slots: dict[str, dict[str, tuple[Node, Node]]] = {path: {} for path in moving}
    for label, after in kept.items():
        path, _, slot = label.rpartition("/")
        slots.setdefault(path, {})[slot] = (held[label], after)
    return Derivation(
        network, samples, each, objective, penalty, back, gradients, clipped, moved, slots, rate, count
    )


def _gradient(node: Node, back: Mapping[Node, Node], extra: Mapping[Node, Node], samples: int) -> Node:
    total = back.get(node)
    if total is not None and samples > 1:
        total = total / float(samples)
    if node in extra:
        total = extra[node] if total is None else total + extra[node]
    return full_like(node, 0.0) if total is None else total
