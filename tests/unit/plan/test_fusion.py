"""Loop fusion: loops read only what earlier kernels have written, and combine only compatible nodes."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph import Graph, Node, input_node
from chainrule.plan.passes.elementwise_fusion import (
    MAX_INPUTS,
    Kernel,
    fuse,
    is_elementwise,
    is_layout,
    is_leaf,
    memory_source,
)
from chainrule.plan.plan import plan
from random_graph import graphs


def kernels_of(graph: Graph, phases: dict[Node, int] | None = None) -> list[Kernel]:
    phases = phases or dict.fromkeys(graph.nodes, 0)
    return fuse(graph.nodes, {node: node.shape for node in graph.nodes}, phases)


@st.composite
def phased(draw) -> tuple[Graph, dict[Node, int]]:
    """A graph whose nodes are in phases that never decrease."""
    graph, phases = draw(graphs(25)), {}
    for node in graph.nodes:
        latest = max((phases[source] for source in node.inputs), default=0)
        phases[node] = min(3, latest + (0 if is_leaf(node) else draw(st.sampled_from([0, 0, 0, 1]))))
    return graph, phases


@given(phased())
def test_no_loop_reads_the_result_of_a_later_kernel(case: tuple[Graph, dict[Node, int]]) -> None:
    graph, phases = case
    initialized = {node for node in graph.nodes if is_leaf(node)}
    for kernel in kernels_of(graph, phases):
        inside: set[Node] = set()
        for node in kernel.nodes:
            for source in node.inputs:
                # the loop's own values are in registers; their memory is complete only afterwards
                assert memory_source(source) in initialized or source in inside
            inside.add(node)
        initialized |= inside
    assert initialized >= {memory_source(node) for node in graph.nodes}


@given(phased())
def test_loops_have_nodes_of_one_shape_and_phase_and_each_node_once(
    case: tuple[Graph, dict[Node, int]],
) -> None:
    graph, phases = case
    kernels = kernels_of(graph, phases)
    placed = [node for kernel in kernels for node in kernel.nodes]
    assert len(placed) == len(set(placed))
    assert set(placed) == {node for node in graph.nodes if not is_leaf(node) and not is_layout(node)}
    for kernel in kernels:
        assert kernel.is_loop or len(kernel.nodes) == 1
        assert all(node.shape == kernel.shape for node in kernel.nodes)
        assert all(phases[node] <= kernel.phase for node in kernel.nodes), (
            "a node may be delayed but not advanced"
        )
        assert all(is_elementwise(node) == kernel.is_loop for node in kernel.nodes)


@pytest.mark.long
@given(phased())
def test_depth_exceeds_that_of_all_sources(case: tuple[Graph, dict[Node, int]]) -> None:
    kernels = kernels_of(*case)
    home = {node: kernel for kernel in kernels for node in kernel.nodes}
    edges = [
        (home[source], kernel)
        for kernel in kernels
        for source in {memory_source(s) for node in kernel.nodes for s in node.inputs}
        if home.get(source, kernel) is not kernel and home[source].phase == kernel.phase
    ]
    assume(edges)
    assert all(source.depth < kernel.depth for source, kernel in edges)


@given(graphs(25))
def test_tasks_read_only_initialized_memory(graph: Graph) -> None:
    planned = plan(graph, {})
    initialized = {b.number for b in planned.buffers if b.origin in ("input", "constant")}
    for task in planned.tasks:
        assert {view.buffer for view in task.reads} <= initialized
        initialized |= {view.buffer for view in task.writes}
    assert {view.buffer for view in planned.outputs.values()} <= initialized


def test_a_delayed_node_is_computed_before_an_earlier_reader() -> None:
    w, v = input_node("w", (3,), "float64"), input_node("v", (3,), "float64")
    early = cr.tanh(w)
    delayed = early * v.sum()  # comes first in the graph's order, but runs last
    between = cr.sin(early)
    graph = Graph({"late": delayed, "between": between})
    phases = {node: 3 if node is delayed else 0 for node in graph.nodes}
    kernels = kernels_of(graph, phases)
    place = {node: i for i, kernel in enumerate(kernels) for node in kernel.nodes}
    assert place[early] <= place[between]
    only = Graph({"late": delayed})
    kernels = kernels_of(only, {node: 3 if node is delayed else 0 for node in only.nodes})
    assert [early, delayed] in [kernel.nodes for kernel in kernels], "without an earlier reader it is delayed"


def test_a_chain_of_elementwise_operations_is_one_loop() -> None:
    x = input_node("x", (5,), "float64")
    (kernel,) = kernels_of(Graph({"y": cr.tanh(x * 2.0 + 1.0) - x}))
    assert [node.op.name for node in kernel.nodes] == ["multiply", "add", "tanh", "subtract"]


def test_a_sum_separates_two_loops() -> None:
    x = input_node("x", (5,), "float64")
    raised = cr.exp(x)
    kernels = kernels_of(Graph({"y": raised / raised.sum()}))
    assert [kernel.is_loop for kernel in kernels] == [True, False, True]


def test_loops_have_a_limited_number_of_inputs() -> None:
    inputs = [input_node(f"x{i}", (5,), "float64") for i in range(3 * MAX_INPUTS)]
    total = cr.tanh(inputs[0])
    for x in inputs[1:]:
        total = total + cr.tanh(x)
    kernels = kernels_of(Graph({"y": total}))
    assert len(kernels) > 1
    for kernel in kernels:
        outside = {s for node in kernel.nodes for s in node.inputs} - set(kernel.nodes)
        assert len(outside) <= MAX_INPUTS + 2, "a node adds at most two inputs"
