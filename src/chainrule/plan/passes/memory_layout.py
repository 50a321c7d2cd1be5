"""In which order the axes of a value lie in memory, where another than its own serves its makers and readers.

Three rules. A product of matrices that everyone reads with rows and columns changed over is written so: the
gradient by weights that are stored (outputs, inputs) is one.

And images of a batch lie with the *samples innermost*: the same pixel of all samples side by side. Then every
loop over an image, whatever its window, stride or number of channels, does the same to a full vector of
samples, and no lane is idle. (Stored sample by sample, a net with six channels would use six lanes of
sixteen.) It holds for everything that hangs together with a window by operations number by number, when the
batch has at least ``FROM`` samples: two vectors of them, so that products of matrices have full tiles. With
fewer samples the channels lie innermost; unless those are few themselves: then one vector of samples is
better than none.

So do rows of a batch in a net that is *thin*: no layer has as many units as a vector has lanes. Side by side
the units of a sample would leave lanes idle in every product and every loop.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from chainrule.graph import Graph, Node
from chainrule.ops.batch_axis import BATCH, roles
from chainrule.ops.card import Card
from chainrule.ops.elementwise.dtype import Cast
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.plan.passes.fused_loop import is_layout, is_leaf, seen_through
from chainrule.spec import bound

THIN = 7  # units of a layer at most: fewer than the lanes of a vector of float32
FROM, THIN_FROM = 16, 8  # samples, or channels: two vectors of float32; one where channels are few:
IDLE = 1.5  # full vectors of channels are so many times what there is
SEEDS = ("convolution", "convolution_input", "fold", "patches")
JOINS = ("sum", "max", "min", "concatenate", "pad", "resample", *SEEDS)


def orders(
    graph: Graph, sizes: Mapping[str, int], rows: Collection[Node] = ()
) -> dict[Node, tuple[int, ...]]:
    """For each value with an order of its own, its axes from the outermost to the innermost.

    Args:
        graph: what is computed.
        sizes: of the whole batch: parts of one batch are laid out alike.
        rows: those of a thin net.
    """
    readers: dict[Node, list[Node]] = {}
    for node in graph.nodes:
        for source in node.inputs:
            readers.setdefault(source, []).append(node)
    inner = _innermost(graph, readers) if sizes.get("B", 1) >= _least(graph) else set()
    found = {node: (*range(1, node.rank), 0) for node in (*inner, *rows)}
    for node in set(readers) - set(graph.outputs.values()):
        order = (*range(node.rank - 2), node.rank - 1, node.rank - 2)
        if node.op.name != "matmul":
            continue
        if all(r.op.attributes.get("axes") == order for r in readers[node]):
            found[node] = order
        elif node.rank == 2 and inner and _ends_in(node, readers, inner):
            found[node] = (1, 0)
    return found


def thin(graph: Graph, sizes: Mapping[str, int]) -> set[Node]:
    """The rows of a thin net, its inputs among them; none where a layer is wide or samples are few.

    Args:
        graph, sizes: as for ``orders``.
    """
    products = [node for node in graph.nodes if node.op.name == "matmul"]
    lengths = {axis for node in products for each in (node, *node.inputs) for axis in each.shape}
    is_thin = all(axis == BATCH or (isinstance(axis, int) and axis <= THIN) for axis in lengths)
    if not products or not is_thin or sizes.get("B", 1) < FROM:
        return set()
    known, outputs = roles(graph.nodes), set(graph.outputs.values())

    def is_row(node: Node) -> bool:
        return (
            node.rank == 2 and node not in outputs and (known[node].kind, known[node].axis) == ("sample", 0)
        )

    rows = {node for node in graph.nodes if is_row(node) and (node in products or _is_bent(node))}
    return rows | {s for node in products for s in map(seen_through, node.inputs) if is_row(s) and is_leaf(s)}


def _least(graph: Graph) -> int:
    """From how many samples on they lie innermost.

    Fewer where that many channels would leave lanes idle, or where every channel is convolved by itself:
    loops over windows have long rows only where samples lie innermost.
    """
    done = filled = 0
    for node in graph.nodes:
        if node.op.name == "convolution":
            if node.op.attributes["groups"] > 1 and node.inputs[1].shape[-1] == 1:
                return THIN_FROM
            lengths = (*node.shape[1:-1], *node.inputs[1].shape[1:])
            places = math.prod(n for n in lengths if isinstance(n, int))
            channels = bound(node.inputs[1].shape[:1])[0]
            done += places * channels
            filled += places * -(-channels // FROM) * FROM
    return THIN_FROM if filled >= IDLE * done else FROM


def _innermost(graph: Graph, readers: Mapping[Node, Sequence[Node]]) -> set[Node]:
    """The images: what hangs together with a window."""
    seeds = [node for node in graph.nodes if node.op.name in SEEDS]
    if not seeds:
        return set()
    known = roles(graph.nodes)
    outputs = set(graph.outputs.values())

    def is_image(node: Node) -> bool:
        return known[node].kind == "sample" and known[node].axis == 0 and node.rank >= 3

    found: set[Node] = set()
    waiting = list(seeds)
    while waiting:
        node = waiting.pop()
        if node in found or not is_image(node):
            continue
        if is_layout(node) or _passes(node):
            found.add(node)
            waiting += [n for n in (*node.inputs, *readers.get(node, ())) if n not in found]
    return {node for node in found if not is_layout(node) and node not in outputs}


def _passes(node: Node) -> bool:
    """Whether a node's kernel takes images of any layout."""
    return _is_bent(node) or (isinstance(node.op, Card) and node.op.name in JOINS)


def _is_bent(node: Node) -> bool:
    """Whether a node treats every number by itself."""
    return isinstance(node.op, Elementwise | Cast)


def _ends_in(node: Node, readers: Mapping[Node, Sequence[Node]], inner: set[Node]) -> bool:
    """Whether a value is read, under other shapes, by images alone."""
    found = readers.get(node, ())
    return bool(found) and all(
        _ends_in(reader, readers, inner) if is_layout(reader) else reader in inner for reader in found
    )
