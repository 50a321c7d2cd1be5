"""Overflows in compiled code only: its rounding differs from NumPy's, which decides near the largest float.

First, a program computes every value of the step as an output. This separates the kernels, so that one which
was fused into a larger loop may round as NumPy does. If all these values are finite, the search goes backward
from the non-finite result, to an input that is not finite in a program of its own, as long as there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from chainrule.engines import compile
from chainrule.engines.reference import Program
from chainrule.engines.shape_binding import at_sizes, bind
from chainrule.graph import Constant, Graph, Node
from chainrule.ops.card import Card
from chainrule.train.nonfinite.check import is_finite
from chainrule.train.nonfinite.failed_step import FailedStep
from chainrule.train.nonfinite.origin import Origin, find_origin


def find_compiled_origin(failed: FailedStep) -> Origin | None:
    """The first non-finite operation by the values of the compiled program."""
    inputs = failed.inputs
    graph, gradients = inputs.step.graph, inputs.step.gradients.values()
    computed = [node for node in graph.nodes if isinstance(node.op, Card)]
    outputs = {**{f"node {i}": node for i, node in enumerate(computed)}, **graph.outputs}
    results = compile(Graph(outputs), failed.engine).run(inputs.arrays)
    values = {node: results[f"node {i}"] for i, node in enumerate(computed)}
    evaluated = _evaluated(graph, inputs.arrays, values)
    return find_origin(graph, gradients, inputs.arrays, evaluated) or _search_backward(failed)


def _search_backward(failed: FailedStep) -> Origin | None:
    """The earliest non-finite value on a path to a result, each computed by a program of its own."""
    inputs = failed.inputs
    graph = inputs.step.graph
    node = next((graph.outputs[name] for name, v in failed.results.items() if not is_finite(v)), None)
    if node is None:
        return None
    values = {computed: value for computed, _, _, value in Program(graph).walk(inputs.arrays)}
    value = next(v for name, v in failed.results.items() if graph.outputs[name] is node)
    while True:
        values[node] = value
        sources = [source for source in node.inputs if isinstance(source.op, Card)]
        computed = ((source, _compute_alone(source, failed)) for source in sources)
        earlier = next((pair for pair in computed if not is_finite(pair[1])), None)
        if earlier is None:
            break
        node, value = earlier
    # Only this value is the engine's; all values that it is computed from are finite.
    evaluated = _evaluated(graph, inputs.arrays, values)
    return find_origin(graph, inputs.step.gradients.values(), inputs.arrays, evaluated, [node])


def _compute_alone(node: Node, failed: FailedStep) -> np.ndarray:
    """A value by a program whose only output it is."""
    prefix = Graph({"value": node})
    arrays = {name: failed.inputs.arrays[name] for name in prefix.inputs}
    return compile(prefix, failed.engine).run(arrays)["value"]


def _evaluated(
    graph: Graph, arrays: Mapping[str, np.ndarray], values: Mapping[Node, np.ndarray]
) -> Iterator[tuple[Node, Card, Sequence[np.ndarray], np.ndarray]]:
    """Known values in the form of ``Program.walk``."""
    sizes = bind({name: node.spec for name, node in graph.inputs.items()}, arrays)
    known = {node: np.asarray(arrays[name]) for name, node in graph.inputs.items()}
    known |= {node: node.op.array for node in graph.nodes if isinstance(node.op, Constant)}
    known |= values
    for node in graph.nodes:
        if node in values:
            yield node, at_sizes(node, sizes), [known[source] for source in node.inputs], values[node]
