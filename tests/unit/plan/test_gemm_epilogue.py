"""A product hands its numbers on in registers where its loop can wait for nothing else, and only there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import chainrule as cr
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.plan.passes.gemm_epilogue import DEEP, LONGEST, ROWS, WIDE
from chainrule.plan.plan import Cut, Plan, plan

ROWS_OF_BATCH = 24


def made_of(
    outputs: Callable[[Node, Node], dict[str, Node]],
    rows: int = ROWS_OF_BATCH,
    deep: int = 20,
    wide: int = 2 * WIDE,
) -> Plan:
    """The plan of what is made of a product and of a bias."""
    x, w = input_node("x", (None, deep), "float32"), input_node("w", (deep, wide), "float32")
    return plan(Graph(outputs(x @ w, input_node("b", (wide,), "float32"))), {"B": rows})


def tasks_of(made: Plan) -> list[tuple[str, str]]:
    """Each task's kind and operations."""
    return [(task.kind, "+".join(node.op.name for node in task.nodes)) for task in made.tasks]


def test_bias_and_activation_are_the_products_epilogue() -> None:
    made = made_of(lambda z, b: {"y": cr.relu(z + b)})
    assert tasks_of(made) == [("matmul", "matmul+add+relu")]
    assert not [buffer for buffer in made.buffers if buffer.origin == "work"], (
        "the product is nowhere written"
    )
    assert made.flops == 2 * ROWS_OF_BATCH * 20 * 64 + 2 * ROWS_OF_BATCH * 64
    assert "matmul+add+relu" in str(made)


def test_a_product_that_others_read_too_is_written_by_the_way() -> None:
    made = made_of(lambda z, b: {"y": cr.relu(z + b), "z": z})
    (task,) = made.tasks
    assert {made.buffers[view.buffer].label for view in task.writes} == {"y", "z"}


@pytest.mark.parametrize(
    "sizes", [{"rows": ROWS - 1}, {"deep": DEEP + 1}, {"wide": WIDE + 1}, {"wide": WIDE // 2}]
)
def test_a_product_of_another_size_stays_alone(sizes: dict[str, int]) -> None:
    made = made_of(lambda z, b: {"y": cr.relu(z + b)}, **sizes)
    assert tasks_of(made) == [("matmul", "matmul"), ("loop", "add+relu")]


@pytest.mark.parametrize(
    "outputs",
    [
        lambda z, b: {"y": cr.tanh(z)},  # not of a few instructions
        lambda z, b: {"y": (z - z.mean(1, keepdims=True)) * b},  # the mean reads it before the loop can run
        lambda z, b: {"y": z + z[:, 3:4]},  # reads other numbers than those of the same place
        lambda z, b: {"y": _many(z, LONGEST + 1)},
        lambda z, b: {"y": z.sum(0)},
    ],
)
def test_a_loop_of_another_kind_stays_a_loop(outputs: Callable[[Node, Node], dict[str, Node]]) -> None:
    made = made_of(outputs)
    assert [task for task in tasks_of(made) if task[0] == "matmul"] == [("matmul", "matmul")]


def _many(z: Node, count: int) -> Node:
    for i in range(count):
        z = z * float(i + 2)
    return z


def test_of_two_products_that_a_loop_reads_one_is_taken() -> None:
    x, w = input_node("x", (None, 16), "float32"), input_node("w", (16, WIDE), "float32")
    made = plan(Graph({"y": x @ w + (x * 2.0) @ w}), {"B": ROWS})
    assert sorted(tasks_of(made))[-2:] == [("matmul", "matmul"), ("matmul", "matmul+add")]


def test_full_and_short_parts_have_the_same_tasks() -> None:
    x, w, b = (
        input_node(n, shape, "float32") for n, shape in (("x", (None, 8)), ("w", (WIDE, 8)), ("b", (WIDE,)))
    )
    loss = cr.mean(cr.square(cr.relu(x @ w.T + b)))
    (dw,) = grad(loss, [w])
    graph, homes = Graph({"loss": loss, "new w": w - dw}), {"new w": "w"}
    plans = [plan(graph, {"B": 50}, Cut(rows, "loss", (dw,), homes)) for rows in (24, 2)]
    full, short = ([operations for _, operations in tasks_of(made)] for made in plans)
    assert full == short
    assert "matmul+add+relu+square+greater" in full


def test_what_a_product_reads_is_not_written_over_by_its_epilogue() -> None:
    w = input_node("w", (WIDE, WIDE), "float64")
    new = cr.relu(w @ w + w)
    graph = Graph({"loss": new.sum(), "new": new})
    made = plan(graph, {}, Cut(1, "loss", (), {"new": "w"}))
    assert tasks_of(made)[0] == ("matmul", "matmul+add+relu")
    (task, *_) = made.tasks
    assert {v.buffer for v in task.writes}.isdisjoint(v.buffer for v in task.reads)
