"""Roles of nodes with respect to the batch, and the phases of a training step."""

from __future__ import annotations

import chainrule as cr
from chainrule.graph import Graph, input_node, order
from chainrule.ops.batch_axis import Role, is_divisible, roles
from chainrule.plan.plan import Cut, plan
from chainrule.plan.tasks import AFTER, BEFORE, MICROBATCHES
from training_step import step, step_nodes


def test_roles_of_a_training_step() -> None:
    nodes = step_nodes()
    roles_of = roles(order(list(nodes.values())))
    assert roles_of[nodes["x"]] == Role("sample", 0, 0)
    assert roles_of[nodes["error"]] == Role("sample", 0, 0)
    assert roles_of[nodes["w"]] == Role("shared")
    reduced = {node: role.by for node, role in roles_of.items() if role.kind == "reduced"}
    assert [node.op.name for node in reduced] == ["sum", "matmul", "sum"], "the loss, dw and db"
    assert set(reduced.values()) == {"sum"}
    assert roles_of[nodes["new w"]] == Role("shared", 1), "it is known after the reduction over all samples"
    assert is_divisible(roles_of)


def test_the_sample_axis_is_tracked_through_transposes() -> None:
    x = input_node("x", (None, 2, 3), "float64")
    transposed = cr.transpose(x, (1, 0, 2))
    roles_of = roles(order([transposed]))
    assert (roles_of[x].axis, roles_of[transposed].axis) == (0, 1)


def test_a_batch_statistic_starts_a_second_round() -> None:
    x = input_node("x", (None, 2), "float64")
    centered = x - cr.mean(x, 0)
    loss = cr.mean(cr.square(centered))
    roles_of = roles(order([loss]))
    assert roles_of[centered] == Role("sample", 1, 0)
    assert not is_divisible(roles_of), "a sample's loss needs the mean of all samples"


def test_a_maximum_over_the_batch_is_not_divisible() -> None:
    x = input_node("x", (None, 2), "float64")
    assert not is_divisible(roles(order([cr.max(x)])))


def test_tasks_are_in_the_phase_of_their_role() -> None:
    graph, cut = step()
    planned = plan(graph, {"B": 10}, cut)
    roles_of = roles(graph.nodes)
    assert planned.is_divided
    for task in planned.tasks:
        kinds = {roles_of[node].kind for node in task.nodes}
        assert task.adds == (kinds == {"reduced"})
        assert (task.phase == MICROBATCHES) == bool(kinds & {"sample", "reduced"})
    assert [t.phase for t in planned.tasks] == sorted(t.phase for t in planned.tasks)
    assert {t.phase for t in planned.tasks} <= {BEFORE, MICROBATCHES, 2, AFTER}


def test_a_step_with_a_batch_statistic_is_not_divided() -> None:
    x, w = input_node("x", (None, 2), "float64"), input_node("w", (2,), "float64")
    loss = cr.mean(cr.square((x - cr.mean(x, 0)) * w))
    planned = plan(Graph({"loss": loss}), {"B": 10}, Cut(4, "loss", (), {}))
    assert (planned.is_divided, planned.rows) == (False, 10)
    assert not any(task.adds for task in planned.tasks)
