"""Where only the compiled program overflows: its rounding is another one, and near the largest number that
decides.

First the program computes every value of the step as an output. Kernels then stand alone, and one that was
part of a larger loop may round as NumPy does. So if nothing is found, the program is cut back from the result
that is not finite, from each value to one that it is made of, as long as that one is not finite either.
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
from chainrule.train.nonfinite.context import Scene
from chainrule.train.nonfinite.origin import Origin, find


def find_compiled(scene: Scene) -> Origin | None:
    """The first operation to blame by the numbers of the compiled program."""
    laid = scene.laid
    graph, gradients = laid.step.graph, laid.step.gradients.values()
    computed = [node for node in graph.nodes if isinstance(node.op, Card)]
    every = Graph({**{f"node {i}": node for i, node in enumerate(computed)}, **graph.outputs})
    found = compile(every, scene.engine).run(laid.arrays)
    values = {node: found[f"node {i}"] for i, node in enumerate(computed)}
    return find(graph, gradients, laid.arrays, _walked(graph, laid.arrays, values)) or _cut_back(scene)


def _cut_back(scene: Scene) -> Origin | None:
    """The last value that is not finite on the way back from a result, each computed by its own program."""
    laid = scene.laid
    graph = laid.step.graph
    node = next((graph.outputs[name] for name, v in scene.results.items() if not is_finite(v)), None)
    if node is None:
        return None
    values = {each: value for each, _, _, value in Program(graph).walk(laid.arrays)}
    value = next(v for name, v in scene.results.items() if graph.outputs[name] is node)
    while True:
        values[node] = value
        parts = [source for source in node.inputs if isinstance(source.op, Card)]
        tried = ((source, _alone(source, scene)) for source in parts)
        deeper = next((pair for pair in tried if not is_finite(pair[1])), None)
        if deeper is None:
            break
        node, value = deeper
    # The value alone is kept as the engine has it; all that is behind it was finite.
    walked = _walked(graph, laid.arrays, values)
    return find(graph, laid.step.gradients.values(), laid.arrays, walked, [node])


def _alone(node: Node, scene: Scene) -> np.ndarray:
    """A value by a program that computes nothing else."""
    prefix = Graph({"value": node})
    given = {name: scene.laid.arrays[name] for name in prefix.inputs}
    return compile(prefix, scene.engine).run(given)["value"]


def _walked(
    graph: Graph, arrays: Mapping[str, np.ndarray], values: Mapping[Node, np.ndarray]
) -> Iterator[tuple[Node, Card, Sequence[np.ndarray], np.ndarray]]:
    """Values that are known, in the form of a walk."""
    sizes = bind({name: node.spec for name, node in graph.inputs.items()}, arrays)
    known = {node: np.asarray(arrays[name]) for name, node in graph.inputs.items()}
    known |= {node: node.op.array for node in graph.nodes if isinstance(node.op, Constant)}
    known |= values
    for node in graph.nodes:
        if node in values:
            yield node, at_sizes(node, sizes), [known[source] for source in node.inputs], values[node]
