"""Wrappers of optimizers: parameter groups, averaged weights and accumulated gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from chainrule import nn
from chainrule.engines import compile
from chainrule.errors import UsageError
from chainrule.nn.optimizer import OPTIMIZERS
from chainrule.nn.serialization import FAMILIES
from minimization import START, Arrays, minimize, quadratic, rosenbrock, step_graphs

CASES: dict[str, nn.Optimizer] = {
    "ema": nn.EMA(nn.Adam(0.05), decay=0.8),
    "swa": nn.SWA(nn.SGD(0.003, momentum=0.5), start=4, every=3),
    "accumulated": nn.Accumulated(nn.Adam(0.05), steps=3),
    "accumulated, clipped": nn.Accumulated(nn.SGD(0.01, momentum=0.9), steps=2, clip=nn.ClipGlobalNorm(1.0)),
    "accumulated mean": nn.Accumulated(nn.EMA(nn.AdamW(0.05), decay=0.5), steps=2),
    "grouped": nn.Grouped(
        nn.AdamW(0.05),
        groups=(
            nn.Group("b", learning_rate_factor=0.1, weight_decay=0.0, constraint=nn.MaxNorm(1.0)),
            nn.Group("a", learning_rate_factor=2.0),
        ),
    ),
    "mean of groups": nn.EMA(
        nn.Grouped(nn.NAdam(0.05), groups=(nn.Group("a", learning_rate_factor=0.0),)), decay=0.9
    ),
}


def test_every_wrapper_has_a_case() -> None:
    assert {type(optimizer) for optimizer in CASES.values()} == {*FAMILIES["optimizer"][1].values()} - {
        *OPTIMIZERS.values()
    }


def path_of(optimizer: nn.Optimizer, steps: int) -> list[Arrays]:
    """The weights after each step."""
    graph, _, values = step_graphs(optimizer, steps)
    program, path = compile(graph, "reference"), []
    for i in range(steps):
        values = {**values, "step": np.array(float(i))}
        values = program.run({label: values[label] for label in graph.inputs})
        path.append({name: values[name] for name in START})
    return path


def averaged(update: Callable[..., object] | None, path: list[Arrays]) -> Arrays:
    """PyTorch's average of the weights along a path."""
    holder = torch.nn.ParameterDict({name: torch.tensor(v) for name, v in START.items()})
    mean = torch.optim.swa_utils.AveragedModel(holder, multi_avg_fn=update)
    for weights in path:
        for name, value in weights.items():
            holder[name].data = torch.tensor(value)
        mean.update_parameters(holder)
    return {name: mean.module[name].detach().numpy() for name in START}  # type: ignore[index]


def test_the_moving_average_is_pytorchs() -> None:
    optimizer = nn.Adam(0.05)
    expected = averaged(torch.optim.swa_utils.get_ema_multi_avg_fn(0.8), path_of(optimizer, 20))
    parameters = minimize(nn.EMA(optimizer, decay=0.8), 20)
    for name in START:
        np.testing.assert_allclose(parameters[f"inference {name}"], expected[name], rtol=1e-12)
        np.testing.assert_array_equal(parameters[name], minimize(optimizer, 20)[name])


@pytest.mark.parametrize(("start", "every"), [(1, 1), (5, 1), (4, 3)])
def test_the_stochastic_weight_average_is_pytorchs(start: int, every: int) -> None:
    optimizer = nn.SGD(0.003, momentum=0.5)
    path = path_of(optimizer, 20)
    expected = averaged(None, path[start - 1 :: every])
    parameters, early = (
        minimize(nn.SWA(optimizer, start=start, every=every), 20),
        minimize(nn.SWA(optimizer, start=50), 20),
    )
    for name in START:
        np.testing.assert_allclose(parameters[f"inference {name}"], expected[name], rtol=1e-12)
        np.testing.assert_array_equal(early[f"inference {name}"], path[-1][name])


@pytest.mark.parametrize("batches", [1, 2, 5])
def test_accumulated_equal_batches_take_the_step_of_one_batch(batches: int) -> None:
    schedule = nn.Step(0.05, step_size=3, gamma=0.5)
    large = minimize(nn.AdamW(schedule), 7)
    small = minimize(nn.Accumulated(nn.AdamW(schedule), steps=batches), 7 * batches)
    between = minimize(nn.Accumulated(nn.AdamW(schedule), steps=batches), 8 * batches - 1)
    for name in START:
        np.testing.assert_allclose(small[name], large[name], rtol=1e-12, atol=1e-14)
        if batches > 1:
            np.testing.assert_array_equal(between[name], small[name])


def test_accumulation_clips_the_mean_gradient() -> None:
    limit = nn.ClipGlobalNorm(1.0)
    one, three = (minimize(nn.Accumulated(nn.SGD(0.1), steps=n, clip=limit), 6 * n) for n in (1, 3))
    free = minimize(nn.SGD(0.1), 1)
    for name in START:
        np.testing.assert_allclose(three[name], one[name], rtol=1e-12, atol=1e-14)
    assert np.abs(one["a"] - START["a"]).max() < np.abs(free["a"] - START["a"]).max()


