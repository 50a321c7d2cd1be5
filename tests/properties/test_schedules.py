"""Every schedule has the learning rates of its formula and of PyTorch, at every step and in both dtypes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from chainrule import nn
from chainrule.engines import compile, evaluate
from chainrule.errors import UsageError
from chainrule.graph import Graph, input_node
from chainrule.nn.schedule import REDUCTIONS, Slowed, known_schedule
from chainrule.nn.serialization import FAMILIES

HORIZON = 60


def rates(schedule: nn.Schedule, dtype: str = "float64", horizon: int = HORIZON) -> list[float]:
    """The learning rates of all steps of a training."""
    step = input_node("step", (), dtype, "step")
    learning_rate = schedule(step, horizon)
    assert learning_rate.spec == step.spec
    program = compile(Graph({"rate": learning_rate}), "reference")
    feeds = dict.fromkeys(program.graph.inputs, np.zeros((), dtype))
    steps = (np.array(i, dtype) for i in range(horizon))
    return [float(program.run({**feeds, **({"step": i} if "step" in feeds else {})})["rate"]) for i in steps]


def peer_rates(
    make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler], learning_rate: float
) -> list[float]:
    """PyTorch's learning rates."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], learning_rate)
    scheduler, learning_rates = make(optimizer), []
    for _ in range(HORIZON):
        learning_rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return learning_rates


def _warm_cosine(o: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
    parts = [lr_scheduler.LinearLR(o, 1 / 10, 1.0, 9), lr_scheduler.CosineAnnealingLR(o, 50, 1e-3)]
    return lr_scheduler.SequentialLR(o, parts, [10])


def _cyclic(mode: str, factor: float = 1.0) -> Callable[..., lr_scheduler.LRScheduler]:
    return lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.4, 7, mode=mode, gamma=factor)  # type: ignore[arg-type]


