"""Views show what NumPy's strides show; collapsing axes visits the same places in the same order."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chainrule.graph import Graph, Input
from chainrule.ops.array.shape import Reshape
from chainrule.plan.passes.fused_loop import is_layout, seen_through
from chainrule.plan.views import View, collapse, dense_strides, in_three, look
from random_graph import arrays, graphs

SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


def shown(memory: np.ndarray, view: View) -> np.ndarray:
    """What a view shows of a flat memory."""
    size = memory.itemsize
    strides = tuple(s * size for s in view.strides)
    return np.lib.stride_tricks.as_strided(memory[view.offset :], view.shape, strides)


def places(shape: tuple[int, ...], strides: tuple[int, ...]) -> list[int]:
    """Where the elements lie, in order."""
    return [sum(map(math.prod, zip(i, strides, strict=True))) for i in itertools.product(*map(range, shape))]


@given(graphs())
def test_a_look_shows_what_the_operation_gives(graph: Graph) -> None:
    feeds = arrays()
    values: dict = {}
    views: dict = {}
    for node in graph.nodes:
        if isinstance(node.op, Input):
            values[node], views[node] = feeds[node.op.label], View.whole(0, node.shape)
            continue
        if not hasattr(node.op, "evaluate"):
            continue
        read = [values.get(source) for source in node.inputs]
        if any(value is None for value in read):
            continue
        values[node] = node.op.evaluate(*read)
        source = views.get(node.inputs[0])
        seen = look(node.op, source, node.shape) if source is not None and is_layout(node) else None
        if seen is not None:
            views[node] = seen
            memory = feeds[seen_through(node).op.label].reshape(-1)
            np.testing.assert_array_equal(shown(memory, seen), values[node])


@given(SHAPES.filter(lambda shape: 0 not in shape), st.data())
def test_a_reshape_is_a_look_where_numpy_needs_no_copy_of_dense_memory(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    memory = np.arange(float(math.prod(shape)))
    target = data.draw(st.sampled_from([(memory.size,), (memory.size, 1), (1, *shape), shape]))
    seen = look(Reshape(target), View.whole(0, shape), target)
    assert seen is not None
    np.testing.assert_array_equal(shown(memory, seen), memory.reshape(target))


@given(SHAPES, st.data())
def test_collapsing_visits_the_same_places_in_the_same_order(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    shape = tuple(max(n, 1) for n in shape)
    turned = data.draw(st.permutations(range(len(shape))))
    dense = dense_strides(tuple(shape[a] for a in turned))
    first = tuple(dense[turned.index(axis)] for axis in range(len(shape)))
    second = tuple(0 if data.draw(st.booleans()) else s for s in dense_strides(shape))
    lengths, (a, b) = collapse(shape, [first, second])
    assert places(tuple(lengths), tuple(a)) == places(shape, first)
    assert places(tuple(lengths), tuple(b)) == places(shape, second)
    assert len(lengths) <= max(1, sum(n > 1 for n in shape))


@given(SHAPES, st.data())
def test_three_axes_visit_the_same_places(shape: tuple[int, ...], data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(shape)))
    axes = tuple(range(begin, data.draw(st.integers(begin, len(shape)))))
    view = View(0, shape, tuple(data.draw(st.sampled_from([0, s, 2 * s])) for s in dense_strides(shape)))
    three = in_three(view, axes)
    if View.whole(0, shape) == view:
        assert three is not None, "memory in order can always be seen so"
    if three is None or not axes:
        return
    lengths, strides = three
    assert lengths[1] == math.prod(shape[axes[0] : axes[-1] + 1])
    assert places(lengths, strides) == places(shape, view.strides)


def test_memory_that_lies_apart_is_moved_before_it_is_reshaped() -> None:
    turned = View.whole(0, (3, 4)).turned((1, 0))
    assert look(Reshape((12,)), turned, (12,)) is None
