"""Substitution in graphs: the same operations applied to other inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chainrule.graph.graph import order
from chainrule.graph.node import Node, make, site
from chainrule.spec import Axis


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