def _sequence(o: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
    parts = [lr_scheduler.ConstantLR(o, 0.1, 1000), lr_scheduler.ExponentialLR(o, 0.9)]
    return lr_scheduler.SequentialLR(o, parts, [20])


def _chained(o: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
    return lr_scheduler.ChainedScheduler(
        [lr_scheduler.ExponentialLR(o, 0.9), lr_scheduler.LinearLR(o, 0.1, 1.0, 9)]
    )


CASES: dict[str, tuple[nn.Schedule, Callable[[int], float]]] = {
    "constant": (nn.Constant(0.3), lambda t: 0.3),
    "step": (nn.Step(0.4, step_size=7, gamma=0.5), lambda t: 0.4 * 0.5 ** (t // 7)),
    "cosine": (nn.Cosine(0.2), lambda t: 0.1 * (1 + math.cos(math.pi * t / HORIZON))),
    "cosine short": (
        nn.Cosine(0.2, decay_steps=20, min_learning_rate=0.05),
        lambda t: 0.05 + 0.075 * (1 + math.cos(math.pi * min(t, 20) / 20)),
    ),
    "warmup": (nn.Warmup(8, 0.5), lambda t: 0.5 * min(1, (t + 1) / 8)),
    "warmup step": (
        nn.Warmup(8, nn.Step(0.5, step_size=10)),
        lambda t: 0.5 * min(1, (t + 1) / 8) * 0.1 ** (max(0, t - 8) // 10),
    ),
    "multi-step": (
        nn.MultiStep(0.4, milestones=(7, 20, 21)),
        lambda t: 0.4 * 0.1 ** ((t >= 7) + (t >= 20) + (t >= 21)),
    ),
    "piecewise": (
        nn.PiecewiseConstant((0.3, 0.1, 0.2), boundaries=(5, 9)),
        lambda t: [0.3, 0.1, 0.2][(t >= 5) + (t >= 9)],
    ),
    "exponential": (
        nn.ExponentialDecay(0.4, decay_rate=0.5, decay_steps=10),
        lambda t: 0.4 * 0.5 ** (t / 10),
    ),
    "exponential stairs": (
        nn.ExponentialDecay(0.4, decay_rate=0.5, decay_steps=10, staircase=True),
        lambda t: 0.4 * 0.5 ** (t // 10),
    ),
    "inverse time": (
        nn.InverseTimeDecay(0.4, decay_rate=0.5, decay_steps=10),
        lambda t: 0.4 / (1 + 0.5 * t / 10),
    ),
    "inverse time stairs": (
        nn.InverseTimeDecay(0.4, decay_rate=0.5, decay_steps=10, staircase=True),
        lambda t: 0.4 / (1 + 0.5 * (t // 10)),
    ),
    "polynomial": (
        nn.PolynomialDecay(0.4, decay_steps=30, end_learning_rate=0.1, power=2.0),
        lambda t: 0.1 + 0.3 * (1 - min(t, 30) / 30) ** 2,
    ),
    "polynomial to the end": (nn.PolynomialDecay(0.4), lambda t: 0.4 * (1 - t / HORIZON)),
    "linear": (
        nn.LinearRamp(0.4, steps=10, start_factor=0.5, end_factor=2.0),
        lambda t: 0.4 * (0.5 + 1.5 * min(t, 10) / 10),
    ),
    "noam": (nn.Noam(64, warmup_steps=20), lambda t: 64**-0.5 * min((t + 1) ** -0.5, (t + 1) * 20**-1.5)),
    "cosine restarts": (
        nn.CosineRestarts(0.4, first_decay_steps=20, min_learning_rate=0.1, m_mul=0.5),
        lambda t: 0.1 + (0.4 * 0.5 ** (t // 20) - 0.1) * (1 + math.cos(math.pi * (t % 20) / 20)) / 2,
    ),
    "one cycle": (
        nn.OneCycle(
            0.4,
            total_steps=41,
            pct_start=0.5,
            div_factor=4.0,
            final_div_factor=10.0,
            anneal_strategy="linear",
        ),
        lambda t: 0.1 + 0.3 * t / 19.5 if t <= 19.5 else max(0.01, 0.4 - 0.39 * (t - 19.5) / 20.5),
    ),
    "cyclic": (
        nn.Cyclic(0.4, base_learning_rate=0.1, step_size_up=5),
        lambda t: 0.1 + 0.3 * min(t % 10, 10 - t % 10) / 5,
    ),
    "sequence": (
        nn.RateSequence((0.1, nn.ExponentialDecay(0.4, decay_rate=0.5), 0.2), (10, 14)),
        lambda t: 0.1 if t < 10 else 0.4 * 0.5 ** (t - 10) if t < 14 else 0.2,
    ),
    "product": (
        nn.RateProduct((nn.ExponentialDecay(0.4, decay_rate=0.9), nn.Step(1.0, step_size=7, gamma=0.5))),
        lambda t: 0.4 * 0.9**t * 0.5 ** (t // 7),
    ),
    "slowed": (Slowed(nn.ExponentialDecay(0.4, decay_rate=0.5), 3), lambda t: 0.4 * 0.5 ** (t // 3)),
    "formula": (
        nn.RateFormula("where(t < 5 & t >= 2, 0.5, max(0.1 * e^(-t / T), 0.05))"),
        lambda t: 0.5 if 2 <= t < 5 else max(0.1 * math.exp(-t / HORIZON), 0.05),
    ),
    "plateau before any": (
        nn.ReduceOnPlateau(nn.Step(0.4, step_size=7, gamma=0.5)),
        lambda t: 0.4 * 0.5 ** (t // 7),
    ),
}


def test_every_schedule_has_a_case() -> None:
    assert {type(schedule) for schedule, _ in CASES.values()} == set(FAMILIES["schedule"][1].values())


@pytest.mark.parametrize("name", CASES)
def test_learning_rates_are_those_of_the_formula(name: str) -> None:
    schedule, formula = CASES[name]
    expected = [formula(t) for t in range(HORIZON)]
    np.testing.assert_allclose(rates(schedule), expected, rtol=1e-12)
    np.testing.assert_allclose(rates(schedule, "float32"), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("schedule", "peer"),
    [
        (nn.Step(0.4, step_size=7, gamma=0.5), lambda o: lr_scheduler.StepLR(o, 7, 0.5)),
        (nn.Cosine(0.4, min_learning_rate=1e-3), lambda o: lr_scheduler.CosineAnnealingLR(o, HORIZON, 1e-3)),
        (nn.Warmup(10, 0.4), lambda o: lr_scheduler.LinearLR(o, 1 / 10, 1.0, 9)),
        (nn.Warmup(10, nn.Cosine(0.4, min_learning_rate=1e-3)), _warm_cosine),
        (
            nn.MultiStep(0.4, milestones=(7, 20, 21), gamma=0.5),
            lambda o: lr_scheduler.MultiStepLR(o, [7, 20, 21], 0.5),
        ),
        (nn.ExponentialDecay(0.4, decay_rate=0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
        (nn.PolynomialDecay(0.4, decay_steps=30, power=2.0), lambda o: lr_scheduler.PolynomialLR(o, 30, 2.0)),
        (nn.LinearRamp(0.4), lambda o: lr_scheduler.LinearLR(o)),
        (
            nn.LinearRamp(0.4, steps=9, start_factor=1.0, end_factor=0.1),
            lambda o: lr_scheduler.LinearLR(o, 1.0, 0.1, 9),
        ),
        (
            nn.CosineRestarts(0.4, first_decay_steps=10),
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10),
        ),
        (
            nn.CosineRestarts(0.4, first_decay_steps=4, t_mul=2, min_learning_rate=0.01),
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4, 2, 0.01),
        ),
        (
            nn.CosineRestarts(0.4, first_decay_steps=2, t_mul=3),
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 3),
        ),
        (nn.OneCycle(0.4), lambda o: lr_scheduler.OneCycleLR(o, 0.4, HORIZON)),
        (
            nn.OneCycle(
                0.4,
                total_steps=None,
                pct_start=0.45,
                div_factor=10.0,
                final_div_factor=50.0,
                anneal_strategy="linear",
            ),
            lambda o: lr_scheduler.OneCycleLR(
                o,
                0.4,
                HORIZON,
                pct_start=0.45,
                div_factor=10.0,
                final_div_factor=50.0,
                anneal_strategy="linear",
            ),
        ),
        (
            nn.Cyclic(0.4, base_learning_rate=0.1, step_size_up=5, step_size_down=8),
            lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.4, 5, 8),
        ),
        (nn.Cyclic(0.4, base_learning_rate=0.1, step_size_up=7, mode="triangular2"), _cyclic("triangular2")),
        (
            nn.Cyclic(0.4, base_learning_rate=0.1, step_size_up=7, mode="exp_range", gamma=0.98),
            _cyclic("exp_range", 0.98),
        ),
        (nn.RateSequence((nn.Constant(0.04), nn.ExponentialDecay(0.4, decay_rate=0.9)), (20,)), _sequence),
        (
            nn.RateProduct(
                (nn.ExponentialDecay(0.4, decay_rate=0.9), nn.LinearRamp(1.0, steps=9, start_factor=0.1))
            ),
            _chained,
        ),
    ],
)
def test_learning_rates_are_pytorchs(schedule: nn.Schedule, peer: Callable) -> None:
    np.testing.assert_allclose(rates(schedule), peer_rates(peer, 0.4), rtol=1e-10)


@pytest.mark.parametrize("every", [1, 3, 7, 49])
def test_steps_of_the_rate_are_at_exact_multiples_in_float32(every: int) -> None:
    ours = np.array(rates(nn.Step(1.0, step_size=every, gamma=0.5), "float32", 4 * every + 1))
    assert np.flatnonzero(np.diff(ours)).tolist() == [every * (k + 1) - 1 for k in range(4)]


def test_a_training_shorter_than_its_warmup_has_a_learning_rate() -> None:
    ours = rates(nn.Warmup(100, nn.Cosine(0.4)), horizon=5)
    np.testing.assert_allclose(ours, [0.004 * (t + 1) for t in range(5)], rtol=1e-12)


def test_a_number_is_a_constant_schedule() -> None:
    assert known_schedule(0.1) == nn.Constant(0.1)
    assert known_schedule(nn.Cosine(0.1)) == nn.Cosine(0.1)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: nn.Constant(0.0),
        lambda: nn.Constant(float("nan")),
        lambda: nn.Step(0.1, step_size=0),
        lambda: nn.Step(0.1, step_size=2.5),
        lambda: nn.Step(0.1, step_size=5, gamma=0.0),
        lambda: nn.Step(0.1, step_size=5, gamma=1.5),
        lambda: nn.Cosine(-0.1),
        lambda: nn.Cosine(0.1, decay_steps=0),
        lambda: nn.Cosine(0.1, decay_steps=10, min_learning_rate=0.2),
        lambda: nn.Warmup(0, 0.1),
        lambda: nn.Warmup(5, -0.1),
        lambda: nn.Warmup(5, "cosine"),
        lambda: nn.Warmup(5, nn.Warmup(5, 0.1)),
        lambda: nn.MultiStep(0.1, milestones=(5, 5)),
        lambda: nn.MultiStep(0.1, milestones=()),
        lambda: nn.MultiStep(0.1, milestones=(0, 5)),
        lambda: nn.PiecewiseConstant((0.1,), boundaries=(5,)),
        lambda: nn.PiecewiseConstant((0.1, -0.1), boundaries=(5,)),
        lambda: nn.PiecewiseConstant((0.1, 0.2), boundaries=("5",)),
        lambda: nn.ExponentialDecay(0.1, decay_rate=1.5),
        lambda: nn.ExponentialDecay(0.1, decay_steps=0),
        lambda: nn.InverseTimeDecay(0.1, decay_rate=-1.0),
        lambda: nn.PolynomialDecay(0.1, power=0.0),
        lambda: nn.PolynomialDecay(0.1, end_learning_rate=0.2),
        lambda: nn.LinearRamp(0.1, steps=0),
        lambda: nn.LinearRamp(0.1, start_factor=-1.0),
        lambda: nn.Noam(0),
        lambda: nn.CosineRestarts(0.1, first_decay_steps=0),
        lambda: nn.CosineRestarts(0.1, first_decay_steps=5, t_mul=1.5),
        lambda: nn.OneCycle(0.1, pct_start=1.0),
        lambda: nn.OneCycle(0.1, div_factor=0.5),
        lambda: nn.Cyclic(0.1, base_learning_rate=0.2),
        lambda: nn.Cyclic(0.1, base_learning_rate=0.0, step_size_up=0),
        lambda: nn.RateSequence((0.1,), ()),
        lambda: nn.RateSequence((0.1, 0.2), (5, 9)),
        lambda: nn.RateSequence((0.1, "x"), (5,)),
        lambda: nn.RateProduct((0.1, 0.0)),
        lambda: Slowed(0.1, 0),
        lambda: nn.ReduceOnPlateau(0.1, factor=1.0),
        lambda: nn.ReduceOnPlateau(0.1, patience=-1),
        lambda: nn.ReduceOnPlateau("slow"),
        lambda: nn.RateFormula("0.1 *"),
        lambda: nn.RateFormula("0.1 * x"),
        lambda: nn.RateFormula("__import__(t)"),
        lambda: nn.RateFormula("t[0]"),
        lambda: nn.RateFormula("sum(k, k)"),
        lambda: nn.RateFormula("(" * 5000 + "t" + ")" * 5000),
        lambda: nn.RateFormula("t" + " + t" * 80),
        lambda: nn.RateFormula(0.1),
    ],
)
def test_a_schedule_setting_out_of_range_is_refused(bad: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        bad()
    assert caught.value.code == "E102"


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.OneCycle(0.1, anneal_strategy="sine"),
        lambda: nn.Cyclic(0.1, base_learning_rate=0, mode="saw"),
    ],
)
def test_an_unknown_shape_or_mode_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.code == "E101"


@pytest.mark.parametrize("longer", [2, 3, 10])
def test_cosine_restarts_are_at_the_exact_steps(longer: int) -> None:
    begins = [0]
    while begins[-1] < 1000:
        begins.append(begins[-1] + 3 * longer ** (len(begins) - 1))
    for dtype in ("float32", "float64"):
        ours = np.array(rates(nn.CosineRestarts(1.0, first_decay_steps=3, t_mul=longer), dtype, 1000))
        assert np.flatnonzero(ours == 1.0).tolist() == [b for b in begins if b < 1000]


@given(
    st.lists(st.sampled_from([1.0, 0.9, 0.89995, 0.5, 2.0, math.nan]), min_size=1, max_size=30),
    st.integers(0, 3),
    st.integers(0, 3),
    st.booleans(),
)
def test_reduce_on_plateau_has_pytorchs_learning_rates(
    losses: list[float], patience: int, rest: int, larger: bool
) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.4)
    mode = "max" if larger else "min"
    peer = lr_scheduler.ReduceLROnPlateau(
        optimizer, mode, 0.5, patience, cooldown=rest, min_lr=0.03, eps=0.0, threshold=1e-4
    )
    ours = nn.ReduceOnPlateau(
        0.4,
        factor=0.5,
        patience=patience,
        monitor="loss",
        greater_is_better=larger,
        cooldown=rest,
        min_learning_rate=0.03,
    )
    learning_rate = ours(input_node("step", (), "float64", "step"), 1)
    counters: dict[str, float | None] = {}
    for loss in losses:
        peer.step(loss)
        counters = ours.update(counters, {"loss": loss})
        ours_now = evaluate(learning_rate, {REDUCTIONS: counters["reductions"]})
        np.testing.assert_allclose(ours_now, optimizer.param_groups[0]["lr"], rtol=1e-12)
