"""Step profiles measure the steps of a training, count every kernel once, and change nothing."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines.native.debug.profile import _ReplicatedProfile, _TaskProfile, peak
from chainrule.engines.profile import STAGES, ProfiledStep, Stages, StepProfile, measure
from chainrule.errors import UsageError
from chainrule.graph import Graph, Node
from chainrule.ops import functional as F
from chainrule.plan.plan import plan
from chainrule.settings import settings
from chainrule.train.monitor.profile import profiled_step

WIDE = cr.Sequential(cr.Dense(64, "relu"), cr.Dropout(0.2), cr.Dense(3))


def model(net: cr.Layer = WIDE, **changes: object) -> cr.Model:
    fitted = cr.Model(net, "cross_entropy", **{"optimizer": cr.Adam(0.01), "engine": "native", **changes})
    fitted.fit(*samples(), epochs=1, batch_size=20, verbose=False)
    return fitted


def samples() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.Generator(np.random.Philox(3))
    return rng.normal(size=(90, 30)), np.arange(90) % 3


def subject(batch: int, steps: int = 5, **changes: object) -> ProfiledStep:
    return profiled_step(model(**changes).state, *samples(), batch, steps)


def task_profile(step: ProfiledStep) -> StepProfile:
    """Return the profile of a step as if an operation had no kernel."""
    profile = _TaskProfile(step, {label: np.array(a) for label, a in step.state.items()})
    spent, whole_steps, _ = profile.round(2)
    lines = profile.lines(spent.mean(axis=0))
    return StepProfile(
        lines, whole_steps[0], whole_steps[0], 1, step.batch, step.batch, 1, 2, peak("float32")
    )


@pytest.mark.parametrize("batch", [20, 64, 90])
def test_every_kernel_of_the_plan_is_profiled(batch: int) -> None:
    with settings.using(threads=2):
        step = subject(batch)
        result = measure(step)
    profile = _ReplicatedProfile(step, {label: np.array(a) for label, a in step.state.items()})
    tasks = profile.plan.record.tasks
    own = [line for line in result.lines if line.stage not in ("gather", "join")]
    assert sorted((s.kernel, s.operations) for s in own) == sorted((t.kind, t.operations) for t in tasks)
    if batch % result.rows == 0:
        assert sum(line.flops for line in own) == profile.plan.record.flops
    assert [s.operations for s in result.lines if s.stage == "gather"] == [("x",), ("target",)]
    assert {line.stage for line in result.lines} == set(STAGES) - (
        {"join"} if result.replicas == 1 else set()
    )
    assert {"dense1", "dropout1", "dense2"} <= {line.layer for line in own}


@pytest.mark.parametrize("batch", [20, 64])
def test_times_are_positive_and_complete(batch: int) -> None:
    result = measure(subject(batch))
    assert max(result.lines, key=lambda line: line.flops).seconds > 0
    assert result.seconds > 0
    assert result.serial_seconds > 0
    assert result.parallel_seconds > 0
    assert result.steps >= 5
    assert result.peak.flops > 1e8
    assert result.peak.bytes > 1e7
    assert result.microbatches * result.rows >= batch > (result.microbatches - 1) * result.rows


@pytest.mark.parametrize("batch", [20, 64])
def test_profiled_steps_equal_training_steps(batch: int) -> None:
    step = subject(batch)
    profile = _ReplicatedProfile(step, {label: np.array(a) for label, a in step.state.items()})
    profile.steps(4, 1)
    trained = {label: array.copy() for label, array in profile.trainer.state.items()}
    profile._line_times(4)
    profiled = profile.trainer.state
    changed = [label for label in step.state if profiled[label].tobytes() != step.state[label].tobytes()]
    assert len(changed) == len(step.state), "every array is updated"
    for label in step.state:
        assert profiled[label].tobytes() == trained[label].tobytes(), label


def test_profiling_does_not_change_state_or_data() -> None:
    step = subject(20)
    before = {label: array.tobytes() for label, array in (*step.state.items(), *step.data.items())}
    measure(step)
    task_profile(step)
    assert {label: array.tobytes() for label, array in (*step.state.items(), *step.data.items())} == before


def test_a_step_without_kernels_is_profiled_by_task() -> None:
    step = subject(20)
    result = task_profile(step)
    tasks = plan(step.graph, {"B": 20}).tasks
    assert [(s.kernel, s.operations) for s in result.lines] == [
        (t.kind, tuple(n.op.name for n in t.nodes)) for t in tasks
    ]
    assert {line.stage for line in result.lines} == {"forward", "backward", "update"}
    assert {line.layer for line in result.lines if line.stage == "update"} >= {"dense1", "dense2"}


def test_a_convolutional_network_is_profiled() -> None:
    net = cr.Sequential(cr.Conv(3, 3, activation="relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(3))
    images = np.random.Generator(np.random.Philox(4)).normal(size=(12, 6, 6, 1))
    fitted = cr.Model(net, "cross_entropy", engine="native")
    fitted.fit(images, np.arange(12) % 3, epochs=1, batch_size=6, verbose=False)
    result = measure(profiled_step(fitted.state, images, np.arange(12) % 3, 6, 5))
    assert {"conv1", "dense1"} <= {line.layer for line in result.lines}
    assert {"forward", "backward", "update"} <= {line.stage for line in result.lines}


def test_a_loop_belongs_to_the_stage_of_most_of_its_nodes() -> None:
    x = cr.input("x", (3,), "float64")
    nodes: dict[str, Node] = {"a": cr.exp(x)}
    nodes["loss"] = F.sum(nodes["a"] * x)
    (gradient,) = cr.grad(nodes["loss"], [x])
    nodes["new"] = x - gradient
    stages = Stages(
        ProfiledStep(Graph({"loss": nodes["loss"], "new": nodes["new"]}), [gradient], {}, {}, {}, 1)
    )
    assert stages.of([nodes["a"]]) == "forward"
    assert stages.of([gradient]) == "backward"
    assert stages.of([nodes["new"]]) == "update"
    assert stages.of([nodes["a"], gradient, gradient.inputs[0], gradient.inputs[1]]) in (
        "forward",
        "backward",
    )
    assert stages.of([nodes["a"], nodes["new"]]) == "forward", "ties go to the first stage"


def test_only_the_native_engine_is_profiled() -> None:
    with pytest.raises(UsageError, match="E123"):
        measure(subject(20), "reference")
