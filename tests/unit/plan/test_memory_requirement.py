"""What is predicted is what is allocated, to the byte, and nothing is allocated to predict it."""

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
from chainrule.plan.allocation import ALIGN
from chainrule.plan.memory_requirement import (
    Need,
    Piece,
    Pieces,
    ceiling,
    largest_batch,
    law_need,
    run_need,
    step_need,
)
from chainrule.plan.microbatch import split_batch
from chainrule.plan.passes.fused_loop import is_layout, is_leaf, seen_through
from chainrule.plan.plan import Cut, Plan, plan
from chainrule.plan.tasks import PARTS
from chainrule.spec import Size, Spec, size_at
from chainrule.train.multi_step import homes_of
from chainrule.train.step import Step, training_step
from random_graph import graphs

BATCH = Size.symbol("B")
NETS: dict[str, tuple[cr.Layer, tuple[int, ...], dict[str, Any]]] = {
    "tiny": (cr.Sequential(cr.Dense(3, "sigmoid"), cr.Dense(2)), (2,), {}),
    "wide": (cr.Sequential(cr.Dense(130, "relu"), cr.Dense(10)), (70,), {"optimizer": cr.Adam(0.01)}),
    "dropout": (cr.Sequential(cr.Dense(64, "tanh"), cr.Dropout(0.3), cr.Dense(5)), (40,), {}),
    "residual": (
        cr.Sequential(cr.Residual(cr.Sequential(cr.Dense(50, "relu"), cr.Dense(50))), cr.Dense(4)), (50,),
        {"optimizer": cr.SGD(0.1, momentum=0.9), "dtype": "float64"},
    ),
    "clipped": (
        cr.Sequential(cr.Dense(90, "relu"), cr.Dense(10)), (60,),
        {"clip": cr.ClipGlobalNorm(1.0), "penalty": cr.L2(1e-3)},
    ),
    "convolution": (
        cr.Sequential(cr.Conv(4, 3, activation="relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(3)), (8, 8, 1),
        {},
    ),
    "recurrent": (cr.Sequential(cr.LSTM(12, returns="sequence"), cr.GRU(8), cr.Dense(3)), (9, 5), {}),
}  # fmt: skip
CORES = 2


def step_of(name: str) -> tuple[cr.Model, Step, dict[str, np.ndarray]]:
    """A net's training step, with a data set of 300 rows by input name."""
    net, shape, options = NETS[name]
    model = cr.Model(net, "cross_entropy", engine="native", **options)
    model.initialise({"x": Spec((BATCH, *shape), model.recipe.dtype)})
    assert model.network is not None
    step = training_step(model.network, False, 100)
    return model, step, {"x": np.zeros((300, *shape), model.recipe.dtype), "target": np.zeros(300, np.int64)}


def cut_of(step: Step) -> Cut:
    return Cut(1, "loss", tuple(step.gradients.values()), homes_of(step))


@pytest.mark.parametrize("batch", [1, 7, 64, 131])
@pytest.mark.parametrize("name", NETS)
def test_the_lanes_take_what_was_predicted(name: str, batch: int) -> None:
    model, step, data = step_of(name)
    if not native.Trainer.covers(step.graph):
        pytest.skip("a step with an operation that has no kernel does not run in lanes")
    state = {**model.parameters(), **model.states(), **step.first_slots()}
    core, homes = list(step.gradients.values()), homes_of(step)
    trainer = native.Trainer(step.graph, core, homes, data, state, threads=1, cores=CORES)
    predicted = step_need(step.graph, cut_of(step), batch, CORES, set(data))
    lanes = trainer.lanes(batch)
    assert predicted.total == lanes.memory.bytes
    assert set(predicted.uses) >= {"work", "rows", "sums", "outputs"}


def test_more_lanes_take_more_sums_and_a_smaller_part_takes_nothing_of_its_own() -> None:
    _, step, data = step_of("wide")
    needs = {b: step_need(step.graph, cut_of(step), b, CORES, set(data)).uses for b in (131, 132)}
    split = split_batch(step.graph, 131, cut_of(step), CORES)
    assert split.lanes == 2
    assert 131 % split.rows
    alone = step_need(step.graph, cut_of(step), 132, 1, set(data)).uses
    assert needs[131]["sums"] == needs[132]["sums"] == 2 * alone["sums"]
    assert needs[131]["work"] <= needs[132]["work"]
    assert needs[131]["rows"] == needs[132]["rows"]


@pytest.mark.parametrize("name", NETS)
def test_a_program_takes_what_was_predicted(name: str) -> None:
    model, step, data = step_of(name)
    program = native.Program(step.graph)
    made = plan(step.graph, {"B": 20})
    need = program.need({"B": 20})
    assert need.uses["work"] >= made.layout.size
    assert need.uses == run_need(made).uses
    arrays = {**model.parameters(), **model.states(), **step.first_slots()}
    arrays |= {label: array[:20] for label, array in data.items()}
    arrays |= {"step": np.array(0), **step.key(0, 0)}
    results = program.run({label: arrays[label] for label in step.graph.inputs})
    assert need.uses["outputs"] >= sum(value.nbytes for value in results.values())


@pytest.mark.parametrize("name", NETS)
def test_no_plan_comes_near_the_ceiling(name: str) -> None:
    _, step, data = step_of(name)
    for batch in (1, 50, 131, 2000):
        highest = ceiling(step.graph, batch, CORES)
        assert step_need(step.graph, cut_of(step), batch, CORES, set(data)).total < highest
        assert run_need(plan(step.graph, {"B": batch})).total < ceiling(step.graph, batch, 1)
        assert law_need(step.graph, {"B": batch}).total < ceiling(step.graph, batch, 1)


@hypothesis_settings(max_examples=30)
@given(graphs(25))
def test_the_law_keeps_no_more_alive_than_everything_and_no_less_than_its_outputs(graph: Graph) -> None:
    def size(nodes: Iterable[Node]) -> int:
        own = [node.spec for node in nodes if not is_leaf(node) and not is_layout(node)]
        return sum(size_at(spec.size, {}) * np.dtype(spec.dtype).itemsize for spec in own)

    need = reference.Program(graph).need({}).total
    assert size({seen_through(node) for node in graph.outputs.values()}) <= need <= 2 * size(graph.nodes)


def test_the_law_drops_what_nobody_reads_any_more() -> None:
    x = input_node("x", (None, 100), "float64")
    one = x * 2.0
    many = one
    for _ in range(20):
        many = cr.tanh(many)
    value = 100 * 8 * 10
    assert law_need(Graph({"y": one}), {"B": 10}).total == value
    assert law_need(Graph({"y": many}), {"B": 10}).total == 3 * value
    assert law_need(Graph({"y": many, "one": one}), {"B": 10}).total == 4 * value
    assert law_need(Graph({"y": many, "one": one}), {"B": 10}, keeps_outputs=False).total == 3 * value
    assert law_need(Graph({"y": cr.tanh(one.T)}), {"B": 10}).total == 3 * value


def test_what_is_never_needed_at_once_lies_in_one_piece() -> None:
    _, step, _ = step_of("wide")
    cut = cut_of(step)
    full, short = (plan(step.graph, {"B": 60}, replace(cut, rows=rows)) for rows in (32, 28))
    pieces = Pieces()

    def found(made: Plan, lane: int, origin: str, phase: int) -> list[Piece]:
        buffers = [b for b in made.buffers if (b.origin, b.phase) == (origin, phase)]
        return [pieces.find(made, lane, b) for b in buffers]

    work = found(full, 0, "work", PARTS)
    assert len(work) > 3
    assert set(found(short, 0, "work", PARTS)) == set(work) == {work[0]}
    assert set(found(full, 1, "work", PARTS)) & set(work) == set()
    assert found(short, 1, "joined", PARTS) == found(full, 1, "joined", PARTS)
    assert pieces.known[work[0].key].bytes == full.layout.size + ALIGN
    own = Pieces()
    assert own.find(short, 0, short.buffers[-1]).bytes
    larger = [own.find(made, 0, b) for made in (short, full) for b in made.buffers if b.origin == "work"]
    assert max(one.bytes for one in larger) == full.layout.size + ALIGN  # also where the smaller came first


@given(st.integers(0, 200), st.lists(st.integers(1, 300), min_size=1, unique=True).map(sorted))
def test_the_largest_batch_fits_and_the_next_one_does_not(available: int, sizes: list[int]) -> None:
    found = largest_batch(lambda size: size, available, sizes)
    assert found == max((size for size in sizes if size <= available), default=0)


def test_needs_add_up_and_print_as_a_table() -> None:
    need = Need({"work": 2_500_000, "rows": 0}) + Need({"work": 500_000, "state": 40})
    assert need.total == 3_000_040
    with cr.settings.using(lang="en"):
        assert need.largest == "values in between: 3 MB"
        lines = str(need).splitlines()
        assert [line.rsplit("  ", 1)[0].rstrip() for line in lines] == [
            "values in between", "parameters and the optimizer's memory", "in all",
        ]  # fmt: skip
    with cr.settings.using(lang="zh"):
        assert str(need).splitlines()[-1].startswith("合计")
