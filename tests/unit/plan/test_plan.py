"""Plans: printing, division of a batch, and outputs that overwrite inputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph import Graph, Node, input_node
from chainrule.plan import microbatch
from chainrule.plan.microbatch import TRIAL, Split, planned_split, split_batch
from chainrule.plan.plan import Cut, Plan, plan
from training_step import step

PLANS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import chainrule as cr
from chainrule import nn
from chainrule.gradient import grad
from chainrule.graph import Graph
from chainrule.plan.plan import plan
from chainrule.symbolic_shape import Size, Spec
from training_step import step

graph, cut = step()
built = nn.build(cr.models.lenet5(), {"x": Spec((Size.symbol("B"), 32, 32, 1), "float32")}, "float32")
gradients = grad(cr.mean(cr.square(built.output)), [p.node for p in built.parameters.values()])
network = Graph({"y": built.output, **{str(i): gradient for i, gradient in enumerate(gradients)}})
plans = plan(graph, {"B": 10}, cut), plan(network, {"B": 16})
print(json.dumps([planned.record.to_document() for planned in plans]))
"""


def test_a_plan_prints_as_a_table(golden: Callable[[str, str], None]) -> None:
    graph, cut = step()
    golden("plans/step_in_parts.txt", f"{plan(graph, {'B': 10}, cut)}\n")
    golden("plans/step_whole.txt", f"{plan(graph, {'B': 10})}\n")


def plans_of_a_process(hash_seed: str) -> str:
    """The records of the plans of ``PLANS``, from another process with this hash seed."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", PLANS, str(Path(__file__).parents[2])]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout


def test_plans_are_equal_in_processes_with_other_hash_seeds() -> None:
    one, other = plans_of_a_process("1"), plans_of_a_process("2")
    assert len(json.loads(one)) == 2
    assert one == other


@given(st.integers(1, 300), st.integers(1, 16))
def test_a_split_covers_every_sample_once(batch: int, cores: int) -> None:
    graph, cut = step()
    split, full = planned_split(graph, batch, cut, cores)
    assert split == split_batch(graph, batch, cut, cores)
    assert full.record == plan(graph, {"B": batch}, replace(cut, rows=split.rows)).record
    assert (split.microbatches - 1) * split.rows < batch <= split.microbatches * split.rows
    assert 1 <= split.replicas <= min(cores, split.microbatches)


def test_a_small_batch_is_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[Plan] = []

    def recording(*args: Any) -> Plan:
        planned.append(plan(*args))
        return planned[-1]

    monkeypatch.setattr(microbatch, "plan", recording)
    graph, cut = step()
    assert planned_split(graph, 30, cut, 4) == (Split(30, 1, 1), planned[0])
    assert [trial.rows for trial in planned] == [30]
    planned.clear()
    assert planned_split(graph, 10**6, cut, 1)[1] is planned[-1]
    assert planned[0].rows == TRIAL, "a large batch is not planned as a whole"


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
