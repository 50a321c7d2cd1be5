"""Memory requirements: the prediction equals the allocation to the byte, and allocates nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engines import native, reference
from chainrule.graph import Graph, Node, input_node
from chainrule.plan.memory_allocation import ALIGN
from chainrule.plan.memory_requirement import (
    Allocation,
    Allocations,
    MemoryRequirement,
    largest_batch,
    memory_upper_bound,
    plan_memory,
    reference_memory,
    step_memory,
)
from chainrule.plan.microbatch import split_batch
from chainrule.plan.passes.elementwise_fusion import is_layout, is_leaf, memory_source
from chainrule.plan.plan import Cut, Plan, plan
from chainrule.plan.tasks import MICROBATCHES
from chainrule.symbolic_shape import Size, Spec, size_at
from chainrule.train.step_graph import Step, training_step
from random_graph import graphs

BATCH = Size.symbol("B")
NETS: dict[str, tuple[cr.Layer, tuple[int, ...], dict[str, Any]]] = {
    "tiny": (cr.Sequential(cr.Dense(3, "sigmoid"), cr.Dense(2)), (2,), {}),
    "wide": (cr.Sequential(cr.Dense(130, "relu"), cr.Dense(10)), (70,), {"optimizer": cr.Adam(0.01)}),
    "dropout": (cr.Sequential(cr.Dense(64, "tanh"), cr.Dropout(0.3), cr.Dense(5)), (40,), {}),
    "residual": (
        cr.Sequential(cr.Residual(cr.Sequential(cr.Dense(50, "relu"), cr.Dense(50))), cr.Dense(4)),
        (50,),
        {"optimizer": cr.SGD(0.1, momentum=0.9), "dtype": "float64"},
    ),
    "clipped": (
        cr.Sequential(cr.Dense(90, "relu"), cr.Dense(10)),
        (60,),
        {"clip": cr.ClipGlobalNorm(1.0), "penalty": cr.L2(1e-3)},
    ),
    "convolution": (
        cr.Sequential(cr.Conv(4, 3, activation="relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(3)),
        (8, 8, 1),
        {},
    ),
    "recurrent": (cr.Sequential(cr.LSTM(12, returns="sequence"), cr.GRU(8), cr.Dense(3)), (9, 5), {}),
}
CORES = 2


def step_of(name: str) -> tuple[cr.Model, Step, dict[str, np.ndarray]]:
    """Return a network's training step, with a data set of 300 rows by input name."""
    net, shape, options = NETS[name]
    model = cr.Model(net, "cross_entropy", engine="native", **options)
    model.initialize({"x": Spec((BATCH, *shape), model.recipe.dtype)})
    assert model.network is not None
    step = training_step(model.network, False, 100)
    return model, step, {"x": np.zeros((300, *shape), model.recipe.dtype), "target": np.zeros(300, np.int64)}


def cut_of(step: Step) -> Cut:
    return Cut(1, "loss", tuple(step.gradients.values()), step.homes)


@pytest.mark.parametrize("batch", [1, 7, 64, 131])
@pytest.mark.parametrize("name", NETS)
def test_replicas_allocate_the_predicted_bytes(name: str, batch: int) -> None:
    model, step, data = step_of(name)
    if not native.CompiledStep.covers(step.graph):
        pytest.skip("a step with an operation that has no kernel does not run in replicas")
    state = {**model.parameters(), **model.states(), **step.initial_slots()}
    compiled = native.CompiledStep(step.graph, list(step.gradients.values()), step.homes)
    trainer = compiled.trainer(data, state, threads=1, cores=CORES)
    predicted = step_memory(step.graph, cut_of(step), batch, CORES, set(data))
    assert predicted.total == trainer.replicated_step(batch).memory.bytes
    assert set(predicted.uses) >= {"work", "rows", "sums", "outputs"}


def test_replicas_add_sums_and_a_short_microbatch_adds_nothing() -> None:
    _, step, data = step_of("wide")
    needs = {b: step_memory(step.graph, cut_of(step), b, CORES, set(data)).uses for b in (131, 132)}
    split = split_batch(step.graph, 131, cut_of(step), CORES)
    assert split.replicas == 2
    assert 131 % split.rows
    alone = step_memory(step.graph, cut_of(step), 132, 1, set(data)).uses
    assert needs[131]["sums"] == needs[132]["sums"] == 2 * alone["sums"]
    assert needs[131]["work"] <= needs[132]["work"]
    assert needs[131]["rows"] == needs[132]["rows"]


