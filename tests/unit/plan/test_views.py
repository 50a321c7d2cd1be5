"""Views equal NumPy's strided arrays; collapsed axes iterate over the same addresses in the same order."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from chainrule.graph import Graph, Input
from chainrule.ops.array.shape import Reshape
from chainrule.plan.passes.elementwise_fusion import is_layout, memory_source
from chainrule.plan.views import View, as_three_axes, collapse, dense_strides, layout_view
from random_graph import arrays, graphs

SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


def array_of(memory: np.ndarray, view: View) -> np.ndarray:
    """Return the array of a view of flat memory."""
    size = memory.itemsize
    strides = tuple(s * size for s in view.strides)
    return np.lib.stride_tricks.as_strided(memory[view.offset :], view.shape, strides)


def offsets(shape: tuple[int, ...], strides: tuple[int, ...]) -> list[int]:
    """Return the offsets of the elements in order."""
    return [sum(map(math.prod, zip(i, strides, strict=True))) for i in itertools.product(*map(range, shape))]


@given(graphs())
def test_a_layout_view_equals_the_operation(graph: Graph) -> None:
    feeds = arrays()
    values: dict = {}
    views: dict = {}
    compared = 0
    for node in graph.nodes:
        if isinstance(node.op, Input):
            values[node], views[node] = feeds[node.op.label], View.contiguous(0, node.shape)
            continue
        if not hasattr(node.op, "evaluate"):
            continue
        read = [values.get(source) for source in node.inputs]
        if any(value is None for value in read):
            continue
        values[node] = node.op.evaluate(*read)
        source = views.get(node.inputs[0])
        view_of_result = (
            layout_view(node.op, source, node.shape) if source is not None and is_layout(node) else None
        )
        if view_of_result is not None:
            views[node] = view_of_result
            memory = feeds[memory_source(node).op.label].reshape(-1)
            np.testing.assert_array_equal(array_of(memory, view_of_result), values[node])
            compared += 1
    assume(compared > 0)


@given(SHAPES.filter(lambda shape: 0 not in shape), st.data())
def test_a_reshape_of_contiguous_memory_is_a_view(shape: tuple[int, ...], data: st.DataObject) -> None:
    memory = np.arange(float(math.prod(shape)))
    target = data.draw(st.sampled_from([(memory.size,), (memory.size, 1), (1, *shape), shape]))
    view_of_result = layout_view(Reshape(target), View.contiguous(0, shape), target)
    assert view_of_result is not None
    np.testing.assert_array_equal(array_of(memory, view_of_result), memory.reshape(target))


@given(SHAPES, st.data())
def test_collapsed_axes_have_the_same_offsets_in_the_same_order(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    shape = tuple(max(n, 1) for n in shape)
    permutation = data.draw(st.permutations(range(len(shape))))
    dense = dense_strides(tuple(shape[a] for a in permutation))
    first = tuple(dense[permutation.index(axis)] for axis in range(len(shape)))
    second = tuple(0 if data.draw(st.booleans()) else s for s in dense_strides(shape))
    lengths, (a, b) = collapse(shape, [first, second])
    assert offsets(tuple(lengths), tuple(a)) == offsets(shape, first)
    assert offsets(tuple(lengths), tuple(b)) == offsets(shape, second)
    assert len(lengths) <= max(1, sum(n > 1 for n in shape))


@given(SHAPES, st.data())
def test_three_axes_have_the_same_offsets(shape: tuple[int, ...], data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(shape)))
    axes = tuple(range(begin, data.draw(st.integers(begin, len(shape)))))
    view = View(0, shape, tuple(data.draw(st.sampled_from([0, s, 2 * s])) for s in dense_strides(shape)))
    three = as_three_axes(view, axes)
    if View.contiguous(0, shape) == view:
        assert three is not None, "contiguous memory always has three axes"
    if three is None or not axes:
        return
    lengths, strides = three
    assert lengths[1] == math.prod(shape[axes[0] : axes[-1] + 1])
    assert offsets(lengths, strides) == offsets(shape, view.strides)


def test_a_reshape_of_strided_memory_is_not_a_view() -> None:
    permutation = View.contiguous(0, (3, 4)).transposed((1, 0))
    assert layout_view(Reshape((12,)), permutation, (12,)) is None
