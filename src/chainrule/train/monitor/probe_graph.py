"""The graph of a probe: the values of a training step that a probe reads.

It depends only on the step, so that all trainings with the same step share it.
"""

from __future__ import annotations

from chainrule.engines.reference import ElementwiseChain, Program
from chainrule.graph import Graph, Node
from chainrule.memoization import cached_property
from chainrule.ops import Card
from chainrule.symbolic_shape import size_at
from chainrule.train.member_graph import members_in_inference
from chainrule.train.monitor.compiled_update import CompiledUpdate
from chainrule.train.network import Network
from chainrule.train.objective import sample_losses
from chainrule.train.step_graph import Step


class ProbeGraph:
    """The values of a step that a probe reads, and the programs that compute them."""

    def __init__(self, network: Network, step: Step) -> None:
        self._step, self._trainable = step, network.trainable
        self._loss = sample_losses(network, step.built, step.weight_shape)
        # With weights of members, both losses are those of the members that a row trains: a member that it
        # does not train may predict it much worse.
        is_of_members = bool(step.weight_shape) and any(map(network.members, network.inference.outputs))
        inference = members_in_inference(network) if is_of_members else network.inference
        self._inference_loss = sample_losses(network, inference, step.weight_shape)[0]

    @cached_property
    def values_per_sample(self) -> int:
        """Number of values that a step computes for each sample."""
        two, one = (sum(size_at(n.spec.size, {"B": b}) for n in self._step.graph.nodes) for b in (2, 1))
        return two - one

    @cached_property
    def activations(self) -> dict[str, tuple[Node, Node]]:
        """The preactivations z and outputs a of each layer that records them, by path."""
        notes, activations = self._step.built.book.notes, {}
        nodes = set(self._step.graph.nodes)  # values inside a scan are not among them
        for name, node in notes.items():
            path, _, kind = name.rpartition(".")
            if kind == "a" and node in nodes:
                z = notes.get(f"{path}.z", node.inputs[0] if node.inputs else node)
                activations[path] = (z if z.shape == node.shape and z in nodes else node, node)
        return activations

    @cached_property
    def updates(self) -> dict[str, ElementwiseChain]:
        """The operations from the gradient of each parameter to the change of its value, by path."""
        new = self._step.graph.outputs
        return {
            path: ElementwiseChain(new[f"parameter.{path}"] - self._trainable[path].node, [node])
            for path, node in self._step.gradients.items()
        }

    @cached_property
    def compiled_updates(self) -> dict[str, ElementwiseChain | CompiledUpdate]:
        """``updates``, those of large parameters compiled where the bits are the same."""
        return {
            path: CompiledUpdate(chain) if CompiledUpdate.is_exact(chain) else chain
            for path, chain in self.updates.items()
        }

    @cached_property
    def gradient_terms(self) -> dict[str, dict[str, Node]]:
        """The parts of the gradients, by statistic and path: ``data_gradient`` (without penalties) of every
        parameter and ``penalty_gradient`` of those with a penalty, before clipping. Empty without penalties.
        """
        nodes = {path: parameter.node for path, parameter in self._trainable.items()}
        penalties = self._step.objective.penalty_gradients(nodes)
        if not penalties:
            return {}
        return {"data_gradient": self._step.objective.data_gradients(nodes), "penalty_gradient": penalties}

    @cached_property
    def operands(self) -> dict[str, Node]:
        """The inputs (..., B, I) of each weight matrix (..., O, I) that reads data and no other parameter."""
        forward = Graph(self._step.built.outputs).nodes
        parameters = {self._trainable[path].node for path in self._trainable}
        uses: dict[Node, list[Node]] = {}
        learned = set(parameters)  # nodes that depend on a parameter
        for node in forward:
            for source in node.inputs:
                uses.setdefault(source, []).append(node)
                if source in learned:
                    learned.add(node)
        operands = {}
        for path in self._step.gradients:
            node = self._trainable[path].node
            products = [product for turned in uses.get(node, ()) for product in uses.get(turned, ())]
            if len(products) == 1 and _is_product(products[0], node) and products[0].inputs[0] not in learned:
                operands[path] = products[0].inputs[0]
        return operands

    @cached_property
    def graph(self) -> Graph:
        """All values that a probe reads."""
        outputs, names = self._step.graph.outputs, dict[Node, str]()
        results = {"loss": outputs["loss"], "learning_rate": outputs["learning_rate"]}
        results["training"], count = self._loss
        if count is not None:
            results["count"] = count
        for path, node in self._step.gradients.items():
            for source in self.updates[path].sources:
                if isinstance(source.op, Card) and source is not node:
                    results.setdefault(names.setdefault(source, f"source.{len(names)}"), source)
            results[f"gradient.{path}"] = node
        for name, terms in self.gradient_terms.items():
            results |= {f"{name}.{path}": node for path, node in terms.items()}
        for path, (z, a) in self.activations.items():
            results |= {f"z.{path}": z, f"a.{path}": a}
        for path, operand in self.operands.items():
            if isinstance(operand.op, Card):  # an input of the network is known
                results[f"operand.{path}"] = operand
        return Graph(results)

    @cached_property
    def needs_all_gradients(self) -> bool:
        """Whether updates depend on all gradients, such as on their norm; then all exist at the same time."""
        gradients, position = self._step.gradients, {node: i for i, node in enumerate(self.graph.nodes)}
        updates = ((position[gradients[path]], chain.sources) for path, chain in self.updates.items())
        return any(position.get(node, -1) > i for i, sources in updates for node in sources)

    @cached_property
    def program(self) -> Program:
        """The program that computes the values of the graph, node by node."""
        return Program(self.graph)

    @cached_property
    def inference_program(self) -> Program | None:
        """The program of the loss in inference mode; ``None`` if it equals that in training mode."""
        loss = self._inference_loss
        return None if loss is self._loss[0] else Program(Graph({"loss": loss}))


def _is_product(product: Node, weight: Node) -> bool:
    """Return whether a node is ``x W^T`` for a weight W, with the same leading axes, if it has any."""
    if product.op.name != "matmul" or product.inputs[1].op.name != "transpose":
        return False
    x, turned = product.inputs
    axes = (*range(weight.rank - 2), weight.rank - 1, weight.rank - 2)
    is_turned = turned.inputs[0] is weight and turned.op.attributes["axes"] == axes
    return is_turned and (weight.rank == 2 or x.shape[:-2] == weight.shape[:-2])
