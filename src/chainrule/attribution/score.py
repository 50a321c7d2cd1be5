"""The explained score as a graph: from the inputs of a network to one score for each sample.

Every score except a loss is a weighted sum of the elements of one output plus an offset. For a class, the
weight of its logit is 1; for the negative class of a network with a single logit it is -1; for a value in the
units of a table column it is the standard deviation of the column. The weights are an input of the graph, so
one compiled program serves all classes.

Gradients are taken with respect to *entries*. The entry of a numeric input is the input itself. Integer
tokens have no gradient; their entry is the array of embedding vectors, or of one-hot codes, and the values of
an entry are summed over the vector of each token. Vectors of n-grams, whose numbers are computed from several
tokens by tables of integers (``HashedNGrams``), share their values equally among these tokens. In the graph
of the gradients, entries are inputs, so that a method can evaluate it at any point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node, order, rebuild
from chainrule.memoization import cached_property
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import bound
from chainrule.train.evaluation.prediction import blocks
from chainrule.train.network import Network

WEIGHTS, OFFSET = "attribution weights", "attribution offset"  # inputs of the graph of a score
EXPLAINED = ("logit", "probability", "loss", "value")
Arrays = Mapping[str, np.ndarray]


@frozen(eq=False)
class Score:
    """One number for each sample, as nodes and programs.

    Args:
        network: the network and its loss.
        output: the name of the explained output.
        explains: ``"logit"`` or ``"value"`` (the output itself), ``"probability"`` or ``"loss"``.
    """

    network: Network
    output: str
    explains: str

    @cached_property
    def flat_output(self) -> Node:
        """The elements of the output of each sample, (B, M)."""
        node = self.network.inference.outputs[self.output]
        if self.explains == "probability":
            node = self.network.losses[self.output].prediction(node)
        return F.reshape(node, (node.shape[0], int(np.prod(bound(node.shape[1:])))))

    @cached_property
    def node(self) -> Node:
        """The explained score, (B,)."""
        if self.explains == "loss":
            return self.network.sample_loss(self.network.inference)
        batch, numbers = self.flat_output.shape
        weights = input_node(WEIGHTS, (batch, numbers), self.flat_output.dtype)
        return F.sum(self.flat_output * weights, -1) + input_node(OFFSET, (batch,), self.flat_output.dtype)

    @cached_property
    def entries(self) -> dict[str, tuple[Node, ...]]:
        """For each input the nodes of its entries: the input itself, or the vectors of its tokens."""
        entries = {}
        for name, x in self.network.inference.inputs.items():
            words = tuple(_vectors(self.node, x))
            if words or x.spec.is_float:
                entries[name] = words or (x,)
        return {name: nodes for name, nodes in entries.items() if set(nodes) & set(order([self.node]))}

    @cached_property
    def entry_inputs(self) -> dict[Node, Node]:
        """For each entry the graph input that replaces it."""
        inputs = {}
        for name, nodes in self.entries.items():
            for i, node in enumerate(nodes):
                own = node is self.network.inference.inputs[name]
                inputs[node] = node if own else input_node(f"{name} entry {i}", node.shape, node.dtype)
        return inputs

    @cached_property
    def hashed(self) -> dict[str, Program]:
        """For each entry that is looked up by numbers of several tokens the program of these numbers."""
        programs = {}
        for nodes in self.entries.values():
            for node in nodes:
                if node.op.name == "gather" and _is_hashed(node.inputs[-1]):
                    label = self.entry_inputs[node].op.attributes["label"]
                    programs[label] = compile(Graph({"index": node.inputs[-1]}), self.network.engine)
        return programs

    @cached_property
    def condition_inputs(self) -> dict[Node, Node]:
        """For each comparison of entries for equality the graph input that replaces it.

        Such comparisons distinguish padding from data. Their results are those of the sample: if a position
        became padding on the path to a baseline of zeros, the score would jump there, and the values would
        not sum to the difference.
        """
        inputs, depends = {}, set(self.entry_inputs)
        for node in order([self.node]):
            if not depends.isdisjoint(node.inputs):
                depends.add(node)
                if node.op.name in ("equal", "not_equal"):
                    inputs[node] = input_node(f"condition {len(inputs)}", node.shape, node.dtype)
        return inputs

    @cached_property
    def score_from_entries(self) -> Node:
        """The score as a function of the entries."""
        return rebuild([self.node], {**self.condition_inputs, **self.entry_inputs})[0]

    def entry_labels(self, name: str) -> list[str]:
        """Return the names of the entries of an input in the graph."""
        return [self.entry_inputs[node].op.attributes["label"] for node in self.entries[name]]

    @cached_property
    def forward_program(self) -> Program:
        """The program from the inputs of the network to the score and the elements of the output."""
        return compile(Graph({"score": self.node, "output": self.flat_output}), self.network.engine)

    @cached_property
    def entry_program(self) -> Program:
        """The program from the inputs of the network to its entries and conditions."""
        nodes = {**self.entry_inputs, **self.condition_inputs}
        outputs = {entry.op.attributes["label"]: node for node, entry in nodes.items()}
        return compile(Graph(outputs), self.network.engine)

    @cached_property
    def point_program(self) -> Program:
        """The program from entries to the score."""
        return compile(Graph({"score": self.score_from_entries}), self.network.engine)

    @cached_property
    def gradient_program(self) -> Program:
        """The program from entries to the score and its gradient with respect to each, ``d ENTRY``.

        The gradient of the sum over the batch is that of each sample, because samples do not interact.
        """
        entries = list(self.entry_inputs.values())
        gradients = grad(F.sum(self.score_from_entries), entries, unused="zeros")
        by_name = {
            f"d {entry.op.attributes['label']}": node for entry, node in zip(entries, gradients, strict=True)
        }
        return compile(Graph({"score": self.score_from_entries, **by_name}), self.network.engine)


def score_of(network: Network, output: str, explains: str) -> Score:
    """Return the score of an output, stored with the network, so that its programs are compiled once."""
    key = ("attribution score", output, explains)
    return network.memo(key, lambda: Score(network, output, explains))


def run(program: Program, arrays: Arrays, rows: Arrays) -> dict[str, np.ndarray]:
    """Run a program on rows, in blocks.

    Args:
        arrays: parameters and states by path.
        rows: one row for each sample, by input; inputs that the program does not have are ignored.
    """
    own_rows = {name: array for name, array in rows.items() if name in program.graph.inputs}
    count = len(next(iter(rows.values())))
    own_arrays = {name: arrays[name] for name in program.graph.inputs if name in arrays}
    parts = [
        program.run({**own_arrays, **{name: array[block] for name, array in own_rows.items()}})
        for block in blocks(program, count)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _vectors(score: Node, x: Node) -> Iterator[Node]:
    """Yield the vectors of the tokens of an input: the rows of an embedding, or one-hot codes."""
    chain, hashed = {x}, set[Node]()
    for node in order([score]):
        name, index = node.op.name, node.inputs[-1] if node.inputs else None
        if not node.spec.is_float and _depends_on_tables(node, x, hashed):
            hashed.add(node)
        elif name in ("cast", "reshape") and index in chain:
            chain.add(node)
        elif name in ("gather", "one_hot") and index in (chain | hashed if name == "gather" else chain):
            yield node


def _depends_on_tables(node: Node, x: Node, hashed: set[Node]) -> bool:
    """Return whether integers are looked up by an input, or computed from such integers."""
    is_lookup = node.op.name == "gather" and x in order([node.inputs[-1]])
    return is_lookup or not hashed.isdisjoint(node.inputs)


def _is_hashed(index: Node) -> bool:
    """Return whether numbers are computed by tables of integers."""
    return any(node.op.name == "gather" and not node.spec.is_float for node in order([index]))
