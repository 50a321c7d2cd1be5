"""Passes that reduce memory traffic: few passes over memory, and no read of a value that is not
written yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings

import chainrule as cr
from chainrule import nn
from chainrule.engines import native, reference
from chainrule.engines.parity import parity
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.nn.optimizer import StepContext
from chainrule.nn.scope import Collected, Scope
from chainrule.plan.passes import reduction_and_loop_fusion
from chainrule.plan.passes.elementwise_fusion import (
    MAX_INPUTS,
    Kernel,
    fuse,
    is_leaf,
    memory_source,
    stored_nodes,
)
from chainrule.plan.plan import Plan, plan
from chainrule.plan.tasks import Task
from random_graph import arrays, graphs

ROWS, WIDE = 64, 128


@contextmanager
def all_values_large() -> Iterator[None]:
    """Treat small values like large ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reduction_and_loop_fusion, "MIN_ELEMENTS", 0)
        yield


def kernels_after_passes(graph: Graph) -> list[Kernel]:
    shapes = {node: node.shape for node in graph.nodes}
    kernels = fuse(graph.nodes, shapes, dict.fromkeys(graph.nodes, 0))
    with all_values_large():
        return reduction_and_loop_fusion.reduce_traffic(
            kernels, graph, shapes, {n: math.prod(n.shape) for n in graph.nodes}
        )


@given(graphs(25))
def test_no_loop_reads_the_result_of_a_later_kernel(graph: Graph) -> None:
    initialized = {node for node in graph.nodes if is_leaf(node)}
    kernels = kernels_after_passes(graph)
    for kernel in kernels:
        inside: set[Node] = set()
        for node in kernel.nodes:
            for source in node.inputs:
                assert memory_source(source) in initialized or source in inside
                assert source not in inside or not reduction_and_loop_fusion.is_reduction(source), (
                    "a sum is complete only at the end of the loop"
                )
            inside.add(node)
        initialized |= inside
    assert initialized >= {memory_source(node) for node in graph.outputs.values()}
    assert initialized >= stored_nodes(graph, kernels)


@given(graphs(25))
def test_stored_values_have_one_kernel_and_loops_limited_inputs(graph: Graph) -> None:
    kernels = kernels_after_passes(graph)
    assume(kernels)
    assert stored_nodes(graph, kernels)
    for node in stored_nodes(graph, kernels):
        assert sum(node in kernel.nodes for kernel in kernels) == 1, (
            "only values that are not stored may be recomputed"
        )
    for kernel in kernels:
        outside = {s for node in kernel.nodes for s in node.inputs} - set(kernel.nodes)
        assert len(outside) <= MAX_INPUTS + 2
        assert kernel.is_loop or len(kernel.nodes) == 1


@pytest.mark.long
@hypothesis_settings(max_examples=60)
@given(graphs(25))
def test_outputs_match_the_reference_engine(graph: Graph) -> None:
    with all_values_large():
        outputs = native.Program(graph).run(arrays())
    assert outputs
    for name, value in reference.Program(graph).run(arrays()).items():
        np.testing.assert_allclose(outputs[name], value, rtol=1e-12, atol=1e-12)


# --- examples


def of_layer(layer: nn.Layer, shape: tuple[int, ...] = (WIDE,)) -> tuple[Plan, Plan]:
    """Return the plans of a layer: forward, and of the gradients of its input and parameters."""
    x, dy = (input_node(name, (None, *shape), "float32") for name in ("x", "dy"))
    y, parameters = applied(layer, x)
    gradients = grad((y * dy).sum(), [x, *parameters])
    backward = {str(i): gradient for i, gradient in enumerate(gradients)}
    return plan(Graph({"y": y}), {"B": ROWS}), plan(Graph(backward), {"B": ROWS})


def applied(layer: nn.Layer, x: Node) -> tuple[Node, list[Node]]:
    book = Collected("float32", True)
    y = Scope(book).run(layer, x, "layer")
    return y, [parameter.node for parameter in book.parameters.values()]


def large(task: Task, planned: Plan, side: str) -> list[int]:
    """Return the buffers that a task reads or writes and that are at least as large as the layer's input."""
    views = task.reads if side == "reads" else task.writes
    return [v.buffer for v in views if planned.buffers[v.buffer].size >= ROWS * WIDE]


