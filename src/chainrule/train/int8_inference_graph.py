"""Predictions with weights and inputs of products in 8 bits.

The range of each product's input is measured on samples, once; the weights of an output channel share a
factor. A quantized network keeps its float weights: training, explanations and exports use them, and a file
contains them with the ranges, from which the integers are recomputed when it is loaded. The arithmetic is
that of ``ops/linear/int8``: the same integers, and the same bits, on the native and the reference engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.graph import Graph, Node, make, order
from chainrule.graph.node import site
from chainrule.memoization import cached_property
from chainrule.nn.build import Built
from chainrule.ops import functional as F
from chainrule.ops.linear.bfloat16 import MOVES
from chainrule.ops.linear.convolution import Convolution
from chainrule.ops.linear.int8 import quantized
from chainrule.ops.linear.matmul import Matmul
from chainrule.records import frozen

Ranges = Mapping[str, tuple[float, float]]


@frozen(eq=False)
class Quantization:
    """What a network is quantized with.

    Args:
        ranges: the smallest and the largest number of the input of each product, by its weights' path; the
            second product of the same weights has ``#2`` behind it.
        weights: the float weights of these products, by path.
        rows: the number of samples on which the ranges were measured.
    """

    ranges: Ranges
    weights: Mapping[str, np.ndarray]
    rows: int

    def holds_for(self, parameters: Mapping[str, np.ndarray]) -> bool:
        """Return whether parameters are those that were quantized."""
        return all(parameters.get(path) is array for path, array in self.weights.items())

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The paths of the layers whose products are quantized."""
        return tuple(dict.fromkeys(path.rpartition(".")[0] for path in self.weights))


def products(built: Built) -> dict[str, Node]:
    """Return the products of an input and weights that can be quantized, by the key of ``Quantization``."""
    paths, counts, by_key = _paths(built), Counter[str](), dict[str, Node]()
    for node in order(built.outputs.values()):
        if not isinstance(node.op, Matmul | Convolution) or node.dtype != "float32":
            continue
        x, w = map(_source, node.inputs)
        if w in paths and x not in paths:
            counts[paths[w]] += 1
            number = counts[paths[w]]
            by_key[paths[w] if number == 1 else f"{paths[w]}#{number}"] = node
    return by_key


def path_of(key: str) -> str:
    """Return the path of the weights of a product."""
    return key.partition("#")[0]


def measured_ranges(
    built: Built, engine: str | None, batches: Callable[[Program], Iterator[Mapping[str, np.ndarray]]]
) -> dict[str, tuple[float, float]]:
    """Return the range of the input of each product.

    Args:
        built: the network in inference.
        engine: the engine that runs it.
        batches: takes the program and yields its inputs for some samples at a time.
    """
    nodes = products(built)
    if not nodes:
        return {}
    extremes = {f"{side} {key}": f(node.inputs[0]) for key, node in nodes.items() for side, f in _SIDES}
    program = compile(Graph(extremes), engine)
    lows, highs = ({key: [] for key in nodes} for _ in _SIDES)
    for arrays in batches(program):
        values = program.run({name: arrays[name] for name in program.graph.inputs})
        for key in nodes:
            lows[key].append(float(values[f"low {key}"]))
            highs[key].append(float(values[f"high {key}"]))
    return {key: (float(np.min(lows[key])), float(np.max(highs[key]))) for key in nodes}  # NaN stays NaN


_SIDES: tuple[tuple[str, Callable[[Node], Node]], ...] = (("low", F.min), ("high", F.max))


def with_int8_products(graph: Graph, built: Built, quantization: Quantization) -> Graph:
    """Return a graph in which the products that a quantization has are computed in 8 bits.

    Args:
        graph: outputs that are computed from nodes of the network.
        built: the network in inference.
    """
    keys, paths = {node: key for key, node in products(built).items()}, _paths(built)
    nodes: dict[Node, Node] = {}
    for node in graph.nodes:
        inputs = [nodes[source] for source in node.inputs]
        key = keys.get(node, "")
        with site(node.site):
            new = None
            if key in quantization.ranges:
                weights = _value(node.inputs[1], paths, quantization.weights)
                new = quantized(node, inputs[0], weights, *quantization.ranges[key])
            if new is None and inputs:
                new = make(node.op.with_nodes(nodes), *inputs)
        nodes[node] = node if new is None else new
    return Graph({name: nodes[node] for name, node in graph.outputs.items()})


def _paths(built: Built) -> dict[Node, str]:
    return {parameter.node: path for path, parameter in built.parameters.items()}


def _source(node: Node) -> Node:
    while isinstance(node.op, MOVES):
        (node,) = node.inputs
    return node


def _value(node: Node, paths: Mapping[Node, str], weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the value of weights after the operations that move their numbers."""
    if node in paths:
        return weights[paths[node]]
    op: Any = node.op
    return np.asarray(op.evaluate(_value(node.inputs[0], paths, weights)))
