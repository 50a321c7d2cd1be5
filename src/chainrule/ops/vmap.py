"""``vmap``: a function of nodes, applied to every element along an axis.

The function is called once, with nodes without the axis. Then each operation of the graph that it built is
replaced by one on all elements at once: every value that depends on an element gets a new first axis, V. The
rule of an operation builds this from its inputs, of which some have the axis and others do not:

    exp, +, where       the same operation; values without the axis are repeated
    sum, softmax        the same operation on the next axis
    matmul              a stack of products, or one larger product
    convolution         elements join the batch; kernels that differ become products with windows
    gather              rows of all tables in one larger table
    scan                the same loop with all elements in each step

Gradients in the function are nodes, so the gradient of every sample is ``vmap`` of a function that calls
``grad``. The result contains the same operations as a function that was written for batches, and engines,
derivatives and exports know no other ones. Running a compiled function once for each element was rejected: it
costs a call each time, and has no gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count as numbers
from typing import Any, TypeAlias, TypeVar

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, Op, constant, input_node, make, order, rebuild
from chainrule.graph.node import site
from chainrule.ops import functional as F
from chainrule.ops.array.shape import Broadcast
from chainrule.ops.array.slicing import Concatenate, Pad, Slice
from chainrule.ops.elementwise.broadcasting_functions import Operand
from chainrule.ops.elementwise.elementwise import Elementwise
from chainrule.ops.linear.patches_and_pooling import Fold, Patches
from chainrule.ops.scan.scan import Body, resized
from chainrule.symbolic_shape import Axis, count
from chainrule.validation import out_of_range, wrong_type

Terms: TypeAlias = "Sequence[Node | None]"
Rule: TypeAlias = "Callable[[Node, Terms, Axis], Node]"
Results = TypeVar("Results", bound="Node | Sequence[Node]")
Places: TypeAlias = "int | Sequence[int | None] | None"
_NUMBER = numbers()


def vmap(
    function: Callable[..., Results], in_axes: Places = 0, out_axes: int | Sequence[int] = 0
) -> Callable[..., Results]:
    """Return a function that applies ``function`` to every element along an axis of its arguments.

    Formula: y[v] = f(a[v], b[v], ...), computed for all v at once.

    Args:
        function: a function of nodes that returns a node or a tuple of nodes. It may read other nodes, which
            are the same for every element, contain ``cr.grad`` and ``cr.jvp``, and be mapped again.
        in_axes: the axis of each argument, or one for all; ``None``: the argument is the same for every
            element.
        out_axes: the axis of each result along which the elements lie, or one for all.

    Returns:
        a function of nodes or arrays. Its results have the axis also where they do not depend on it; keyword
        arguments are passed as they are.

    Numerics: random numbers that the function samples from a key without the axis are equal for all elements.

    Cost: that of the operations on stacked values. Kernels of a convolution that differ between elements are
        multiplied with the windows of the images, and tables that differ are joined.

    Raises:
        UsageError E102: no argument has the axis, or not one axis for each argument.
        UsageError E113: results that are not nodes.
        ShapeError E205, E208: an argument has no such axis; axes of different lengths.

    Example:
        >>> import chainrule as cr
        >>> x, w = cr.input("x", (None, 3), "float64"), cr.input("w", (3,), "float64")
        >>> def gradient(row):  # (3,) -> the gradient of the loss of one sample
        ...     return cr.grad(cr.tanh(cr.sum(row * w)), [w])[0]
        >>> cr.evaluate(vmap(gradient)(x), {"x": np.eye(2, 3), "w": np.zeros(3)}).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """

    def mapped(*arguments: Operand, **options: Any) -> Any:
        nodes = [x if isinstance(x, Node) else constant(x) for x in arguments]
        axes = _in_axes(in_axes, nodes)
        size = _size(nodes, axes)
        leaves = [x if a is None else _leaf(x, a) for x, a in zip(nodes, axes, strict=True)]
        known = {
            leaf: F.transpose(x, [axis, *(a for a in range(x.rank) if a != axis)])
            for leaf, x, axis in zip(leaves, nodes, axes, strict=True)
            if axis is not None
        }
        result: Any = function(*leaves, **options)
        outputs = _outputs(result)
        terms = lift(outputs, known, size)
        values = [widened(y, term, size) for y, term in zip(outputs, terms, strict=True)]
        placed = [_to_axis(y, axis) for y, axis in zip(values, _out_axes(out_axes, values), strict=True)]
        return placed[0] if isinstance(result, Node) else type(result)(placed)

    return mapped


def _leaf(x: Node, axis: int) -> Node:
    """Return an input with the shape of one element."""
    rest = (*x.shape[:axis], *x.shape[axis + 1 :])
    return input_node(f"vmap argument {next(_NUMBER)}", rest, x.dtype)


def _outputs(result: Any) -> Sequence[Node]:
    outputs = [result] if isinstance(result, Node) else result
    if not isinstance(outputs, list | tuple) or not all(isinstance(y, Node) for y in outputs):
        expected = fact("a node or a tuple of nodes")
        raise wrong_type(result, fact("what the function returns"), "vmap", expected, "return y")
    return outputs


def _in_axes(in_axes: Places, nodes: Sequence[Node]) -> list[int | None]:
    """Return the axis of each argument as a number from 0; ``None`` where it is the same for all elements."""
    axes = [in_axes] * len(nodes) if in_axes is None or isinstance(in_axes, int) else list(in_axes)
    if len(axes) != len(nodes) or all(axis is None for axis in axes):
        expected = fact("one axis for each of the {count} arguments, one at least not None", count=len(nodes))
        fix = f"in_axes={(0,) * max(len(nodes), 1)}"
        raise out_of_range(in_axes, "in_axes", "vmap", expected, fix=fix)
    return [None if a is None else _axis(a, node.rank, node) for a, node in zip(axes, nodes, strict=True)]


def _out_axes(out_axes: int | Sequence[int], values: Sequence[Node]) -> list[int]:
    axes = [out_axes] * len(values) if isinstance(out_axes, int) else list(out_axes)
    if len(axes) != len(values):
        expected = fact("one axis for each of the {count} results", count=len(values))
        fix = f"out_axes={(0,) * len(values)}"
        raise out_of_range(out_axes, "out_axes", "vmap", expected, fix=fix)
    return [_axis(axis, node.rank, node) for axis, node in zip(axes, values, strict=True)]


def _axis(axis: int, rank: int, node: Node) -> int:
    if not -rank <= axis < rank:
        expected = fact("{first} to {last}", first=-rank, last=rank - 1) if rank else fact("an axis")
        raise ShapeError("E205", where=f"vmap, {node}", axis=axis, expected=expected, received=axis)
    return axis % rank


def _size(nodes: Sequence[Node], axes: Sequence[int | None]) -> Axis:
    """Return the number of elements, which is that of every argument with an axis."""
    sizes = [node.shape[axis] for node, axis in zip(nodes, axes, strict=True) if axis is not None]
    if any(size != sizes[0] for size in sizes):
        constraint, received = fact("as many elements in every argument"), ", ".join(map(str, sizes))
        raise ShapeError("E208", op="vmap", constraint=constraint, expected=str(sizes[0]), received=received)
    return sizes[0]


def _to_axis(y: Node, axis: int) -> Node:
    """Return a value (V, ...) with its first axis at another place."""
    rest = list(range(1, y.rank))
    return F.transpose(y, [*rest[:axis], 0, *rest[axis:]])


def lift(outputs: Sequence[Node], known: Mapping[Node, Node], size: Axis) -> list[Node | None]:
    """Return nodes for all elements at once, (V, ...); ``None`` where a node does not depend on the element.

    Args:
        outputs: nodes for one element.
        known: the nodes that differ between elements, with their values (V, ...).
        size: V.
    """
    done: dict[Node, Node] = dict(known)
    for node in order(outputs, known):
        terms = [done.get(source) for source in node.inputs]
        if any(term is not None for term in terms):
            with site(node.site):
                rebound = make(node.op.with_nodes(done), *node.inputs)  # attributes that are nodes
                done[node] = lifted_operation(rebound, terms, size)
    return [done.get(node) for node in outputs]


def lifted_operation(node: Node, terms: Terms, size: Axis) -> Node:
    """Return an operation on all elements at once, (V, ...).

    Args:
        node: the operation on one element.
        terms: the values of its inputs (V, ...); ``None`` where an input does not depend on the element.
        size: V.
    """
    rule = _elementwise if isinstance(node.op, Elementwise) else _RULES[node.op.name]
    return rule(node, terms, size)


def widened(node: Node, term: Node | None, size: Axis) -> Node:
    """Return the values of all elements (V, ...); a node that does not depend on them is repeated."""
    return F.broadcast_to(F.reshape(node, (1, *node.shape)), (size, *node.shape)) if term is None else term


def _all(node: Node, terms: Terms, size: Axis) -> list[Node]:
    return [widened(x, term, size) for x, term in zip(node.inputs, terms, strict=True)]


def _only(terms: Terms) -> Node:
    (term,) = terms
    assert term is not None
    return term


def _elementwise(node: Node, terms: Terms, size: Axis) -> Node:
    return make(node.op, *_all(node, terms, size))


def _next_axes(node: Node, terms: Terms, size: Axis) -> Node:
    """Return a reduction of the same axes, which are one further."""
    axes = tuple(a + 1 for a in node.op.attributes["axes"])
    return make(replace(node.op, axes=axes), _only(terms))


def _next_axis(node: Node, terms: Terms, size: Axis) -> Node:
    return make(replace(node.op, axis=node.op.attributes["axis"] + 1), _only(terms))


def _extent(node: Node, terms: Terms, size: Axis) -> Node:
    return widened(_next_axes(node, terms, size), None, size)


def _transpose(node: Node, terms: Terms, size: Axis) -> Node:
    return F.transpose(_only(terms), (0, *(a + 1 for a in node.op.attributes["axes"])))


def _reshape(node: Node, terms: Terms, size: Axis) -> Node:
    return F.reshape(_only(terms), (size, *node.shape))


def _broadcast(node: Node, terms: Terms, size: Axis) -> Node:
    x = _only(terms)
    new = len(node.shape) - (x.rank - 1)
    aligned = F.reshape(x, (size, *(1 for _ in range(new)), *x.shape[1:]))
    shape = (size, *node.shape)
    return aligned if aligned.shape == shape else make(Broadcast(shape), aligned)


def _slice(node: Node, terms: Terms, size: Axis) -> Node:
    op = node.op.attributes
    return make(Slice((0, *op["start"]), (size, *op["stop"]), (1, *op["step"])), _only(terms))


def _pad(node: Node, terms: Terms, size: Axis) -> Node:
    op = node.op.attributes
    return make(Pad((0, *op["low"]), (0, *op["high"]), (0, *op["between"])), _only(terms))


def _concatenate(node: Node, terms: Terms, size: Axis) -> Node:
    return make(Concatenate(node.op.attributes["axis"] + 1), *_all(node, terms, size))


def _matmul(node: Node, terms: Terms, size: Axis) -> Node:
    if len(node.shape) > 2:  # stacks stay aligned
        return make(node.op, *_all(node, terms, size))
    a, b = (x if term is None else term for x, term in zip(node.inputs, terms, strict=True))
    return F.matmul(a, b)


def _sampled(node: Node, terms: Terms, size: Axis) -> Node:
    """Return the random numbers of a key for each element, which are rows with a key each."""
    key, own = _only(terms), node.shape
    shape = (size, *own)
    if count(own) == 0:
        return F.reshape(F.cast(key[..., :0], node.dtype), shape)
    if key.rank == 2:
        return make(replace(node.op, shape=shape), key)
    rows = key.shape[1]  # of an element, with a key each
    if not isinstance(rows, int):
        assert isinstance(size, int)
        return F.stack([make(node.op, key[v]) for v in range(size)])
    of_a_key = replace(node.op, shape=(size, own[0] // rows, *own[1:]))
    return F.reshape(F.stack([make(of_a_key, key[:, i]) for i in range(rows)], 1), shape)


# --- rows of tables


def _gather(node: Node, terms: Terms, size: Axis) -> Node:
    x, index = terms
    if x is None:
        assert index is not None
        return make(node.op, node.inputs[0], index)
    if index is None:
        return _rows(node, x)
    length = x.shape[1]
    if not isinstance(size, int) or not isinstance(length, int):
        return _compared(x, index)
    table = F.reshape(x, (size * length, *x.shape[2:]))
    return make(node.op, table, index + _offsets(index, size, length))


def _scatter_add(node: Node, terms: Terms, size: Axis) -> Node:
    values, index = terms
    if index is None:
        assert values is not None
        return _rows(node, values)
    values, rows = widened(node.inputs[0], values, size), node.op.attributes["rows"]
    if not isinstance(size, int) or not isinstance(rows, int):
        return _summed(node, values, index)
    total = make(replace(node.op, rows=size * rows), values, index + _offsets(index, size, rows))
    return F.reshape(total, (size, *node.shape))


def _rows(node: Node, x: Node) -> Node:
    """Return rows by the same indices for every element; elements become the last axis."""
    result = make(node.op, F.transpose(x, (*range(1, x.rank), 0)), node.inputs[1])
    return F.transpose(result, (result.rank - 1, *range(result.rank - 1)))


def _offsets(index: Node, size: int, length: int) -> Node:
    """Return for each index (V, ...) the first row of its element in the table of all."""
    firsts = np.arange(size, dtype=index.dtype) * length
    return F.broadcast_to(constant(firsts.reshape(size, *(1,) * (index.rank - 1))), index.shape)


def _compared(x: Node, index: Node) -> Node:
    """Return rows of x (V, N, ...) at index (V, any) where V is not known, by comparing each with each."""
    flat = F.reshape(index, (index.shape[0], count(index.shape[1:])))  # (V, K)
    depth = F.reshape(x, (*x.shape[:2], count(x.shape[2:])))  # (V, N, D)
    rows = F.take_along_axis(depth, F.reshape(flat, (*flat.shape, 1)), 1)  # (V, K, D)
    return F.reshape(rows, (*index.shape, *x.shape[2:]))


def _summed(node: Node, values: Node, index: Node) -> Node:
    """Return the sums of the values (V, any, ...) of each row where V is not known."""
    size, rank = index.shape[0], index.rank
    flat = F.reshape(index, (size, count(index.shape[1:])))  # (V, K)
    hot = F.one_hot(flat, node.op.attributes["rows"], values.dtype)  # (V, K, N)
    rows = F.reshape(values, (*flat.shape, count(values.shape[rank:])))  # (V, K, D)
    return F.reshape(F.matmul(hot.T, rows), (size, *node.shape))


# --- images


def _folded(x: Node) -> Node:
    """Return the images of all elements as one batch: (V, B, ...) -> (V B, ...)."""
    return F.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))


def _images(node: Node, terms: Terms, size: Axis) -> Node:
    """Return an operation on each image, of the images of all elements."""
    return F.reshape(make(node.op, _folded(_only(terms))), (size, *node.shape))


def _convolution(node: Node, terms: Terms, size: Axis) -> Node:
    x, w = terms
    if w is None and x is not None:
        return F.reshape(make(node.op, _folded(x), node.inputs[1]), (size, *node.shape))
    x, w = _all(node, terms, size)
    rows = window_rows(node.op, _folded(x), (size, x.shape[1]), w.shape[2:-1])
    return F.reshape(_together(F.matmul(rows, _weights(node.op, w).T)), (size, *node.shape))


def _convolution_input(node: Node, terms: Terms, size: Axis) -> Node:
    g, w = terms
    if w is None and g is not None:
        return F.reshape(make(node.op, _folded(g), node.inputs[1]), (size, *node.shape))
    g, w = _all(node, terms, size)
    op, kernel, deep = node.op.attributes, w.shape[2:-1], w.shape[-1]
    rows = F.matmul(place_rows(node.op, _folded(g), (size, g.shape[1])), _weights(node.op, w))
    if op["groups"] > 1:  # (V, G, P, cells I) -> (V, P, cells, G I)
        cells = F.reshape(rows, (*rows.shape[:3], math.prod(_known(kernel)), deep))
        rows = F.transpose(cells, (0, 2, 3, 1, 4))
    images = F.reshape(rows, (size * g.shape[1], *g.shape[2:-1], *kernel, node.shape[-1]))
    fold = Fold(op["strides"], op["low"], op["high"], op["dilation"], _known(kernel), op["space"])
    return F.reshape(make(fold, images), (size, *node.shape))


def _convolution_weight(node: Node, terms: Terms, size: Axis) -> Node:
    x, g = _all(node, terms, size)
    parts = size, x.shape[1]
    rows = window_rows(node.op, _folded(x), parts, node.op.attributes["kernel"])
    return F.reshape(F.matmul(place_rows(node.op, _folded(g), parts).T, rows), (size, *node.shape))


def window_rows(op: Op, x: Node, parts: tuple[Axis, Axis], kernel: Sequence[Axis]) -> Node:
    """Return the windows that a convolution multiplies, as rows: (V N, *space, C) -> (V, N places, cells C),
    with groups (V, G, N places, cells C/G).

    Args:
        op: the convolution, or a transpose of it.
        x: N images of each of V elements.
        parts: V and N.
        kernel: the spatial axes of the weights.
    """
    settings, (size, images) = op.attributes, parts
    names = ("strides", "low", "high", "dilation")
    patches = make(Patches(*(settings[name] for name in names), window=_known(kernel)), x)
    count = images * math.prod(_known(patches.shape[1 : 1 + len(kernel)]))
    cells, channels, groups = math.prod(_known(kernel)), _known(x.shape[-1:])[0], settings["groups"]
    if groups == 1:
        return F.reshape(patches, (size, count, cells * channels))
    deep = channels // groups
    by_group = F.transpose(F.reshape(patches, (size, count, cells, groups, deep)), (0, 3, 1, 2, 4))
    return F.reshape(by_group, (size, groups, count, cells * deep))


def place_rows(op: Op, g: Node, parts: tuple[Axis, Axis]) -> Node:
    """Return the results of a convolution as rows: (V N, *places, O) -> (V, N places, O), with groups
    (V, G, N places, O/G).

    Args:
        op, parts: as for ``window_rows``.
        g: the results for N images of each of V elements.
    """
    (size, images), groups, out = parts, op.attributes["groups"], _known(g.shape[-1:])[0]
    count = images * math.prod(_known(g.shape[1:-1]))
    if groups == 1:
        return F.reshape(g, (size, count, out))
    return F.transpose(F.reshape(g, (size, count, groups, out // groups)), (0, 2, 1, 3))


def _together(rows: Node) -> Node:
    """Return results of groups beside each other: (V, G, P, O/G) -> (V, P, G, O/G)."""
    return rows if rows.rank == 3 else F.transpose(rows, (0, 2, 1, 3))


def _weights(op: Op, w: Node) -> Node:
    """Return weights (V, O, *kernel, I) as matrices: (V, O, cells I), with groups (V, G, O/G, cells I)."""
    groups, (out, *rest) = op.attributes["groups"], _known(w.shape[1:])
    shape = (out, math.prod(rest)) if groups == 1 else (groups, out // groups, math.prod(rest))
    return F.reshape(w, (w.shape[0], *shape))


def _known(lengths: Sequence[Axis]) -> tuple[int, ...]:
    """Return lengths that are numbers, as all of images but that of the batch are."""
    return tuple(n for n in lengths if isinstance(n, int))


# --- loops


def _scan(node: Node, terms: Terms, size: Axis) -> Node:
    """Return a loop whose step has all elements: its states and cells are (V, ...)."""
    op: Any = node.op
    body, values = _of_size(op, node)
    last = len(body.states) + len(body.cells)
    is_shared = [i >= last and term is None for i, term in enumerate(terms)]
    known = {
        leaf: input_node(leaf.op.attributes["label"], (size, *leaf.shape), leaf.dtype)
        for leaf, shared in zip(body.leaves, is_shared, strict=True)
        if not shared
    }
    inputs = [
        x if shared else widened(x, term, size)
        for x, term, shared in zip(node.inputs, terms, is_shared, strict=True)
    ]
    lifted = [widened(y, term, size) for y, term in zip(values, lift(values, known, size), strict=True)]
    leaves = [known.get(leaf, leaf) for leaf in body.leaves]
    step = _body(body, leaves, lifted[:-1])
    return make(replace(op, body=step, emit=lifted[-1], axis=op.axis + 1), *inputs)


def _of_size(op: Any, node: Node) -> tuple[Body, tuple[Node, ...]]:
    """Return the step of a loop with the sizes of its inputs in place of symbols, and its results."""
    body: Body = op.body
    sizes = body.sizes(op.of_a_step([x.spec for x in node.inputs]))
    specs = [resized(leaf.spec, sizes) for leaf in body.leaves]
    leaves = [
        input_node(leaf.op.attributes["label"], spec.shape, spec.dtype)
        for leaf, spec in zip(body.leaves, specs, strict=True)
    ]
    values = rebuild((*body.updates, op.emit), dict(zip(body.leaves, leaves, strict=True)), sizes)
    return _body(body, leaves, values[:-1]), values


def _body(like: Body, leaves: Sequence[Node], updates: Sequence[Node]) -> Body:
    """Return a step with these inputs, in the order of another step."""
    first, last = len(like.states), len(like.states) + len(like.cells)
    return Body(tuple(leaves[:first]), tuple(leaves[first:last]), tuple(leaves[last:]), tuple(updates))


_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("sum", "max", "min", "prod", "argmax"), _next_axes),
    **dict.fromkeys(("softmax", "log_softmax", "logsumexp", "resample"), _next_axis),
    **dict.fromkeys(("uniform", "normal"), _sampled),
    **dict.fromkeys(("patches", "fold"), _images),
    "cast": _elementwise,
    "extent": _extent,
    "one_hot": _elementwise,
    "transpose": _transpose,
    "reshape": _reshape,
    "broadcast": _broadcast,
    "slice": _slice,
    "pad": _pad,
    "concatenate": _concatenate,
    "matmul": _matmul,
    "gather": _gather,
    "scatter_add": _scatter_add,
    "convolution": _convolution,
    "convolution_input": _convolution_input,
    "convolution_weight": _convolution_weight,
    "scan": _scan,
}