def test_the_average_before_the_first_accumulated_step_is_the_initial_value() -> None:
    parameters = minimize(nn.Accumulated(nn.EMA(nn.SGD(0.1), decay=0.9), steps=4), 3)
    for name, start in START.items():
        np.testing.assert_array_equal(parameters[f"inference {name}"], start)


def test_parameter_groups_take_pytorchs_steps() -> None:
    tensors = {name: torch.tensor(v, requires_grad=True) for name, v in START.items()}
    peer = torch.optim.AdamW(
        [{"params": [tensors["a"]], "lr": 0.1}, {"params": [tensors["b"]], "weight_decay": 0.5}], lr=0.02
    )
    for _ in range(30):
        peer.zero_grad()
        rosenbrock(tensors).backward()
        peer.step()
    groups = (nn.Group("a", learning_rate_factor=5.0), nn.Group("b", weight_decay=0.5))
    parameters = minimize(nn.Grouped(nn.AdamW(0.02), groups=groups), 30)
    for name, tensor in tensors.items():
        np.testing.assert_allclose(parameters[name], tensor.detach().numpy(), rtol=1e-10)


def test_the_first_matching_group_decides_and_rate_0_freezes() -> None:
    groups = (
        nn.Group("a", learning_rate_factor=0.0),
        nn.Group("*", learning_rate_factor=1.0),
        nn.Group("b", learning_rate_factor=0.0),
    )
    parameters = minimize(nn.Grouped(nn.Adam(0.05), groups=groups), 10)
    np.testing.assert_array_equal(parameters["a"], START["a"])
    assert not np.array_equal(parameters["b"], START["b"])


def test_a_constraint_holds_after_every_step() -> None:
    optimizer = nn.Grouped(nn.SGD(0.1), groups=(nn.Group("b", constraint=nn.MaxNorm(0.3)),))
    for weights in path_of(optimizer, 5):
        assert np.linalg.norm(weights["b"], axis=1).max() <= 0.3
    assert minimize(optimizer, 30, function=quadratic)["a"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("name", CASES)
def test_engines_agree_on_the_steps_of_a_wrapper(name: str) -> None:
    graph, inference, values = step_graphs(CASES[name], 6)
    programs = [(compile(graph, engine), compile(inference, engine)) for engine in ("reference", "native")]
    for i in range(6):
        feeds = {**values, "step": np.array(float(i))}
        feeds = {label: feeds[label] for label in graph.inputs}
        values, native = (step.run(feeds) for step, _ in programs)
        for label, value in values.items():
            np.testing.assert_allclose(native[label], value, rtol=1e-10, atol=1e-12, err_msg=label)
    feeds = {**values, "step": np.array(6.0)}
    feeds = {label: feeds[label] for label in inference.inputs}
    reference, native = (program.run(feeds) for _, program in programs)
    assert reference
    for label, value in reference.items():
        np.testing.assert_allclose(native[label], value, rtol=1e-10)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: nn.EMA(nn.SGD(), decay=1.0), "decay"),
        (lambda: nn.EMA("adam"), "inner"),  # type: ignore[arg-type]
        (lambda: nn.SWA(nn.SGD(), start=0), "start"),
        (lambda: nn.SWA(nn.SGD(), start=1, every=0), "every"),
        (lambda: nn.Accumulated(nn.SGD(), steps=0), "steps"),
        (lambda: nn.Accumulated(nn.SGD(), steps=2, clip=1.0), "clip"),  # type: ignore[arg-type]
        (lambda: nn.Accumulated(nn.LBFGS()), "inner"),
        (lambda: nn.Grouped(nn.EMA(nn.SGD()), groups=(nn.Group("a"),)), "inner"),  # type: ignore[arg-type]
        (lambda: nn.Grouped(nn.SGD()), "groups"),
        (lambda: nn.Grouped(nn.SGD(), groups=("a",)), "groups"),  # type: ignore[arg-type]
        (lambda: nn.Grouped(nn.Ftrl(), groups=(nn.Group("a", weight_decay=0.1),)), "weight_decay"),
        (lambda: nn.Group(""), "pattern"),
        (lambda: nn.Group("a", learning_rate_factor=-1.0), "learning_rate_factor"),
        (lambda: nn.Group("a", weight_decay=-1.0), "weight_decay"),
        (lambda: nn.Group("a", constraint=2.0), "constraint"),  # type: ignore[arg-type]
    ],
)
def test_a_wrapper_setting_out_of_range_is_refused(make: Callable[[], object], name: str) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.code == "E102"
    assert f"{name} is out of its range" in str(caught.value)


def test_a_group_that_matches_no_parameter_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        minimize(nn.Grouped(nn.SGD(), groups=(nn.Group("c.weight"),)), 1)
    assert caught.value.code == "E101"
    assert "c.weight" in str(caught.value)
