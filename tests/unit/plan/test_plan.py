"""Plans: printing, division of a batch, and outputs that overwrite inputs."""

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


def test_a_plan_prints_as_a_table(golden: Callable[[str, str], None]) -> None:
    graph, cut = step()
    golden("plans/step_in_parts.txt", f"{plan(graph, {'B': 10}, cut)}\n")
    golden("plans/step_whole.txt", f"{plan(graph, {'B': 10})}\n")


def test_planning_is_deterministic() -> None:
    graph, cut = step()
    assert str(plan(graph, {"B": 10}, cut)) == str(plan(graph, {"B": 10}, cut))


@given(st.integers(1, 300), st.integers(1, 16))
def test_a_split_covers_every_sample_once(batch: int, cores: int) -> None:
    graph, cut = step()
    split = split_batch(graph, batch, cut, cores)
    assert (split.microbatches - 1) * split.rows < batch <= split.microbatches * split.rows
    assert 1 <= split.replicas <= min(cores, split.microbatches)


def test_only_large_steps_have_several_replicas() -> None:
    x, w = input_node("x", (None, 256), "float32"), input_node("w", (256, 256), "float32")
    loss = cr.mean(cr.square(x @ w))
    cut = Cut(1, "loss", (), {})
    assert split_batch(Graph({"loss": loss}), 256, cut, 4).replicas == 4
    assert split_batch(*(step()[0], 8, step()[1], 4)).replicas == 1


def _replaced(new: Callable[[Node], Node], **others: Callable[[Node], Node]) -> tuple[Plan, bool]:
    """Return the plan of a step that replaces w, and whether the new value overwrites the old one
    directly.
    """
    w, slot = input_node("w", (3, 3), "float64"), input_node("slot", (3, 3), "float64")
    outputs = {"loss": w.sum(), "new": new(w), **{name: make(w) for name, make in others.items()}}
    graph = Graph({**outputs, "slot read": slot * 1.0})
    homes = {"new": "w", **({"previous": "slot"} if "previous" in others else {})}
    planned = plan(graph, {}, Cut(1, "loss", (), homes))
    number = next(b.number for b in planned.buffers if b.label == "w")
    writers = [task.kind for task in planned.tasks if any(v.buffer == number for v in task.writes)]
    return planned, writers == ["loop"]


@pytest.mark.parametrize(
    ("new", "is_safe"),
    [
        (lambda w: w - 0.1 * w * w, True),
        (lambda w: w * w.T, False),  # an element is read after its mirror image was overwritten
        (lambda w: w + w[::-1] if False else w + w.T, False),
        (lambda w: w @ w, False),
        (lambda w: w - w.sum(), True),  # the sum is complete before the loop begins
    ],
)
def test_a_value_is_overwritten_only_if_that_is_safe(new: Callable[[Node], Node], is_safe: bool) -> None:
    assert _replaced(new)[1] == is_safe


def test_an_output_that_is_the_old_value_is_copied_before_it_is_overwritten() -> None:
    planned, is_over = _replaced(lambda w: w * 0.5, previous=lambda w: w)
    assert not is_over
    labels = {b.number: b.label for b in planned.buffers if b.origin == "input"}
    copies = [task for task in planned.tasks if task.kind == "copy"]
    targets = [labels.get(task.writes[0].buffer) for task in copies]
    read = [labels.get(task.reads[0].buffer) for task in copies]
    assert read.index("w") < targets.index("w")
