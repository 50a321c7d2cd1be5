"""The number that is explained, as a graph: from a net's inputs to one score for each sample.

Everything a person may ask of is one weighted sum: the score of a class is 1 times one number of the
output, that of "no" of a net with a single score is -1 times it, a value in the units of its column is the
deviation times it. So the weights are an input of the graph, and one compiled program serves every class.

Gradients need a place to be taken at. Of numbers that is the input itself. Whole numbers that name words
have no small
steps: the place is the vector the embedding gives each word, the *entry*, and what is found there is summed
    over the
vector. In the graph behind, entries are inputs, so that they can be moved anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np

from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node, order, rebuild
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.spec import bound
from chainrule.train.evaluation.prediction import blocks
from chainrule.train.network import Network

WEIGHTS, OFFSET = "weights of what is explained", "offset of what is explained"
EXPLAINED = ("logit", "probability", "loss", "value")
Arrays = Mapping[str, np.ndarray]


@frozen(eq=False)
class Score:
    """One number for each sample, as nodes and programs.

    Args:
        network: the net and its loss.
        output: which of its outputs is explained.
        explains: ``"logit"`` or ``"value"`` (the output as it is), ``"probability"`` or ``"loss"``.
    """

    network: Network
    output: str
    explains: str

    @cached_property
    def answer(self) -> Node:
        """The numbers of the output for each sample in a row, (B, M)."""
        node = self.network.inference.outputs[self.output]
        if self.explains == "probability":
            node = self.network.losses[self.output].prediction(node)
        return F.reshape(node, (node.shape[0], int(np.prod(bound(node.shape[1:])))))

    @cached_property
    def node(self) -> Node:
        """What is explained, (B,)."""
        if self.explains == "loss":
            return self.network.sample_loss(self.network.inference)
        batch, numbers = self.answer.shape
        weights = input_node(WEIGHTS, (batch, numbers), self.answer.dtype)
        return F.sum(self.answer * weights, -1) + input_node(OFFSET, (batch,), self.answer.dtype)

    @cached_property
    def entries(self) -> dict[str, tuple[Node, ...]]:
        """For each input the nodes through which it enters: itself, or the vectors of its words."""
        found = {}
        for name, x in self.network.inference.inputs.items():
            words = tuple(_vectors(self.node, x))
            if words or x.spec.is_float:
                found[name] = words or (x,)
        return {name: nodes for name, nodes in found.items() if set(nodes) & set(order([self.node]))}

    @cached_property
    def places(self) -> dict[Node, Node]:
        """For each entry the input that stands in its place."""
        taken = {}
        for name, nodes in self.entries.items():
            for i, node in enumerate(nodes):
                own = node is self.network.inference.inputs[name]
                taken[node] = node if own else input_node(f"{name} entry {i}", node.shape, node.dtype)
        return taken

    @cached_property
    def conditions(self) -> dict[Node, Node]:
        """For each comparison of entries for equality the input that stands in its place.

        Such comparisons tell padding from what counts. They stay as they are for the sample: a place that
        became padding on the way to a baseline of zeros would be a jump, and nothing adds up over a jump.
        """
        found, depends = {}, set(self.places)
        for node in order([self.node]):
            if not depends.isdisjoint(node.inputs):
                depends.add(node)
                if node.op.name in ("equal", "not_equal"):
                    found[node] = input_node(f"condition {len(found)}", node.shape, node.dtype)
        return found

    @cached_property
    def moved(self) -> Node:
        """The score, as it depends on the entries."""
        return rebuild([self.node], {**self.conditions, **self.places})[0]

    def labels(self, name: str) -> list[str]:
        """What the entries of an input are called in the graph."""
        return [self.places[node].op.attributes["label"] for node in self.entries[name]]

    @cached_property
    def plain(self) -> Program:
        """From the net's inputs to the score and the numbers of the output."""
        return compile(Graph({"score": self.node, "answer": self.answer}), self.network.engine)

    @cached_property
    def entering(self) -> Program:
        """From the net's inputs to its entries and conditions."""
        every = {**self.places, **self.conditions}
        outputs = {place.op.attributes["label"]: node for node, place in every.items()}
        return compile(Graph(outputs), self.network.engine)

    @cached_property
    def slopes(self) -> Program:
        """From entries to the score and its slope at each, ``d ENTRY``; samples do not see one another."""
        places = list(self.places.values())
        found = grad(F.sum(self.moved), places, unused="zeros")
        slopes = {
            f"d {place.op.attributes['label']}": node for place, node in zip(places, found, strict=True)
        }
        return compile(Graph({"score": self.moved, **slopes}), self.network.engine)


def score_of(network: Network, output: str, explains: str) -> Score:
    """What is explained of a net. It is kept beside the net, so that its programs are compiled once."""
    known: dict[tuple[str, str], Score] = vars(network).setdefault("scores", {})
    if (output, explains) not in known:
        known[output, explains] = Score(network, output, explains)
    return known[output, explains]


def run(program: Program, held: Arrays, arrays: Arrays) -> dict[str, np.ndarray]:
    """What a program gives for rows, a block at a time.

    Args:
        program: any of a score's.
        held: parameters and running values.
        arrays: one row for each sample; what the program does not ask for is left out.
    """
    asked = {name: array for name, array in arrays.items() if name in program.graph.inputs}
    rows = len(next(iter(arrays.values())))
    known = {name: held[name] for name in program.graph.inputs if name in held}
    parts = [
        program.run({**known, **{name: array[block] for name, array in asked.items()}})
        for block in blocks(program, rows)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _vectors(score: Node, x: Node) -> Iterator[Node]:
    """The vectors of the words that an input names: rows looked up by it, or its one-hot codes."""
    chain = {x}
    for node in order([score]):
        if node.op.name in ("cast", "reshape") and node.inputs[0] in chain:
            chain.add(node)
        elif node.op.name in ("gather", "one_hot") and node.inputs[-1] in chain:
            yield node
