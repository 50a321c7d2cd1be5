"""The graph of a probe: the values of a training step that a probe reads.

It depends on the step alone, so every training of the step shares it.
"""

from __future__ import annotations

from functools import cached_property

from chainrule.engines.reference import ElementwiseChain, Program
from chainrule.graph import Graph, Node
from chainrule.ops import Card
from chainrule.spec import size_at
from chainrule.train.network import Network
from chainrule.train.objective import sample_losses
from chainrule.train.step import Step


class ProbeGraph:
    """The values of a step that a probe reads, and the programs that compute them.

    Args:
        network: the network.
        step: its training step.
    """

    def __init__(self, network: Network, step: Step) -> None:
        self._step = step
        self._loss = sample_losses(network, step.built, step.weight_shape)
        self._inference_loss = sample_losses(network, network.inference, step.weight_shape)[0]

    @cached_property
    def numbers(self) -> int:
        """The number of values that a step computes for each of its samples."""
        two, one = (sum(size_at(n.spec.size, {"B": b}) for n in self._step.graph.nodes) for b in (2, 1))
        return two - one

    @cached_property
    def bent(self) -> dict[str, tuple[Node, Node]]:
        """For each layer that has an activation or weighted sums: the sums and the outputs."""
        notes, found = self._step.built.book.notes, {}
        nodes = set(self._step.graph.nodes)  # a value that is noted inside a loop over time is not among them
        for name, node in notes.items():
            path, _, kind = name.rpartition(".")
            if kind == "a" and node in nodes:
                z = notes.get(f"{path}.z", node.inputs[0] if node.inputs else node)
                found[path] = (z if z.shape == node.shape and z in nodes else node, node)
        return found

    @cached_property
    def tails(self) -> dict[str, ElementwiseChain]:
        """How each parameter follows from its gradient."""
        new = self._step.graph.outputs
        return {
            path: ElementwiseChain(new[f"parameter.{path}"], [node])
            for path, node in self._step.gradients.items()
        }

    @cached_property
    def graph(self) -> Graph:
        """All values that a probe reads."""
        outputs, names = self._step.graph.outputs, dict[Node, str]()
        wanted = {"loss": outputs["loss"], "rate": outputs["learning_rate"]}
        wanted["training"], count = self._loss
        if count is not None:
            wanted["count"] = count
        for path, node in self._step.gradients.items():
            for source in self.tails[path].sources:
                if isinstance(source.op, Card) and source is not node:
                    wanted.setdefault(names.setdefault(source, f"given.{len(names)}"), source)
            wanted[f"gradient.{path}"] = node
        for path, (z, a) in self.bent.items():
            wanted |= {f"z.{path}": z, f"a.{path}": a}
        return Graph(wanted)

    @cached_property
    def waits(self) -> bool:
        """Whether an update needs a value of all gradients, such as their norm; then all must be kept."""
        gradients, at = self._step.gradients, {node: i for i, node in enumerate(self.graph.nodes)}
        tails = ((at[gradients[path]], tail.sources) for path, tail in self.tails.items())
        return any(at.get(node, -1) > i for i, sources in tails for node in sources)

    @cached_property
    def program(self) -> Program:
        """The program that computes them, node by node."""
        return Program(self.graph)

    @cached_property
    def answering(self) -> Program | None:
        """The loss in inference; ``None`` where it is that of training."""
        loss = self._inference_loss
        return None if loss is self._loss[0] else Program(Graph({"loss": loss}))
