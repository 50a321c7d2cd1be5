"""The same operations over again, on other inputs: how a piece of graph is moved to another place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chainrule.graph.graph import order
from chainrule.graph.node import Node, make, site
from chainrule.spec import Axis


def rebuild(
    outputs: Sequence[Node], replaced: Mapping[Node, Node], sizes: Mapping[str, Axis] | None = None
) -> tuple[Node, ...]:
    """The outputs as they are when other nodes stand in some places.

    Args:
        outputs: what is wanted.
        replaced: the node that stands in the place of each of these.
        sizes: what the symbols among the attributes of the operations become; they stay by default.

    Example:
        >>> from chainrule.graph.leaf import input_node
        >>> import chainrule.ops
        >>> x, z = (input_node(name, (2,), "float64") for name in "xz")
        >>> rebuild([x * x], {x: z})[0] is z * z
        True
    """
    found = dict(replaced)
    for node in order(outputs, replaced):
        if not node.inputs:
            found[node] = node
            continue
        op = node.op.at(sizes) if sizes else node.op  # pyright: ignore[reportArgumentType]
        with site(node.site):
            found[node] = make(op.moved(found), *(found[source] for source in node.inputs))
    return tuple(found[node] for node in outputs)