def memory_passes(planned: Plan) -> list[tuple[int, int]]:
    """Return for each task that accesses large values how many it reads and writes."""
    counts = ((len(set(large(t, planned, "reads"))), len(large(t, planned, "writes"))) for t in planned.tasks)
    return [count for count in counts if any(count)]


@pytest.mark.parametrize("layer", [cr.LayerNorm(), cr.BatchNorm(), cr.RMSNorm()], ids=str)
def test_a_normalization_writes_only_its_result(layer: nn.Layer) -> None:
    forward, backward = of_layer(layer)
    sums = 1 if isinstance(layer, cr.RMSNorm) else 2
    assert memory_passes(forward) == [*[(1, 0)] * sums, (1, 1)]
    assert memory_passes(backward) == [(1, 0), (2, 0), (2, 1)], "a sum, the other sums, and the gradient"


def test_a_value_read_by_a_matmul_is_stored_once() -> None:
    x, w = input_node("x", (None, WIDE), "float32"), input_node("w", (WIDE, 8), "float32")
    y = cr.tanh(x)
    planned = plan(Graph({"z": y @ w, "s": y.sum(1)}), {"B": ROWS})
    assert [task.kind for task in planned.tasks] == ["loop", "matmul", "sum"], (
        "a sum without a loop has its own kernel"
    )


def test_the_adam_update_is_one_pass() -> None:
    w, g = (input_node(name, (ROWS * WIDE,), "float32") for name in "wg")
    slots = {name: input_node(name, (ROWS * WIDE,), "float32") for name in ("w/mean", "w/square")}
    step = input_node("step", (), "float32")
    context = StepContext(cr.cast(step * 0.0 + 0.01, "float32"), step + 1.0, g.sum())
    updates, slots_after = cr.Adam(0.01).moves({"w": w}, {"w": g}, slots, context)
    planned = plan(Graph({**updates, **slots_after}), {})
    assert (4, 3) in memory_passes(planned)
    assert len([one_pass for one_pass in memory_passes(planned) if one_pass[1]]) == 1


def test_the_fold_of_a_pooling_gradient_is_part_of_its_loop() -> None:
    x, dy = input_node("x", (None, 9, 9, 16), "float32"), input_node("dy", (None, 4, 4, 16), "float32")
    y = cr.max_pool(x, 3, 2)
    (gradient,) = grad((y * dy).sum(), [x])
    planned = plan(Graph({"dx": gradient}), {"B": 32})
    kinds = ["+".join(node.op.name for node in task.nodes) for task in planned.tasks if task.kind == "loop"]
    assert "equal+cast+sum" in kinds
    assert "equal+cast+multiply+fold" in kinds
    windows = 32 * 4 * 4 * 9 * 16
    assert all(buffer.size < windows for buffer in planned.buffers), "windows are not stored"


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
def test_loops_end_in_reductions_over_any_axes(build: Callable[[Node, Node], Node], dtype: str) -> None:
    x, w = input_node("x", (None, 33, 20), dtype), input_node("w", (20,), dtype)
    graph, rng = Graph({"y": build(x, w)}), np.random.Generator(np.random.Philox(3))
    given_arrays = {"x": rng.normal(size=(17, 33, 20)).astype(dtype), "w": rng.normal(size=20).astype(dtype)}
    planned = plan(graph, {"B": 17})
    assert any(len(task.facts.get("folds", ())) for task in planned.tasks)
    expected = reference.Program(graph).run(given_arrays)["y"]
    error = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(native.Program(graph).run(given_arrays)["y"], expected, rtol=error)
    assert parity(graph, {"x": given_arrays["x"][:8], "w": given_arrays["w"]}).agrees


def test_nan_propagates_through_max_and_min() -> None:
    x = input_node("x", (None, 300), "float32")
    graph = Graph({"max": cr.max(cr.square(x), 1), "min": cr.min(x * 2.0, 1)})
    rows = np.ones((32, 300), np.float32)
    rows[3, 299], rows[5, 2], rows[7, 4] = np.nan, -np.inf, np.inf
    outputs = native.Program(graph).run({"x": rows})
    for name, value in reference.Program(graph).run({"x": rows}).items():
        np.testing.assert_array_equal(outputs[name], value)
    assert math.isnan(outputs["max"][3])
