"""Loops walk through memory as seldom as they can, and never read what is not there yet."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

import chainrule as cr
from chainrule import nn
from chainrule.engines import native, reference
from chainrule.engines.parity import parity
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.nn.optimizer import Now
from chainrule.nn.scope import Book, Scope
from chainrule.plan.passes import fusion
from chainrule.plan.passes.fused_loop import WIDEST, Kernel, fuse, is_leaf, needed, seen_through
from chainrule.plan.plan import Plan, plan
from chainrule.plan.tasks import Task
from random_graph import arrays, graphs

ROWS, WIDE = 64, 128


@contextmanager
def everything() -> Iterator[None]:
    """Small values are treated like large ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fusion, "WORTH", 0)
        yield


def lightened(graph: Graph) -> list[Kernel]:
    shapes = {node: node.shape for node in graph.nodes}
    kernels = fuse(graph.nodes, shapes, dict.fromkeys(graph.nodes, 0))
    with everything():
        return fusion.lighten(kernels, graph, shapes, {n: math.prod(n.shape) for n in graph.nodes})


@given(graphs(25))
def test_no_loop_reads_what_a_later_kernel_writes(graph: Graph) -> None:
    written = {node for node in graph.nodes if is_leaf(node)}
    kernels = lightened(graph)
    for kernel in kernels:
        here: set[Node] = set()
        for node in kernel.nodes:
            for source in node.inputs:
                assert seen_through(source) in written or source in here
                assert source not in here or not fusion.is_reduction(source), "a sum is known at the end"
            here.add(node)
        written |= here
    assert written >= {seen_through(node) for node in graph.outputs.values()}
    assert written >= needed(graph, kernels)


@given(graphs(25))
def test_a_value_is_written_by_one_kernel_and_loops_stay_narrow(graph: Graph) -> None:
    kernels = lightened(graph)
    for node in needed(graph, kernels):
        assert sum(node in kernel.nodes for kernel in kernels) == 1, "only what nobody reads is repeated"
    for kernel in kernels:
        outside = {s for node in kernel.nodes for s in node.inputs} - set(kernel.nodes)
        assert len(outside) <= WIDEST + 2
        assert kernel.is_loop or len(kernel.nodes) == 1


@hypothesis_settings(max_examples=60)
@given(graphs(25))
def test_the_numbers_are_those_of_the_law(graph: Graph) -> None:
    with everything():
        found = native.Program(graph).run(arrays())
    for name, value in reference.Program(graph).run(arrays()).items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12, atol=1e-12)


# --- examples


def of_layer(layer: nn.Layer, shape: tuple[int, ...] = (WIDE,)) -> tuple[Plan, Plan]:
    """The plans of a layer: forward, and of the gradients of what is sent back."""
    x, dy = (input_node(name, (None, *shape), "float32") for name in ("x", "dy"))
    y, parameters = applied(layer, x)
    slopes = grad((y * dy).sum(), [x, *parameters])
    backward = {str(i): slope for i, slope in enumerate(slopes)}
    return plan(Graph({"y": y}), {"B": ROWS}), plan(Graph(backward), {"B": ROWS})


def applied(layer: nn.Layer, x: Node) -> tuple[Node, list[Node]]:
    book = Book("float32", True)
    y = Scope(book).run(layer, x, "layer")
    return y, [parameter.node for parameter in book.parameters.values()]


def large(task: Task, made: Plan, side: str) -> list[int]:
    """The buffers of as many numbers as the layer's input that a task reads or writes."""
    views = task.reads if side == "reads" else task.writes
    return [v.buffer for v in views if made.buffers[v.buffer].size >= ROWS * WIDE]


def walks(made: Plan) -> list[tuple[int, int]]:
    """Of each task that touches large values: how many it reads and writes."""
    counts = ((len(set(large(t, made, "reads"))), len(large(t, made, "writes"))) for t in made.tasks)
    return [count for count in counts if any(count)]


@pytest.mark.parametrize("layer", [cr.LayerNorm(), cr.BatchNorm(), cr.RMSNorm()], ids=str)
def test_a_normalisation_writes_nothing_large_but_its_result(layer: nn.Layer) -> None:
    forward, backward = of_layer(layer)
    sums = 1 if isinstance(layer, cr.RMSNorm) else 2
    assert walks(forward) == [*[(1, 0)] * sums, (1, 1)]
    assert walks(backward) == [(1, 0), (2, 0), (2, 1)], "a sum, all the others, and the slope"


