"""Graphs: named outputs with all nodes that they need, and the same graph with other inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chainrule.graph.node import Input, Node, make, site
from chainrule.memoization import cached_property
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis


def order(outputs: Iterable[Node], ends: Iterable[Node] = ()) -> list[Node]:
    """Return every node that the outputs need, each after its inputs (a topological order).

    A forward pass needs each value after its inputs; a backward pass needs each node after all of its
    consumers, which is the reverse of the same order. An explicit stack is used because recursion would fail
    at about a thousand consecutive operations.

    Args:
        outputs: the nodes to compute.
        ends: nodes at which the traversal stops; they and their inputs are not in the result.
    """
    boundary = dict.fromkeys(ends)
    done = dict(boundary)
    stack = [(node, False) for node in reversed(list(outputs))]
    while stack:
        node, inputs_done = stack.pop()
        if node in done:
            continue
        if inputs_done:
            done[node] = None
            continue
        stack.append((node, True))
        stack.extend((source, False) for source in reversed(node.inputs) if source not in done)
    return list(done)[len(boundary) :]


@frozen
class Graph:
    """Named outputs and all nodes that they need.

    Args:
        outputs: the nodes to compute, by name.

    Example:
        >>> from chainrule.graph.node import input_node
        >>> print(Graph({"y": input_node("x", (None, 2), "float32")}))
        %0 = input "x"    float32(B, 2)
        return y=%0
    """

    outputs: Mapping[str, Node]

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, each after its inputs."""
        return tuple(order(self.outputs.values()))

    @cached_property
    def inputs(self) -> dict[str, Node]:
        """The input nodes by label, in order of first use."""
        return {node.op.label: node for node in self.nodes if isinstance(node.op, Input)}

    @cached_property
    def consumers(self) -> dict[Node, tuple[Node, ...]]:
        """The nodes that read each node."""
        readers: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for source in dict.fromkeys(node.inputs):
                readers[source].append(node)
        return {node: tuple(consumers) for node, consumers in readers.items()}

    def __str__(self) -> str:
        number = {node: f"%{i}" for i, node in enumerate(self.nodes)}
        lines = []
        for node in self.nodes:
            arguments = f"({', '.join(number[source] for source in node.inputs)})" if node.inputs else ""
            tail = f"    {node.site.path}" if node.site.path else ""
            lines.append(f"{number[node]} = {node.op}{arguments}    {node.spec}{tail}")
        results = ", ".join(f"{name}={number[node]}" for name, node in self.outputs.items())
        return "\n".join([*lines, f"return {results}"])


# Substitution in graphs: the same operations applied to other inputs.


def rebuild(
    outputs: Sequence[Node], replaced: Mapping[Node, Node], sizes: Mapping[str, Axis] | None = None
) -> tuple[Node, ...]:
    """Return the outputs with some nodes replaced.

    Args:
        outputs: the nodes to rebuild.
        replaced: the replacement of each replaced node.
        sizes: the values of symbolic sizes among the attributes of the operations; unchanged by default.

    Example:
        >>> from chainrule.graph.node import input_node
        >>> import chainrule.ops
        >>> x, z = (input_node(name, (2,), "float64") for name in "xz")
        >>> rebuild([x * x], {x: z})[0] is z * z
        True
    """
    rebuilt = dict(replaced)
    for node in order(outputs, replaced):
        if not node.inputs:
            rebuilt[node] = node
            continue
        op = node.op.with_sizes(sizes) if sizes else node.op  # pyright: ignore[reportArgumentType]
        with site(node.site):
            rebuilt[node] = make(op.with_nodes(rebuilt), *(rebuilt[source] for source in node.inputs))
    return tuple(rebuilt[node] for node in outputs)
