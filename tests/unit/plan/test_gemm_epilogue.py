"""Epilogues of matrix products: a loop becomes one exactly where that is safe and fast."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import chainrule as cr
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.plan.passes.gemm_epilogue import COLUMN_MULTIPLE, DEEP, MAX_OPERATIONS, MIN_ROWS
from chainrule.plan.plan import Cut, Plan, plan

ROWS_OF_BATCH = 24


def plan_of(
    outputs: Callable[[Node, Node], dict[str, Node]],
    rows: int = ROWS_OF_BATCH,
    deep: int = 20,
    wide: int = 2 * COLUMN_MULTIPLE,
) -> Plan:
    """Return the plan of outputs that are computed from a product and a bias."""
    x, w = input_node("x", (None, deep), "float32"), input_node("w", (deep, wide), "float32")
    return plan(Graph(outputs(x @ w, input_node("b", (wide,), "float32"))), {"B": rows})


def tasks_of(planned: Plan) -> list[tuple[str, str]]:
    """Return each task's kind and operations."""
    return [(task.kind, "+".join(node.op.name for node in task.nodes)) for task in planned.tasks]


def test_bias_and_activation_are_an_epilogue() -> None:
    planned = plan_of(lambda z, b: {"y": cr.relu(z + b)})
    assert tasks_of(planned) == [("matmul", "matmul+add+relu")]
    assert not [buffer for buffer in planned.buffers if buffer.origin == "work"], "the product is not stored"
    assert planned.flops == 2 * ROWS_OF_BATCH * 20 * 64 + 2 * ROWS_OF_BATCH * 64
    assert "matmul+add+relu" in str(planned)


def test_the_epilogue_stores_a_product_with_other_readers() -> None:
    planned = plan_of(lambda z, b: {"y": cr.relu(z + b), "z": z})
    (task,) = planned.tasks
    assert {planned.buffers[view.buffer].label for view in task.writes} == {"y", "z"}


@pytest.mark.parametrize(
    "sizes",
    [
        {"rows": MIN_ROWS - 1},
        {"deep": DEEP + 1},
        {"wide": COLUMN_MULTIPLE + 1},
        {"wide": COLUMN_MULTIPLE // 2},
    ],
)
def test_a_product_of_unsuitable_size_has_no_epilogue(sizes: dict[str, int]) -> None:
    planned = plan_of(lambda z, b: {"y": cr.relu(z + b)}, **sizes)
    assert tasks_of(planned) == [("matmul", "matmul"), ("loop", "add+relu")]


@pytest.mark.parametrize(
    "outputs",
    [
        lambda z, b: {"y": cr.tanh(z)},  # not a simple operation
        lambda z, b: {"y": (z - z.mean(1, keepdims=True)) * b},  # the mean reads it before the loop can run
        lambda z, b: {"y": z + z[:, 3:4]},  # not elementwise
        lambda z, b: {"y": _many(z, MAX_OPERATIONS + 1)},
        lambda z, b: {"y": z.sum(0)},
    ],
)
def test_an_unsuitable_loop_is_not_an_epilogue(outputs: Callable[[Node, Node], dict[str, Node]]) -> None:
    planned = plan_of(outputs)
    assert [task for task in tasks_of(planned) if task[0] == "matmul"] == [("matmul", "matmul")]


def _many(z: Node, count: int) -> Node:
    for i in range(count):
        z = z * float(i + 2)
    return z


def test_a_loop_is_the_epilogue_of_one_of_two_products() -> None:
    x, w = input_node("x", (None, 16), "float32"), input_node("w", (16, COLUMN_MULTIPLE), "float32")
    planned = plan(Graph({"y": x @ w + (x * 2.0) @ w}), {"B": MIN_ROWS})
    assert sorted(tasks_of(planned))[-2:] == [("matmul", "matmul"), ("matmul", "matmul+add")]


def test_full_and_short_microbatches_have_the_same_tasks() -> None:
    x, w, b = (
        input_node(n, shape, "float32")
        for n, shape in (("x", (None, 8)), ("w", (COLUMN_MULTIPLE, 8)), ("b", (COLUMN_MULTIPLE,)))
    )
    loss = cr.mean(cr.square(cr.relu(x @ w.T + b)))
    (dw,) = grad(loss, [w])
    graph, homes = Graph({"loss": loss, "new w": w - dw}), {"new w": "w"}
    plans = [plan(graph, {"B": 50}, Cut(rows, "loss", (dw,), homes)) for rows in (24, 2)]
    full, short = ([operations for _, operations in tasks_of(planned)] for planned in plans)
    assert full == short
    assert "matmul+add+relu+square+greater" in full


def test_an_epilogue_does_not_overwrite_the_factors_of_its_product() -> None:
    w = input_node("w", (COLUMN_MULTIPLE, COLUMN_MULTIPLE), "float64")
    new = cr.relu(w @ w + w)
    graph = Graph({"loss": new.sum(), "new": new})
    planned = plan(graph, {}, Cut(1, "loss", (), {"new": "w"}))
    assert tasks_of(planned)[0] == ("matmul", "matmul+add+relu")
    (task, *_) = planned.tasks
    assert {v.buffer for v in task.writes}.isdisjoint(v.buffer for v in task.reads)
