"""A profile measures the very steps that a training makes, counts every kernel once, and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines.native.debug.profile import _Lanes, _Tasks, peak
from chainrule.engines.profile import STAGES, Measured, Stages, Subject, measure
from chainrule.errors import UsageError
from chainrule.graph import Graph, Node
from chainrule.ops import PUBLIC
from chainrule.plan.plan import plan
from chainrule.settings import settings
from chainrule.train.monitor.profile import subject_of

WIDE = cr.Sequential(cr.Dense(64, "relu"), cr.Dropout(0.2), cr.Dense(3))


def model(net: cr.Layer = WIDE, **changes: object) -> cr.Model:
    made = cr.Model(net, "cross_entropy", **{"optimizer": cr.Adam(0.01), "engine": "native", **changes})
    made.fit(*samples(), epochs=1, batch_size=20, verbose=False)
    return made


def samples() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.Generator(np.random.Philox(3))
    return rng.normal(size=(90, 30)), np.arange(90) % 3


def subject(batch: int, steps: int = 5, **changes: object) -> Subject:
    return subject_of(model(**changes).state, *samples(), batch, steps)


def by_law(one: Subject) -> Measured:
    """The step as it is measured when some operation has no kernel."""
    bench = _Tasks(one, {label: np.array(a) for label, a in one.state.items()})
    spent, whole, _ = bench.round(2)
    lines = bench.lines(spent.mean(axis=0))
    return Measured(lines, whole[0], whole[0], 1, one.batch, one.batch, 1, 2, peak("float32"))


@pytest.mark.parametrize("batch", [20, 64, 90])
def test_every_kernel_of_the_plan_is_there_with_all_it_computes(batch: int) -> None:
    with settings.using(threads=2):
        one = subject(batch)
        found = measure(one)
    bench = _Lanes(one, {label: np.array(a) for label, a in one.state.items()})
    tasks = bench.plan.record.entries
    own = [line for line in found.lines if line.stage not in ("gather", "join")]
    assert sorted((s.kernel, s.operations) for s in own) == sorted((t.kind, t.operations) for t in tasks)
    if batch % found.rows == 0:
        assert sum(line.flops for line in own) == bench.plan.record.flops
    assert [s.operations for s in found.lines if s.stage == "gather"] == [("x",), ("target",)]
    assert {line.stage for line in found.lines} == set(STAGES) - ({"join"} if found.lanes == 1 else set())
    assert {"dense1", "dropout1", "dense2"} <= {line.layer for line in own}


@pytest.mark.parametrize("batch", [20, 64])
def test_the_times_are_times(batch: int) -> None:
    found = measure(subject(batch))
    assert all(line.seconds >= 0 for line in found.lines)
    assert found.seconds > 0
    assert found.alone > 0
    assert found.together > 0
    assert found.steps >= 5
    assert found.peak.flops > 1e8
    assert found.peak.bytes > 1e7
    assert found.parts * found.rows >= batch > (found.parts - 1) * found.rows


@pytest.mark.parametrize("batch", [20, 64])
def test_the_steps_that_are_watched_are_those_of_a_training(batch: int) -> None:
    one = subject(batch)
    bench = _Lanes(one, {label: np.array(a) for label, a in one.state.items()})
    bench.steps(4, 1)
    trained = {label: array.copy() for label, array in bench.trainer.state.items()}
    bench.watch(4)
    watched = bench.trainer.state
    moved = [label for label in one.state if watched[label].tobytes() != one.state[label].tobytes()]
    assert len(moved) == len(one.state), "they do learn"
    for label in one.state:
        assert watched[label].tobytes() == trained[label].tobytes(), label


def test_what_is_measured_is_left_as_it_was() -> None:
    one = subject(20)
    before = {label: array.tobytes() for label, array in (*one.state.items(), *one.data.items())}
    measure(one)
    by_law(one)
    assert {label: array.tobytes() for label, array in (*one.state.items(), *one.data.items())} == before


def test_a_step_that_runs_task_by_task_is_measured_too() -> None:
    one = subject(20)
    found = by_law(one)
    tasks = plan(one.graph, {"B": 20}).tasks
    assert [(s.kernel, s.operations) for s in found.lines] == [
        (t.kind, tuple(n.op.name for n in t.nodes)) for t in tasks
    ]
    assert {line.stage for line in found.lines} == {"forward", "backward", "update"}
    assert {line.layer for line in found.lines if line.stage == "update"} >= {"dense1", "dense2"}


def test_a_net_of_convolutions_is_measured_whatever_has_a_kernel() -> None:
    net = cr.Sequential(cr.Conv(3, 3, activation="relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(3))
    images = np.random.Generator(np.random.Philox(4)).normal(size=(12, 6, 6, 1))
    made = cr.Model(net, "cross_entropy", engine="native")
    made.fit(images, np.arange(12) % 3, epochs=1, batch_size=6, verbose=False)
    found = measure(subject_of(made.state, images, np.arange(12) % 3, 6, 5))
    assert {"conv1", "dense1"} <= {line.layer for line in found.lines}
    assert {"forward", "backward", "update"} <= {line.stage for line in found.lines}


def test_a_loop_counts_for_the_stage_of_most_of_its_nodes() -> None:
    x = cr.input("x", (3,), "float64")
    made: dict[str, Node] = {"a": cr.exp(x)}
    made["loss"] = PUBLIC["sum"](made["a"] * x)
    (slope,) = cr.grad(made["loss"], [x])
    made["new"] = x - slope
    stages = Stages(Subject(Graph({"loss": made["loss"], "new": made["new"]}), [slope], {}, {}, {}, 1))
    assert stages.of([made["a"]]) == "forward"
    assert stages.of([slope]) == "backward"
    assert stages.of([made["new"]]) == "update"
    assert stages.of([made["a"], slope, slope.inputs[0], slope.inputs[1]]) in ("forward", "backward")
    assert stages.of([made["a"], made["new"]]) == "forward", "of equals the first"


def test_only_the_native_engine_is_measured() -> None:
    with pytest.raises(UsageError, match="E123"):
        measure(subject(20), "reference")