@pytest.mark.parametrize("name", NETS)
def test_a_program_allocates_the_predicted_bytes(name: str) -> None:
    model, step, data = step_of(name)
    program = native.Program(step.graph)
    planned = plan(step.graph, {"B": 20})
    need = program.memory_requirement({"B": 20})
    assert need.uses["work"] >= planned.layout.size
    assert need.uses == plan_memory(planned).uses
    arrays = {**model.parameters(), **model.states(), **step.initial_slots()}
    arrays |= {label: array[:20] for label, array in data.items()}
    arrays |= {"step": np.array(0), **step.key(0, 0)}
    results = program.run({label: arrays[label] for label in step.graph.inputs})
    assert need.uses["outputs"] >= sum(value.nbytes for value in results.values())


@pytest.mark.parametrize("name", NETS)
def test_no_plan_exceeds_the_upper_bound(name: str) -> None:
    _, step, data = step_of(name)
    for batch in (1, 50, 131, 2000):
        highest = memory_upper_bound(step.graph, batch, CORES)
        assert step_memory(step.graph, cut_of(step), batch, CORES, set(data)).total < highest
        assert plan_memory(plan(step.graph, {"B": batch})).total < memory_upper_bound(step.graph, batch, 1)
        assert reference_memory(step.graph, {"B": batch}).total < memory_upper_bound(step.graph, batch, 1)


@hypothesis_settings(max_examples=30)
@given(graphs(25))
def test_the_reference_requirement_is_between_outputs_and_all_values(graph: Graph) -> None:
    def size(nodes: Iterable[Node]) -> int:
        separate = [node.spec for node in nodes if not is_leaf(node) and not is_layout(node)]
        return sum(size_at(spec.size, {}) * np.dtype(spec.dtype).itemsize for spec in separate)

    need = reference.Program(graph).memory_requirement({}).total
    assert size({memory_source(node) for node in graph.outputs.values()}) <= need <= 2 * size(graph.nodes)


def test_the_reference_engine_frees_values_after_their_last_reader() -> None:
    x = input_node("x", (None, 100), "float64")
    one = x * 2.0
    many = one
    for _ in range(20):
        many = cr.tanh(many)
    value = 100 * 8 * 10
    assert reference_memory(Graph({"y": one}), {"B": 10}).total == value
    assert reference_memory(Graph({"y": many}), {"B": 10}).total == 3 * value
    assert reference_memory(Graph({"y": many, "one": one}), {"B": 10}).total == 4 * value
    assert reference_memory(Graph({"y": many, "one": one}), {"B": 10}, keeps_outputs=False).total == 3 * value
    assert reference_memory(Graph({"y": cr.tanh(one.T)}), {"B": 10}).total == 3 * value


def test_buffers_that_are_never_needed_together_share_memory() -> None:
    _, step, _ = step_of("wide")
    cut = cut_of(step)
    full, short = (plan(step.graph, {"B": 60}, replace(cut, rows=rows)) for rows in (32, 28))
    allocations = Allocations()

    def allocated(planned: Plan, replica: int, origin: str, phase: int) -> list[Allocation]:
        buffers = [b for b in planned.buffers if (b.origin, b.phase) == (origin, phase)]
        return [allocations.find(planned, replica, b) for b in buffers]

    work = allocated(full, 0, "work", MICROBATCHES)
    assert len(work) > 3
    assert set(allocated(short, 0, "work", MICROBATCHES)) == set(work) == {work[0]}
    assert set(allocated(full, 1, "work", MICROBATCHES)) & set(work) == set()
    assert allocated(short, 1, "summed", MICROBATCHES) == allocated(full, 1, "summed", MICROBATCHES)
    assert allocations.by_key[work[0].key].bytes == full.layout.size + ALIGN
    separate = Allocations()
    assert separate.find(short, 0, short.buffers[-1]).bytes
    larger = [
        separate.find(planned, 0, b)
        for planned in (short, full)
        for b in planned.buffers
        if b.origin == "work"
    ]
    assert (
        max(one.bytes for one in larger) == full.layout.size + ALIGN
    )  # also if the smaller one is allocated first


@given(st.integers(0, 200), st.lists(st.integers(1, 300), min_size=1, unique=True).map(sorted))
def test_the_largest_batch_fits_and_the_next_one_does_not(available: int, sizes: list[int]) -> None:
    largest = largest_batch(lambda size: size, available, sizes)
    assert largest == max((size for size in sizes if size <= available), default=0)


def test_requirements_add_up_and_print_as_a_table() -> None:
    need = MemoryRequirement({"work": 2_500_000, "rows": 0}) + MemoryRequirement(
        {"work": 500_000, "state": 40}
    )
    assert need.total == 3_000_040
    with cr.settings.using(lang="en"):
        assert need.largest == "intermediate values: 3 MB"
        lines = str(need).splitlines()
        assert [line.rsplit("  ", 1)[0].rstrip() for line in lines] == [
            "intermediate values",
            "parameters and optimizer state",
            "total",
        ]
    with cr.settings.using(lang="zh"):
        assert str(need).splitlines()[-1].startswith("合计")
