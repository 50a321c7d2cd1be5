"""What each node of a training step has to do with the batch, and where the step is cut."""

from __future__ import annotations

import chainrule as cr
from chainrule.graph import Graph, input_node, order
from chainrule.ops.batch_axis import Role, is_divisible, roles
from chainrule.plan.plan import Cut, plan
from chainrule.plan.tasks import AFTER, BEFORE, PARTS
from training_step import parts, step


def test_roles_of_a_training_step() -> None:
    made = parts()
    found = roles(order(list(made.values())))
    assert found[made["x"]] == Role("sample", 0, 0)
    assert found[made["error"]] == Role("sample", 0, 0)
    assert found[made["w"]] == Role("shared")
    joined = {node: role.by for node, role in found.items() if role.kind == "joined"}
    assert [node.op.name for node in joined] == ["sum", "matmul", "sum"], "the loss, dw and db"
    assert set(joined.values()) == {"sum"}
    assert found[made["new w"]] == Role("shared", 1), "it is known once all samples have been joined"
    assert is_divisible(found)


def test_the_axis_of_the_samples_is_followed() -> None:
    x = input_node("x", (None, 2, 3), "float64")
    turned = cr.transpose(x, (1, 0, 2))
    found = roles(order([turned]))
    assert (found[x].axis, found[turned].axis) == (0, 1)


def test_a_batch_statistic_begins_a_round() -> None:
    x = input_node("x", (None, 2), "float64")
    centred = x - cr.mean(x, 0)
    loss = cr.mean(cr.square(centred))
    found = roles(order([loss]))
    assert found[centred] == Role("sample", 1, 0)
    assert not is_divisible(found), "a sample's loss needs the mean of all samples"


def test_the_largest_of_a_batch_cannot_be_added_up() -> None:
    x = input_node("x", (None, 2), "float64")
    assert not is_divisible(roles(order([cr.max(x)])))


def test_each_task_is_in_the_phase_of_its_role() -> None:
    graph, cut = step()
    made = plan(graph, {"B": 10}, cut)
    found = roles(graph.nodes)
    assert made.is_divided
    for task in made.tasks:
        kinds = {found[node].kind for node in task.nodes}
        assert task.adds == (kinds == {"joined"})
        assert (task.phase == PARTS) == bool(kinds & {"sample", "joined"})
    assert [t.phase for t in made.tasks] == sorted(t.phase for t in made.tasks)
    assert {t.phase for t in made.tasks} <= {BEFORE, PARTS, 2, AFTER}


def test_a_step_with_a_batch_statistic_is_not_divided() -> None:
    x, w = input_node("x", (None, 2), "float64"), input_node("w", (2,), "float64")
    loss = cr.mean(cr.square((x - cr.mean(x, 0)) * w))
    made = plan(Graph({"loss": loss}), {"B": 10}, Cut(4, "loss", (), {}))
    assert (made.is_divided, made.rows) == (False, 10)
    assert not any(task.adds for task in made.tasks)
