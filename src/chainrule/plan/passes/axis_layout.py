"""Memory layout: the order of a value's axes in memory, if another than its own is faster.

There are three rules. A matrix product whose readers all transpose it is written transposed, such as the
gradient of weights stored as (outputs, inputs).

Images of a batch are stored with the *samples innermost*: the same pixel of all samples is contiguous. Every
loop over an image, whatever its window, stride or number of channels, then applies the same operation to a
full vector of samples. (Sample by sample, six channels would fill six of sixteen SIMD lanes.) This
holds for everything that is connected to a window by elementwise operations, if the batch has at least
``MIN_INNER_SAMPLES`` samples: two vectors of them, so that matrix products have full tiles. With fewer
samples the channels are innermost, unless there are few channels: then one vector of samples is better.

The rows of a *narrow* network are also stored with the samples innermost: if no layer has as many units as a
vector has elements, the units of a sample would leave a part of every vector idle.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from chainrule.graph import Graph, Node
from chainrule.ops.batch_axis import BATCH, roles
from chainrule.ops.elementwise.cast_and_stop_gradient import Cast
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.operation_card import Card
from chainrule.plan.passes.elementwise_fusion import is_layout, is_leaf, memory_source
from chainrule.symbolic_shape import bound

MAX_NARROW_UNITS = 7  # of a layer: fewer than a vector of float32 has
MIN_INNER_SAMPLES, MIN_INNER_SAMPLES_FEW_CHANNELS = 16, 8  # two vectors of float32, and one
IDLE_RATIO = 1.5  # of the elements of full vectors to the channels, from which on channels are few
WINDOW_OPS = ("convolution", "convolution_input", "fold", "patches")
IMAGE_OPS = ("sum", "max", "min", "concatenate", "pad", "resample", *WINDOW_OPS)


def axis_orders(
    graph: Graph, sizes: Mapping[str, int], rows: Collection[Node] = ()
) -> dict[Node, tuple[int, ...]]:
    """Return for each value with an order of its own its axes, from the outermost to the innermost.

    Args:
        sizes: sizes of the whole batch: all microbatches have the same layout.
        rows: rows of a narrow network.
    """
    readers = _readers(graph)
    inner = _innermost(graph, readers) if sizes.get("B", 1) >= _min_samples(graph) else set()
    orders = {node: (*range(1, node.rank), 0) for node in (*inner, *rows)}
    for node in set(readers) - set(graph.outputs.values()):
        order = (*range(node.rank - 2), node.rank - 1, node.rank - 2)
        if node.op.name != "matmul":
            continue
        if all(r.op.attributes.get("axes") == order for r in readers[node]):
            orders[node] = order
        elif node.rank == 2 and inner and _is_read_by_images(node, readers, inner):
            orders[node] = (1, 0)
    return orders


def stacked_operands(graph: Graph) -> set[Node]:
    """Return the views that are read, directly or through views, by products of a stack of matrices only.

    Where images have their samples innermost, a copy for such a view has them outermost: no axis of a matrix
    would be contiguous otherwise.
    """
    readers, operands = _readers(graph), set[Node]()
    for node in reversed(graph.nodes):
        if is_layout(node) and readers.get(node):
            stacked = (r in operands or (r.op.name == "matmul" and r.rank > 2) for r in readers[node])
            if all(stacked):
                operands.add(node)
    return operands


def _readers(graph: Graph) -> dict[Node, list[Node]]:
    """Return the readers of each node that has some."""
    readers: dict[Node, list[Node]] = {}
    for node in graph.nodes:
        for source in node.inputs:
            readers.setdefault(source, []).append(node)
    return readers


def has_narrow_products(graph: Graph) -> bool:
    """Return whether a graph has products, and no length in them is above a few units, except the batch."""
    products = [node for node in graph.nodes if node.op.name == "matmul"]
    lengths = {axis for node in products for factor in (node, *node.inputs) for axis in factor.shape}
    is_narrow = all(axis == BATCH or (isinstance(axis, int) and axis <= MAX_NARROW_UNITS) for axis in lengths)
    return bool(products) and is_narrow


def narrow_rows(graph: Graph, sizes: Mapping[str, int]) -> set[Node]:
    """Return the rows of a narrow network, including its inputs; empty if a layer is wide or samples are few.

    Args:
        graph, sizes: as for ``axis_orders``.
    """
    products = [node for node in graph.nodes if node.op.name == "matmul"]
    if not has_narrow_products(graph) or sizes.get("B", 1) < MIN_INNER_SAMPLES:
        return set()
    roles_of, outputs = roles(graph.nodes), set(graph.outputs.values())

    def is_row(node: Node) -> bool:
        return (
            node.rank == 2
            and node not in outputs
            and (roles_of[node].kind, roles_of[node].axis) == ("sample", 0)
        )

    rows = {node for node in graph.nodes if is_row(node) and (node in products or _is_elementwise(node))}
    return rows | {
        s for node in products for s in map(memory_source, node.inputs) if is_row(s) and is_leaf(s)
    }


def _min_samples(graph: Graph) -> int:
    """Return the batch size from which on samples are innermost.

    It is smaller if as many channels would not fill their vectors, or if every channel is convolved by
    itself: loops over windows have long rows only if samples are innermost.
    """
    work = padded_work = 0
    for node in graph.nodes:
        if node.op.name == "convolution":
            if node.op.attributes["groups"] > 1 and node.inputs[1].shape[-1] == 1:
                return MIN_INNER_SAMPLES_FEW_CHANNELS
            lengths = (*node.shape[1:-1], *node.inputs[1].shape[1:])
            positions = math.prod(n for n in lengths if isinstance(n, int))
            channels = bound(node.inputs[1].shape[:1])[0]
            work += positions * channels
            padded_work += positions * -(-channels // MIN_INNER_SAMPLES) * MIN_INNER_SAMPLES
    return MIN_INNER_SAMPLES_FEW_CHANNELS if padded_work >= IDLE_RATIO * work else MIN_INNER_SAMPLES


def _innermost(graph: Graph, readers: Mapping[Node, Sequence[Node]]) -> set[Node]:
    """Return the images: everything that is connected to a window."""
    seeds = [node for node in graph.nodes if node.op.name in WINDOW_OPS]
    if not seeds:
        return set()
    roles_of = roles(graph.nodes)
    outputs = set(graph.outputs.values())

    def is_image(node: Node) -> bool:
        return roles_of[node].kind == "sample" and roles_of[node].axis == 0 and node.rank >= 3

    images: set[Node] = set()
    stack = list(seeds)
    while stack:
        node = stack.pop()
        if node in images or not is_image(node):
            continue
        if is_layout(node) or _supports_images(node):
            images.add(node)
            stack += [n for n in (*node.inputs, *readers.get(node, ())) if n not in images]
    return {node for node in images if not is_layout(node) and node not in outputs}


def _supports_images(node: Node) -> bool:
    """Return whether a node's kernel accepts images of any layout."""
    return _is_elementwise(node) or (isinstance(node.op, Card) and node.op.name in IMAGE_OPS)


def _is_elementwise(node: Node) -> bool:
    return isinstance(node.op, Elementwise | Cast)


def _is_read_by_images(node: Node, readers: Mapping[Node, Sequence[Node]], inner: set[Node]) -> bool:
    """Return whether a value is read, directly or through views, by images only."""
    node_readers = readers.get(node, ())
    return bool(node_readers) and all(
        _is_read_by_images(reader, readers, inner) if is_layout(reader) else reader in inner
        for reader in node_readers
    )
