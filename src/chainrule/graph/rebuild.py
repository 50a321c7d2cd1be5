"""The same operations over again, on other inputs: how a piece of graph is moved to another place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chainrule.graph.node import Node, make, site
from chainrule.spec import Axis


def until(outputs: Iterable[Node], ends: Iterable[Node]) -> list[Node]:
    """Every node the outputs need, each after its inputs, as far as to the ``ends``, which are left out.

    Args:
        outputs: where the walk begins.
        ends: where it does not go on.
    """
    done: dict[Node, bool] = dict.fromkeys(ends, False)
    stack = [(node, False) for node in reversed(list(outputs))]
    while stack:
        node, inputs_done = stack.pop()
        if node in done:
            continue
        if inputs_done:
            done[node] = True
            continue
        stack.append((node, True))
        stack.extend((source, False) for source in reversed(node.inputs) if source not in done)
    return [node for node, is_between in done.items() if is_between]


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
    for node in until(outputs, replaced):
        if not node.inputs:
            found[node] = node
            continue
        op = node.op.at(sizes) if sizes else node.op  # pyright: ignore[reportArgumentType]
        with site(node.site):
            found[node] = make(op, *(found[source] for source in node.inputs))
    return tuple(found[node] for node in outputs)