def test_what_is_read_by_more_than_loops_is_written_once() -> None:
    x, w = input_node("x", (None, WIDE), "float32"), input_node("w", (WIDE, 8), "float32")
    y = cr.tanh(x)
    made = plan(Graph({"z": y @ w, "s": y.sum(1)}), {"B": ROWS})
    assert [task.kind for task in made.tasks] == ["loop", "matmul", "sum"], "a sum alone has its own kernel"


def test_the_update_of_adam_is_one_walk() -> None:
    w, g = (input_node(name, (ROWS * WIDE,), "float32") for name in "wg")
    slots = {name: input_node(name, (ROWS * WIDE,), "float32") for name in ("w/mean", "w/square")}
    step = input_node("step", (), "float32")
    now = Now(cr.cast(step * 0.0 + 0.01, "float32"), step + 1.0, g.sum())
    moved, kept = cr.Adam(0.01).moves({"w": w}, {"w": g}, slots, now)
    made = plan(Graph({**moved, **kept}), {})
    assert (4, 3) in walks(made)
    assert len([walk for walk in walks(made) if walk[1]]) == 1


def test_windows_are_put_back_as_their_slopes_are_computed() -> None:
    x, dy = input_node("x", (None, 9, 9, 16), "float32"), input_node("dy", (None, 4, 4, 16), "float32")
    y = cr.max_pool(x, 3, 2)
    (slope,) = grad((y * dy).sum(), [x])
    made = plan(Graph({"dx": slope}), {"B": 32})
    kinds = ["+".join(node.op.name for node in task.nodes) for task in made.tasks if task.kind == "loop"]
    assert "equal+cast+sum" in kinds
    assert "equal+cast+multiply+fold" in kinds
    windows = 32 * 4 * 4 * 9 * 16
    assert all(buffer.size < windows for buffer in made.buffers), "no window lies by itself"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "build",
    [
        lambda x, w: cr.square(x - w).sum(0),
        lambda x, w: cr.square(x - w).sum(1),
        lambda x, w: cr.square(x - w).sum((0, 2)),
        lambda x, w: cr.max(cr.abs(x * w), (1, 2)),
        lambda x, w: cr.min(cr.abs(x * w), (0, 1)),
        lambda x, w: cr.square(cr.transpose(x, (2, 0, 1)) * 2.0).sum((0, 1), keepdims=True),
        lambda x, w: cr.square(x).sum() / cr.max(cr.square(x * 3.0)),
    ],
)
def test_a_loop_ends_in_reductions_over_any_axes(build: Callable[[Node, Node], Node], dtype: str) -> None:
    x, w = input_node("x", (None, 33, 20), dtype), input_node("w", (20,), dtype)
    graph, rng = Graph({"y": build(x, w)}), np.random.Generator(np.random.Philox(3))
    given_arrays = {"x": rng.normal(size=(17, 33, 20)).astype(dtype), "w": rng.normal(size=20).astype(dtype)}
    made = plan(graph, {"B": 17})
    assert any(len(task.facts.get("last", ())) for task in made.tasks)
    law = reference.Program(graph).run(given_arrays)["y"]
    error = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(native.Program(graph).run(given_arrays)["y"], law, rtol=error)
    assert parity(graph, {"x": given_arrays["x"][:8], "w": given_arrays["w"]}).agrees


def test_a_number_that_is_no_number_is_the_largest_and_the_smallest() -> None:
    x = input_node("x", (None, 300), "float32")
    graph = Graph({"max": cr.max(cr.square(x), 1), "min": cr.min(x * 2.0, 1)})
    rows = np.ones((32, 300), np.float32)
    rows[3, 299], rows[5, 2], rows[7, 4] = np.nan, -np.inf, np.inf
    found = native.Program(graph).run({"x": rows})
    for name, value in reference.Program(graph).run({"x": rows}).items():
        np.testing.assert_array_equal(found[name], value)
    assert math.isnan(found["max"][3])
