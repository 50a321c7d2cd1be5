"""The values of a graph while JAX traces it: each node by its lowering, loops over time by ``lax.scan``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from jax import lax
from jax import numpy as jnp

from chainrule.engines.shape_binding import at_sizes
from chainrule.engines.xla.operations import Array, Indices, lowered
from chainrule.graph import Constant, Graph, Input, Node
from chainrule.ops.scan.scan import Scan
from chainrule.symbolic_shape import Spec

Bound: TypeAlias = Callable[[Node], Any]  # returns the card of a node with bound sizes
Values: TypeAlias = dict[Node, Array]


def graph_outputs(
    graph: Graph, sizes: Mapping[str, int], inputs: Mapping[str, Array], indices: Indices
) -> dict[str, Array]:
    """Return the outputs of a graph by name.

    Args:
        sizes: the value of each symbolic size.
        inputs: arrays by input label.
        indices: notes indices outside their table.
    """
    values = {
        node: inputs[node.op.label] if isinstance(node.op, Input) else jnp.asarray(node.op.array)
        for node in graph.nodes
        if isinstance(node.op, Input | Constant)
    }
    compute(graph.nodes, values, lambda node: at_sizes(node, sizes), indices)
    return {name: values[node] for name, node in graph.outputs.items()}


def compute(nodes: Sequence[Node], values: Values, bound: Bound, indices: Indices) -> None:
    """Add the value of each node to ``values``, which has those of inputs and constants."""
    loops = _loops(nodes)
    for node in nodes:
        if node in values:
            continue
        if isinstance(node.op, Scan):
            _run_loop(loops[_loop_key(node)], values, indices)
        else:
            inputs = [values[source] for source in node.inputs]
            values[node] = lowered(bound(node), indices, inputs)


def _loop_key(node: Node) -> object:
    """Return what the values of one loop share: all but the emitted value."""
    op: Any = node.op
    return replace(op, emit=op.body.updates[0], last=False), node.inputs


def _loops(nodes: Iterable[Node]) -> dict[object, list[Node]]:
    """Return the nodes of each loop: its emitted values, which one run computes together."""
    loops: dict[object, list[Node]] = {}
    for node in nodes:
        if isinstance(node.op, Scan):
            loops.setdefault(_loop_key(node), []).append(node)
    return loops


def _run_loop(emitted: Sequence[Node], values: Values, indices: Indices) -> None:
    """Run a loop once, and add all of its emitted values."""
    first: Any = emitted[0].op
    body, inputs = first.body, [values[source] for source in emitted[0].inputs]
    states, cells = len(body.states), len(body.states) + len(body.cells)
    specs = [Spec(x.shape, x.dtype.name) for x in inputs]
    sizes = body.sizes(first.of_a_step(specs))
    emits = [node.op.attributes["emit"] for node in emitted]
    nodes = body.nodes(*emits)
    constants = {node: jnp.asarray(node.op.array) for node in nodes if isinstance(node.op, Constant)}
    givens = dict(zip(body.givens, inputs[cells:], strict=True))

    def step(before: tuple[Array, ...], now: tuple[Array, ...]) -> tuple[tuple[Array, ...], Any]:
        own = Indices()
        leaves = dict(zip((*body.states, *body.cells), (*before, *now), strict=True))
        inner = {**constants, **givens, **leaves}
        compute(nodes, inner, lambda node: node.op.with_sizes(sizes), own)
        results = tuple(inner[node] for node in emits)
        return tuple(inner[node] for node in body.updates), (results, own.position)

    sequences = tuple(jnp.moveaxis(x, min(first.axis, x.ndim - 1), 0) for x in inputs[states:cells])
    _, (results, position) = lax.scan(step, tuple(inputs[:states]), sequences, reverse=first.reverse)
    indices.note(position)
    for node, result in zip(emitted, results, strict=True):
        values[node] = _emitted(node.op, result)


def _emitted(op: Any, result: Array) -> Array:
    """Return the value of a loop from its results at all times, time first."""
    if op.last:
        return result[0] if op.reverse else result[-1]
    return jnp.moveaxis(result, 0, min(op.axis, result.ndim - 1))
