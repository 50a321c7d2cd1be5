"""How a step is divided and printed, and which values may be written over those they replace."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph import Graph, Node, input_node
from chainrule.plan.microbatch import split_batch
from chainrule.plan.plan import Cut, Plan, plan
from training_step import step


def test_a_plan_is_printed(golden: Callable[[str, str], None]) -> None:
    graph, cut = step()
    golden("plans/step_in_parts.txt", f"{plan(graph, {'B': 10}, cut)}\n")
    golden("plans/step_whole.txt", f"{plan(graph, {'B': 10})}\n")


def test_two_plans_of_one_graph_are_the_same() -> None:
    graph, cut = step()
    assert str(plan(graph, {"B": 10}, cut)) == str(plan(graph, {"B": 10}, cut))


@given(st.integers(1, 300), st.integers(1, 16))
def test_a_split_holds_every_sample_once(batch: int, cores: int) -> None:
    graph, cut = step()
    split = split_batch(graph, batch, cut, cores)
    assert (split.parts - 1) * split.rows < batch <= split.parts * split.rows
    assert 1 <= split.lanes <= min(cores, split.parts)


def test_a_large_step_is_shared_out_and_a_small_one_is_not() -> None:
    x, w = input_node("x", (None, 256), "float32"), input_node("w", (256, 256), "float32")
    loss = cr.mean(cr.square(x @ w))
    cut = Cut(1, "loss", (), {})
    assert split_batch(Graph({"loss": loss}), 256, cut, 4).lanes == 4
    assert split_batch(*(step()[0], 8, step()[1], 4)).lanes == 1


def _replaced(new: Callable[[Node], Node], **others: Callable[[Node], Node]) -> tuple[Plan, bool]:
    """The plan of a step that replaces w, and whether the new value is written straight over the old one."""
    w, slot = input_node("w", (3, 3), "float64"), input_node("slot", (3, 3), "float64")
    outputs = {"loss": w.sum(), "new": new(w), **{name: make(w) for name, make in others.items()}}
    graph = Graph({**outputs, "slot read": slot * 1.0})
    homes = {"new": "w", **({"previous": "slot"} if "previous" in others else {})}
    made = plan(graph, {}, Cut(1, "loss", (), homes))
    place = next(b.number for b in made.buffers if b.label == "w")
    writers = [task.kind for task in made.tasks if any(v.buffer == place for v in task.writes)]
    return made, writers == ["loop"]


@pytest.mark.parametrize(
    ("new", "is_safe"),
    [
        (lambda w: w - 0.1 * w * w, True),
        (lambda w: w * w.T, False),  # an element is read again after its mirror image was replaced
        (lambda w: w + w[::-1] if False else w + w.T, False),
        (lambda w: w @ w, False),
        (lambda w: w - w.sum(), True),  # the sum is complete before the loop begins
    ],
)
def test_a_value_is_replaced_in_place_only_where_that_is_safe(
    new: Callable[[Node], Node], is_safe: bool
) -> None:
    assert _replaced(new)[1] == is_safe


def test_an_output_that_shows_the_old_value_is_copied_before_that_is_replaced() -> None:
    made, is_over = _replaced(lambda w: w * 0.5, previous=lambda w: w)
    assert not is_over
    labels = {b.number: b.label for b in made.buffers if b.origin == "input"}
    copies = [task for task in made.tasks if task.kind == "copy"]
    written = [labels.get(task.writes[0].buffer) for task in copies]
    read = [labels.get(task.reads[0].buffer) for task in copies]
    assert read.index("w") < written.index("w")
