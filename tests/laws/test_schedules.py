"""Every schedule says the rate that its formula and PyTorch say, at every step and in both number kinds."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import UsageError
from chainrule.graph import input_node
from chainrule.nn.schedule import known_schedule

HORIZON = 60


def rates(schedule: nn.Schedule, dtype: str = "float64", horizon: int = HORIZON) -> list[float]:
    """The rate of every step of a training."""
    step = input_node("step", (), dtype, "step")
    rate = schedule(step, horizon)
    assert rate.spec == step.spec
    return [float(evaluate(rate, {"step": i})) for i in range(horizon)]


def peer_rates(make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler], rate: float) -> list[float]:
    """PyTorch's rates."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], rate)
    scheduler, found = make(optimizer), []
    for _ in range(HORIZON):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return found


def _warm_cosine(o: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
    parts = [lr_scheduler.LinearLR(o, 1 / 10, 1.0, 9), lr_scheduler.CosineAnnealingLR(o, 50, 1e-3)]
    return lr_scheduler.SequentialLR(o, parts, [10])


CASES: dict[str, tuple[nn.Schedule, Callable[[int], float]]] = {
    "constant": (nn.Constant(0.3), lambda t: 0.3),
    "step": (nn.Step(0.4, 7, 0.5), lambda t: 0.4 * 0.5 ** (t // 7)),
    "cosine": (nn.Cosine(0.2), lambda t: 0.1 * (1 + math.cos(math.pi * t / HORIZON))),
    "cosine short": (
        nn.Cosine(0.2, 20, 0.05),
        lambda t: 0.05 + 0.075 * (1 + math.cos(math.pi * min(t, 20) / 20)),
    ),
    "warmup": (nn.Warmup(8, 0.5), lambda t: 0.5 * min(1, (t + 1) / 8)),
    "warmup step": (
        nn.Warmup(8, nn.Step(0.5, 10)),
        lambda t: 0.5 * min(1, (t + 1) / 8) * 0.1 ** (max(0, t - 8) // 10),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_rates_agree_with_the_plain_formula(name: str) -> None:
    schedule, formula = CASES[name]
    expected = [formula(t) for t in range(HORIZON)]
    np.testing.assert_allclose(rates(schedule), expected, rtol=1e-12)
    np.testing.assert_allclose(rates(schedule, "float32"), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("schedule", "peer"),
    [
        (nn.Step(0.4, 7, 0.5), lambda o: lr_scheduler.StepLR(o, 7, 0.5)),
        (nn.Cosine(0.4, floor=1e-3), lambda o: lr_scheduler.CosineAnnealingLR(o, HORIZON, 1e-3)),
        (nn.Warmup(10, 0.4), lambda o: lr_scheduler.LinearLR(o, 1 / 10, 1.0, 9)),
        (nn.Warmup(10, nn.Cosine(0.4, floor=1e-3)), _warm_cosine),
    ],
)
def test_rates_agree_with_torch(schedule: nn.Schedule, peer: Callable) -> None:
    np.testing.assert_allclose(rates(schedule), peer_rates(peer, 0.4), rtol=1e-10)


@pytest.mark.parametrize("every", [1, 3, 7, 49])
def test_a_stair_begins_exactly_where_it_should_in_float32(every: int) -> None:
    found = np.array(rates(nn.Step(1.0, every, 0.5), "float32", 4 * every + 1))
    assert np.flatnonzero(np.diff(found)).tolist() == [every * (k + 1) - 1 for k in range(4)]


def test_a_training_shorter_than_its_warmup_has_a_rate() -> None:
    found = rates(nn.Warmup(100, nn.Cosine(0.4)), horizon=5)
    np.testing.assert_allclose(found, [0.004 * (t + 1) for t in range(5)], rtol=1e-12)


def test_a_number_is_a_constant_schedule() -> None:
    assert known_schedule(0.1) == nn.Constant(0.1)
    assert known_schedule(nn.Cosine(0.1)) == nn.Cosine(0.1)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: nn.Constant(0.0),
        lambda: nn.Constant(float("nan")),
        lambda: nn.Step(0.1, 0),
        lambda: nn.Step(0.1, 2.5),
        lambda: nn.Step(0.1, 5, 0.0),
        lambda: nn.Step(0.1, 5, 1.5),
        lambda: nn.Cosine(-0.1),
        lambda: nn.Cosine(0.1, 0),
        lambda: nn.Cosine(0.1, 10, 0.2),
        lambda: nn.Warmup(0, 0.1),
        lambda: nn.Warmup(5, -0.1),
        lambda: nn.Warmup(5, "cosine"),
        lambda: nn.Warmup(5, nn.Warmup(5, 0.1)),
    ],
)
def test_a_setting_out_of_its_range_is_refused(bad: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        bad()
    assert caught.value.code == "E102"
